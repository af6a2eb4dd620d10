package hcl_test

import (
	"fmt"
	"os"

	"github.com/lxsweep/lxsweep/hcl"
)

const grid = `
config "base" {
  hp {
    lr     = 0.1
    epochs = 2
    steps  = 100 * hp.epochs
  }
  run {
    experiment_name = "ex"
    cmd             = "python train.py ${flags(hp)}"
  }
}

sweep "first" {
  config = config.base
  grid {
    lr     = [0.1, 1e-5]
    epochs = [2, 4]
  }
  skip {
    when   = hp.lr < 0.01 && hp.steps < 300
    reason = "too short to learn anything"
  }
}
`

// A caller loads files, shows what is wrong with them, and asks each sweep for
// its experiments.
func Example() {
	module, diags := hcl.Load([]string{"grid.hcl"}, hcl.Options{
		ReadFile: func(string) ([]byte, error) { return []byte(grid), nil },
	})
	if diags.HasErrors() {
		_ = diags.WriteText(os.Stderr, 80, false)
		return
	}
	failures := module.Failures()
	for _, s := range module.Sweeps {
		for e, err := range s.Experiments() {
			if err != nil {
				failures.Add(err)
				continue
			}
			fmt.Println(e.Name, e.Command.Line())
		}
	}
	_ = failures.Diagnostics().WriteText(os.Stderr, 80, false)
	// Output:
	// ex python train.py --epochs 2 --lr 0.1 --steps 200
	// ex python train.py --epochs 4 --lr 0.1 --steps 400
	// ex python train.py --epochs 4 --lr 1e-05 --steps 400
}

// One mistake in a file is shown with its place, the values involved and the
// way out.
func ExampleDiagnostics() {
	text := []byte(`config "base" {
  hp { lr = 0.1 }
  run { cmd = "python train.py --lr ${hp.lrr}" }
}
sweep "first" {
  config = config.base
}
`)
	_, diags := hcl.Load([]string{"grid.hcl"}, hcl.Options{ReadFile: func(string) ([]byte, error) { return text, nil }})
	fmt.Print(diags.Text())
	// Output:
	// Error: Undeclared hyperparameter
	//
	//   on grid.hcl line 3, in config "base":
	//    3:   run { cmd = "python train.py --lr ${hp.lrr}" }
	//
	// There is no hyperparameter "lrr" in config.base. Did you mean "lr"?
}
