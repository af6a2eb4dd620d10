package runner_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// scenario is a Run with everything in it that can happen: the ends of each
// experiment's attempts, and what somebody does at the nth start.
type scenario struct {
	parallel int
	limits   map[string]runner.Limits
	policy   runner.RetryPolicy
	tasks    []runner.Task
	adopted  map[int]bool
	stand    int // the first so many of those are bystanders
	after    bool
	ends     map[string][]end // by run name, one for each attempt; the last goes on
	acts     map[int]act      // by the number of attempts begun
}

// end is how an attempt ends.
type end string

var ends = []end{"succeeds", "succeeds", "fails", "oom", "machine", "error", "waits", "lost"}

// act is what somebody does.
type act struct {
	kind string
	name string
}

func scenarios(t *rapid.T) *scenario {
	s := &scenario{
		parallel: rapid.IntRange(1, 6).Draw(t, "parallel"),
		limits:   map[string]runner.Limits{},
		adopted:  map[int]bool{},
		ends:     map[string][]end{},
		acts:     map[int]act{},
	}
	s.policy.Infrastructure = rapid.SampledFrom([]int{-1, 1, 3}).Draw(t, "infrastructure retries")
	sweeps := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "sweeps")]
	for _, label := range sweeps {
		s.limits[label] = runner.Limits{
			MaxParallel: rapid.IntRange(0, 4).Draw(t, "max_parallel"),
			FailFast:    rapid.IntRange(0, 9).Draw(t, "fail_fast") == 0,
			MaxFailures: rapid.SampledFrom([]int{0, 0, 0, 2, 5}).Draw(t, "max_failures"),
		}
	}
	n := rapid.IntRange(0, 80).Draw(t, "tasks")
	adopt := rapid.IntRange(0, min(n, 5)).Draw(t, "adopt")
	s.stand = rapid.IntRange(0, adopt).Draw(t, "bystanders")
	s.after = rapid.Bool().Draw(t, "after bystanders")
	for i := range n {
		command := sweep.Command{Retries: rapid.IntRange(0, 2).Draw(t, "retries")}
		s.tasks = append(s.tasks, task(rapid.SampledFrom(sweeps).Draw(t, "sweep"), i, command))
		s.adopted[i] = i < adopt
		s.ends[sweep.RunName("ex", i)] = rapid.SliceOfN(rapid.SampledFrom(ends), 1, 4).Draw(t, "ends")
	}
	for range rapid.IntRange(0, 3).Draw(t, "acts") {
		s.acts[rapid.IntRange(1, n+1).Draw(t, "at")] = act{
			rapid.SampledFrom([]string{"stop", "cancel", "cancel", "cancel sweep", "interrupt", "detach"}).Draw(t, "act"),
			rapid.SampledFrom(append([]string{"ex-0", "ex-3", "ex-40"}, sweeps...)).Draw(t, "whom"),
		}
	}
	return s
}

// drive is a scenario being run.
type drive struct {
	*scenario
	*rig
	stop    chan struct{}
	cancels chan runner.Cancel
	cut     context.CancelCauseFunc
	begun   int
	stopped bool
}

func (d *drive) program(ctx context.Context, a runner.Attempt) (sweep.Outcome, error) {
	d.act()
	list := d.ends[a.RunName]
	switch list[min(a.Number, len(list))-1] {
	case "fails":
		return exits(1), nil
	case "oom":
		return sweep.Outcome{State: sweep.OOM, Class: sweep.Resource, Code: 137}, nil
	case "machine":
		return brokenMachine, nil
	case "error":
		return sweep.Outcome{}, fmt.Errorf("no slot for %s", a.RunName)
	case "lost":
		return sweep.Outcome{State: sweep.Lost}, nil
	case "waits":
		select {
		case <-ctx.Done():
			return untilEnded(ctx)
		case <-time.After(time.Hour): // in the bubble: when nothing else can happen
		}
	}
	return exits(0), nil
}

// act does what the scenario wants done when this many attempts have begun.
func (d *drive) act() {
	d.place.mu.Lock()
	defer d.place.mu.Unlock()
	d.begun++
	switch a := d.acts[d.begun]; a.kind {
	case "stop":
		if !d.stopped {
			d.stopped = true
			close(d.stop)
		}
	case "cancel":
		d.cancels <- runner.Cancel{RunNames: []string{a.name}, Reason: "asked for"}
	case "cancel sweep":
		d.cancels <- runner.Cancel{Sweep: a.name, Reason: "asked for"}
	case "interrupt":
		d.cut(nil)
	case "detach":
		d.cut(runner.ErrDetach)
	}
}

// Whatever happens, every attempt that was intended is settled once, released
// after that, or left running; the bounds hold; the summary adds up.
func TestDisciplineHoldsWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := scenarios(rt)
		synctest.Test(t, func(t *testing.T) { s.play(t.Context(), rt) })
	})
}

func (s *scenario) play(ctx context.Context, t *rapid.T) {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	d := &drive{
		scenario: s, rig: newRig(s.parallel, nil),
		stop: make(chan struct{}), cancels: make(chan runner.Cancel, 8), cut: cut,
	}
	d.place.program = d.program
	d.Clock = nil // the bubble's
	d.Limits, d.Stop, d.Cancels, d.Retry = s.limits, d.stop, d.cancels, s.policy
	d.AfterBystanders = s.after
	tasks := s.tasks
	for i := range tasks {
		if s.adopted[i] {
			tasks[i].Adopt = d.record.earlier(int64(i))
			tasks[i].Bystander = i < s.stand
		}
	}
	sum, err := d.run(ctx, t, tasks...)
	if err != nil && len(heard[runner.Halted](d.rig)) == 0 {
		t.Errorf("an error that halted nothing: %v", err)
	}
	if sum.Total != len(tasks)-s.stand {
		t.Errorf("%d tasks, %d of them bystanders, %d in the summary", len(tasks), s.stand, sum.Total)
	}
	if ctx.Err() == nil && sum.Live > 0 {
		t.Errorf("%d left running though nobody asked for it", sum.Live)
	}
	d.checkEnds(t, sum, err == nil && ctx.Err() == nil)
}

// checkEnds compares the record with the summary and with what was to happen.
func (d *drive) checkEnds(t *rapid.T, sum runner.Summary, undisturbed bool) {
	if undisturbed && len(d.acts) == 0 && len(heard[runner.Halted](d.rig)) == 0 && sum.NotStarted+sum.Live > 0 {
		t.Errorf("nothing happened, and yet: %+v", sum)
	}
	succeeded := 0
	for i := range d.tasks {
		states := d.record.states(int64(i))
		for n, s := range states {
			if s == sweep.Succeeded && n != len(states)-1 {
				t.Errorf("ex-%d ran again after it had succeeded: %v", i, states)
			}
		}
		if !d.tasks[i].Bystander && len(states) > 0 && states[len(states)-1] == sweep.Succeeded {
			succeeded++
		}
	}
	if succeeded != sum.Succeeded {
		t.Errorf("%d succeeded on record, %d in the summary", succeeded, sum.Succeeded)
	}
	checkOrder(t, d.events)
}

// checkOrder asserts that each attempt's events come in order, and that what is
// said of a retry comes true unless launching was halted.
func checkOrder(t *rapid.T, events []runner.Event) {
	const queued, started, ended = 1, 2, 3
	at := map[int64]int{}
	step := func(a runner.Attempt, to int) {
		if at[a.ID] >= to {
			t.Errorf("%s, attempt %d: event %d after %d", a.RunName, a.Number, to, at[a.ID])
		}
		at[a.ID] = to
	}
	for _, e := range events {
		switch e := e.(type) {
		case runner.Queued:
			step(e.Attempt, queued)
		case runner.Started:
			step(e.Attempt, started)
		case runner.Ended:
			step(e.Attempt, ended)
			if e.Retry && (e.State == sweep.Succeeded || e.State == sweep.OOM || e.State == sweep.Lost) {
				t.Errorf("%s ended %s and is to be tried again", e.Attempt.RunName, e.State)
			}
		}
	}
}
