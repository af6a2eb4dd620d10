package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/lxsweep/lxsweep/runner"
)

// deadline is what --until says: a time of day by the local clock, or a moment.
// Its zero value is none.
type deadline struct {
	text   string
	day    time.Time // the hour and the minute count; zero if it is a moment
	moment time.Time
}

func parseUntil(text string) (d deadline, err error) {
	if text == "" {
		return d, nil
	}
	d.text = text
	if d.day, err = time.Parse("15:04", text); err == nil {
		return d, nil
	}
	if d.moment, err = time.Parse(time.RFC3339, text); err == nil {
		return d, nil
	}
	return d, errorf("write a time of day, 06:00, or a moment, 2026-03-29T06:00:00+02:00", "--until %q is no time", text)
}

// after is the first such moment after another.
func (d *deadline) after(t time.Time) time.Time {
	if !d.moment.IsZero() {
		return d.moment
	}
	year, month, day := t.Date()
	first := time.Date(year, month, day, d.day.Hour(), d.day.Minute(), 0, 0, t.Location())
	if first.After(t) {
		return first
	}
	return time.Date(year, month, day+1, d.day.Hour(), d.day.Minute(), 0, 0, t.Location())
}

// until is when launching ends: in a round, counted from its first apply, so
// that one that is resumed late does not go on for another day.
func (x *execution) until(ctx context.Context) (runner.Deadline, error) {
	d, err := parseUntil(x.Until)
	if err != nil || d.text == "" {
		return runner.Deadline{}, err
	}
	began := x.Now()
	if x.pl.round != "" {
		if began, err = x.pl.ledger.RoundBegan(ctx, x.pl.source, x.pl.round); err != nil {
			return runner.Deadline{}, err
		}
	}
	return runner.Deadline{Time: d.after(began.In(x.Now().Location())), Why: "until " + d.text}, nil
}

// heldBack is the closing line's word on what --until has left, empty for
// nothing.
func (x *execution) heldBack(r ran) string {
	d, err := parseUntil(x.Until)
	if err != nil || d.text == "" || r.summary.Halted != "until "+d.text || r.summary.NotStarted == 0 {
		return ""
	}
	again := "the same command goes on"
	if x.pl.round != "" || d.day.IsZero() {
		again = "without --until, " + again
	}
	return fmt.Sprintf("until %s: %d not started; %s", d.text, r.summary.NotStarted, again)
}

// clock is the dispatcher's: the process' own time, and the machine's timers.
type clock struct{ now func() time.Time }

func (c clock) Now() time.Time                         { return c.now() }
func (c clock) After(d time.Duration) <-chan time.Time { return time.After(d) }
