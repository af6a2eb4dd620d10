package runner

import (
	"context"
	"iter"

	"github.com/lxsweep/lxsweep/sweep"
)

// Task is one experiment to be run, or to be adopted.
type Task struct {
	Experiment *sweep.Experiment
	RecordID   int64 // sweep.Record.ID
	Number     int   // the run's: 8 of "ex-8"
	// OutputName is Place.OutputName.
	OutputName string
	Why        Reason
	// Adopt is the attempt that lives, or ended unobserved; nil to start one.
	Adopt *sweep.Tried
}

// Limits are a sweep's own bounds; 0 and false are none.
type Limits struct {
	MaxParallel int
	FailFast    bool
	MaxFailures int
}

// Cancel asks for the end of runs: by name, or all of a sweep.
type Cancel struct {
	RunNames []string
	Reason   string
}

// Dispatcher keeps a bounded number of attempts in flight.
type Dispatcher struct {
	Runner   Runner
	Recorder Recorder
	Hooks    []Hook
	// Parallel bounds all attempts in flight; at least 1.
	Parallel int
	// Limits by sweep label.
	Limits map[string]Limits
	// Retry decides what follows a failure.
	Retry RetryPolicy
	// Events is called from one goroutine, in order; nil to hear nothing.
	Events func(Event)
	// Stop, when closed, ends launching and waits for what runs.
	Stop <-chan struct{}
	// Cancels ends running and prevents queued experiments, until closed or nil.
	Cancels <-chan Cancel
}

// RetryPolicy decides what follows a failure.
type RetryPolicy struct{}

// Run runs the tasks and returns when the last attempt has ended and is
// recorded. See Runner.Run for what cancelling ctx does. An error means that
// the record or the runner failed; what the programs did is in the summary.
func (d *Dispatcher) Run(ctx context.Context, tasks iter.Seq2[Task, error]) (Summary, error) {
	panic("not yet")
}
