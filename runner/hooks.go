package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// A hook that failed so often in a row is left alone for so long.
const (
	hookPatience = 3
	hookRest     = time.Minute
)

// hooks calls the hooks of a Run, each bounded in time. Their failures are
// notices.
type hooks struct {
	list    []*watched
	timeout time.Duration
	clock   Clock
	tell    func(Event)

	mu sync.Mutex
	// late are calls that outlived their time; each is closed at its end.
	late []<-chan struct{}
}

// watched is a hook and how it does.
type watched struct {
	Hook
	mu       sync.Mutex
	failures int // in a row
	until    time.Time
}

func newHooks(list []Hook, timeout time.Duration, clock Clock, tell func(Event)) *hooks {
	h := &hooks{timeout: timeout, clock: clock, tell: tell}
	if h.timeout <= 0 {
		h.timeout = DefaultHookTimeout
	}
	for _, hook := range list {
		h.list = append(h.list, &watched{Hook: hook})
	}
	return h
}

// before returns the variables that the hooks give an attempt.
func (h *hooks) before(ctx context.Context, a Attempt) []sweep.Var {
	var env []sweep.Var
	for _, w := range h.list {
		env = append(env, h.call(ctx, w, a, w.Before)...)
	}
	return env
}

// after tells the hooks how an attempt ended, even if ctx is over.
func (h *hooks) after(ctx context.Context, a Attempt, o sweep.Outcome) {
	if len(h.list) == 0 {
		return // before anything escapes
	}
	for _, w := range h.list {
		h.call(context.WithoutCancel(ctx), w, a, func(ctx context.Context, a Attempt) ([]sweep.Var, error) {
			return nil, w.After(ctx, a, o)
		})
	}
}

// call calls one hook and waits for it as long as its time allows.
func (h *hooks) call(ctx context.Context, w *watched, a Attempt,
	f func(context.Context, Attempt) ([]sweep.Var, error),
) (vars []sweep.Var) {
	if w.rests(h.clock.Now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	type answer struct {
		vars []sweep.Var
		err  error
	}
	answers, end := make(chan answer, 1), make(chan struct{})
	go func() {
		defer close(end)
		var got answer
		got.err = guard(func() (err error) { got.vars, err = f(ctx, a); return err })
		answers <- got
	}()
	var got answer
	select {
	case got = <-answers:
		<-end
	case <-ctx.Done():
		got.err = context.Cause(ctx)
		h.mu.Lock()
		h.late = append(h.late, end)
		h.mu.Unlock()
	}
	if got.err == nil || !errors.Is(got.err, context.Canceled) {
		h.judge(w, a, got.err)
	}
	return got.vars
}

// judge counts a hook's failures, and tells of them.
func (h *hooks) judge(w *watched, a Attempt, err error) {
	if err == nil {
		w.well()
		return
	}
	words := fmt.Sprintf("hook of %s: %s", a.RunName, firstLine(err))
	switch n := w.fails(h.clock.Now()); {
	case n > hookPatience: // asked before it was left alone
		return
	case n == hookPatience:
		words += fmt.Sprintf("; after %d failures in a row it is left alone for %s", hookPatience, hookRest)
	}
	h.tell(Notice{words})
}

// wait gives calls that outlived their time as much time again to end.
func (h *hooks) wait() {
	h.mu.Lock()
	late := h.late
	h.mu.Unlock()
	over := time.NewTimer(h.timeout)
	defer over.Stop()
	for i, end := range late {
		select {
		case <-end:
		case <-over.C:
			h.tell(Notice{countOf(len(late)-i, "call") + " of hooks did not end; they are left behind"})
			return
		}
	}
}

func (w *watched) rests(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failures >= hookPatience && !now.Before(w.until) {
		w.failures = 0
	}
	return w.failures >= hookPatience
}

func (w *watched) well() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failures < hookPatience {
		w.failures = 0
	}
}

// fails counts a failure and returns how many they are in a row. With
// hookPatience of them the hook is left alone.
func (w *watched) fails(now time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failures++; w.failures == hookPatience {
		w.until = now.Add(hookRest)
	}
	return w.failures
}

// firstLine is an error in one line.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
