package runner_test

import (
	"context"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// A retry that a stop prevents is on record, whenever the stop came: the next
// apply sees an attempt that was intended and not started.
func TestRetryThatAStopPrevents(t *testing.T) {
	for name, outcome := range map[string]sweep.Outcome{"in its attempt": exits(1), "in its pause": brokenMachine} {
		t.Run(name, func(t *testing.T) {
			stop := make(chan struct{})
			g := newRig(1, func(context.Context, runner.Attempt) (sweep.Outcome, error) {
				if name == "in its attempt" {
					close(stop)
				}
				return outcome, nil
			})
			g.Stop = stop
			if name == "in its pause" {
				now, clock := time.Unix(1e9, 0), &woken{}
				clock.now.Store(&now)
				g.Clock = clock
				listen := g.Events
				g.Events = func(e runner.Event) {
					if listen(e); len(heard[runner.Ended](g)) == 1 && !closed(stop) {
						close(stop)
					}
				}
			}
			sum, err := g.run(t.Context(), t, task("a", 7, sweep.Command{Retries: 2}))
			if err != nil || sum.NotStarted != 1 || sum.Attempts != 1 || sum.Halted != "stopped" {
				t.Fatalf("%+v, %v", sum, err)
			}
			if got := g.record.states(7); !slices.Equal(got, []sweep.State{sweep.Failed, sweep.Interrupted}) {
				t.Errorf("%v", got)
			}
			resumed := task("a", 7, sweep.Command{Retries: 2})
			resumed.Why = g.record.reasons(7)[1]
			again := newRig(1, func(context.Context, runner.Attempt) (sweep.Outcome, error) { return exits(1), nil })
			again.Run(t.Context(), seq([]runner.Task{resumed}))
			if n := len(again.record.reasons(7)); name == "in its attempt" && n != 2 {
				t.Errorf("%d more attempts; one of two retries was used up", n)
			}
		})
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// What cannot be recorded any more is counted as it ended.
func TestRetryThatNobodyCanRecord(t *testing.T) {
	stop := make(chan struct{})
	g := newRig(1, func(context.Context, runner.Attempt) (sweep.Outcome, error) {
		close(stop)
		return exits(1), nil
	})
	g.Stop = stop
	g.record.intend = func(in runner.Intent) error {
		if in.Why != "new" {
			return syscall.ENOSPC
		}
		return nil
	}
	if sum, err := g.run(t.Context(), t, task("a", 7, sweep.Command{Retries: 2})); err != nil || sum.ByState[sweep.Failed] != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// The bubble's clock: 40 minutes each, an hour in all.
func TestNothingStartsAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(1, func(context.Context, runner.Attempt) (sweep.Outcome, error) {
			time.Sleep(40 * time.Minute)
			return exits(0), nil
		})
		g.Clock = nil
		g.Until = runner.Deadline{Time: time.Now().Add(time.Hour).Round(0), Why: "until 06:00"}
		sum, err := g.run(t.Context(), t, tasksOf("a", 0, 5)...)
		if err != nil || sum.Succeeded != 2 || sum.NotStarted != 3 || sum.Halted != "until 06:00" {
			t.Fatalf("%+v, %v", sum, err)
		}
	})
}

// woken is the clock of a machine that slept: its timers have not moved.
type woken struct{ now atomic.Pointer[time.Time] }

func (w *woken) Now() time.Time                       { return *w.now.Load() }
func (w *woken) After(time.Duration) <-chan time.Time { return nil }

func TestDeadlineThatPassedAsleep(t *testing.T) {
	evening := time.Unix(1e9, 0)
	morning, clock := evening.Add(time.Hour), &woken{}
	clock.now.Store(&evening)
	g := newRig(1, func(context.Context, runner.Attempt) (sweep.Outcome, error) {
		clock.now.Store(&morning)
		return exits(0), nil
	})
	g.Clock, g.Until = clock, runner.Deadline{Time: morning.Add(-time.Minute), Why: "it is late"}
	if sum, err := g.run(t.Context(), t, tasksOf("a", 0, 5)...); err != nil || sum.Succeeded != 1 || sum.NotStarted != 4 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// bystander is the task of an attempt that nobody wants any more.
func (g *rig) bystander(label string, n int) runner.Task {
	t := task(label, n, sweep.Command{Retries: 2})
	t.Adopt, t.Bystander = g.record.earlier(t.RecordID), true
	return t
}

// It holds its place while there is work, is recorded if it ends meanwhile, and
// left alone after that.
func TestBystandersHoldTheirPlaces(t *testing.T) {
	var live, most atomic.Int32
	done := make(chan struct{})
	g := newRig(3, nil)
	g.place.program = func(ctx context.Context, a runner.Attempt) (sweep.Outcome, error) {
		defer live.Add(-1)
		if n := live.Add(1); n > most.Load() {
			most.Store(n)
		}
		switch a.RunName {
		case "ex-90":
			return exits(1), nil
		case "ex-91":
			return untilEnded(ctx)
		case "ex-5":
			close(done)
		}
		return exits(0), nil
	}
	g.Limits = map[string]runner.Limits{"a": {MaxParallel: 2, FailFast: true}}
	sum, err := g.run(t.Context(), t, append([]runner.Task{g.bystander("a", 90), g.bystander("a", 91)}, tasksOf("a", 0, 6)...)...)
	<-done
	if err != nil || sum.Total != 6 || sum.Succeeded != 6 || sum.Failed+sum.Live+sum.NotStarted != 0 || sum.Attempts != 6 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if most.Load() > 2 {
		t.Errorf("%d live at once, the bound is 2", most.Load())
	}
	if got := g.record.states(90); !slices.Equal(got, []sweep.State{sweep.Failed, sweep.Interrupted}) {
		t.Errorf("%v", got)
	}
}

func TestNothingStartsBeforeTheBystandersHaveEnded(t *testing.T) {
	var over atomic.Bool
	g := newRig(4, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		switch {
		case a.Bystander:
			over.Store(true)
		case !over.Load():
			t.Errorf("%s was started before", a.RunName)
		}
		return exits(0), nil
	})
	g.AfterBystanders = true
	if sum, err := g.run(t.Context(), t, append([]runner.Task{g.bystander("b", 90)}, tasksOf("a", 0, 6)...)...); err != nil || sum.Succeeded != 6 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestStopLeavesBystandersAlone(t *testing.T) {
	stop := make(chan struct{})
	g := newRig(4, func(ctx context.Context, _ runner.Attempt) (sweep.Outcome, error) {
		close(stop)
		return untilEnded(ctx)
	})
	g.AfterBystanders, g.Stop = true, stop
	sum, err := g.run(t.Context(), t, append([]runner.Task{g.bystander("b", 90)}, tasksOf("a", 0, 6)...)...)
	if err != nil || sum.NotStarted != 6 || sum.Live != 0 || g.left() != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// What waits for room when launching ends is not started, and is no failure.
func TestStopOfWhatWaitsForRoom(t *testing.T) {
	stop := make(chan struct{})
	var waiting atomic.Int32
	g := newRig(8, func(ctx context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if waiting.Add(1) == 4 {
			close(stop)
		}
		ctx, cancel := a.Launching(ctx)
		defer cancel()
		<-ctx.Done()
		return sweep.Outcome{}, context.Cause(ctx)
	})
	g.place.works = func(runner.Attempt) bool { return false }
	g.Stop = stop
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 4)...)
	if err != nil || sum.NotStarted != 4 || len(heard[runner.Notice](g)) > 0 {
		t.Fatalf("%+v, %v, %v", sum, err, heard[runner.Notice](g))
	}
	for _, e := range heard[runner.Ended](g) {
		if !e.Unstarted() || e.Retry {
			t.Errorf("%+v", e)
		}
	}
	for n := range 4 {
		if got := g.record.states(int64(n)); !slices.Equal(got, []sweep.State{sweep.Interrupted}) {
			t.Errorf("ex-%d: %v", n, got)
		}
	}
}
