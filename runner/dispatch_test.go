package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestRunsEverything(t *testing.T) {
	g := newRig(4, succeeds)
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 1000)...)
	if err != nil || sum.Total != 1000 || sum.Succeeded != 1000 || sum.Attempts != 1000 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if n := len(heard[runner.Started](g)); n != 1000 {
		t.Errorf("%d started events", n)
	}
	if len(g.record.batches) > 500 {
		t.Errorf("%d writes for 1000 attempts", len(g.record.batches))
	}
}

func TestNothingToDo(t *testing.T) {
	g := newRig(0, succeeds)
	if sum, err := g.run(t.Context(), t); err != nil || sum.Total != 0 || len(g.events) != 1 {
		t.Fatalf("%+v, %v, %v", sum, err, g.events)
	}
}

// A sweep at its bound, whose tasks all come first, does not hold up another.
func TestSweepAtItsBoundHoldsUpNoOther(t *testing.T) {
	others := make(chan struct{})
	var seen atomic.Int32
	g := newRig(3, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.Experiment.Sweep == "b" && seen.Add(1) == 2 {
			close(others)
		}
		<-others // until two of the other sweep live too
		return exits(0), nil
	})
	g.Limits = map[string]runner.Limits{"a": {MaxParallel: 1}}
	sum, err := g.run(t.Context(), t, append(tasksOf("a", 0, 2000), tasksOf("b", 2000, 50)...)...)
	if err != nil || sum.Succeeded != 2050 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestReadsNoFurtherThanItLooksAhead(t *testing.T) {
	var yielded, finished atomic.Int64
	const ahead = 100
	g := newRig(2, func(context.Context, runner.Attempt) (sweep.Outcome, error) {
		finished.Add(1)
		return exits(0), nil
	})
	g.LookAhead = ahead
	g.Limits = map[string]runner.Limits{"a": {MaxParallel: 1}}
	var furthest int64
	_, err := g.runSeq(t.Context(), t, func(yield func(runner.Task, error) bool) {
		for i := range 5000 {
			furthest = max(furthest, yielded.Add(1)-finished.Load())
			if !yield(task("a", i, sweep.Command{}), nil) {
				return
			}
		}
	})
	if err != nil || furthest > ahead+64 {
		t.Fatalf("read %d tasks ahead, %v", furthest, err)
	}
}

func TestAdoptedHoldTheirPlacesAboveTheBound(t *testing.T) {
	let := make(chan struct{})
	var mu sync.Mutex
	var order []bool
	g := newRig(2, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		mu.Lock()
		order = append(order, a.Adopt)
		if len(order) == 4 {
			close(let)
		}
		mu.Unlock()
		if a.Adopt {
			<-let // all four of them live at once
			if a.Command.OutputDir != "/earlier" {
				t.Errorf("adopted with output in %s", a.Command.OutputDir)
			}
		}
		return exits(0), nil
	})
	g.Limits = map[string]runner.Limits{"a": {MaxParallel: 1}}
	tasks := tasksOf("a", 0, 20)
	for i := range 4 {
		tasks[i].Adopt = g.record.earlier(tasks[i].RecordID)
	}
	sum, err := g.run(t.Context(), t, tasks...)
	if err != nil || sum.Succeeded != 20 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if slices.Contains(order[:4], false) || slices.Contains(order[4:], true) {
		t.Errorf("adopted: %v", order)
	}
}

func TestFailFastHaltsItsSweepOnly(t *testing.T) {
	bad := make(chan struct{})
	g := newRig(2, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.Experiment.Sweep == "a" {
			defer close(bad)
			return exits(1), nil
		}
		<-bad
		return exits(0), nil
	})
	g.Limits = map[string]runner.Limits{"a": {FailFast: true, MaxParallel: 1}}
	sum, err := g.run(t.Context(), t, append(tasksOf("a", 0, 30), tasksOf("b", 30, 30)...)...)
	if err != nil || sum.Failed != 1 || sum.ByState[sweep.Failed] != 1 || sum.NotStarted != 29 || sum.Succeeded != 30 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if h := heard[runner.Halted](g); len(h) != 1 || h[0] != (runner.Halted{Sweep: "a", Why: "ex-0 ended failed (fail_fast)"}) {
		t.Errorf("%v", h)
	}
}

func TestMaxFailures(t *testing.T) {
	g := newRig(1, func(context.Context, runner.Attempt) (sweep.Outcome, error) { return exits(1), nil })
	g.Limits = map[string]runner.Limits{"a": {MaxFailures: 3}}
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 100)...)
	if err != nil || sum.Failed != 3 || sum.NotStarted != 97 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if h := heard[runner.Halted](g); len(h) != 1 || h[0].Why != "3 experiments failed (max_failures)" {
		t.Errorf("%v", h)
	}
}

// A success without the objective's metric is a failure to a sweep, and a fact
// to the record.
func TestVerdictIsNotTheFact(t *testing.T) {
	g := newRig(1, succeeds)
	g.Limits = map[string]runner.Limits{"a": {FailFast: true}}
	tasks := tasksOf("a", 0, 2)
	for i := range tasks {
		tasks[i].Experiment.Objective = &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss"}}}
	}
	sum, err := g.run(t.Context(), t, tasks...)
	if err != nil || sum.ByState[sweep.NoResult] != 1 || sum.NotStarted != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if e := heard[runner.Ended](g); len(e) != 1 || e[0].State != sweep.NoResult || e[0].Outcome.State != sweep.Succeeded {
		t.Errorf("%v", e)
	}
	if s := g.record.states(0); !slices.Equal(s, []sweep.State{sweep.Succeeded}) {
		t.Errorf("recorded: %v", s)
	}
}

func TestStopWaitsForWhatRuns(t *testing.T) {
	stop := make(chan struct{})
	var once sync.Once
	g := newRig(3, func(context.Context, runner.Attempt) (sweep.Outcome, error) {
		once.Do(func() { close(stop) })
		<-stop
		return exits(0), nil
	})
	g.Stop = stop
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 500)...)
	if err != nil || sum.Total != 500 || sum.Succeeded > 3 || sum.Succeeded == 0 || sum.Failed != 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if h := heard[runner.Halted](g); len(h) != 1 || h[0].Sweep != "" {
		t.Errorf("%v", h)
	}
}

func TestStoppedBeforeItBegan(t *testing.T) {
	g := newRig(3, succeeds)
	stop := make(chan struct{})
	close(stop)
	g.Stop = stop
	if sum, err := g.run(t.Context(), t, tasksOf("a", 0, 50)...); err != nil || sum.NotStarted != 50 || sum.Attempts != 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestCause(t *testing.T) {
	for _, c := range []struct {
		name  string
		cause error
		state sweep.State
	}{
		{"interrupt", nil, sweep.Interrupted},
		{"ending", &runner.Ending{State: sweep.Cancelled, Reason: "enough"}, sweep.Cancelled},
		{"detach", runner.ErrDetach, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, end := context.WithCancelCause(t.Context())
			defer end(nil)
			var running atomic.Int32
			g := newRig(2, func(ctx context.Context, _ runner.Attempt) (sweep.Outcome, error) {
				if running.Add(1) == 2 {
					end(c.cause)
				}
				return untilEnded(ctx)
			})
			sum, err := g.run(ctx, t, tasksOf("a", 0, 10)...)
			if err != nil || sum.NotStarted != 8 {
				t.Fatalf("%+v, %v", sum, err)
			}
			if c.state == "" && sum.Live != 2 || c.state != "" && sum.ByState[c.state] != 2 {
				t.Errorf("%+v", sum)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	cancels := make(chan runner.Cancel)
	first := make(chan struct{})
	g := newRig(1, func(ctx context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.RunName != "ex-0" {
			return exits(0), nil
		}
		close(first)
		return untilEnded(ctx)
	})
	g.Cancels = cancels
	go func() {
		<-first
		cancels <- runner.Cancel{RunNames: []string{"ex-0", "ex-1", "ex-3", "ex-900"}, Reason: "not wanted"}
		close(cancels)
	}()
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 1000)...)
	if err != nil || sum.Succeeded != 996 || sum.ByState[sweep.Cancelled]+sum.NotStarted != 4 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if s := g.record.states(0); !slices.Equal(s, []sweep.State{sweep.Cancelled}) {
		t.Errorf("ex-0: %v", s)
	}
	for _, n := range []int64{1, 3, 900} {
		if s := g.record.states(n); len(s) > 1 || len(s) == 1 && s[0] != sweep.Cancelled {
			t.Errorf("ex-%d: %v", n, s)
		}
	}
}

func TestCancelSweep(t *testing.T) {
	cancels := make(chan runner.Cancel, 1)
	g := newRig(4, func(ctx context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.Experiment.Sweep == "b" {
			return exits(0), nil
		}
		select {
		case cancels <- runner.Cancel{Sweep: "a", Reason: "enough of a"}:
		default:
		}
		return untilEnded(ctx)
	})
	g.Cancels = cancels
	sum, err := g.run(t.Context(), t, append(tasksOf("a", 0, 400), tasksOf("b", 400, 20)...)...)
	if err != nil || sum.Succeeded != 20 || sum.ByState[sweep.Cancelled]+sum.NotStarted != 400 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestUnresolvableWorkIsAFailureOnRecord(t *testing.T) {
	g := newRig(2, succeeds)
	tasks := tasksOf("a", 0, 3)
	tasks[1].Experiment.Work = work{err: errors.New("grid.hcl:7: no such directory")}
	tasks[1].Experiment.Command.Retries = 3
	sum, err := g.run(t.Context(), t, tasks...)
	if err != nil || sum.Succeeded != 2 || sum.ByState[sweep.Failed] != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	r := g.record.byRecord[1]
	if len(r) != 1 || r[0].ran || !strings.Contains(r[0].outcome.Reason, "no such directory") {
		t.Errorf("%+v", r)
	}
}

func TestTheSameExperimentTwice(t *testing.T) {
	var first sync.Once
	again := make(chan struct{})
	g := newRig(2, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.RunName == "ex-0" {
			first.Do(func() { <-again })
		} else {
			close(again)
		}
		return exits(0), nil
	})
	tasks := append(tasksOf("a", 0, 1), append(tasksOf("b", 0, 1), tasksOf("a", 1, 1)...)...)
	sum, err := g.run(t.Context(), t, tasks...)
	if err != nil || sum.Total != 2 || sum.Succeeded != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if n := heard[runner.Notice](g); len(n) != 1 || n[0].Text != "ex-0 was asked for twice; it runs once" {
		t.Errorf("%v", n)
	}
}

// A place is free as soon as the runner says that the program has ended, while
// it still gathers what that left: here the first gathers until the last runs.
func TestEndedFreesItsPlaceBeforeItIsGathered(t *testing.T) {
	last := make(chan struct{})
	g := newRig(1, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.JobID == 9 {
			close(last)
		}
		return exits(0), nil
	})
	g.place.gather = func(a runner.Attempt) {
		if a.JobID == 0 {
			<-last
		}
	}
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 10)...)
	if err != nil || sum.Succeeded != 10 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// What is gathered when the runner is left, is left.
func TestLeftWhileItIsGathered(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	g := newRig(1, func(context.Context, runner.Attempt) (sweep.Outcome, error) { return exits(0), runner.ErrDetach })
	g.place.gather = func(runner.Attempt) { cancel(runner.ErrDetach) }
	sum, err := g.run(ctx, t, tasksOf("a", 0, 1)...)
	if err != nil || sum.Live != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
}
