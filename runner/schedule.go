package runner

import (
	"slices"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Bounds of the schedule that nobody has needed to set.
const (
	prefetch     = 256 // tasks read before they are needed
	mostAhead    = 256 // intended beyond the free places, in each lane
	oftenAhead   = time.Second
	seldomAhead  = 10 * time.Second
	mostIntended = 256  // in one call of Intend
	mostUnsaved  = 2048 // ended and not yet finished; or twice Parallel
)

// schedule decides what is read, intended and launched next. It starts nothing
// and waits for nothing, and belongs to one goroutine.
type schedule struct {
	parallel  int
	lookAhead int
	retry     RetryPolicy
	limits    map[string]Limits

	// While they live, nothing is started if afterBystanders.
	bystanders      int
	afterBystanders bool

	lanes   []*lane // in the order of their first tasks
	byLabel map[string]*lane
	// byName holds every entry that is not gone.
	byName map[string]*entry
	// resting is sorted by due.
	resting []*entry
	// cancelled remembers the names that were asked for, and why.
	cancelled map[string]*string
	breaker   breaker
	// While the breaker is open, probe is the one fresh entry that was let
	// through, if any; suspects are those that the machinery failed and that
	// are being tried again.
	probe    *entry
	suspects int

	waiting  int // over all lanes
	inFlight int
	unsaved  int       // ended, not yet finished
	ahead    int       // how far to intend beyond the free places, in each lane
	topped   time.Time // when something was last intended beyond them
	// owed are retries that are not made, to be recorded as such.
	owed []*entry
	// abandoned are recorded and will never start: they are to be settled so.
	abandoned []*entry
	summary   Summary
}

func newSchedule(d *Dispatcher) *schedule {
	s := &schedule{
		parallel:  max(1, d.Parallel),
		lookAhead: d.LookAhead,
		retry:     d.Retry.orDefaults(),
		limits:    d.Limits,
		byLabel:   map[string]*lane{},
		byName:    map[string]*entry{},
		cancelled: map[string]*string{},
		ahead:     1,
		summary:   Summary{ByState: map[sweep.State]int{}},

		afterBystanders: d.AfterBystanders,
	}
	if s.lookAhead <= 0 {
		s.lookAhead = DefaultLookAhead
	}
	s.breaker.limit = s.retry.InARow
	return s
}

// laneOf returns the lane of a sweep.
func (s *schedule) laneOf(label string) *lane {
	l := s.byLabel[label]
	if l == nil {
		l = newLane(label, s.limits[label])
		s.byLabel[label] = l
		s.lanes = append(s.lanes, l)
		if s.summary.Halted != "" {
			l.close()
		}
	}
	return l
}

// add takes in a task that was read. It returns the entry if it is to be
// adopted, which is done at once whatever the bounds, and a word for the user
// if it is turned away for a reason that they may not know.
func (s *schedule) add(t Task) (adopt *entry, notice string) {
	e := &entry{
		Task:  t,
		order: s.summary.Total,
		name:  sweep.RunName(t.Experiment.Name, t.Number),
		lane:  s.laneOf(t.Experiment.Sweep),
		why:   t.Why,
		used:  triesOf(string(t.Why)),
	}
	if s.byName[e.name] != nil {
		return nil, e.name + " was asked for twice; it runs once"
	}
	if t.Bystander {
		s.bystanders++
	} else {
		s.summary.Total++
	}
	if e.cancelled = s.cancelled[e.name]; e.cancelled == nil {
		e.cancelled = e.lane.cancelled
	}
	switch {
	case t.Adopt != nil:
		e.used = triesOf(t.Adopt.Why)
		e.row = Intended{ID: t.Adopt.ID, Number: t.Adopt.Number}
		s.byName[e.name] = e
		s.launch(e)
		return e, ""
	case s.stopped(e.lane):
		s.drop(e)
	case e.cancelled != nil:
		s.drop(e)
		if e.cancelled != e.lane.cancelled {
			return nil, e.name + " is not started: " + *e.cancelled
		}
	default:
		s.byName[e.name] = e
		s.wait(e)
	}
	return nil, ""
}

// wait puts e among those to be intended; a retry before what is fresh.
func (s *schedule) wait(e *entry) {
	e.phase = waiting
	s.waiting++
	if !e.used.any() {
		e.lane.waiting = append(e.lane.waiting, e)
		return
	}
	at := slices.IndexFunc(e.lane.waiting, func(w *entry) bool { return !w.used.any() })
	if at < 0 {
		at = len(e.lane.waiting)
	}
	e.lane.waiting = slices.Insert(e.lane.waiting, at, e)
}

// launch gives e its place.
func (s *schedule) launch(e *entry) {
	e.phase = flying
	e.lane.inFlight++
	s.inFlight++
}

// stopped reports whether nothing more of l is launched.
func (s *schedule) stopped(l *lane) bool { return s.summary.Halted != "" || l.halted != "" }

// mustWait reports whether nothing may be started yet.
func (s *schedule) mustWait() bool { return s.afterBystanders && s.bystanders > 0 }

// unneeded are the bystanders once they stand in nobody's way: nothing else is
// to be done, or nothing more is started.
func (s *schedule) unneeded() (entries []*entry) {
	if s.bystanders == 0 || s.summary.Halted == "" && len(s.byName) > s.bystanders {
		return nil
	}
	for _, e := range s.byName {
		if e.Bystander && e.phase == flying {
			entries = append(entries, e)
		}
	}
	return entries
}

// room is how many places nothing intended can fill.
func (s *schedule) room() int {
	room := s.parallel - s.inFlight
	for _, l := range s.lanes {
		room -= min(l.free(), l.reserved())
	}
	return room
}

// wantsTask reports whether another task is to be read.
func (s *schedule) wantsTask() bool {
	switch {
	case s.summary.Halted != "":
		return true
	case len(s.byName)-s.inFlight >= s.lookAhead:
		return false
	case s.waiting < prefetch:
		return true
	case s.breaker.open():
		return false
	}
	// Places are free that none of the sweeps read so far may fill.
	return s.room() > 0 && s.nextToIntend() == nil
}

// nextToIntend is the first entry in plan order that is worth recording.
func (s *schedule) nextToIntend() *entry {
	if s.waiting == 0 || s.mustWait() {
		return nil
	}
	room := s.room()
	var next *entry
	for _, l := range s.lanes {
		if len(l.waiting) == 0 || !s.permits(l.waiting[0]) {
			continue
		}
		head := l.waiting[0]
		soon := room > 0 && l.reserved() < l.free()
		probe := s.breaker.open() && head.used.any()
		if (soon || probe || s.topUp(l)) && (next == nil || head.order < next.order) {
			next = head
		}
	}
	return next
}

// permits reports whether the breaker lets e through: everything while it is
// closed, then retries, and if there is none to learn from, one fresh entry.
func (s *schedule) permits(e *entry) bool {
	return !s.breaker.open() || e.used.any() || s.suspects == 0 && s.probe == nil
}

// suspect notes whether e is to show if the machinery works again.
func (s *schedule) suspect(e *entry, is bool) {
	switch {
	case is && !e.suspect:
		s.suspects++
	case !is && e.suspect:
		s.suspects--
	}
	e.suspect = is
	if !is && s.probe == e {
		s.probe = nil
	}
}

// topUp reports whether l has so little in reserve that a write is worth its
// while, or, as it is written anyway, has room for more.
func (s *schedule) topUp(l *lane) bool {
	if l.writing {
		return l.reserved() < s.ahead
	}
	return l.reserved() < (s.ahead+1)/2
}

// batch takes what is to be intended in one go.
func (s *schedule) batch(now func() time.Time) []*entry {
	early := s.room() <= 0
	var batch []*entry
	for len(batch) < mostIntended {
		e := s.nextToIntend()
		if e == nil {
			break
		}
		s.waiting--
		pop(&e.lane.waiting)
		e.phase = intending
		e.lane.intending++
		e.lane.writing = true
		batch = append(batch, e)
	}
	for _, e := range batch {
		e.lane.writing = false
	}
	if early && len(batch) > 0 {
		s.pace(now())
	}
	return batch
}

// pace adapts how far to intend ahead to how fast attempts end, so that the
// reserve lasts for about a second.
func (s *schedule) pace(now time.Time) {
	switch since := now.Sub(s.topped); {
	case since < oftenAhead:
		s.ahead = min(2*s.ahead, mostAhead)
	case since > seldomAhead:
		s.ahead = max(s.ahead/2, 1)
	}
	s.topped = now
}

// intended takes in what the record says of a batch. Without rows, nothing was
// recorded.
func (s *schedule) intended(batch []*entry, rows []Intended) {
	for i, e := range batch {
		e.lane.intending--
		if rows == nil {
			s.giveUp(e)
			continue
		}
		e.row, e.phase = rows[i], ready
		if e.cancelled != nil || s.stopped(e.lane) {
			s.abandon(e)
		} else {
			e.lane.ready = append(e.lane.ready, e)
		}
	}
}

// nextStart takes the first ready entry in plan order for which there is a
// place, or returns nil.
func (s *schedule) nextStart() *entry {
	if s.mustWait() || s.inFlight >= s.parallel || s.unsaved >= max(mostUnsaved, 2*s.parallel) {
		return nil
	}
	var next *entry
	for _, l := range s.lanes {
		if len(l.ready) == 0 || l.free() == 0 {
			continue
		}
		i := slices.IndexFunc(l.ready, s.permits)
		if i >= 0 && (next == nil || l.ready[i].order < next.order) {
			next = l.ready[i]
		}
	}
	if next != nil {
		take(&next.lane.ready, next)
		s.launch(next)
		if s.breaker.open() && !next.used.any() {
			s.probe = next
		}
	}
	return next
}

// starved makes the schedule intend further ahead if l's place, just freed,
// waits for the record and for nothing else.
func (s *schedule) starved(l *lane) {
	if l.free() > 0 && len(l.ready) == 0 && len(l.waiting)+l.intending > 0 && !s.breaker.open() {
		s.ahead = min(2*s.ahead, mostAhead)
	}
}

// rest makes e wait until due.
func (s *schedule) rest(e *entry, due time.Time) {
	e.phase, e.due = resting, due
	at, _ := slices.BinarySearchFunc(s.resting, due, func(r *entry, t time.Time) int { return r.due.Compare(t) })
	s.resting = slices.Insert(s.resting, at, e)
}

// wake lets those wait again whose rest is over.
func (s *schedule) wake(now time.Time) {
	for len(s.resting) > 0 && !s.resting[0].due.After(now) {
		s.wait(pop(&s.resting))
	}
}

// idle reports whether nothing is left to be done with what was read.
func (s *schedule) idle() bool { return len(s.byName) == 0 && s.unsaved == 0 }

// settling reports whether nothing happens until what has ended is settled.
func (s *schedule) settling() bool {
	return s.unsaved > 0 && s.inFlight+s.waiting == 0 &&
		!slices.ContainsFunc(s.lanes, func(l *lane) bool { return l.reserved() > 0 })
}
