package hcl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

// write puts a file of the given text into a folder of its own.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads text that must be right.
func load(t testing.TB, text string, opts Options) *Module {
	t.Helper()
	m, diags := Load([]string{write(t, "grid.hcl", text)}, opts)
	if diags.HasErrors() {
		t.Fatal(diags.Text())
	}
	return m
}

// expand evaluates all experiments of a sweep.
func expand(t testing.TB, s *sweep.Sweep) ([]*sweep.Experiment, sweep.Stages) {
	t.Helper()
	var st sweep.Stages
	var all []*sweep.Experiment
	for e, err := range s.Expand(&st) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all, st
}

// one evaluates the only experiment of a text.
func one(t testing.TB, text string, opts Options) *sweep.Experiment {
	t.Helper()
	all, _ := expand(t, load(t, text, opts).Sweeps[0])
	if len(all) != 1 {
		t.Fatalf("%d experiments, want 1", len(all))
	}
	return all[0]
}

// resolved is what an experiment does on this machine as ex-8.
func resolved(t testing.TB, e *sweep.Experiment) sweep.Command {
	t.Helper()
	c, err := e.Work.Resolve(sweep.Place{Runner: "local", RunName: "ex-8", Number: 8, Round: "r1", OutputName: "ex-8"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// says loads text, evaluates what it declares, and wants every part in what is
// said about it.
func says(t *testing.T, text string, opts Options, parts ...string) {
	t.Helper()
	path := write(t, "grid.hcl", text)
	m, diags := Load([]string{path}, opts)
	if !diags.HasErrors() {
		failures := m.Failures()
		for _, s := range m.Sweeps {
			for _, err := range s.Experiments() {
				if err != nil {
					failures.Add(err)
				}
			}
		}
		diags = diags.With(failures.Diagnostics())
	}
	got := strings.ReplaceAll(diags.Text(), filepath.Dir(path)+"/", "")
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("not said: %s\n%s", part, got)
		}
	}
}

// The example is that of the README; its stand-ins are those of the package
// comment.
func TestTheExampleHasItsCounts(t *testing.T) {
	m, diags := Load([]string{"testdata/example.hcl"}, Options{})
	if diags.HasErrors() {
		t.Fatal(diags.Text())
	}
	nightly, st := expand(t, m.Sweeps[0])
	if len(nightly) != 45 || st.Points != 18 || !slices.Equal(st.Skipped, []int{2, 2}) || st.Included != 1 || st.Repeats != 3 {
		t.Errorf("nightly: %d experiments, %+v", len(nightly), st)
	}
	if search, _ := expand(t, m.Sweeps[1]); len(search) != 64 {
		t.Errorf("search: %d experiments", len(search))
	}
	first := nightly[0].Command
	want := "python train.py --batch_size 64 --depth 2 --lr 0.0001 --optimizer.name lion --optimizer.wd 0 --seed 1 --warmup 640 --width 1024 --data /DATA_DIR --out /OUTPUT_DIR"
	if first.Shell != want {
		t.Errorf("got  %s\nwant %s", first.Shell, want)
	}
	if first.Image != "ghcr.io/acme/train:v12" || first.Resources != (sweep.Resources{MilliCPU: 4000, Memory: 16 << 30, GPUs: 1}) {
		t.Errorf("image %s, resources %+v", first.Image, first.Resources)
	}
	real := resolved(t, nightly[0])
	if want := "--data /data/imagenette-160 --out " + filepath.Join(m.Dir, ".lxsweep/runs/ex-8"); !strings.HasSuffix(real.Shell, want) {
		t.Errorf("got  %s\nwant %s at the end", real.Shell, want)
	}
}

func TestSeveralFilesAreOneConfiguration(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.hcl":   `sweep "s" { config = config.c }`,
		"a.hcl":   "config \"c\" {\n run { cmd = \"true\" }\n}",
		"no.txt":  `nonsense {`,
		".no.hcl": `nonsense {`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, paths := range [][]string{{dir}, {filepath.Join(dir, "b.hcl"), filepath.Join(dir, "a.hcl")}, {dir, filepath.Join(dir, "a.hcl")}} {
		m, diags := Load(paths, Options{})
		if diags.Len() > 0 || len(m.Sweeps) != 1 || len(m.Files) != 2 || m.Dir != dir {
			t.Errorf("%v: %d sweeps, %d files, in %s: %s", paths, len(m.Sweeps), len(m.Files), m.Dir, diags.Text())
		}
	}
}

func TestConfigsTakeThePlaceOfSweeps(t *testing.T) {
	m := load(t, `
config "a" {
  hp { lr = 0.1 }
  run { cmd = "a ${hp.lr}" }
}
config "b" {
  from = config.a
  hp { lr = 0.2 }
}
sweep "s" {
  config = config.a
  grid { lr = [1, 2] }
}
`, Options{Configs: []string{"b", "config.a"}})
	var got []string
	for _, s := range m.Sweeps {
		all, _ := expand(t, s)
		got = append(got, s.Name+": "+all[0].Command.Shell)
	}
	if want := []string{"b: a 0.2", "a: a 0.1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSetReplacesAnAttributeInEveryConfigUsed(t *testing.T) {
	e := one(t, `
config "a" {
  hp {
    epochs = 10
    name   = "x"
    steps  = 2 * hp.epochs
  }
  run {
    cmd        = "a ${flags(hp)}"
    max_memory = "1Gi"
    env        = { A = "1", B = "2" }
  }
}
sweep "s" { config = config.a }
`, Options{Sets: []string{"hp.epochs=1", "hp.name=5", "run.max_memory=8Gi", "run.env.A=3"}})
	if want := "a --epochs 1 --name 5 --steps 2"; e.Command.Shell != want {
		t.Errorf("got %s, want %s", e.Command.Shell, want)
	}
	if v, _ := e.HP.Get("name"); v.Kind() != sweep.KindString {
		t.Errorf("name is a %s", v.Kind())
	}
	if env := e.Command.Env; e.Command.Resources.Memory != 8<<30 || !slices.Equal(env, []sweep.Var{{Name: "A", Value: "3"}, {Name: "B", Value: "2"}}) {
		t.Errorf("memory %d, env %v", e.Command.Resources.Memory, env)
	}
}

func TestSetOfWhatIsSweptOrNotThere(t *testing.T) {
	text := `
config "a" {
  hp {
    lr = 0.1
    opt { wd = 1 }
  }
  run { cmd = "a ${flags(hp)}" }
}
sweep "s" {
  config = config.a
  grid {
    opt { wd = [1, 2] }
  }
}
`
	says(t, text, Options{Sets: []string{"hp.opt.wd=3"}}, `sweep "s" varies hp.opt.wd at grid.hcl:12`)
	says(t, text, Options{Sets: []string{"hp.lrr=3"}}, `Did you mean "lr"?`)
	says(t, text, Options{Sets: []string{"run.comand=3"}}, `Did you mean "run.cmd"?`)
	says(t, text, Options{Sets: []string{"lr=3", "hp.lr"}}, "--set takes an attribute and a value")
	says(t, text, Options{Sets: []string{"hp.lr=fast"}}, "hp.lr is a number")
}
