package hcl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestNumbersInTexts(t *testing.T) {
	e := one(t, `
locals {
  third = 1 / 3
  sum   = 0.1 + 0.2
}
config "a" {
  hp {
    a = 0.1
    b = 1e-5
    c = 1000000
    d = 3 * hp.a
    e = 1e20
    f = 0.30000000000000004
    l = [1, 0.5]
  }
  run {
    cmd = "${hp.a} ${hp.b} ${hp.c} ${hp.d} ${hp.e} ${hp.f} ${local.third} ${local.sum} ${1e-7} %{ if hp.a > 0 }${hp.b}%{ endif } %{ for x in hp.l }<${x / 3}>%{ endfor }"
    env = { ALONE = "${hp.b}", BARE = hp.b, JOINED = join(",", hp.l), FORMATTED = format("%s", hp.b) }
  }
}
sweep "s" { config = config.a }
`, Options{})
	want := "0.1 1e-05 1000000 0.3 1e+20 0.30000000000000004 0.3333333333333333 0.3 1e-07 1e-05 <0.3333333333333333><0.16666666666666666>"
	if e.Command.Shell != want {
		t.Errorf("got  %s\nwant %s", e.Command.Shell, want)
	}
	if want := []sweep.Var{{Name: "ALONE", Value: "1e-05"}, {Name: "BARE", Value: "1e-05"}, {Name: "FORMATTED", Value: "1e-05"}, {Name: "JOINED", Value: "1,0.5"}}; !slices.Equal(e.Command.Env, want) {
		t.Errorf("got %v, want %v", e.Command.Env, want)
	}
}

const placed8 = `
config "a" {
  hp { lr = 0.1 }
  run {
    cmd = <<-EOT
      train ${run.run_name} ${run.jobid} ${run.round} ${run.working_dir} ${run.data_dir}
        --out ${run.output_dir}/x ${resources.host.output_dir} ${run.env.A}
    EOT
    env = { A = "in ${resources.k8.container_data_dir}", B = run.gpus }
  }
  resources {
    host {
      data_dir   = "/data/${hp.lr}"
      output_dir = "runs"
      mlflow_dir = "ml"
    }
    k8 { container_data_dir = "/mnt" }
  }
}
sweep "s" { config = config.a }
`

func TestPlaces(t *testing.T) {
	m := load(t, placed8, Options{})
	all, _ := expand(t, m.Sweeps[0])
	e := all[0]
	for name, c := range map[string]struct {
		place sweep.Place
		want  []string
	}{
		"stand-ins": {
			sweep.Place{},
			[]string{"train RUN_NAME 0 ROUND /WORKING_DIR /DATA_DIR\n  --out /OUTPUT_DIR/x /OUTPUT_DIR in /DATA_DIR", "/WORKING_DIR", "/DATA_DIR", "/OUTPUT_DIR", "/MLFLOW_DIR"},
		},
		"local": {
			sweep.Place{Runner: "local", RunName: "a-8", Number: 8, Round: "r", OutputName: "a-8-r2"},
			[]string{"train a-8 8 r DIR /data/0.1\n  --out DIR/runs/a-8-r2/x runs in /mnt", m.Dir, "/data/0.1", m.Dir + "/runs/a-8-r2", m.Dir + "/ml"},
		},
		"kubernetes": {
			sweep.Place{Runner: "kubernetes", RunName: "a-8", Number: 8, OutputName: "a-8"},
			[]string{"train a-8 8  /project /mnt\n  --out /output/a-8/x runs in /mnt", "/project", "/mnt", "/output/a-8", m.Dir + "/ml"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := e.Work.Resolve(c.place)
			if err != nil {
				t.Fatal(err)
			}
			c.want[0] = strings.ReplaceAll(c.want[0], "DIR/runs", m.Dir+"/runs")
			c.want[0] = strings.ReplaceAll(c.want[0], " DIR ", " "+m.Dir+" ")
			if have := []string{got.Shell, got.WorkingDir, got.DataDir, got.OutputDir, got.MLflowDir}; !slices.Equal(have, c.want) {
				t.Errorf("got  %q\nwant %q", have, c.want)
			}
		})
	}
}

// What identity leaves out reaches neither hash, and the program all the same.
func TestIdentityLeavesOut(t *testing.T) {
	text := `
config "a" {
  hp {
    lr      = 0.1
    workers = WORKERS
    opt {
      fused   = FUSED
      dropout = DROPOUT
    }
  }
  run { cmd = "train ${flags(hp)} -w ${hp.workers}" }
  identity {
    assume = { opt = { dropout = 0 } }
    ignore = [hp.workers, hp.opt.fused]
  }
}
sweep "s" { config = config.a }
`
	of := func(workers, fused, dropout string) *sweep.Experiment {
		return one(t, strings.NewReplacer("WORKERS", workers, "FUSED", fused, "DROPOUT", dropout).Replace(text), Options{})
	}
	a, b, c := of("4", "true", "0"), of("8", "false", "0.0"), of("4", "true", "0.5")
	if a.Key != b.Key || a.WorkHash != b.WorkHash {
		t.Errorf("keys or works differ: %s, %s", a.Command.Shell, b.Command.Shell)
	}
	if a.Key == c.Key || a.WorkHash == c.WorkHash {
		t.Error("dropout does not matter")
	}
	if want := "train --lr 0.1 -w 1"; a.Command.Shell != want {
		t.Errorf("got %s, want %s", a.Command.Shell, want)
	}
	if want := "train --lr 0.1 --opt.dropout 0 --workers 8 -w 8"; resolved(t, b).Shell != want {
		t.Errorf("got %s, want %s", resolved(t, b).Shell, want)
	}
}

func TestInputsAreDigestedOnce(t *testing.T) {
	path := write(t, "grid.hcl", `
config "a" {
  hp { lr = 0.1 }
  run {
    cmd    = "train ${hp.lr}"
    inputs = ["train.py", "model/**", "*.py", "none.py"]
  }
}
sweep "s" {
  config = config.a
  grid { lr = [1, 2] }
}
`)
	dir := filepath.Dir(path)
	for _, name := range []string{"train.py", "model/a.py", "model/deep/b.py", "model/.lxsweep/lxsweep.db"} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	work := func() (sweep.Hash, []string, Diagnostics) {
		m, diags := Load([]string{path}, Options{})
		base := m.Sweeps[0].Bases[0]
		hp, _ := base.HP(nil)
		_, digests, err := base.Work(hp)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, d := range digests {
			names = append(names, d.Path)
		}
		all, _ := expand(t, m.Sweeps[0])
		return all[0].WorkHash, names, diags
	}
	before, names, diags := work()
	if want := []string{"model/a.py", "model/deep/b.py", "train.py"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	if diags.Len() != 1 || !strings.Contains(diags.Error(), `"none.py" matches no file`) {
		t.Errorf("said: %s", diags.Error())
	}
	if err := os.WriteFile(filepath.Join(dir, "model/a.py"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after, _, _ := work(); after == before {
		t.Error("a changed input changes no work")
	}
}

func TestCommandsAndSettings(t *testing.T) {
	const text = `
variable "secret" {
  sensitive = true
  default   = "hunter2"
}
config "a" {
  hp {
    lr   = 0.1
    note = "it's"
    no   = null
  }
  run {
    SETTING
  }
  resources {
    k8 {
      K8
    }
  }
}
sweep "s" {
  config = config.a
  grid { lr = [0.1, 0.2] }
}
`
	for setting, want := range map[string]string{
		`cmd = "train ${var.secret}"`:                                "Sensitive value",
		`cmd = ["train", var.secret]`:                                "Sensitive value",
		"cmd = \"train\"\nenv = { A = upper(var.secret) }":           "Sensitive value",
		"cmd = \"train\"\nexperiment_name = \"a-${var.secret}\"":     "sensitive",
		`cmd = "train ${hp.no}"`:                                     "with hp.no set to null",
		`cmd = ["train", args(hp)]`:                                  `concat(["python"], args(hp))`,
		`cmd = "train ${1 / (hp.lr - 0.1)}"`:                         "with hp.lr as 0.1",
		`cmd = "train ${join(" ", [1 / 0])}"`:                        "join(): the number is infinite",
		`cmd = "train ${format("%v", 1 / 0)}"`:                       "format(): the number is infinite",
		`cmd = []`:                                                   "the list is empty",
		`cmd = "  "`:                                                 "the command is empty",
		`cmd = true ? ["a"] : ["b", hp.lrr]`:                         `Did you mean "lr"?`,
		"cmd = \"train\"\ngpus = hp.lr":                              "with hp.lr as 0.1",
		"cmd = \"train\"\nmax_memory = \"${hp.lr > 0.15 ? 1 : 2}X\"": `"2X" has the unit "X"`,
		"cmd = \"train\"\nenv = { LXSWEEP_A = \"x\" }":               "lxsweep's own",
		"cmd = \"train ${run.cmd}\"":                                 "run.cmd (grid.hcl:13) -> run.cmd",
		"cmd = \"train ${run.timeout}\"":                             "run.timeout is not set in config.a",
		"cmd = \"train ${run.outputdir}\"":                           `Did you mean "run.output_dir"?`,
		"cmd = \"train\"\nexperiment_name = run.run_name":            "only hp.* and run.round are available there",
		"cmd = \"train\"\nexperiment_name = \"A_b\"":                 `did you mean "a-b"?`,
		"cmd = \"train\"\nno_retry_exit_codes = [0]":                 "from 1 to 255",
		"cmd = \"train\"\nmetrics {\n pattern = \"(\"\n}":            "is no regular expression",
		"cmd = \"train\"\ntimeout = \"0s\"":                          "no time at all",
		"cmd = \"train\"\nretries = -1":                              "a whole number from 0",
		"cmd = \"train\"\nreads_hp = \"yes\"":                        "true or false",
	} {
		t.Run(setting, func(t *testing.T) {
			says(t, strings.NewReplacer("SETTING", setting, "K8", "").Replace(text), Options{}, want)
		})
	}
	says(t, strings.NewReplacer("SETTING", `cmd = "train"`, "K8", `secret_env = { A = "key" }`).Replace(text), Options{}, `named "secret/key"`)
	m := load(t, strings.NewReplacer("SETTING", "cmd = [\"train\", hp.note, hp.lr, \"$HOME\"]\nexperiment_name = \"n-${hp.lr == 0.1 ? 1 : 2}${run.round}\"", "K8", `namespace = "ml"`).Replace(text), Options{Round: "x"})
	all, _ := expand(t, m.Sweeps[0])
	if want := []string{"train", "it's", "0.1", "$HOME"}; !slices.Equal(all[0].Command.Args, want) || all[0].Command.Shell != "" {
		t.Errorf("got %+v", all[0].Command)
	}
	if all[0].Name != "n-1x" || all[1].Name != "n-2x" {
		t.Errorf("names %s, %s", all[0].Name, all[1].Name)
	}
}

func TestOneFailingExpressionIsReportedOnce(t *testing.T) {
	says(t, `
config "a" {
  hp {
    n = 1
    m = 12 / hp.n
  }
  run {
    cmd        = "train ${flags(hp)}"
    max_memory = "${hp.n}Qi"
  }
}
sweep "s" {
  config = config.a
  grid { n = [1, 2, 0, 4] }
}
`, Options{}, "with hp.n as 1", "(and 2 more experiments)", "hp.m: ", "with hp.n as 0")
}

// The short way of commands.go and cty give the same bytes.
func TestTemplatesAreExact(t *testing.T) {
	m := load(t, `
config "a" {
  hp {
    a = 0.1
    s = "x"
    o {
      b = true
      l = [1, 2]
      n = null
    }
  }
  run {
    cmd = "t ${hp.a} '${hp.s}' ${flags(hp)} ${flags(hp.o, { style = "equals", list = "comma" })} ${run.run_name}/${run.jobid} ${upper("k")}"
  }
  identity { ignore = [hp.o.b] }
}
sweep "s" { config = config.a }
`, Options{})
	p := m.Sweeps[0].Bases[0].Program.(*program)
	s := p.jobs.slots["run.cmd"]
	if s.template == nil {
		t.Fatal("the command takes the long way")
	}
	rapid.Check(t, func(t *rapid.T) {
		number, err := sweep.Number(rapid.Float64Range(-1e30, 1e30).Draw(t, "a"))
		if err != nil {
			t.Fatal(err)
		}
		hp, err := p.HP(sweep.Assignment{
			{Path: "a", Value: number},
			{Path: "s", Value: sweep.String(rapid.StringMatching(`[ -~é\x{301}]{0,8}`).Draw(t, "s"))},
			{Path: "o.b", Value: sweep.Bool(rapid.Bool().Draw(t, "b"))},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range []sweep.Place{{}, {Runner: "local", RunName: "a-7", Number: 7, OutputName: "a-7"}} {
			short, err := work{p, hp}.Resolve(place)
			if err != nil {
				t.Fatal(err)
			}
			v, diags := work{p, hp}.at(place).value(s)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			var long sweep.Command
			if err := fillCommand(&long, v); err != nil {
				t.Fatal(err)
			}
			if short.Shell != long.Shell {
				t.Fatalf("%q by the short way, %q by the long", short.Shell, long.Shell)
			}
		}
	})
}

func TestProgramsAreSafeForConcurrentUse(t *testing.T) {
	m, diags := Load([]string{"testdata/example.hcl"}, Options{})
	if diags.HasErrors() {
		t.Fatal(diags.Text())
	}
	texts := make([]string, 8)
	var wg sync.WaitGroup
	for i := range texts {
		wg.Go(func() {
			for e, err := range m.Sweeps[0].Experiments() {
				if err != nil {
					texts[i] = err.Error()
					return
				}
				texts[i] += e.Key.Short() + e.WorkHash.Short()
			}
		})
	}
	wg.Wait()
	if slices.Sort(texts); texts[0] != texts[len(texts)-1] {
		t.Error("experiments differ between goroutines")
	}
}
