package hcl

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestWriteFlags(t *testing.T) {
	hp, err := sweep.ParseJSON([]byte(`{
		"lr": 1e-5, "batch_size": 64, "amp": true, "debug": false, "nothing": null, "empty": {},
		"name": "it's", "shift": -0.5, "widths": [64, 32], "one": [-1], "none": [],
		"optimizer": {"weight_decay": 0.1, "nesterov": false}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	object, _ := hp.AsObject()
	for _, c := range []struct {
		name    string
		options flagOptions
		want    string
	}{
		{"default", flagOptions{}, `--amp --batch_size 64 --lr 1e-05 --name 'it'\''s' --none --one=-1 --optimizer.weight_decay 0.1 --shift=-0.5 --widths 64 32`},
		{"equals", flagOptions{style: "equals"}, `--amp --batch_size=64 --lr=1e-05 '--name=it'\''s' --none --one=-1 --optimizer.weight_decay=0.1 --shift=-0.5 --widths 64 32`},
		{"value", flagOptions{bools: "value"}, `--amp true --batch_size 64 --debug false --lr 1e-05 --name 'it'\''s' --none --one=-1 --optimizer.nesterov false --optimizer.weight_decay 0.1 --shift=-0.5 --widths 64 32`},
		{"no-prefix", flagOptions{bools: "no-prefix"}, `--amp --batch_size 64 --no-debug --lr 1e-05 --name 'it'\''s' --none --one=-1 --no-optimizer.nesterov --optimizer.weight_decay 0.1 --shift=-0.5 --widths 64 32`},
		{"repeat", flagOptions{lists: "repeat"}, `--amp --batch_size 64 --lr 1e-05 --name 'it'\''s' --one=-1 --optimizer.weight_decay 0.1 --shift=-0.5 --widths 64 --widths 32`},
		{"comma", flagOptions{lists: "comma"}, `--amp --batch_size 64 --lr 1e-05 --name 'it'\''s' --none '' --one=-1 --optimizer.weight_decay 0.1 --shift=-0.5 --widths 64,32`},
		{"kebab", flagOptions{casing: "kebab"}, `--amp --batch-size 64 --lr 1e-05 --name 'it'\''s' --none --one=-1 --optimizer.weight-decay 0.1 --shift=-0.5 --widths 64 32`},
	} {
		if got := string(appendFlags([]byte("train "), object, c.options)); got != "train "+c.want {
			t.Errorf("%s, as a line:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	if got := writeFlags(nil, flagOptions{}); len(got) != 0 {
		t.Errorf("no hyperparameters make %s", strings.Join(got, " "))
	}
}

func TestFlagsAsALineAreTheQuotedArguments(t *testing.T) {
	choice := func(t *rapid.T, name string) string { return rapid.SampledFrom(flagChoices[name]).Draw(t, name) }
	rapid.Check(t, func(t *rapid.T) {
		hp := sweep.NewObject(rapid.MapOf(rapid.StringMatching(`[a-z_]{1,3}`), anyValue()).Draw(t, "hp"))
		o := flagOptions{style: choice(t, "style"), bools: choice(t, "bool"), lists: choice(t, "list"), casing: choice(t, "case")}
		var quoted []string
		for _, arg := range writeFlags(hp, o) {
			quoted = append(quoted, sweep.ShellQuote(arg))
		}
		if got, want := string(appendFlags(nil, hp, o)), strings.Join(quoted, " "); got != want {
			t.Fatalf("%s:\n%s\nwant\n%s", hp, got, want)
		}
	})
}

func BenchmarkFlags(b *testing.B) {
	hp, err := evaluate(`{ lr = 0.1, batch_size = 64, depth = 4, name = "adamw", wd = 0.01, seed = 1, width = 512 }`)
	if err != nil {
		b.Fatal(err)
	}
	v, err := fromCty(hp)
	if err != nil {
		b.Fatal(err)
	}
	object, _ := v.AsObject()
	var line []byte
	for b.Loop() {
		line = appendFlags(line[:0], object, flagOptions{})
	}
}
