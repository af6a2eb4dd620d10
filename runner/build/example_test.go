package build_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/build"
	"github.com/lxsweep/lxsweep/runner/local"
	"github.com/lxsweep/lxsweep/sweep"
)

// Two experiments share an image: it is made once, before the first of them.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	programs, err := local.New(local.Options{SlotsDir: filepath.Join(dir, "slots"), LogsDir: filepath.Join(dir, "logs")})
	if err != nil {
		panic(err)
	}
	defer programs.Close()
	r := build.New(programs, build.Options{Dir: dir, LogsDir: filepath.Join(dir, "logs")})

	for n := range 2 {
		outcome, err := r.Run(context.Background(), runner.Attempt{
			ID: int64(n + 1), Number: 1, RunName: sweep.RunName("ex", n),
			Command: sweep.Command{
				Shell: "echo trains", Image: "train:v1",
				BuildSteps: []string{"echo layers >image", "test -s image"},
			},
		}, func(runner.Change) {})
		if err != nil {
			panic(err)
		}
		fmt.Println(outcome.State)
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "logs", "build-*.log"))
	for _, log := range logs {
		text, _ := os.ReadFile(log)
		fmt.Printf("%s", text)
	}
	// Output:
	// succeeded
	// succeeded
	// $ echo layers >image
	// $ test -s image
}
