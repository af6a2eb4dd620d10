package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestAskedKeepsWhatSweepsAreFor(t *testing.T) {
	if both(t, TestAskedKeepsWhatSweepsAreFor) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	target := 0.1
	first := experiment("ex", "", 0)
	first.Sweep, first.Objective = "a", &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss"}}}
	other := experiment("ex", "", 1)
	other.Sweep = "b"
	both := func(yield func(Item, error) bool) {
		_ = yield(Item{Experiment: first}, nil) && yield(Item{Experiment: other}, nil)
	}
	register(t, s, "src", "", both)
	mended := *first
	mended.Objective = &sweep.Objective{Goals: []sweep.Goal{{Metric: "acc", Maximize: true}}, Pick: sweep.PickMax, Target: &target}
	register(t, s, "src", "", func(yield func(Item, error) bool) { yield(Item{Experiment: &mended}, nil) })

	got := must(l.Asked(t.Context()))
	want := []sweep.Asked{{Source: "src", Sweep: "a", Objective: mended.Objective}} // b asks for nothing any more
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(sweep.Asked{}, "When")); d != "" {
		t.Error(d)
	}
	if got[0].When.IsZero() {
		t.Error("it does not say when")
	}
}
