package hcl

import (
	"slices"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestAnInheritedExpressionSeesTheDerivedAndTheSweptValues(t *testing.T) {
	m := load(t, `
config "base" {
  hp {
    batch  = 64
    warmup = 10 * hp.batch
    twice  = 2 * hp.warmup
  }
  run { cmd = "train ${hp.warmup} ${hp.twice}" }
}
config "small" {
  from = config.base
  hp { batch = 8 }
}
sweep "s" {
  config = config.small
  grid { batch = [8, 1] }
}
sweep "t" {
  config = config.small
  grid { warmup = [5] }
}
`, Options{})
	var got []string
	for _, s := range m.Sweeps {
		all, _ := expand(t, s)
		for _, e := range all {
			got = append(got, e.Command.Shell)
		}
	}
	if want := []string{"train 80 160", "train 10 20", "train 5 10"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// An inherited command that names the experiment means the derived config's
// label, where none of them writes an experiment_name.
func TestAnInheritedCommandSeesTheDefaultExperimentName(t *testing.T) {
	m := load(t, `
config "base" {
  run { cmd = "train ${run.experiment_name}" }
}
config "ridge" {
  from = config.base
}
config "lasso" {
  from = config.base
}
sweep "s" { config = [config.ridge, config.lasso] }
`, Options{})
	all, _ := expand(t, m.Sweeps[0])
	if len(all) != 2 || all[0].Command.Shell != "train ridge" || all[1].Command.Shell != "train lasso" {
		t.Errorf("got %+v", all)
	}
}

const mixins = `
config "base" {
  hp {
    lr = 0.1
    opt = { name = "sgd", wd = 0.5 }
  }
  run {
    cmd     = "train"
    timeout = "1h"
    env     = { A = "1", B = "2" }
  }
  resources {
    k8 {
      node_selector = { gpu = "a" }
      secret_env    = { KEY = "s/k", OTHER = "s/o" }
    }
  }
}
config "lion" {
  hp {
    opt { name = "lion" }
  }
}
config "quiet" {
  run {
    env     = { B = null, C = "3" }
    timeout = null
  }
  resources {
    k8 {
      secret_env = { OTHER = null }
    }
  }
}
config "mixed" {
  from = [config.base, config.lion, config.quiet]
  hp {
    opt = { wd = 1e-5 }
  }
}
sweep "s" { config = config.mixed }
`

func TestBlocksMergeDeeplyMapsByKeyAndNullRemoves(t *testing.T) {
	e := one(t, mixins, Options{})
	if want := `{"lr":0.1,"opt":{"name":"lion","wd":1e-05}}`; e.HP.String() != want {
		t.Errorf("hp %s, want %s", e.HP, want)
	}
	if c := e.Command; !slices.Equal(c.Env, []sweep.Var{{Name: "A", Value: "1"}, {Name: "C", Value: "3"}}) ||
		c.Timeout != 0 || !slices.Equal(c.SecretEnv, []sweep.Var{{Name: "KEY", Value: "s/k"}}) {
		t.Errorf("%+v", c)
	}
}

func TestAnObjectAsADefaultBehavesLikeABlock(t *testing.T) {
	e := one(t, `
locals { opt = { name = "sgd", inner = { a = 1 } } }
config "base" {
  hp {
    opt = local.opt
  }
  run { cmd = "train ${hp.opt.inner.a} ${flags(hp.opt)}" }
}
config "derived" {
  from = config.base
  hp {
    opt {
      inner = { a = 2 }
    }
  }
}
sweep "s" { config = config.derived }
`, Options{})
	if want := "train 2 --inner.a 2 --name sgd"; e.Command.Shell != want {
		t.Errorf("got %s, want %s", e.Command.Shell, want)
	}
}

func TestFileScopeReadsAConfigsOwnValue(t *testing.T) {
	e := one(t, `
locals { lr = config.base.hp.opt.lr * 10 }
config "base" {
  hp {
    k = 2
    opt { lr = 0.1 * hp.k }
  }
}
config "used" {
  hp { x = local.lr }
  run { cmd = "train ${hp.x} ${config.base.hp.opt.lr}" }
}
sweep "s" { config = config.used }
`, Options{})
	if want := "train 2 0.2"; e.Command.Shell != want {
		t.Errorf("got %s, want %s", e.Command.Shell, want)
	}
}

// A config may refer, through a local, to values of its own that need nothing
// of it.
func TestALocalOfAConfigsOwnValueIsNoCycle(t *testing.T) {
	e := one(t, `
locals { w = config.a.hp.batch * 2 }
config "a" {
  hp {
    batch = 4
    warm  = local.w
  }
  run { cmd = "train ${hp.warm}" }
}
sweep "s" { config = config.a }
`, Options{})
	if want := "train 8"; e.Command.Shell != want {
		t.Errorf("got %s, want %s", e.Command.Shell, want)
	}
}

func TestWhatIsWrongWithDerivation(t *testing.T) {
	const run = `run { cmd = "train ${flags(hp)}" }`
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"two types": {
			`config "a" { 
  hp { lr = 0.1 }
  ` + run + `
}
config "b" {
  hp { lr = "fast" }
}
config "c" { from = [config.a, config.b] }
sweep "s" { config = config.c }`,
			[]string{"Two types for one hyperparameter", "hp.lr is a string here and a number at grid.hcl:2"},
		},
		"undeclared": {
			`config "a" {
  hp { lr = 0.1 }
  ` + run + `
}
config "b" {
  from = config.a
  hp { lrr = 1 }
}
sweep "s" { config = config.b }`,
			[]string{`There is no hyperparameter "lrr" in config.b. Did you mean "lr"?`},
		},
		"null for a number": {
			`config "a" {
  hp { lr = 0.1 }
  ` + run + `
}
config "b" {
  from = config.a
  hp { lr = null }
}
sweep "s" { config = config.b }`,
			[]string{"null is a value of any(default) only"},
		},
		"a cycle through file scope": {
			`locals { x = config.a.hp.lr }
config "a" {
  hp { lr = local.x }
  ` + run + `
}
sweep "s" { config = config.a }`,
			[]string{"local.x (grid.hcl:1) -> config.a.hp.lr (grid.hcl:3) -> local.x"},
		},
		"a partial config in use": {
			`config "a" {
  hp { lr = 1 }
}
sweep "s" { config = config.a }`,
			[]string{"neither it nor what it derives from says run { cmd = ... }"},
		},
	} {
		t.Run(name, func(t *testing.T) { says(t, c.text, Options{}, c.want...) })
	}
}

func TestTypesOfHyperparameters(t *testing.T) {
	const text = `
config "a" {
  hp {
    n      = 4
    open   = any(4)
    maybe  = null
    layers = [64, 64]
  }
  run { cmd = "train ${flags(hp)}" }
}
sweep "s" {
  config = config.a
  grid {
    AXIS
  }
}
`
	for axis, want := range map[string]string{
		`n = ["4"]`:                       "write 4 without quotes",
		`n = [4.5]`:                       "hp.n is the whole number 4",
		`n = [null]`:                      "null is a value of any(default) only",
		`layers = [64, 128]`:              "hp.layers is a list",
		`n = 4`:                           "write n = [4]",
		`n = [1/0]`:                       "the number is infinite",
		`n = []`:                          "hp.n has no values",
		`n = [1, 1.0]`:                    "Value given twice",
		`nn = [1]`:                        `Did you mean "n"?`,
		`n = range(1, hp.n)`:              "not in a grid",
		`n = [5, 2e400]`:                  "beyond the numbers",
		"n = [1]\nzip {\nn = [2]\n}":      "Hyperparameter set twice",
		"n {\n a = [2]\n}":                "hp.n is a number, not a group",
		"zip {\nn = [2]\nopen = [1,2]\n}": "n has 1 value (grid.hcl",
	} {
		t.Run(axis, func(t *testing.T) { says(t, replaceAxis(text, axis), Options{}, want) })
	}
	e := one(t, replaceAxis(text, "open = [\"x\"]\nmaybe = [{ a = 1 }]\nlayers = [[128]]\nn = [5.0]"), Options{})
	if want := `{"layers":[128],"maybe":{"a":1},"n":5,"open":"x"}`; e.HP.String() != want {
		t.Errorf("got %s, want %s", e.HP, want)
	}
}

func replaceAxis(text, axis string) string { return strings.Replace(text, "AXIS", axis, 1) }
