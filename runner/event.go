package runner

import (
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Event is what a dispatcher tells, in order, from one goroutine: the only
// input of every renderer. It is a closed sum: Queued, Started, Ended, Halted,
// Notice, Finished.
type Event interface{ event() }

// Queued says that an attempt was handed to the runner and waits for room.
type Queued struct {
	Attempt Attempt
	Time    time.Time
	Waiting string // for what: "cpu and memory"; empty where it is not known
}

// Started says that an attempt's program runs.
type Started struct {
	Attempt Attempt
	Time    time.Time
	Log     string // path of its log if it is a local file
}

// Ended says that an attempt ended. State is the objective's verdict on
// Outcome; Retry says that another attempt follows, after Backoff, unless
// the experiment is cancelled before; if launching is halted, it is the next
// apply that makes it. An attempt that never
// ran, because it was cancelled first or its work cannot be resolved, ends
// without having been queued or started.
type Ended struct {
	Attempt Attempt
	Outcome sweep.Outcome
	State   sweep.State
	Retry   bool
	Backoff time.Duration
}

// Halted says that no more of a sweep (of every sweep, if Sweep is empty) is
// launched, and why.
type Halted struct {
	Sweep string
	Why   string
}

// Notice is something a person should read, in one line.
type Notice struct{ Text string }

// Finished is the last event.
type Finished struct{ Summary Summary }

// Summary counts experiments by how the dispatcher left them.
type Summary struct {
	Total     int // tasks given, where known; launched ones otherwise
	Succeeded int
	// Failed counts every other final state, by state in ByState.
	Failed  int
	ByState map[sweep.State]int
	// NotStarted were left because launching was halted or interrupted, Live
	// were left running.
	NotStarted, Live int
	Attempts         int
	// Halted is why launching ended for all sweeps, empty if it did not.
	Halted string
}

// Unstarted reports whether launching ended while the attempt waited for room:
// nothing has happened.
func (e Ended) Unstarted() bool {
	return e.State == sweep.Interrupted && e.Outcome.Started.IsZero()
}

func (Queued) event()   {}
func (Started) event()  {}
func (Ended) event()    {}
func (Halted) event()   {}
func (Notice) event()   {}
func (Finished) event() {}
