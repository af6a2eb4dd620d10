package hcl

import (
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestTheDesignsExampleHasItsCounts(t *testing.T) {
	m, diags := Load([]string{"testdata/example.hcl"}, Options{})
	if diags.HasErrors() {
		t.Fatal(diags.Text())
	}
	t.Log(diags.Text())
	for i, want := range []int{45, 64} {
		var st sweep.Stages
		n := 0
		for e, err := range m.Sweeps[i].Expand(&st) {
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				t.Log(e.Name, e.Command.Shell, e.Command.Resources, e.HP)
			}
			n++
		}
		t.Logf("%+v", st)
		if n != want {
			t.Errorf("%s: %d experiments, want %d", m.Sweeps[i].Name, n, want)
		}
	}
}
