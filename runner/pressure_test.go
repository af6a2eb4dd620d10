package runner_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// A listener that hangs holds launching up, and memory does not grow meanwhile.
func TestListenerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int32
		g := newRig(4, func(context.Context, runner.Attempt) (sweep.Outcome, error) {
			begun.Add(1)
			return exits(0), nil
		})
		hang := make(chan struct{})
		listen := g.Events
		g.Events = func(e runner.Event) { <-hang; listen(e) }
		over := make(chan struct{})
		go func() {
			defer close(over)
			if sum, err := g.run(t.Context(), t, tasksOf("a", 0, 5000)...); err != nil || sum.Succeeded != 5000 {
				t.Errorf("%+v, %v", sum, err)
			}
		}()
		synctest.Wait()
		if n := begun.Load(); n > 300 {
			t.Errorf("%d attempts have begun, and nobody has heard of one", n)
		}
		close(hang)
		<-over
	})
}

// A record that takes its time holds launching up too.
func TestRecordThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(4, succeeds)
		hang := make(chan struct{})
		g.Recorder = slow{g.record, hang}
		over := make(chan struct{})
		go func() {
			defer close(over)
			if sum, err := g.run(t.Context(), t, tasksOf("a", 0, 5000)...); err != nil || sum.Succeeded != 5000 {
				t.Errorf("%+v, %v", sum, err)
			}
		}()
		synctest.Wait()
		ended := 0
		g.record.mu.Lock()
		for _, r := range g.record.rows {
			if r.outcome != nil {
				ended++
			}
		}
		g.record.mu.Unlock()
		if ended > 2048+4 {
			t.Errorf("%d attempts have ended, and none is durable", ended)
		}
		close(hang)
		<-over
	})
}

// slow is a memory whose outcomes are not durable until hang is closed.
type slow struct {
	*memory
	hang <-chan struct{}
}

func (s slow) Settle(id int64, o sweep.Outcome, done func(error)) {
	s.memory.Settle(id, o, func(err error) { <-s.hang; done(err) })
}

// A hook that does not even end when its time is over delays Run by a bound.
func TestHookThatIgnoresItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		g := newRig(1, succeeds)
		g.Clock = nil // the bubble's
		g.Hooks = []runner.Hook{&track{
			before: func(context.Context, runner.Attempt) ([]sweep.Var, error) { <-hang; return nil, nil },
			after:  func(context.Context, runner.Attempt) error { return nil },
		}}
		sum, err := g.run(t.Context(), t, tasksOf("a", 0, 2)...)
		if err != nil || sum.Succeeded != 2 {
			t.Errorf("%+v, %v", sum, err)
		}
		notices := heard[runner.Notice](g)
		if last := notices[len(notices)-1].Text; !strings.Contains(last, "2 calls of hooks did not end") {
			t.Errorf("%v", notices)
		}
		close(hang)
	})
}
