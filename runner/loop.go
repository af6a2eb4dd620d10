package runner

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lxsweep/lxsweep/sweep"
)

// loop is one Run: the schedule, the goroutine that owns it, and the way in
// for everybody else. The goroutine never waits for a runner, a recorder, a hook
// or the listener, only for news.
type loop struct {
	*Dispatcher
	ctx      context.Context
	detach   context.CancelCauseFunc // ends ctx
	clock    Clock
	schedule *schedule
	teller   *teller
	hooks    *hooks
	// host and boot are the runner's place.
	host, boot string

	// news is what happened elsewhere, to be applied by the loop's goroutine.
	news  chan func()
	group errgroup.Group

	stop    <-chan struct{}
	done    <-chan struct{}
	cancels <-chan Cancel
	tasks   <-chan given

	outbox    []Event     // of the loop itself
	troubled  atomic.Bool // the breaker counts: the loop wants to hear of starts
	alarm     <-chan time.Time
	alarmDue  time.Time
	glance    <-chan time.Time // when to look at the clock for Until
	intending bool
	flushed   bool // since the last end of an attempt
	errs      []error
}

// given is what the sequence of tasks yields.
type given struct {
	task Task
	err  error
}

func newLoop(ctx context.Context, d *Dispatcher) *loop {
	ctx, detach := context.WithCancelCause(ctx)
	l := &loop{
		Dispatcher: d,
		ctx:        ctx,
		detach:     detach,
		clock:      d.Clock,
		schedule:   newSchedule(d),
		teller:     newTeller(d.Events),
		news:       make(chan func(), 16),
		stop:       d.Stop,
		done:       ctx.Done(),
		cancels:    d.Cancels,
	}
	if l.clock == nil {
		l.clock = machineClock{}
	}
	l.hooks = newHooks(d.Hooks, d.HookTimeout, l.clock, l.tell)
	l.host, l.boot = d.Runner.Host()
	return l
}

func (l *loop) run(tasks iter.Seq2[Task, error]) (Summary, error) {
	defer l.detach(nil)
	l.tasks = l.read(tasks)
	for l.advance() {
		l.await()
	}
	_ = l.group.Wait() // its functions return nil
	if err := l.Recorder.Flush(context.WithoutCancel(l.ctx)); err != nil {
		l.fail(fmt.Errorf("the record: %w", err))
	}
	for _, e := range l.outbox {
		l.tell(e)
	}
	l.hooks.wait()
	l.tell(Finished{l.schedule.summary})
	if err := l.teller.close(); err != nil {
		l.errs = append(l.errs, err)
	}
	return l.schedule.summary, errors.Join(l.errs...)
}

// read pulls the tasks on a goroutine of its own, which ends with them.
func (l *loop) read(tasks iter.Seq2[Task, error]) <-chan given {
	c := make(chan given, 32)
	l.group.Go(func() error {
		defer close(c)
		err := guard(func() error {
			for t, err := range tasks {
				if err != nil {
					return err
				}
				c <- given{task: t}
			}
			return nil
		})
		if err != nil {
			c <- given{err: err}
		}
		return nil
	})
	return c
}

// advance does everything that can be done now, and reports whether there is
// anything left to wait for.
func (l *loop) advance() bool {
	l.hear()
	s := l.schedule
	if due := l.Until.Time; !due.IsZero() && !l.clock.Now().Round(0).Before(due) {
		l.say(s.haltAll(l.Until.Why)...)
	}
	if len(s.resting) > 0 {
		s.wake(l.clock.Now())
	}
	for e := s.nextStart(); e != nil; e = s.nextStart() {
		l.start(e)
	}
	if !l.intending {
		l.intend(s.batch(l.clock.Now))
	}
	if l.tasks == nil && !l.intending {
		for _, e := range s.unneeded() {
			e.end(ErrDetach)
		}
	}
	if entries := s.owed; len(entries) > 0 {
		s.owed = nil
		l.group.Go(func() error { l.owe(entries); return nil })
	}
	if entries := s.abandoned; len(entries) > 0 {
		s.abandoned = nil
		l.group.Go(func() error { l.bury(entries); return nil })
	}
	if l.tasks == nil && s.settling() && !l.flushed {
		l.flushed = true
		l.group.Go(func() error { l.flush(); return nil })
	}
	return l.tasks != nil || l.intending || !s.idle()
}

// hear takes in what must not wait behind other news: after a stop or a cancel
// that was sent, nothing more of it is started.
func (l *loop) hear() {
	for {
		select {
		case <-l.stop:
			l.stopped()
		case <-l.done:
			l.interrupted()
		case c, ok := <-l.cancels:
			l.cancelled(c, ok)
		default:
			return
		}
	}
}

// await waits for one piece of news.
func (l *loop) await() {
	var tasks <-chan given
	if l.schedule.wantsTask() {
		tasks = l.tasks
	}
	var out chan<- Event
	var event Event
	if len(l.outbox) > 0 {
		out, event = l.teller.in, l.outbox[0]
	}
	select {
	case apply := <-l.news:
		apply()
	case g, ok := <-tasks:
		l.given(g, ok)
	case out <- event:
		l.outbox = l.outbox[1:]
	case <-l.restOver():
		l.alarm = nil
	case <-l.untilOver():
		l.glance = nil
	case <-l.stop:
		l.stopped()
	case <-l.done:
		l.interrupted()
	case c, ok := <-l.cancels:
		l.cancelled(c, ok)
	}
}

// mostBlind is how long the clock is not looked at while Until is to come: a
// machine's timers stand still while it sleeps.
const mostBlind = 10 * time.Second

// untilOver returns a channel on which something is sent when Until may have
// come.
func (l *loop) untilOver() <-chan time.Time {
	if l.Until.Time.IsZero() || l.schedule.summary.Halted != "" {
		return nil
	}
	if l.glance == nil {
		l.glance = l.clock.After(min(l.Until.Time.Sub(l.clock.Now().Round(0)), mostBlind))
	}
	return l.glance
}

// restOver returns a channel on which something is sent when the first of the
// resting entries is to go on.
func (l *loop) restOver() <-chan time.Time {
	if len(l.schedule.resting) == 0 {
		return nil
	}
	if due := l.schedule.resting[0].due; l.alarm == nil || !due.Equal(l.alarmDue) {
		l.alarm, l.alarmDue = l.clock.After(due.Sub(l.clock.Now())), due
	}
	return l.alarm
}

func (l *loop) stopped() {
	l.stop = nil
	l.say(l.schedule.haltAll("stopped")...)
}

func (l *loop) interrupted() {
	l.done = nil
	why := "interrupted"
	if end := new(Ending); errors.As(context.Cause(l.ctx), &end) {
		why = end.Reason
	} else if errors.Is(context.Cause(l.ctx), ErrDetach) {
		why = ErrDetach.Error()
	}
	l.say(l.schedule.haltAll(why)...)
}

func (l *loop) cancelled(c Cancel, ok bool) {
	if !ok {
		l.cancels = nil
		return
	}
	l.say(l.schedule.cancel(c)...)
}

// given takes in a task, or the end of them.
func (l *loop) given(g given, ok bool) {
	switch {
	case !ok:
		l.tasks = nil
	case g.err != nil:
		l.fail(fmt.Errorf("the plan: %w", g.err))
	default:
		adopt, notice := l.schedule.add(g.task)
		if notice != "" {
			l.say(Notice{notice})
		}
		if adopt != nil {
			l.start(adopt)
		}
	}
}

// fail halts launching for an error that Run returns. Of many alike, the first
// is kept.
func (l *loop) fail(err error) {
	for _, known := range l.errs {
		if known.Error() == err.Error() {
			return
		}
	}
	if len(l.errs) < 8 {
		l.errs = append(l.errs, err)
	}
	l.say(l.schedule.haltAll(firstLine(err))...)
}

// say lets the loop's own goroutine tell something without waiting.
func (l *loop) say(events ...Event) {
	if l.Events != nil {
		l.outbox = append(l.outbox, events...)
	}
}

// tell is for every other goroutine.
func (l *loop) tell(e Event) { l.teller.tell(e) }

// intend records a batch on a goroutine of its own, one at a time.
func (l *loop) intend(batch []*entry) {
	if len(batch) == 0 {
		return
	}
	l.intending = true
	l.group.Go(func() error {
		rows, err := l.record(batch)
		l.news <- func() {
			l.intending = false
			if err != nil {
				l.fail(fmt.Errorf("nothing is started without a record: %w", err))
			}
			l.schedule.intended(batch, rows)
		}
		return nil
	})
}

// record resolves entries and records an attempt of each, or none.
func (l *loop) record(batch []*entry) ([]Intended, error) {
	intents := make([]Intent, len(batch))
	for i, e := range batch {
		intents[i] = l.resolve(e)
	}
	rows, err := l.Recorder.Intend(context.WithoutCancel(l.ctx), intents)
	if err == nil && len(rows) != len(batch) {
		err = fmt.Errorf("%d rows for %d attempts", len(rows), len(batch))
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// resolve fills in where e's attempt runs. An attempt whose work cannot be
// resolved is recorded all the same, and fails.
func (l *loop) resolve(e *entry) Intent {
	e.command, e.unresolved = l.command(e)
	return Intent{
		RecordID:  e.RecordID,
		Work:      e.Experiment.WorkHash,
		Command:   e.command.Line(),
		Script:    e.command.Script(),
		Why:       e.why,
		Runner:    l.Runner.Name(),
		Host:      l.host,
		Boot:      l.boot,
		OutputDir: e.command.OutputDir,
	}
}

// command resolves e's work, or returns the one that the plan showed and why
// it could not.
func (l *loop) command(e *entry) (c sweep.Command, err error) {
	err = guard(func() error {
		c, err = e.Experiment.Work.Resolve(sweep.Place{
			Runner:     l.Runner.Name(),
			RunName:    e.name,
			Number:     e.Number,
			Round:      e.Experiment.Round,
			OutputName: e.OutputName,
		})
		return err
	})
	if err != nil {
		return e.Experiment.Command, err
	}
	return c, nil
}

// panicked is a panic that was caught.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// guard calls f and returns its panic as an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{p, debug.Stack()}
		}
	}()
	return f()
}
