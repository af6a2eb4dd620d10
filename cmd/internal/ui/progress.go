package ui

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// Progress draws the events of an apply. Event is called from one goroutine, in
// order.
type Progress interface {
	Event(runner.Event)
	// Note prints a line that is no event, such as what a signal does. It may be
	// called from any goroutine, beside Event.
	Note(text string)
	// Close leaves the terminal as it was found. No call may follow it.
	Close()
}

var (
	_ Progress = (*Lines)(nil)
	_ Progress = (*StatusLine)(nil)
	_ Progress = Quiet{}
)

// Quiet draws nothing.
type Quiet struct{}

// Event does nothing.
func (Quiet) Event(runner.Event) {}

// Note does nothing.
func (Quiet) Note(string) {}

// Close does nothing.
func (Quiet) Close() {}

// Lines is a Progress of one line per change, each with its time: fit for a log
// file or a mail.
type Lines struct {
	Out    io.Writer
	Screen Screen // only its colour is used
	// Now gives the time of what happens now, and the zone of all times.
	Now      func() time.Time
	tally    tally
	printing sync.Mutex // of a line to Out
}

// NewLines makes one for so many experiments.
func NewLines(out io.Writer, s Screen, total int, now func() time.Time) *Lines {
	return &Lines{Out: out, Screen: s, Now: now, tally: newTally(total, now())}
}

// Event prints what changed, if it is worth a line.
func (l *Lines) Event(e runner.Event) {
	l.tally.event(e)
	now := l.Now()
	switch e := e.(type) {
	case runner.Queued:
		if e.Waiting != "" && l.tally.firstWait(e.Waiting) {
			l.print(or(e.Time, now), Plain, e.Attempt.RunName+" waits for "+e.Waiting)
		}
	case runner.Started:
		verb := " started"
		if e.Attempt.Adopt {
			verb = " found running"
		}
		l.print(or(e.Time, now), Plain, e.Attempt.RunName+verb+standing(e.Attempt))
	case runner.Ended:
		if e.Unstarted() {
			return
		}
		color := Green
		if e.State != sweep.Succeeded {
			color = Red
		}
		l.print(or(e.Outcome.Ended, now), color, endedText(e)+l.tally.next(e))
	case runner.Halted:
		l.print(now, Yellow, haltedText(e))
	case runner.Notice:
		l.print(now, Plain, e.Text)
	}
}

// Note prints a line.
func (l *Lines) Note(text string) { l.print(l.Now(), Yellow, text) }

// Close does nothing: every line is complete.
func (l *Lines) Close() {}

func (l *Lines) print(at time.Time, c Color, text string) {
	clock := at.In(l.Now().Location()).Format(time.TimeOnly)
	l.printing.Lock()
	defer l.printing.Unlock()
	fmt.Fprintln(l.Out, l.Screen.Paint(Dim, clock)+" "+l.Screen.Paint(c, l.Screen.Clean(text)))
}

func or(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

// endedText is "ex-8 succeeded in 3.1s val_loss=0.21" or "ex-8 failed in 3.1s:
// exit code 1".
func endedText(e runner.Ended) string {
	text := e.Attempt.RunName + " " + string(e.State)
	if d := e.Outcome.Duration(); d > 0 {
		text += " in " + Duration(d)
	}
	if score := Score(e.Attempt.Experiment.Objective, e.Outcome.Metrics); score != "" {
		text += " " + score
	}
	if e.State != sweep.Succeeded {
		if why := Reason(e); why != "" {
			text += ": " + why
		}
	}
	return text
}

// standing tells of a bystander what it is.
func standing(a runner.Attempt) string {
	switch {
	case !a.Bystander:
		return ""
	case a.Experiment.Round != "":
		return " (round " + a.Experiment.Round + ")"
	}
	return " (not asked for now)"
}

// Reason is why an attempt did not succeed, in words.
func Reason(e runner.Ended) string {
	if e.State == sweep.NoResult {
		return NoResultReason(e.Attempt.Experiment.Objective, e.Outcome)
	}
	return e.Outcome.Reason
}

// NoResultReason says which metric a success lacks.
func NoResultReason(o *sweep.Objective, out sweep.Outcome) string {
	if out.ResultError != "" {
		return out.ResultError
	}
	if o == nil {
		return ""
	}
	var missing []string
	for _, g := range o.Goals {
		if _, ok := o.Score(g, out.Metrics); !ok {
			missing = append(missing, g.Metric)
		}
	}
	return "no value of " + strings.Join(missing, ", ") + " in its output"
}

// Score is "val_loss=0.21 acc=0.9": the objective's metrics, empty without.
func Score(o *sweep.Objective, metrics []sweep.Metric) string {
	if o == nil {
		return ""
	}
	var parts []string
	for _, g := range o.Goals {
		if v, ok := o.Score(g, metrics); ok {
			parts = append(parts, g.Metric+"="+Number(v))
		}
	}
	return strings.Join(parts, " ")
}

func haltedText(e runner.Halted) string {
	if e.Sweep == "" {
		return "nothing more is started: " + e.Why
	}
	return fmt.Sprintf("nothing more of sweep %q is started: %s", e.Sweep, e.Why)
}

// tally is what the events add up to.
type tally struct {
	total, done, failed, retries int
	halted                       bool
	began                        time.Time
	running                      []string // run names, in the order of their start
	queued                       map[string]bool
	waits                        map[string]bool
}

func newTally(total int, began time.Time) tally {
	return tally{total: total, began: began, queued: map[string]bool{}, waits: map[string]bool{}}
}

func (t *tally) event(e runner.Event) {
	switch e := e.(type) {
	case runner.Queued:
		t.queued[e.Attempt.RunName] = true
	case runner.Started:
		delete(t.queued, e.Attempt.RunName)
		t.running = append(t.running, e.Attempt.RunName)
	case runner.Ended:
		delete(t.queued, e.Attempt.RunName)
		if i := slices.Index(t.running, e.Attempt.RunName); i >= 0 {
			t.running = slices.Delete(t.running, i, i+1)
		}
		t.ended(e)
	case runner.Halted:
		t.halted = t.halted || e.Sweep == ""
	}
}

func (t *tally) ended(e runner.Ended) {
	if e.Attempt.Bystander || e.Unstarted() {
		return
	}
	if e.Retry {
		t.retries++
		return
	}
	t.done++
	if e.State != sweep.Succeeded {
		t.failed++
	}
}

// next is what follows an end: "; tries again in 5s", or how far all is:
// " (12/45)".
func (t *tally) next(e runner.Ended) string {
	switch {
	case e.Attempt.Bystander:
		return standing(e.Attempt)
	case e.Retry && t.halted:
		return "; the next apply tries it again"
	case e.Retry && e.Backoff > 0:
		return "; tries again in " + Duration(e.Backoff)
	case e.Retry:
		return "; tries again"
	case t.total == 0:
		return ""
	}
	return fmt.Sprintf(" (%d/%d)", t.done, t.total)
}

// maxWaits bounds the memory of what was waited for.
const maxWaits = 100

func (t *tally) firstWait(what string) bool {
	if t.waits[what] || len(t.waits) >= maxWaits {
		return false
	}
	t.waits[what] = true
	return true
}

// left estimates the time to the end from the pace so far, 0 where it is not
// known.
func (t *tally) left(now time.Time) time.Duration {
	if t.done == 0 || t.done >= t.total {
		return 0
	}
	return time.Duration(float64(now.Sub(t.began)) / float64(t.done) * float64(t.total-t.done))
}
