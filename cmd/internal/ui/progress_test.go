package ui

import (
	"bytes"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

var began = time.Date(2026, 1, 31, 12, 3, 4, 0, time.UTC)

func after(seconds float64) time.Time {
	return began.Add(time.Duration(seconds * float64(time.Second)))
}

// recorded is the one sequence of events that every renderer is tested with.
// Each comes with the time at which it is drawn.
func recorded() []recordedEvent {
	loss := &sweep.Objective{Goals: []sweep.Goal{{Metric: "val_loss"}}}
	attempt := func(run string, number int) runner.Attempt {
		return runner.Attempt{RunName: run, Number: number, Experiment: &sweep.Experiment{Sweep: "nightly", Objective: loss}}
	}
	adopted := attempt("ex-0", 1)
	adopted.Adopt = true
	hostile := attempt("ex-3", 1)
	ended := func(a runner.Attempt, from, to float64, state sweep.State, reason string, values ...float64) runner.Ended {
		o := sweep.Outcome{State: state, Started: after(from), Ended: after(to), Reason: reason}
		for _, v := range values {
			o.Metrics = append(o.Metrics, sweep.Metric{Name: "val_loss", Last: v, Min: v, Max: v, Count: 1})
		}
		return runner.Ended{Attempt: a, Outcome: o, State: loss.Verdict(state, o.Metrics)}
	}
	retried := ended(attempt("ex-1", 1), 1, 2, sweep.Failed, "exit code 1")
	retried.Retry, retried.Backoff = true, 5*time.Second
	failed := ended(attempt("ex-1", 2), 7, 8.5, sweep.Failed, "exit code 1")
	failed.Outcome.Tail = "Traceback:\n\x1b[31mValueError\x1b[0m: no such tensor\n"
	return []recordedEvent{
		{0, runner.Started{Attempt: adopted, Time: after(-60)}},
		{0, runner.Started{Attempt: attempt("ex-1", 1), Time: after(1)}},
		{1.02, runner.Queued{Attempt: attempt("ex-2", 1), Time: after(1.02), Waiting: "a gpu"}},
		{1.03, runner.Queued{Attempt: hostile, Time: after(1.03), Waiting: "a gpu"}},
		{2, retried},
		{4, runner.Started{Attempt: attempt("ex-2", 1), Time: after(4)}},
		{7, runner.Started{Attempt: attempt("ex-1", 2), Time: after(7)}},
		{7.05, ended(adopted, -60, 7.05, sweep.Succeeded, "", 0.21)},
		{8.5, failed},
		{8.6, runner.Started{Attempt: hostile, Time: after(8.6)}},
		{9, ended(attempt("ex-2", 1), 4, 9, sweep.Succeeded, "")},
		{9.5, ended(hostile, 8.6, 9.5, sweep.OOM, "out of memory\r\x1b[2Jat 8Gi")},
		{9.5, runner.Halted{Sweep: "nightly", Why: "3 experiments failed"}},
		{9.6, runner.Notice{Text: "2 experiments were not started"}},
		{9.7, runner.Finished{Summary: runner.Summary{Total: 6, Succeeded: 1, Failed: 3}}},
	}
}

type recordedEvent struct {
	at    float64 // seconds after began
	event runner.Event
}

// clock is set by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// replay draws the recorded events.
func replay(c *clock, p Progress) {
	for _, r := range recorded() {
		c.now = after(r.at)
		p.Event(r.event)
	}
	p.Note("interrupted: waiting for what runs")
	p.Close()
}

func TestLinesInColor(t *testing.T) {
	var b bytes.Buffer
	c := &clock{began}
	replay(c, NewLines(&b, Screen{Width: 80, Color: true}, 6, c.Now))
	golden(t, "lines-color.golden", b.Bytes())
}

// applied is a summary of the recorded events.
func applied() *Applied {
	a := &Applied{
		Summary: runner.Summary{
			Total: 6, Succeeded: 1, Failed: 3, NotStarted: 2,
			ByState: map[sweep.State]int{sweep.Succeeded: 1, sweep.Failed: 1, sweep.NoResult: 1, sweep.OOM: 1},
		},
		Took: 9700 * time.Millisecond, Kept: 2,
		Next: []Hint{{"lxsweep logs ex-1", "its whole output"}, {"lxsweep apply grid.hcl --rerun failed", "runs the failures again"}},
	}
	for _, r := range recorded() {
		if e, ok := r.event.(runner.Ended); ok && !e.Retry && e.State != sweep.Succeeded && len(a.Failures) < 2 {
			a.Failures = append(a.Failures, e)
		}
	}
	return a
}
