package runner

import (
	"context"
	"errors"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Attempt is one execution of an experiment, as the dispatcher hands it to a
// Runner. It is immutable.
type Attempt struct {
	ID         int64 // the recorder's, unique in a ledger; never 0
	Number     int   // from 1, counts all attempts of the experiment
	Experiment *sweep.Experiment
	RunName    string // "ex-8"
	JobID      int    // 8
	// Command is the experiment's work resolved for this runner and name. Its
	// Env holds the whole contract's LXSWEEP_ variables but the one that only
	// the runner knows: LXSWEEP_RESULT.
	Command sweep.Command
	// Adopt says that the attempt was started before, by a client that is gone:
	// Run must find it and wait for it, and must not start it.
	Adopt bool
	// Bystander is Task.Bystander.
	Bystander bool
	// Halt is closed when launching ends: what still waits for room is not
	// started then. nil for never.
	Halt <-chan struct{}
}

// errHalted is the cause of Launching's context when launching ended.
var errHalted = &Ending{State: sweep.Interrupted, Reason: notLaunched}

const notLaunched = "launching ended before it was started"

// Launching returns a context for what comes before the start of the attempt:
// it ends with ctx, and with launching.
func (a *Attempt) Launching(ctx context.Context) (context.Context, context.CancelFunc) {
	launching, cancel := context.WithCancelCause(ctx)
	end := func() { cancel(nil) }
	if a.Halt == nil {
		return launching, end
	}
	go func() {
		select {
		case <-a.Halt:
			cancel(errHalted)
		case <-launching.Done():
		}
	}()
	return launching, end
}

// Change tells what happens to an attempt before its end.
type Change struct {
	// State is Queued or Running; or a final one, which says that the program
	// has ended and its place is free, while what it left is still gathered. The
	// outcome that Run returns is what counts.
	State sweep.State
	Time  time.Time
	// Ref is the runner's own name for the attempt (a journal, a Job's UID),
	// Log the path of its log if it is a local file. Both may be empty.
	Ref, Log string
	// Waiting says for what, while queued: "cpu and memory".
	Waiting string
}

// Runner is where attempts run. Implementations are safe for concurrent use.
type Runner interface {
	// Name is "local" or "kubernetes".
	Name() string
	// Host is the place that attempts are recorded with: the machine and its
	// boot, or the cluster and namespace.
	Host() (host, boot string)
	// Survey returns what of the runner's own place lives, and what ended while
	// nobody watched. It changes nothing.
	Survey(context.Context) ([]sweep.Live, error)
	// Gone is how an attempt ended that is recorded as open at this place and
	// that Survey does not tell of.
	Gone(*sweep.Tried) sweep.Outcome
	// Run starts or adopts the attempt and returns at its end; until there is
	// room for it, it is queued. changed is called in order, never after Run
	// has returned. A cancelled ctx ends the program according to
	// context.Cause: an *Ending gives the outcome's state and reason,
	// ErrDetach leaves the program running and returns ErrDetach, anything
	// else is Interrupted. The error means that the runner itself failed or
	// could not start the attempt, never that the program did; unless it wraps
	// ErrDetach, nothing of the attempt runs then, and it may be tried again. An
	// *Ending is no error: the attempt was not started for that reason. An
	// attempt to adopt comes with a ctx that is over already if launching ended
	// first.
	Run(ctx context.Context, a Attempt, changed func(Change)) (sweep.Outcome, error)
	// Release lets go of what the runner kept of the attempt. It is called
	// after the outcome is durable in the ledger.
	Release(context.Context, Attempt) error
	// Fits returns an error if no such request could ever be admitted.
	Fits(sweep.Resources) error
}

// Ending is the cause of a cancelled context that ends a program.
type Ending struct {
	State  sweep.State // Cancelled, Interrupted or TimedOut
	Reason string      // in words
}

func (e *Ending) Error() string { return string(e.State) + ": " + e.Reason }

// ErrDetach is the cause of a cancelled context that leaves programs running.
var ErrDetach = errors.New("detached: the program goes on without us")

// ErrBroken is wrapped by errors after which a runner is of no use any more:
// launching ends, and what runs is left running.
var ErrBroken = errors.New("nothing more can be run")

// Reason is why an attempt is made: "new", "retry 1 of 2", "--rerun failed".
type Reason string

// Recorder is the durable record behind the dispatcher. Implementations are
// safe for concurrent use.
type Recorder interface {
	// Intend records attempts that are about to be made, all or none, and
	// returns their rows in order. They are durable (synced) when it returns:
	// nothing is started without a row.
	Intend(ctx context.Context, intents []Intent) ([]Intended, error)
	// Changed records a change soon; it may be lost with the process.
	Changed(id int64, c Change)
	// Settle records an outcome. It is durable within 100 ms; done is called
	// once when it is, or with the error why it cannot be. Settle itself may
	// return before.
	Settle(id int64, o sweep.Outcome, done func(error))
	// Flush returns when everything handed over is durable.
	Flush(context.Context) error
}

// Intent is what Recorder.Intend records.
type Intent struct {
	RecordID  int64 // sweep.Record.ID
	Work      sweep.Hash
	Command   string // Command.Line
	Script    string // Command.Script
	Why       Reason
	Runner    string
	Host      string
	Boot      string
	OutputDir string
}

// Intended is the row that Intend made.
type Intended struct {
	ID     int64 // Attempt.ID
	Number int   // Attempt.Number
}

// Hook is told of every attempt, for instance a tracking server. It is bounded
// in time and never fails a run.
type Hook interface {
	// Before returns variables for the attempt's environment.
	Before(context.Context, Attempt) ([]sweep.Var, error)
	After(context.Context, Attempt, sweep.Outcome) error
}
