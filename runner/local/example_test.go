package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/local"
	"github.com/lxsweep/lxsweep/sweep"
)

// A program is run, its metrics are read from what it printed, and once its
// outcome is kept elsewhere the runner forgets it.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	r, err := local.New(local.Options{SlotsDir: filepath.Join(dir, "slots"), LogsDir: filepath.Join(dir, "logs")})
	if err != nil {
		panic(err)
	}
	defer r.Close()

	attempt := runner.Attempt{ID: 1, Number: 1, RunName: "ex-0", Command: sweep.Command{
		Shell: `echo "step=1 loss=0.5"; echo "step=2 loss=$LOSS"`,
		Env:   []sweep.Var{{Name: "LOSS", Value: "0.25"}},
	}}
	outcome, err := r.Run(context.Background(), attempt, func(c runner.Change) { fmt.Println(c.State) })
	if err != nil {
		panic(err)
	}
	loss := outcome.Metrics[0]
	fmt.Println(outcome.State, loss.Name, loss.Last, "at step", loss.Step)
	if err := r.Release(context.Background(), attempt); err != nil {
		panic(err)
	}
	// Output:
	// running
	// succeeded loss 0.25 at step 2
}
