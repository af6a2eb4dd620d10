package runner

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// entry is a task on its way through the dispatcher. The schedule's goroutine
// owns it, except that the goroutine which resolves and intends it, and later
// the one of its attempt, write the fields that say so.
type entry struct {
	Task
	order int // its place among all tasks
	name  string
	lane  *lane
	phase phase

	why  Reason // of the next attempt
	used tries
	last sweep.State // of the attempt before, empty at first
	due  time.Time   // when a resting entry is to go on

	suspect bool // the machinery failed it, and is to be tried with it again

	// cancelled is the reason of whoever asked for its end, nil while nobody
	// has.
	cancelled *string

	// Written when its attempt is resolved and intended.
	command    sweep.Command
	unresolved error
	row        Intended

	// end ends the attempt in flight.
	end context.CancelCauseFunc
}

// adopted reports whether its attempt is the one that was found alive.
func (e *entry) adopted() bool { return e.Adopt != nil && e.row.ID == e.Adopt.ID }

// phase is where an entry stands.
type phase uint8

const (
	waiting   phase = iota // for its turn to be intended
	intending              // being recorded
	ready                  // recorded, waits for a place
	flying                 // with the runner
	ended                  // being settled and released
	resting                // until it may be tried again
	gone                   // out of the schedule's sight
)

// lane is one sweep's part of the schedule: its queues and its bound, so that
// it does not hold up another.
type lane struct {
	sweep  string
	limits Limits
	bound  int

	waiting   []*entry // retries first, then in plan order
	ready     []*entry
	intending int
	inFlight  int
	writing   bool // some of it is in the batch being made

	failures  int
	halted    string        // why nothing more of it is launched, empty while it is
	over      chan struct{} // closed when nothing more is, of it or of all
	cancelled *string       // why all of it was cancelled
}

func newLane(label string, limits Limits) *lane {
	l := &lane{sweep: label, limits: limits, bound: math.MaxInt, over: make(chan struct{})}
	if limits.MaxParallel > 0 {
		l.bound = max(0, limits.MaxParallel-limits.Elsewhere)
	}
	if l.bound == 0 {
		l.halted = "all its places are taken elsewhere"
		l.close()
	}
	return l
}

// close says that nothing more is launched.
func (l *lane) close() {
	select {
	case <-l.over:
	default:
		close(l.over)
	}
}

// free is how many places its bound leaves.
func (l *lane) free() int { return max(0, l.bound-l.inFlight) }

// reserved is how many of its entries are intended, or about to be.
func (l *lane) reserved() int { return len(l.ready) + l.intending }

// fail counts an experiment that failed for good, and returns why that halts
// the lane, if it does.
func (l *lane) fail(name string, state sweep.State) string {
	l.failures++
	switch {
	case l.limits.FailFast:
		return name + " ended " + string(state) + " (fail_fast)"
	case l.limits.MaxFailures > 0 && l.failures >= l.limits.MaxFailures:
		return countOf(l.failures, "experiment") + " failed (max_failures)"
	}
	return ""
}

// pop removes and returns the head of a queue.
func pop(queue *[]*entry) *entry {
	head := (*queue)[0]
	(*queue)[0] = nil
	*queue = (*queue)[1:]
	return head
}

// take removes e from a queue.
func take(queue *[]*entry, e *entry) {
	if i := slices.Index(*queue, e); i == 0 {
		pop(queue)
	} else if i > 0 {
		*queue = slices.Delete(*queue, i, i+1)
	}
}
