package runner

import (
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestDefaults(t *testing.T) {
	p := RetryPolicy{}.orDefaults()
	if p.Infrastructure != 5 || p.Backoff != time.Second || p.MaxBackoff != time.Minute || p.InARow != 3 {
		t.Errorf("%+v", p)
	}
	if p := (RetryPolicy{Infrastructure: -1}).orDefaults(); p.Infrastructure != 0 {
		t.Errorf("%d retries where none were wanted", p.Infrastructure)
	}
}

func TestPause(t *testing.T) {
	for _, c := range []struct {
		random float64
		n      int
		want   time.Duration
	}{
		{0, 1, time.Second},
		{0, 2, 2 * time.Second},
		{0, 4, 8 * time.Second},
		{0, 7, time.Minute},
		{0, 1 << 30, time.Minute},
		{0.5, 1, 750 * time.Millisecond},
		{0.5, 100, 45 * time.Second},
	} {
		p := RetryPolicy{Random: func() float64 { return c.random }}.orDefaults()
		if got := p.pause(c.n); got != c.want {
			t.Errorf("retry %d with %g: %s, want %s", c.n, c.random, got, c.want)
		}
	}
}

func TestTriesReadBack(t *testing.T) {
	for why, want := range map[string]tries{
		"new":                               {},
		"--rerun failed":                    {},
		"retry":                             {},
		string(userRetry(2, 3)):             {user: 2},
		string(infrastructureRetry(10, 12)): {infrastructure: 10},
	} {
		if got := triesOf(why); got != want {
			t.Errorf("%q: %+v", why, got)
		}
	}
}

func TestBreaker(t *testing.T) {
	gone := func(words string) sweep.Outcome {
		return sweep.Outcome{State: sweep.Failed, Class: sweep.Infrastructure, Reason: words}
	}
	failed := sweep.Outcome{State: sweep.Failed, Class: sweep.User}
	cancelled := sweep.Outcome{State: sweep.Cancelled}
	for _, c := range []struct {
		name     string
		outcomes []sweep.Outcome
		open     bool
	}{
		{"of one kind, whatever the numbers", []sweep.Outcome{gone("no pod for ex-1"), gone("no pod for ex-22"), gone("no pod for ex-3")}, true},
		{"of several", []sweep.Outcome{gone("no pod"), gone("no pod"), gone("no disk")}, false},
		{"a program ran", []sweep.Outcome{gone("no pod"), gone("no pod"), failed, gone("no pod")}, false},
		{"a cancel says nothing", []sweep.Outcome{gone("no pod"), gone("no pod"), cancelled, gone("no pod")}, true},
		{"until a program ran", []sweep.Outcome{gone("no pod"), gone("no pod"), gone("no pod"), failed}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := breaker{limit: 3}
			changes := 0
			for _, o := range c.outcomes {
				if was := b.open(); b.hear("ex-9", o) != (was != b.open()) {
					t.Errorf("%s: hear does not say what changed", o.Reason)
				} else if was != b.open() {
					changes++
				}
			}
			if b.open() != c.open || c.open != (changes%2 == 1) {
				t.Errorf("open is %v after %d changes", b.open(), changes)
			}
		})
	}
}
