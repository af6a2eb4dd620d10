package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// shell is a Runner in its smallest form: one process for each attempt.
type shell struct{}

func (shell) Name() string                                  { return "shell" }
func (shell) Host() (host, boot string)                     { return "this machine", "" }
func (shell) Survey(context.Context) ([]sweep.Live, error)  { return nil, nil }
func (shell) Release(context.Context, runner.Attempt) error { return nil }
func (shell) Gone(*sweep.Tried) sweep.Outcome               { return sweep.Outcome{State: sweep.Interrupted} }
func (shell) Fits(sweep.Resources) error                    { return nil }

func (shell) Run(ctx context.Context, a runner.Attempt, changed func(runner.Change)) (sweep.Outcome, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-ec", a.Command.Shell)
	for _, v := range a.Command.Env {
		cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
	}
	changed(runner.Change{State: sweep.Running})
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return sweep.Outcome{State: sweep.Succeeded}, nil
	case ctx.Err() != nil:
		return sweep.Outcome{State: sweep.Interrupted}, nil
	case errors.As(err, &exit):
		return sweep.Outcome{State: sweep.Failed, Class: sweep.User, Code: exit.ExitCode(), Reason: exit.Error()}, nil
	}
	return sweep.Outcome{}, err // it was not started
}

// notebook is a Recorder that forgets everything with the process.
type notebook struct {
	mu   sync.Mutex
	rows []runner.Intent
	made map[int64]int // attempts by experiment
}

func (n *notebook) Intend(_ context.Context, intents []runner.Intent) ([]runner.Intended, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	rows := make([]runner.Intended, len(intents))
	for i, in := range intents {
		n.rows = append(n.rows, in)
		n.made[in.RecordID]++
		rows[i] = runner.Intended{ID: int64(len(n.rows)), Number: n.made[in.RecordID]}
	}
	return rows, nil
}

func (n *notebook) Changed(int64, runner.Change)                      {}
func (n *notebook) Settle(_ int64, _ sweep.Outcome, done func(error)) { done(nil) }
func (n *notebook) Flush(context.Context) error                       { return nil }

// line is a Work that is the same everywhere.
type line string

func (l line) Resolve(sweep.Place) (sweep.Command, error) {
	return sweep.Command{Shell: string(l), Retries: 1}, nil
}

func Example() {
	tasks := func(yield func(runner.Task, error) bool) {
		for n, program := range []line{
			`test "$LXSWEEP_RUN_NAME" = ex-0`,
			`test "$LXSWEEP_ATTEMPT" = 2`, // fails at first
			`exit 7`,
		} {
			e := &sweep.Experiment{Sweep: "quick", Name: "ex", Work: program}
			if !yield(runner.Task{Experiment: e, RecordID: int64(n), Number: n, OutputName: sweep.RunName("ex", n), Why: "new"}, nil) {
				return
			}
		}
	}
	d := runner.Dispatcher{
		Runner:   shell{},
		Recorder: &notebook{made: map[int64]int{}},
		Parallel: 4,
		Limits:   map[string]runner.Limits{"quick": {MaxParallel: 1}},
		Events: func(e runner.Event) {
			if e, ok := e.(runner.Ended); ok {
				fmt.Println(e.Attempt.RunName, "attempt", e.Attempt.Number, e.State, e.Outcome.Code)
			}
		},
	}
	sum, err := d.Run(context.Background(), tasks)
	fmt.Println(sum.Succeeded, "of", sum.Total, "succeeded,", err)
	// Unordered output:
	// ex-0 attempt 1 succeeded 0
	// ex-1 attempt 1 failed 1
	// ex-1 attempt 2 succeeded 0
	// ex-2 attempt 1 failed 7
	// ex-2 attempt 2 failed 7
	// 2 of 3 succeeded, <nil>
}
