package runner

import (
	"context"
	"iter"
	"time"

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
	// Bystander says that nobody wants it now, and that it lives: it holds its
	// place and its end is recorded, but it counts nowhere, a retry is left to
	// whoever wants it again, and it is left running once nothing else is to be
	// done.
	Bystander bool
}

// Deadline is a time, by the wall clock, from which on nothing is started.
type Deadline struct {
	Time time.Time // zero for never
	Why  string    // as Halted says it
}

// Limits are a sweep's own bounds; 0 and false are none. What failed in an
// earlier apply does not count here.
type Limits struct {
	MaxParallel int
	// Elsewhere is how many of MaxParallel's places are taken by what runs where
	// this dispatcher's runner cannot look. If it is all of them, nothing more of
	// the sweep is launched.
	Elsewhere   int
	FailFast    bool
	MaxFailures int
}

// Cancel asks for the end of runs: by name, or all of a sweep. What runs is
// ended; what has not started never will be, for as long as the dispatcher
// runs, even if its task is yet to be read.
type Cancel struct {
	RunNames []string
	Sweep    string // a label; empty for none
	Reason   string
}

// The defaults of a Dispatcher.
const (
	DefaultLookAhead   = 16384
	DefaultHookTimeout = 10 * time.Second
)

// Dispatcher keeps a bounded number of attempts in flight.
type Dispatcher struct {
	Runner   Runner
	Recorder Recorder
	Hooks    []Hook
	// Parallel bounds all attempts in flight; less than 1 is 1.
	Parallel int
	// Limits by sweep label.
	Limits map[string]Limits
	// Retry decides what follows a failure.
	Retry RetryPolicy
	// Events is called from one goroutine, in order; nil to hear nothing. While
	// it is slow, launching waits for it. If it panics it is not called again.
	Events func(Event)
	// Stop, when closed, ends launching and waits for what runs; so does Until.
	Stop  <-chan struct{}
	Until Deadline
	// AfterBystanders starts nothing before they have ended.
	AfterBystanders bool
	// Cancels ends running and prevents queued experiments, until closed or nil.
	Cancels <-chan Cancel
	// LookAhead bounds the tasks that are read and not started; 0 is
	// DefaultLookAhead.
	LookAhead int
	// HookTimeout bounds each call of a hook; 0 is DefaultHookTimeout.
	HookTimeout time.Duration
	// Clock times the pauses before retries and Until; nil is the machine's.
	Clock Clock
}

// Clock tells the time. Implementations are safe for concurrent use.
type Clock interface {
	Now() time.Time
	// After returns a channel on which the time is sent once d has passed.
	After(d time.Duration) <-chan time.Time
}

type machineClock struct{}

func (machineClock) Now() time.Time                         { return time.Now() }
func (machineClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Run runs the tasks and returns when the last attempt has ended and is
// recorded. Tasks to adopt come first. See Runner.Run for what cancelling ctx
// does: it also ends launching, and is not an error. Whatever ends launching,
// the sequence is read to its end, so that the summary counts every task.
//
// An error means that the record, the runner, the sequence or the listener to
// events failed; launching then ends, what runs is waited for, and what the
// programs did is in the summary. An outcome that could not be recorded is not
// released, so that the runner can tell it again.
func (d *Dispatcher) Run(ctx context.Context, tasks iter.Seq2[Task, error]) (Summary, error) {
	return newLoop(ctx, d).run(tasks)
}
