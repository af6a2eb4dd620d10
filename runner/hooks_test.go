package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// track is a Hook that does what its functions say.
type track struct {
	mu     sync.Mutex
	before func(context.Context, runner.Attempt) ([]sweep.Var, error)
	after  func(context.Context, runner.Attempt) error
	ended  []string
}

func (h *track) Before(ctx context.Context, a runner.Attempt) ([]sweep.Var, error) {
	return h.before(ctx, a)
}

func (h *track) After(ctx context.Context, a runner.Attempt, o sweep.Outcome) error {
	h.mu.Lock()
	h.ended = append(h.ended, a.RunName+" "+string(o.State))
	h.mu.Unlock()
	return h.after(ctx, a)
}

func TestHooks(t *testing.T) {
	fine := func(context.Context, runner.Attempt) error { return nil }
	for _, c := range []struct {
		name   string
		hook   *track
		notice string
		env    bool
	}{
		{"well", &track{before: func(_ context.Context, a runner.Attempt) ([]sweep.Var, error) {
			return []sweep.Var{{Name: "MLFLOW_RUN_ID", Value: "run of " + a.RunName}, {Name: "LXSWEEP_JOBID", Value: "no"}}, nil
		}, after: fine}, "", true},
		{"down", &track{before: func(context.Context, runner.Attempt) ([]sweep.Var, error) {
			return nil, errors.New("connection refused")
		}, after: fine}, "connection refused", false},
		{"panics", &track{before: func(context.Context, runner.Attempt) ([]sweep.Var, error) {
			panic("nil map")
		}, after: fine}, "nil map", false},
		{"hangs", &track{before: func(ctx context.Context, _ runner.Attempt) ([]sweep.Var, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, after: fine}, "deadline exceeded", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.hook.watch(t, c.notice, c.env) })
		})
	}
}

// watch runs one experiment under the hook.
func (h *track) watch(t *testing.T, notice string, env bool) {
	g := newRig(1, func(_ context.Context, a runner.Attempt) (sweep.Outcome, error) {
		if got := slices.Contains(a.Command.Env, sweep.Var{Name: "MLFLOW_RUN_ID", Value: "run of ex-0"}); got != env {
			t.Errorf("%v", a.Command.Env)
		}
		if !slices.Contains(a.Command.Env, sweep.Var{Name: "LXSWEEP_JOBID", Value: "0"}) {
			t.Errorf("%v", a.Command.Env)
		}
		return exits(0), nil
	})
	g.Hooks = []runner.Hook{h}
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 1)...)
	if err != nil || sum.Succeeded != 1 || !slices.Equal(h.ended, []string{"ex-0 succeeded"}) {
		t.Fatalf("%+v, %v, %v", sum, err, h.ended)
	}
	n := heard[runner.Notice](g)
	if notice == "" && len(n) > 0 || notice != "" && (len(n) != 1 || !strings.Contains(n[0].Text, notice)) {
		t.Errorf("%v", n)
	}
}

// A tracking server that is down is asked three times, then left alone.
func TestHookThatKeepsFailingRests(t *testing.T) {
	asked := 0
	g := newRig(1, succeeds)
	g.Hooks = []runner.Hook{&track{
		before: func(context.Context, runner.Attempt) ([]sweep.Var, error) { asked++; return nil, errors.New("down") },
		after:  func(context.Context, runner.Attempt) error { return errors.New("down") },
	}}
	sum, err := g.run(t.Context(), t, tasksOf("a", 0, 50)...)
	if err != nil || sum.Succeeded != 50 || asked > 3 || len(heard[runner.Notice](g)) != 3 {
		t.Fatalf("%+v, %v, asked %d times, %v", sum, err, asked, heard[runner.Notice](g))
	}
}
