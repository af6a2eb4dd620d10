package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lxsweep/lxsweep/sweep"
)

// start puts an entry that has its place in flight.
func (l *loop) start(e *entry) {
	ctx, end := context.WithCancelCause(l.ctx)
	e.end = end
	if e.cancelled != nil {
		end(&Ending{State: sweep.Cancelled, Reason: *e.cancelled})
	}
	if !e.Bystander {
		l.schedule.summary.Attempts++
	}
	l.flushed = false
	l.group.Go(func() error {
		defer end(nil)
		l.live(ctx, e)
		return nil
	})
}

// flight is one attempt in its goroutine's hands.
type flight struct {
	entry   *entry
	attempt Attempt
	told    bool // the hooks know of it
	ran     bool // the runner knows of it
}

// live is the life of one attempt, from its start to its release.
func (l *loop) live(ctx context.Context, e *entry) {
	if e.adopted() {
		l.findAgain(e)
	}
	f := &flight{entry: e, attempt: attemptOf(e)}
	o, err := l.execute(ctx, f)
	if err != nil {
		l.leave(e, err)
		return
	}
	saved := l.settle(f.attempt.ID, o)
	v := l.end(e, o, ctx.Err() != nil)
	l.tell(Ended{Attempt: f.attempt, Outcome: o, State: v.state, Retry: v.retry, Backoff: v.next.pause})
	for _, event := range v.then {
		l.tell(event)
	}
	err = <-saved
	if err == nil && f.told {
		l.hooks.after(ctx, f.attempt, o)
	}
	if err == nil && f.ran {
		l.release(ctx, f.attempt)
	}
	l.finish(e, v, err)
}

// attemptOf is what the runner gets to see of e.
func attemptOf(e *entry) Attempt {
	return Attempt{
		ID:         e.row.ID,
		Number:     e.row.Number,
		Experiment: e.Experiment,
		RunName:    e.name,
		JobID:      e.Number,
		Command:    e.command,
		Adopt:      e.adopted(),
		Bystander:  e.Bystander,
		Halt:       e.lane.over,
	}
}

// findAgain resolves the command of an attempt to adopt. What it has to tell
// about the program that runs already is where it writes.
func (l *loop) findAgain(e *entry) {
	var err error
	if e.command, err = l.command(e); err != nil {
		l.tell(Notice{e.name + " is adopted, but its command cannot be told again: " + firstLine(err)})
	}
	if dir := e.Adopt.OutputDir; dir != "" {
		e.command.OutputDir = dir
	}
}

// execute runs the attempt to its end. An error means that it has none that we
// know of: the program goes on, or may.
func (l *loop) execute(ctx context.Context, f *flight) (sweep.Outcome, error) {
	if f.entry.unresolved != nil {
		return sweep.Outcome{
			State: sweep.Failed, Class: sweep.User, Code: sweep.CodeUnknown,
			Reason: "its work cannot be resolved: " + firstLine(f.entry.unresolved),
		}, nil
	}
	if !l.prepare(ctx, f) {
		return endedBy(context.Cause(ctx), "before it was started"), nil
	}
	f.ran = true
	var o sweep.Outcome
	err := guard(func() (err error) {
		o, err = l.Runner.Run(ctx, f.attempt, func(c Change) { l.changed(f, c) })
		return err
	})
	if err == nil && !o.State.Final() {
		err = fmt.Errorf("the runner returned while the attempt was %q", o.State)
	}
	return judge(ctx, o, err)
}

// prepare tells the hooks and gives the attempt its environment. It reports
// whether the attempt is still to be run; an adopted one always is.
func (l *loop) prepare(ctx context.Context, f *flight) bool {
	if f.attempt.Adopt {
		f.told = true
		equip(&f.attempt, nil)
		return true
	}
	if ctx.Err() == nil {
		f.told = true
		equip(&f.attempt, l.hooks.before(ctx, f.attempt))
	}
	return ctx.Err() == nil
}

// judge makes an outcome of a runner's error, where that is what it means.
func judge(ctx context.Context, o sweep.Outcome, err error) (sweep.Outcome, error) {
	cause := context.Cause(ctx)
	var crash *panicked
	end := new(Ending)
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, ErrDetach), errors.As(err, &crash), errors.Is(cause, ErrDetach):
		return o, err
	case cause != nil && (errors.Is(err, cause) || errors.Is(err, context.Canceled)):
		return endedBy(cause, "while the runner waited for it"), nil
	case errors.As(err, &end):
		return endedBy(end, ""), nil
	}
	return sweep.Outcome{
		State: sweep.Failed, Class: sweep.Infrastructure, Code: sweep.CodeUnknown, Reason: firstLine(err),
	}, nil
}

// endedBy is the outcome of an attempt that has run no program, by the cause of
// its cancelled context.
func endedBy(cause error, when string) sweep.Outcome {
	o := sweep.Outcome{State: sweep.Interrupted, Reason: "interrupted " + when, Code: sweep.CodeUnknown}
	if end := new(Ending); errors.As(cause, &end) {
		o.State, o.Reason = end.State, end.Reason
	}
	return o
}

// changed passes on what a runner says of an attempt.
func (l *loop) changed(f *flight, c Change) {
	a := &f.attempt
	l.Recorder.Changed(a.ID, c)
	switch {
	case c.State.Final():
		l.news <- func() { l.schedule.vacate(f.entry) }
	case c.State == sweep.Queued:
		l.tell(Queued{Attempt: *a, Time: c.Time, Waiting: c.Waiting})
	case c.State == sweep.Running:
		if l.troubled.Load() && !a.Adopt {
			l.news <- func() {
				l.troubled.Store(false)
				l.say(l.schedule.running()...)
			}
		}
		l.tell(Started{Attempt: *a, Time: c.Time, Log: c.Log})
	}
}

// settle hands an outcome over to the record, and returns where the record
// says that it is durable, or why it cannot be.
func (l *loop) settle(id int64, o sweep.Outcome) <-chan error {
	saved := make(chan error, 1)
	l.Recorder.Settle(id, o, func(err error) {
		select {
		case saved <- err:
		default: // it was called before
		}
	})
	return saved
}

// end frees the attempt's place and returns what follows.
func (l *loop) end(e *entry, o sweep.Outcome, ours bool) verdict {
	reply := make(chan verdict, 1)
	l.news <- func() {
		v := l.schedule.ended(e, o, ours)
		if v.broken != nil {
			l.errs = append(l.errs, v.broken)
		}
		l.say(v.notices...)
		l.troubled.Store(l.schedule.breaker.inRow > 0)
		reply <- v
	}
	return <-reply
}

// release lets the runner let go of a settled attempt.
func (l *loop) release(ctx context.Context, a Attempt) {
	err := guard(func() error { return l.Runner.Release(context.WithoutCancel(ctx), a) })
	if err != nil {
		l.tell(Notice{fmt.Sprintf("what the runner keeps of %s, attempt %d, could not be cleared: %s", a.RunName, a.Number, firstLine(err))})
	}
}

// finish is the last of an attempt. err says that it could not be settled.
func (l *loop) finish(e *entry, v verdict, err error) {
	l.news <- func() {
		if err != nil {
			l.fail(fmt.Errorf("an outcome could not be recorded, the runner keeps it: %w", err))
		}
		l.schedule.finished(e, err == nil, v, l.clock.Now())
	}
}

// leave reports that an attempt is left as it is, its row open: the next apply
// finds out about it.
func (l *loop) leave(e *entry, err error) {
	l.news <- func() {
		l.schedule.left(e)
		if crash := new(panicked); errors.As(err, &crash) {
			l.fail(fmt.Errorf("the runner: %w", err))
		} else if errors.Is(err, ErrBroken) {
			l.fail(fmt.Errorf("%s: %w", e.name, err))
			l.detach(ErrDetach)
		} else if context.Cause(l.ctx) == nil {
			l.say(Notice{fmt.Sprintf("%s was lost sight of, the next apply looks for it: %s", e.name, firstLine(err))})
		}
	}
}

// owe records retries that are not made, as intended and never started, so that
// the next apply makes them.
func (l *loop) owe(entries []*entry) {
	for owed := range slices.Chunk(entries, mostIntended) {
		rows, err := l.record(owed)
		recorded := make(chan struct{})
		l.news <- func() {
			l.schedule.recorded(owed, rows)
			close(recorded)
		}
		if <-recorded; err == nil {
			l.bury(owed)
		}
	}
}

// bury settles attempts that were intended and will never start.
func (l *loop) bury(entries []*entry) {
	saved := make([]<-chan error, len(entries))
	for i, e := range entries {
		a := attemptOf(e)
		o := sweep.Outcome{State: sweep.Interrupted, Reason: notLaunched, Code: sweep.CodeUnknown}
		if e.cancelled != nil {
			o.State, o.Reason = sweep.Cancelled, *e.cancelled
			l.tell(Ended{Attempt: a, Outcome: o, State: o.State})
		}
		saved[i] = l.settle(a.ID, o)
	}
	l.flush()
	for i, e := range entries {
		l.finish(e, verdict{}, <-saved[i])
	}
}

// flush hastens what the record was given. What cannot be saved is told to
// those who gave it.
func (l *loop) flush() { _ = l.Recorder.Flush(context.WithoutCancel(l.ctx)) }
