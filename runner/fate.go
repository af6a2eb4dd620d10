package runner

import (
	"fmt"
	"slices"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// verdict is what the end of an attempt means for its experiment.
type verdict struct {
	state sweep.State
	retry bool
	next  again
	// notices are of the breaker; the loop tells them, so that they keep their
	// order. then is told after the end itself.
	notices, then []Event
	// broken is not nil if the runner was found to fail for everything.
	broken error
}

// vacate frees the place of e, whose program has ended.
func (s *schedule) vacate(e *entry) {
	if e.phase != flying {
		return
	}
	e.phase = ended
	e.lane.inFlight--
	s.inFlight--
	s.unsaved++
	s.starved(e.lane)
}

// ended frees the place of e and decides what follows its attempt. ours says
// that we ended it, or tried to.
func (s *schedule) ended(e *entry, o sweep.Outcome, ours bool) verdict {
	s.vacate(e)
	v := verdict{state: e.Experiment.Objective.Verdict(o.State, o.Metrics)}
	if !ours && s.stopped(e.lane) && o.State == sweep.Interrupted && o.Started.IsZero() {
		s.notStarted(e)
		return v
	}
	e.last = v.state
	if !ours && !e.adopted() && s.breaker.hear(e.name, o) {
		v.notices = []Event{Notice{s.breakerWords(o)}}
	}
	stopped := ours || e.cancelled != nil || s.stopped(e.lane)
	if !ours && e.cancelled == nil && e.unresolved == nil {
		v.next, v.retry = s.retry.after(o, e.command, &e.used)
	}
	s.suspect(e, v.retry && machinery(o))
	if v.retry {
		e.why = v.next.why
		return v
	}
	s.count(e, v.state)
	if e.Bystander {
		return v
	}
	s.consequences(e, o, stopped, &v)
	return v
}

// consequences halts what an experiment's final failure halts. stopped says
// that it was not to be tried again in any case.
func (s *schedule) consequences(e *entry, o sweep.Outcome, stopped bool, v *verdict) {
	if machinery(o) && !stopped && s.breaker.giveUp() {
		v.broken = fmt.Errorf("the runner fails for everything; the last time: %s", o.Reason)
		v.then = append(v.then, s.haltAll(v.broken.Error())...)
		return
	}
	if !isFailure(v.state) {
		return
	}
	if why := e.lane.fail(e.name, v.state); why != "" {
		v.then = append(v.then, s.haltLane(e.lane, why)...)
	}
}

// isFailure reports whether state counts for fail_fast and max_failures: what
// somebody ended does not.
func isFailure(state sweep.State) bool {
	return state != sweep.Succeeded && state != sweep.Cancelled && state != sweep.Interrupted
}

func (s *schedule) breakerWords(o sweep.Outcome) string {
	if !s.breaker.open() {
		return worksAgain
	}
	return fmt.Sprintf("launching waits for the runner, which failed %d times in a row: %s", s.breaker.inRow, o.Reason)
}

const worksAgain = "the runner works again; launching goes on"

// running takes in that a program was started, whatever becomes of it.
func (s *schedule) running() []Event {
	if s.breaker.works() {
		return []Event{Notice{worksAgain}}
	}
	return nil
}

// finished lets e go on to its retry, if it has one. saved says that the
// attempt before is settled and released.
func (s *schedule) finished(e *entry, saved bool, v verdict, now time.Time) {
	s.unsaved--
	switch {
	case !v.retry:
	case !saved:
		s.giveUp(e)
	case e.cancelled != nil || e.Bystander || s.stopped(e.lane):
		s.drop(e)
	case v.next.pause > 0:
		s.rest(e, now.Add(v.next.pause))
	default:
		s.wait(e)
	}
}

// left takes out e, whose attempt goes on without us, or may.
func (s *schedule) left(e *entry) {
	s.vacate(e)
	s.unsaved--
	if !e.Bystander {
		s.summary.Live++
	}
	s.forget(e)
}

// haltAll ends launching, and returns what is to be told of that.
func (s *schedule) haltAll(why string) []Event {
	if s.summary.Halted != "" {
		return nil
	}
	s.summary.Halted = why
	for _, l := range s.lanes {
		l.close()
		s.purge(l, func(*entry) bool { return true })
	}
	return []Event{Halted{Why: why}}
}

// haltLane ends the launching of one sweep.
func (s *schedule) haltLane(l *lane, why string) []Event {
	if s.stopped(l) {
		return nil
	}
	l.halted = why
	l.close()
	s.purge(l, func(*entry) bool { return true })
	return []Event{Halted{Sweep: l.sweep, Why: why}}
}

// cancel ends what it names, and returns what is to be told of that.
func (s *schedule) cancel(c Cancel) []Event {
	reason := &c.Reason
	lanes := map[*lane]bool{}
	mark := func(e *entry) {
		lanes[e.lane] = true
		if e.cancelled != nil {
			return
		}
		if e.cancelled = reason; e.phase == flying {
			e.end(&Ending{State: sweep.Cancelled, Reason: c.Reason})
		}
	}
	for _, name := range c.RunNames {
		s.cancelled[name] = reason
		if e := s.byName[name]; e != nil {
			mark(e)
		}
	}
	if c.Sweep != "" {
		cancelled := s.laneOf(c.Sweep)
		cancelled.cancelled = reason
		for _, e := range s.byName {
			if e.lane == cancelled {
				mark(e)
			}
		}
	}
	prevented := 0
	for l := range lanes {
		prevented += s.purge(l, func(e *entry) bool { return e.cancelled != nil })
	}
	if prevented == 0 {
		return nil
	}
	return []Event{Notice{countOf(prevented, "queued experiment") + " will not be started: " + c.Reason}}
}

// purge takes what is unwanted out of the queues of l, and returns how many
// they were.
func (s *schedule) purge(l *lane, unwanted func(*entry) bool) (n int) {
	l.waiting = slices.DeleteFunc(l.waiting, func(e *entry) bool {
		if !unwanted(e) {
			return false
		}
		s.waiting--
		n++
		s.drop(e)
		return true
	})
	s.resting = slices.DeleteFunc(s.resting, func(e *entry) bool {
		if e.lane != l || !unwanted(e) {
			return false
		}
		n++
		s.drop(e)
		return true
	})
	l.ready = slices.DeleteFunc(l.ready, func(e *entry) bool {
		if !unwanted(e) {
			return false
		}
		n++
		s.abandon(e)
		return true
	})
	return n
}

// abandon takes out an entry that is recorded and will never start.
func (s *schedule) abandon(e *entry) {
	if e.cancelled != nil {
		s.count(e, sweep.Cancelled)
	} else {
		s.notStarted(e)
	}
	s.unsaved++
	s.abandoned = append(s.abandoned, e)
}

// drop takes out an entry of which no attempt is open. If it was to be tried
// again, that is recorded, so that the next apply does it.
func (s *schedule) drop(e *entry) {
	if e.last == "" || e.cancelled != nil {
		s.giveUp(e)
		return
	}
	e.phase = ended
	s.unsaved++
	s.owed = append(s.owed, e)
}

// giveUp takes out an entry of which no attempt is open and none can be
// recorded, or is to be.
func (s *schedule) giveUp(e *entry) {
	if e.last != "" {
		s.count(e, e.last)
	} else {
		s.notStarted(e)
	}
}

// recorded takes in what the record says of retries that are not made. Without
// rows, nothing was recorded.
func (s *schedule) recorded(owed []*entry, rows []Intended) {
	for i, e := range owed {
		if rows == nil {
			s.unsaved--
			s.giveUp(e)
			continue
		}
		e.row = rows[i]
		s.notStarted(e)
	}
}

func (s *schedule) notStarted(e *entry) {
	if !e.Bystander {
		s.summary.NotStarted++
	}
	s.forget(e)
}

// count adds an experiment to the summary.
func (s *schedule) count(e *entry, state sweep.State) {
	switch {
	case e.Bystander:
	case state == sweep.Succeeded:
		s.summary.Succeeded++
	default:
		s.summary.Failed++
		s.summary.ByState[state]++
	}
	s.forget(e)
}

func (s *schedule) forget(e *entry) {
	if e.Bystander && e.phase != gone {
		s.bystanders--
	}
	e.phase = gone
	s.suspect(e, false)
	if s.byName[e.name] == e {
		delete(s.byName, e.name)
	}
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
