package hcl

import (
	"slices"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

const spaceText = `
config "base" {
  hp {
    lr     = 0.1
    depth  = 1
    width  = 8
    seed   = 0
    layers = [64]
    opt {
      name = "sgd"
      wd   = 0
    }
  }
  run { cmd = "train ${flags(hp)}" }
}
sweep "s" {
  config = config.base
  SPACE
}
`

// points are the differences from the defaults, in order.
func points(t *testing.T, space string, paths ...string) []string {
	t.Helper()
	m := load(t, strings.Replace(spaceText, "SPACE", space, 1), Options{})
	all, _ := expand(t, m.Sweeps[0])
	var got []string
	for _, e := range all {
		var values []string
		for _, path := range paths {
			v, _ := e.HP.Get(path)
			values = append(values, v.Text())
		}
		got = append(got, strings.Join(values, " "))
	}
	return got
}

func TestSpaces(t *testing.T) {
	for name, c := range map[string]struct {
		space string
		paths []string
		want  []string
	}{
		"the last axis varies fastest": {
			"grid {\n opt {\n  wd = [1, 2]\n }\n lr = [3, 4]\n}",
			[]string{"opt.wd", "lr"},
			[]string{"1 3", "1 4", "2 3", "2 4"},
		},
		"a zip is one axis": {
			"grid {\n zip {\n  depth = [2, 4]\n  opt {\n   wd = [5, 6]\n  }\n }\n lr = [3]\n}",
			[]string{"depth", "opt.wd", "lr"},
			[]string{"2 5 3", "4 6 3"},
		},
		"two zips are two axes": {
			"grid {\n zip {\n  depth = [2, 4]\n  width = [5, 6]\n }\n zip {\n  lr = [7, 8]\n  seed = [1, 2]\n }\n}",
			[]string{"depth", "width", "lr", "seed"},
			[]string{"2 5 7 1", "2 5 8 2", "4 6 7 1", "4 6 8 2"},
		},
		"objects merge into the default": {
			"grid {\n opt = [{ name = \"lion\" }, { wd = 3 }, { name = \"x\", wd = 9 }]\n}",
			[]string{"opt.name", "opt.wd"},
			[]string{"lion 0", "sgd 3", "x 9"},
		},
		"lists of lists": {
			"grid {\n layers = [[1, 2], []]\n}",
			[]string{"layers"},
			[]string{"[1,2]", "[]"},
		},
		"a union, in order, without repetitions": {
			"grid {\n lr = [1, 2]\n}\ngrid {\n lr = [2, 3]\n}",
			[]string{"lr"},
			[]string{"1", "2", "3"},
		},
		"include, skip and repeat": {
			"grid {\n lr = [1, 2]\n}\nskip { when = hp.lr == 1 }\ninclude {\n lr = 1\n opt = { wd = 4 }\n}\nrepeat { seed = [7, 8] }",
			[]string{"lr", "opt.wd", "seed"},
			[]string{"2 0 7", "2 0 8", "1 4 7", "1 4 8"},
		},
		"no space is the config itself": {"", []string{"lr"}, []string{"0.1"}},
		"a finite sample has every point once": {
			"sample \"random\" {\n count = 4\n hp {\n  depth = [5, 6]\n  opt {\n   wd = choice([8, 9], [3, 1])\n  }\n }\n}",
			[]string{"depth", "opt.wd"},
			[]string{"5 8", "5 9", "6 8", "6 9"},
		},
		"numbers are canonical": {
			"grid {\n lr = linspace(0, 0.3, 4)\n}",
			[]string{"lr"},
			[]string{"0", "0.1", "0.2", "0.3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := points(t, c.space, c.paths...)
			if strings.Contains(name, "sample") {
				slices.Sort(got)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSampleSettings(t *testing.T) {
	m := load(t, strings.Replace(spaceText, "SPACE", `
  sample "sobol" {
    count = 8
    seed  = 7
    hp { lr = loguniform(1e-5, 1e-2) }
  }
  sample "random" {
    count = 2
    hp {
      depth = uniform(1, 9, 2)
      width = choice([1, 2], [0.5, 0.5])
    }
  }`, 1), Options{})
	first, second := m.Sweeps[0].Spaces[0].(*sweep.Sample), m.Sweeps[0].Spaces[1].(*sweep.Sample)
	if first.Method != "sobol" || first.Count != 8 || first.Seed != 7 || first.Ordinal != 0 || first.Axes[0].Dist.String() != "loguniform(1e-05, 0.01)" {
		t.Errorf("%+v", first)
	}
	if second.Seed != 0 || second.Ordinal != 1 || !slices.Equal(second.Axes[1].Weights, []float64{0.5, 0.5}) {
		t.Errorf("%+v", second)
	}
}

func TestWhatIsWrongWithSpaces(t *testing.T) {
	for space, want := range map[string]string{
		"grid {\n lr = range(1000)\n depth = range(1000)\n width = range(1000)\n seed = range(1000)\n opt {\n  wd = range(1000)\n }\n layers = [for i in range(1000) : [i]]\n}": "would make up to 1000000000000000000 experiments; max_experiments is 10000",
		"grid {\n lr = [1, 2]\n}\nrepeat { lr = [3] }":                          "hp.lr is set here and hp.lr at",
		"grid {\n opt = [{ wd = 1 }]\n zip {\n  opt {\n   wd = [1]\n  }\n }\n}": "hp.opt.wd is set here and hp.opt at",
		"grid {\n opt = [{ wdd = 1 }]\n}":                                       `Did you mean "opt.wd"?`,
		"grid {\n opt = [1]\n}":                                                 "hp.opt is a group of hyperparameters",
		"grid {\n lr = hp.depth\n}":                                             "not in a grid",
		"grid {\n zip {\n  lr = [1]\n }\n zip {\n  lr = [2]\n }\n}":             "hp.lr is set here and hp.lr at",
		"grid {\n}": "The block is empty",
		"sample \"tpe\" {\n count = 1\n hp { lr = [1] }\n}":                                             "There is no sample method",
		"sample \"random\" {\n count = 0\n hp { lr = [1] }\n}":                                          "A whole number from 1 is wanted, not 0",
		"sample \"random\" {\n count = 3\n hp {\n zip {\n  lr = uniform(0, 1)\n  depth = [1]\n }\n}\n}": "cannot advance together",
		"sample \"random\" {\n count = 3\n hp { opt = uniform(0, 1) }\n}":                               "hp.opt is a group, and a distribution draws numbers",
		"sample \"random\" {\n count = 3\n hp { width = uniform(1, 4) }\n}":                             "this draws fractions such as 2.854102. For whole numbers give a step",
		"skip { when = hp.lr }":          "when is true or false, not 0.1",
		"skip { when = hp.lrr > 1 }":     `Did you mean "lr"?`,
		"skip { when = run.jobid > 1 }":  "not in skip",
		"include { lrr = 1 }":            `Did you mean "lr"?`,
		"order = \"random\"":             `It is one of "shuffle" or "plan"`,
		"max_parallel = 0":               "A whole number from 1",
		"objective { value = \"best\" }": "Objective without a metric",
		"objective { minimize = [] }":    "A metric has a name",
	} {
		t.Run(space, func(t *testing.T) {
			says(t, strings.Replace(spaceText, "SPACE", space, 1), Options{}, want)
		})
	}
}

func TestSweepSettings(t *testing.T) {
	s := load(t, strings.Replace(spaceText, "SPACE", `
  max_parallel    = 4
  max_experiments = 50
  order           = "shuffle"
  fail_fast       = true
  max_failures    = 3
  runner          = "kubernetes"
  overlap         = "wait"
  objective {
    minimize = "loss"
    maximize = ["acc", "f1"]
    target   = 0.1
    value    = "min"
  }`, 1), Options{}).Sweeps[0]
	if s.MaxParallel != 4 || s.MaxExperiments != 50 || !s.Shuffle || !s.FailFast || s.MaxFailures != 3 || s.Runner != "kubernetes" || s.Overlap != sweep.OverlapWait {
		t.Errorf("%+v", s)
	}
	o := s.Objective
	if !slices.Equal(o.Goals, []sweep.Goal{{Metric: "loss"}, {Metric: "acc", Maximize: true}, {Metric: "f1", Maximize: true}}) || o.Pick != sweep.PickMin || *o.Target != 0.1 {
		t.Errorf("%+v", o)
	}
}

func TestOneSweepOfTwoConfigs(t *testing.T) {
	text := strings.Replace(spaceText, "config = config.base\n  SPACE", "config = [config.base, config.deep]\n grid { lr = [1, 2] }\n skip { when = hp.depth * hp.lr > 8 }", 1) + `
config "deep" {
  from = config.base
  hp { depth = 8 }
}
`
	all, _ := expand(t, load(t, text, Options{}).Sweeps[0])
	var got []string
	for _, e := range all {
		depth, _ := e.HP.Get("depth")
		got = append(got, e.Config+" "+depth.Text())
	}
	if want := []string{"base 1", "base 1", "deep 8"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
