package sweep

import (
	"encoding/json"
	"fmt"
	"time"
)

// State is where an attempt, and by its last attempt an experiment, stands.
type State string

// The states. Pending, Queued and Running are open; the others are final.
const (
	Pending     State = "pending"     // recorded, not yet handed to a runner
	Queued      State = "queued"      // with the runner, waiting for room
	Running     State = "running"     // the program runs
	Succeeded   State = "succeeded"   // exit code 0
	Failed      State = "failed"      // any other end of its own
	OOM         State = "oom"         // ended by the kernel for want of memory
	TimedOut    State = "timed-out"   // ended by us: run.timeout passed
	NoResult    State = "no-result"   // a verdict, never a fact: succeeded, but without the objective's metric
	Cancelled   State = "cancelled"   // ended because somebody asked for it
	Interrupted State = "interrupted" // ended by our own interrupt, a reboot, a dead slot
	Lost        State = "lost"        // nobody can know how it ended
)

// Final reports whether s is an end.
func (s State) Final() bool { return s != Pending && s != Queued && s != Running && s != "" }

// Class says who can do something about a failure; retries go by it.
type Class string

// The classes. The class of a success is empty.
const (
	User           Class = "user"           // the program or its arguments
	Resource       Class = "resource"       // memory or time: more of it would help
	Infrastructure Class = "infrastructure" // the machine, the network, a registry: trying again may help
	Refused        Class = "refused"        // not started, and a person has to do something first
)

// Metric is what was seen of one metric over one attempt.
type Metric struct {
	Name string  `json:"name"`
	Last float64 `json:"last"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	// Count is how many values were seen; Step is the step of Last, and Steps
	// says whether the program gave one.
	Count int   `json:"count"`
	Step  int64 `json:"step,omitempty"`
	Steps bool  `json:"steps,omitempty"`
}

// CodeUnknown is Outcome.Code where no exit code is known.
const CodeUnknown = -1

// Outcome is how one attempt ended: a value, never an error. It holds facts;
// whether a success lacks a result is the verdict of an Objective.
type Outcome struct {
	State State
	Class Class
	// Reason is one line in words, empty for a success. While it is open, it is
	// what the attempt waits for.
	Reason string
	// Tail is the end of the log, at most a few lines, for failures.
	Tail string
	// Code is the exit code as a shell gives it (128+n for signal n), or
	// CodeUnknown.
	Code int
	// Started and Ended bound the program's run; zero where unknown.
	Started, Ended time.Time
	Metrics        []Metric
	// Result is what the program left in LXSWEEP_RESULT, raw; ResultError says
	// why it could not be used.
	Result      json.RawMessage
	ResultError string
	// Pattern is the metrics pattern that Metrics were found by, empty for the
	// default.
	Pattern string
}

// Duration is how long the program ran, 0 where unknown.
func (o Outcome) Duration() time.Duration {
	if o.Started.IsZero() || o.Ended.IsZero() {
		return 0
	}
	return o.Ended.Sub(o.Started)
}

// Pos is a place in a source file, for messages.
type Pos struct {
	File string
	Line int // from 1; 0 where unknown
}

func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
