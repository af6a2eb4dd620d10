package draft_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/cmd/internal/argparse"
	"github.com/lxsweep/lxsweep/cmd/internal/draft"
	"github.com/lxsweep/lxsweep/hcl"
)

// words are what programs say, and what they might.
func words() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"lr", "batch-size", "batch_size", "seed", "data-dir", "output", "opt.lr", "opt", "zip", "for", "null", "", "1e-3", "64", "-1", "inf",
			"${hp.lr}", "%{if", "a\nb", `"`, `\`, "# x", "}", "None", "true", "~/data", "/data/x.csv", "out/model.pt", "it's",
		}),
		rapid.Map(rapid.String(), func(s string) string { return strings.ReplaceAll(s, "\x00", "") }), // argv has none
	)
}

func options() *rapid.Generator[argparse.Option] {
	kinds := []argparse.Kind{argparse.Value, argparse.Switch, argparse.Toggle, argparse.Repeat, argparse.Count}
	types := []argparse.Type{argparse.Unknown, argparse.Int, argparse.Float, argparse.Text, argparse.Path, argparse.Bool}
	return rapid.Custom(func(t *rapid.T) argparse.Option {
		name := words().Draw(t, "name")
		o := argparse.Option{
			Flags: []string{"--" + name}, Name: name, Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Type: rapid.SampledFrom(types).Draw(t, "type"),
			Choices: rapid.SliceOfN(words(), 0, 3).Draw(t, "choices"), List: rapid.Bool().Draw(t, "list"), Required: rapid.Bool().Draw(t, "required"),
			State:   rapid.SampledFrom([]argparse.State{argparse.Unstated, argparse.None, argparse.Given}).Draw(t, "state"),
			Default: rapid.SliceOfN(words(), 0, 2).Draw(t, "default"), Help: words().Draw(t, "help"),
		}
		if o.Kind == argparse.Toggle {
			o.Negative = []string{"--no-" + name}
		}
		return o
	})
}

// TestEveryDraftLoads holds whatever a program says: the file loads, is laid out
// as hcl.Layout does it, and every experiment has a command.
func TestEveryDraftLoads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "grid.hcl")
	rapid.Check(t, func(rt *rapid.T) {
		h := argparse.Help{Options: rapid.SliceOfN(options(), 0, 6).Draw(rt, "options"), Positionals: rapid.SliceOfN(options(), 0, 2).Draw(rt, "positionals")}
		if rapid.Bool().Draw(rt, "commands") {
			h.Commands, h.Chosen = []string{"fit"}, "fit"
			h.Sub = &argparse.Help{Options: rapid.SliceOfN(options(), 0, 6).Draw(rt, "sub")}
		}
		d := draft.Write(draft.Program{
			Command: []string{"python", words().Draw(rt, "script")}, Args: rapid.SliceOfN(words(), 0, 3).Draw(rt, "args"),
			Help: h, Name: "grid.hcl", Folder: "/home/me", Script: rapid.SampledFrom([]string{"", "train.py", "a b/größe.py"}).Draw(rt, "file"),
		})
		if string(hcl.Layout(d.Text)) != string(d.Text) {
			rt.Errorf("hcl.Layout changes it:\n%s", d.Text)
		}
		load(rt, file, d.Text)
	})
}

func load(t *rapid.T, file string, text []byte) {
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	module, diags := hcl.Load([]string{file}, hcl.Options{})
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags.Text(), text)
	}
	for _, s := range module.Sweeps {
		for e, err := range s.Experiments() {
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if e.Command.Shell == "" {
				t.Fatalf("no command\n%s", text)
			}
		}
	}
}

// TestSourcesMetric finds the objective in what a script prints.
func TestSourcesMetric(t *testing.T) {
	for source, want := range map[string]string{
		`print(f"loss={loss} val_loss={v:.3f}")`:                `minimize = "val_loss"`,
		`print("test_acc: %.3f, val_acc: %.3f" % (a, b))`:       `maximize = "val_acc"`,
		`print(f"train/loss={loss:.3f} val/acc: {v:.3f}")`:      `maximize = "val/acc"`,
		`print(f"train/loss={loss:.3f}")`:                       `# objective { minimize = "val_loss" }`,
		"loss = criterion(x)\nprint('done')":                    `# objective { minimize = "val_loss" }`,
		`logger.info("accuracy={}, loss {}".format(acc, loss))`: `maximize = "accuracy"`,
	} {
		d := draft.Write(draft.Program{Command: []string{"train.py"}, Name: "grid.hcl", Source: source})
		if !strings.Contains(string(d.Text), want) {
			t.Errorf("%s\nwant %s in\n%s", source, want, d.Text)
		}
	}
}
