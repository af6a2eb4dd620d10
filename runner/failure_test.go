package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

var brokenMachine = sweep.Outcome{
	State: sweep.Failed, Class: sweep.Infrastructure, Code: sweep.CodeUnknown, Reason: "the node is gone",
}

// follow is a program whose attempts end as the outcomes say, then well.
func follow(outcomes ...sweep.Outcome) program {
	return func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.Number <= len(outcomes) {
			return outcomes[a.Number-1], nil
		}
		return exits(0), nil
	}
}

var twice = sweep.Command{Retries: 2, NoRetryExitCodes: []int{3}}

// retries are what becomes of one experiment whose attempts end so.
var retries = []struct {
	name    string
	command sweep.Command
	program program
	want    []sweep.State
	reasons []runner.Reason
	pauses  int
}{
	{"none left", sweep.Command{}, follow(exits(1)), []sweep.State{sweep.Failed}, []runner.Reason{"new"}, 0},
	{
		"until it succeeds", twice, follow(exits(1)),
		[]sweep.State{sweep.Failed, sweep.Succeeded},
		[]runner.Reason{"new", "retry 1 of 2"},
		0,
	},
	{
		"used up", twice, follow(exits(1), exits(1), exits(1)),
		[]sweep.State{sweep.Failed, sweep.Failed, sweep.Failed},
		[]runner.Reason{"new", "retry 1 of 2", "retry 2 of 2"},
		0,
	},
	{
		"an exit code that means it", twice, follow(exits(1), exits(3)),
		[]sweep.State{sweep.Failed, sweep.Failed},
		[]runner.Reason{"new", "retry 1 of 2"},
		0,
	},
	{
		"memory", twice, follow(sweep.Outcome{State: sweep.OOM, Class: sweep.Resource}),
		[]sweep.State{sweep.OOM},
		[]runner.Reason{"new"},
		0,
	},
	{
		"time", twice, follow(sweep.Outcome{State: sweep.TimedOut, Class: sweep.Resource}),
		[]sweep.State{sweep.TimedOut},
		[]runner.Reason{"new"},
		0,
	},
	{
		"the machine's failures do not use up the program's", twice,
		follow(brokenMachine, exits(1), brokenMachine, exits(1)),
		[]sweep.State{sweep.Failed, sweep.Failed, sweep.Failed, sweep.Failed, sweep.Succeeded},
		[]runner.Reason{"new", "retry 1 of 5 (infrastructure)", "retry 1 of 2", "retry 2 of 5 (infrastructure)", "retry 2 of 2"},
		2,
	},
	{
		"a dead slot",
		sweep.Command{},
		follow(sweep.Outcome{State: sweep.Interrupted, Reason: "its shell died"}),
		[]sweep.State{sweep.Interrupted, sweep.Succeeded},
		[]runner.Reason{"new", "retry 1 of 5 (infrastructure)"},
		1,
	},
	{
		"lost", twice, follow(sweep.Outcome{State: sweep.Lost}),
		[]sweep.State{sweep.Lost},
		[]runner.Reason{"new"},
		0,
	},
}

func TestRetries(t *testing.T) {
	for _, c := range retries {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(2, c.program)
			sum, err := g.run(t.Context(), t, task("a", 7, c.command))
			if err != nil || sum.Total != 1 || sum.Attempts != len(c.want) {
				t.Fatalf("%+v, %v", sum, err)
			}
			if got := g.record.states(7); !slices.Equal(got, c.want) {
				t.Errorf("states %v", got)
			}
			if got := g.record.reasons(7); !slices.Equal(got, c.reasons) {
				t.Errorf("reasons %q", got)
			}
			if len(g.clock.pauses) != c.pauses {
				t.Errorf("pauses %v", g.clock.pauses)
			}
			for _, r := range g.record.byRecord[7] {
				if r.OutputDir != "/out/ex-7" {
					t.Errorf("attempt %d writes to %s", r.number, r.OutputDir)
				}
			}
		})
	}
}

func TestAdoptedRetriesGoOnCounting(t *testing.T) {
	g := newRig(1, func(context.Context, runner.Attempt) (sweep.Outcome, error) { return exits(1), nil })
	adopted := task("a", 7, sweep.Command{Retries: 2})
	adopted.Adopt = g.record.earlier(7)
	adopted.Adopt.Why = "retry 1 of 2"
	if _, err := g.run(t.Context(), t, adopted); err != nil {
		t.Fatal(err)
	}
	if got := g.record.reasons(7); !slices.Equal(got, []runner.Reason{"new", "retry 2 of 2"}) {
		t.Errorf("%q", got)
	}
}

// While one experiment waits to be tried again, another has its place.
func TestBackoffFreesThePlace(t *testing.T) {
	other := make(chan struct{})
	g := newRig(1, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		switch {
		case a.RunName == "ex-1":
			close(other)
		case a.Number == 1:
			return brokenMachine, nil
		default:
			select {
			case <-other:
			default:
				t.Error("the retry came before the pause was over")
			}
		}
		return exits(0), nil
	})
	g.Clock = &gate{open: other}
	if sum, err := g.run(t.Context(), t, tasksOf("a", 0, 2)...); err != nil || sum.Succeeded != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// gate is a clock that stands still until open is closed, and then goes on by
// an hour whenever it is looked at.
type gate struct {
	open  <-chan struct{}
	hours atomic.Int64
}

func (g *gate) Now() time.Time {
	select {
	case <-g.open:
		return time.Unix(1e9+3600*g.hours.Add(1), 0)
	default:
		return time.Unix(1e9, 0)
	}
}

func (g *gate) After(time.Duration) <-chan time.Time {
	c := make(chan time.Time, 1)
	go func() { <-g.open; c <- g.Now() }()
	return c
}

// errNoFork is what a machine without room for processes answers, each time in
// other words.
func errNoFork(a runner.Attempt) error {
	return &os.PathError{Op: "fork " + a.RunName, Path: fmt.Sprintf("/tmp/%d", a.ID), Err: syscall.EAGAIN}
}

func TestRunnerThatFailsForEverything(t *testing.T) {
	g := newRig(8, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) { return sweep.Outcome{}, errNoFork(a) })
	g.place.works = func(runner.Attempt) bool { return false }
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 5000)...)
	if err == nil || !strings.Contains(err.Error(), "the runner fails for everything") ||
		!strings.Contains(err.Error(), syscall.EAGAIN.Error()) {
		t.Fatalf("%v", err)
	}
	// Those in flight when it broke are tried again; no fresh ones are sent after them.
	if sum.Attempts > 11*6 || sum.NotStarted < 5000-11 {
		t.Errorf("%+v", sum)
	}
	if h := heard[runner.Halted](g); len(h) != 1 || h[0].Why != err.Error() {
		t.Errorf("%v", h)
	}
}

// A runner that starts everything and then fails at it is found out later.
func TestRunnerThatFailsInTheMiddle(t *testing.T) {
	g := newRig(1, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) { return sweep.Outcome{}, errNoFork(a) })
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 2000)...)
	if err == nil || sum.NotStarted == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestRunnerThatRecovers(t *testing.T) {
	var calls atomic.Int32
	g := newRig(4, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if calls.Add(1) <= 10 {
			return sweep.Outcome{}, errNoFork(a)
		}
		return exits(0), nil
	})
	g.Retry.Infrastructure = 20
	g.place.works = func(runner.Attempt) bool { return calls.Load() >= 10 }
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 300)...)
	if err != nil || sum.Succeeded != 300 || sum.Attempts != 310 {
		t.Fatalf("%+v, %v", sum, err)
	}
	notices := heard[runner.Notice](g)
	if len(notices) != 2 || notices[1].Text != "the runner works again; launching goes on" {
		t.Errorf("%v", notices)
	}
}

// Everything that could be a probe is cancelled, and what else runs says nothing
// for long: a fresh one is the probe.
func TestBreakerWithoutProbes(t *testing.T) {
	var failures, successes atomic.Int32
	long, started := make(chan struct{}), make(chan struct{})
	g := newRig(4, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		switch {
		case a.Experiment.Sweep == "long":
			close(started)
			<-long
			return exits(0), nil
		case failures.Load() < 3:
			<-started
			failures.Add(1)
			return sweep.Outcome{}, errNoFork(a)
		}
		if successes.Add(1) == 20 {
			close(long)
		}
		return exits(0), nil
	})
	g.place.works = func(a runner.Attempt) bool { return a.Experiment.Sweep == "long" }
	cancels := make(chan runner.Cancel, 8)
	g.Cancels = cancels
	g.Clock = &gate{open: long} // no pause is ever over
	listen := g.Events
	g.Events = func(e runner.Event) {
		listen(e)
		if e, ok := e.(runner.Ended); ok && e.State == sweep.Failed {
			cancels <- runner.Cancel{RunNames: []string{e.Attempt.RunName}, Reason: "no"}
		}
	}
	sum, err := g.run(t.Context(), t, append(tasksOf("long", 100, 1), tasksOf("a", 0, 50)...)...)
	if err != nil || sum.Succeeded < 46 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestNothingStartsWithoutARecord(t *testing.T) {
	g := newRig(2, succeeds)
	g.record.intend = func(in runner.Intent) error {
		if in.RecordID >= 10 {
			return syscall.ENOSPC
		}
		return nil
	}
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 1000)...)
	if !errors.Is(err, syscall.ENOSPC) || sum.Succeeded > 10 || sum.NotStarted != 1000-sum.Succeeded {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// An outcome that cannot be recorded stays with the runner, and ends launching.
func TestOutcomeThatCannotBeRecorded(t *testing.T) {
	g := newRig(2, func(context.Context, runner.Attempt) (sweep.Outcome, error) { return exits(1), nil })
	g.record.settle = func(r *row) error {
		if r.ran && r.RecordID >= 5 {
			return syscall.ENOSPC
		}
		return nil
	}
	tasks := tasksOf("a", 0, 5000)
	for i := range tasks {
		tasks[i].Experiment.Work = work{command: sweep.Command{Retries: 1}}
	}
	sum, err := g.run(t.Context(), t, tasks...)
	if !errors.Is(err, syscall.ENOSPC) || sum.NotStarted == 0 || len(heard[runner.Halted](g)) != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for _, r := range g.record.rows {
		if !r.durable && (r.released || len(g.record.byRecord[r.RecordID]) > 1) {
			t.Errorf("attempt %d: released %v, of %d", r.id, r.released, len(g.record.byRecord[r.RecordID]))
		}
	}
}

func TestSequenceThatFails(t *testing.T) {
	broken := errors.New("hp.lr is not a number")
	for name, end := range map[string]func(yield func(runner.Task, error) bool){
		"error": func(yield func(runner.Task, error) bool) { yield(runner.Task{}, broken) },
		"panic": func(func(runner.Task, error) bool) { panic(broken) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(2, succeeds)
			sum, err := g.runSeq(t.Context(), t, func(yield func(runner.Task, error) bool) {
				seq(tasksOf("a", 0, 10))(yield)
				end(yield)
			})
			if err == nil || !strings.Contains(err.Error(), broken.Error()) || sum.Total != 10 {
				t.Fatalf("%+v, %v", sum, err)
			}
		})
	}
}

// A runner that panics may have left its program running: the row stays open,
// and nothing more is started.
func TestRunnerThatPanics(t *testing.T) {
	g := newRig(1, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.RunName == "ex-1" {
			panic("index out of range")
		}
		return exits(0), nil
	})
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 100)...)
	if err == nil || !strings.Contains(err.Error(), "index out of range") || sum.Live != 1 || sum.Succeeded != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

func TestListenerThatPanics(t *testing.T) {
	g := newRig(2, succeeds)
	g.Events = func(e runner.Event) {
		g.events = append(g.events, runner.Finished{})
		panic("no such column")
	}
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 2000)...)
	if err == nil || !strings.Contains(err.Error(), "no such column") || sum.Succeeded != 2000 || len(g.events) != 1 {
		t.Fatalf("%+v, %v, %d events", sum, err, len(g.events))
	}
}

func TestReleaseThatFailsIsANotice(t *testing.T) {
	g := newRig(2, succeeds)
	g.place.release = func(runner.Attempt) error { return errors.New("the journal is read-only") }
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 1)...)
	if n := heard[runner.Notice](g); err != nil || sum.Succeeded != 1 || len(n) != 1 || !strings.Contains(n[0].Text, "read-only") {
		t.Fatalf("%+v, %v, %v", sum, err, n)
	}
}

func TestWhatMayLiveIsNotStartedAgain(t *testing.T) {
	g := newRig(2, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if a.RunName == "ex-1" {
			return sweep.Outcome{}, fmt.Errorf("the disk went away (%w)", runner.ErrDetach)
		}
		return exits(0), nil
	})
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 3)...)
	if err != nil || sum.Live != 1 || sum.Succeeded != 2 || sum.Attempts != 3 {
		t.Errorf("%+v, %v", sum, err)
	}
	notices := heard[runner.Notice](g)
	if len(notices) != 1 || !strings.Contains(notices[0].Text, "ex-1 was lost sight of") {
		t.Errorf("told %q", notices)
	}
}
