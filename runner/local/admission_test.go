package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// queue is an admission with requests that wait in other goroutines.
type queue struct {
	*admission
	names []string // in the order of asking
	ready map[string]chan struct{}
}

func newQueue(capacity sweep.Resources) *queue {
	return &queue{admission: &admission{capacity: capacity}, ready: map[string]chan struct{}{}}
}

// ask enqueues a request, and returns when it is in the queue.
func (q *queue) ask(ctx context.Context, name string, r sweep.Resources) {
	done, queued := make(chan struct{}), make(chan struct{})
	q.names, q.ready[name] = append(q.names, name), done
	go func() {
		if q.acquire(ctx, r, func(string) { close(queued) }) == nil {
			close(done)
		}
	}()
	select {
	case <-done:
	case <-queued:
	}
}

// in lists who was admitted, once nobody is on the way.
func (q *queue) in(t *testing.T, want string) {
	t.Helper()
	var got string
	eventually(t, want+" are admitted", func() bool {
		var in []string
		for _, name := range q.names {
			select {
			case <-q.ready[name]:
				in = append(in, name)
			default:
			}
		}
		got = strings.Join(in, " ")
		return len(got) >= len(want)
	})
	if got != want {
		t.Fatalf("admitted: %s; want %s", got, want)
	}
}

func TestLargeRequestsAreNotStarved(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q := newQueue(sweep.Resources{MilliCPU: 4, Memory: 100, GPUs: 1})
	small, large := sweep.Resources{MilliCPU: 1}, sweep.Resources{MilliCPU: 4}
	q.ask(ctx, "a", small)
	q.ask(ctx, "b", large)
	q.ask(ctx, "c", small)
	q.ask(ctx, "m", sweep.Resources{Memory: 100}) // waits for no cpu
	q.ask(ctx, "n", sweep.Resources{})
	q.in(t, "a m n")
	q.release(small)
	q.in(t, "a b m n")
	q.release(large)
	q.in(t, "a b c m n")
}

func TestSmallRequestsDoNotWaitForGPUs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q := newQueue(sweep.Resources{MilliCPU: 8, GPUs: 2})
	q.ask(ctx, "a", sweep.Resources{MilliCPU: 1, GPUs: 1})
	q.ask(ctx, "b", sweep.Resources{MilliCPU: 4, GPUs: 2})
	q.ask(ctx, "c", sweep.Resources{MilliCPU: 3})
	q.ask(ctx, "d", sweep.Resources{MilliCPU: 1}) // would take what b needs
	q.in(t, "a c")
}

func TestGivingUpLetsOthersIn(t *testing.T) {
	q := newQueue(sweep.Resources{MilliCPU: 2})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q.ask(ctx, "a", sweep.Resources{MilliCPU: 1})
	giving, giveUp := context.WithCancel(t.Context())
	q.ask(giving, "b", sweep.Resources{MilliCPU: 2})
	q.ask(ctx, "c", sweep.Resources{MilliCPU: 1})
	q.in(t, "a")
	giveUp()
	q.in(t, "a c")
}

func TestForcedAboveCapacity(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q := newQueue(sweep.Resources{MilliCPU: 1})
	q.force(sweep.Resources{MilliCPU: 3})
	q.ask(ctx, "a", sweep.Resources{MilliCPU: 1})
	q.release(sweep.Resources{MilliCPU: 2})
	q.in(t, "")
	q.release(sweep.Resources{MilliCPU: 1})
	q.in(t, "a")
}

// Whatever comes and goes, no more is used than there is, and all get in.
func TestAdmissionNeverOverbooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := sweep.Resources{MilliCPU: 10, Memory: 10, GPUs: 2}
		a := &admission{capacity: capacity}
		n := rapid.IntRange(1, 30).Draw(t, "requests")
		done := make(chan error)
		for i := range n {
			r := sweep.Resources{
				MilliCPU: rapid.Int64Range(0, 10).Draw(t, "cpu"), Memory: rapid.Int64Range(0, 10).Draw(t, "memory"),
				GPUs: rapid.IntRange(0, 2).Draw(t, "gpus"),
			}
			go func() {
				if err := a.acquire(context.Background(), r, func(string) {}); err != nil {
					done <- err
				}
				a.mu.Lock()
				used := a.used
				a.mu.Unlock()
				var err error
				if !within(used, capacity) {
					err = fmt.Errorf("request %d: %+v are used", i, used)
				}
				a.release(r)
				done <- err
			}()
		}
		for range n {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if a.used != (sweep.Resources{}) || len(a.waiting) != 0 {
			t.Fatalf("left: %+v, %d waiting", a.used, len(a.waiting))
		}
	})
}

func TestFits(t *testing.T) {
	a := &admission{capacity: sweep.Resources{MilliCPU: 2000, Memory: 3 << 30, GPUs: 1}}
	if err := a.fits(a.capacity); err != nil {
		t.Error(err)
	}
	err := a.fits(sweep.Resources{MilliCPU: 2001, Memory: 4<<30 + 1<<29, GPUs: 2})
	want := "this machine can never run it: max_cpu asks for 2.001 cores, there are 2 cores; " +
		"max_memory asks for 4.5Gi, there are 3Gi; gpus asks for 2, there are 1; ask for less, or use another runner"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// What waits for room when launching ends never runs; what runs goes on.
func TestHaltWhileWaiting(t *testing.T) {
	r := newRunner(t, nil)
	halt := make(chan struct{})
	held, waits := attempt(1, "while ! test -e go; do sleep 0.01; done"), attempt(2, "touch ran")
	dir := t.TempDir()
	for _, a := range []*runner.Attempt{&held, &waits} {
		a.Halt, a.Command.WorkingDir, a.Command.Resources = halt, dir, sweep.Resources{MilliCPU: r.Capacity().MilliCPU}
	}
	started, queued := make(chan struct{}), make(chan struct{})
	one := runInBackground(r, held, func(c runner.Change) {
		if c.State == sweep.Running {
			close(started)
		}
	})
	<-started
	two := runInBackground(r, waits, func(c runner.Change) {
		if c.State == sweep.Queued {
			close(queued)
		}
	})
	<-queued
	close(halt)
	if o := two.wait(t); o.State != sweep.Interrupted || !o.Started.IsZero() || o.Reason == "" {
		t.Errorf("%+v", o)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if o := one.wait(t); o.State != sweep.Succeeded {
		t.Errorf("%+v", o)
	}
	if exists(filepath.Join(dir, "ran")) {
		t.Error("it ran")
	}
}
