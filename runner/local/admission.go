package local

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/lxsweep/lxsweep/sweep"
)

// admission sets resources aside as a node would, in order: a request that
// waits keeps later ones from what it waits for, and from nothing else, so that
// a large one is not starved and small ones do not wait for its gpus.
type admission struct {
	capacity sweep.Resources

	mu      sync.Mutex
	used    sweep.Resources
	waiting []*waiter // first come first
}

type waiter struct {
	request  sweep.Resources
	admitted chan struct{} // closed
}

// fits says why the request could never be admitted.
func (a *admission) fits(r sweep.Resources) error {
	var over []string
	if r.MilliCPU > a.capacity.MilliCPU {
		over = append(over, fmt.Sprintf("max_cpu asks for %s, there are %s", cores(r.MilliCPU), cores(a.capacity.MilliCPU)))
	}
	if r.Memory > a.capacity.Memory {
		over = append(over, fmt.Sprintf("max_memory asks for %s, there are %s", size(r.Memory), size(a.capacity.Memory)))
	}
	if r.GPUs > a.capacity.GPUs {
		over = append(over, fmt.Sprintf("gpus asks for %d, there are %d", r.GPUs, a.capacity.GPUs))
	}
	if over == nil {
		return nil
	}
	return fmt.Errorf("this machine can never run it: %s; ask for less, or use another runner", strings.Join(over, "; "))
}

// acquire returns when the request is set aside. Before it waits it calls
// wait with what for. The error is that of ctx.
func (a *admission) acquire(ctx context.Context, r sweep.Resources, wait func(why string)) error {
	a.mu.Lock()
	w := &waiter{r, make(chan struct{})}
	a.waiting = append(a.waiting, w)
	a.admit()
	why := a.lacking(r)
	a.mu.Unlock()
	select {
	case <-w.admitted:
		return nil
	default:
		wait(why)
	}
	select {
	case <-w.admitted:
		return nil
	case <-ctx.Done():
		a.giveUp(w)
		return ctx.Err()
	}
}

// force sets the request aside even where there is no room: what was adopted
// runs already.
func (a *admission) force(r sweep.Resources) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = a.used.Add(r)
}

// release gives back what acquire or force set aside.
func (a *admission) release(r sweep.Resources) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = minus(a.used, r)
	a.admit()
}

func (a *admission) giveUp(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-w.admitted:
		a.used = minus(a.used, w.request)
	default:
		a.waiting = slices.DeleteFunc(a.waiting, func(o *waiter) bool { return o == w })
	}
	a.admit()
}

// admit lets in whoever fits beside those who came earlier.
func (a *admission) admit() {
	free := minus(a.capacity, a.used)
	a.waiting = slices.DeleteFunc(a.waiting, func(w *waiter) bool {
		in := within(w.request, free)
		if in {
			a.used = a.used.Add(w.request)
			close(w.admitted)
		}
		free = minus(free, w.request)
		return in
	})
}

// lacking says in words what a request waits for: "cpu and memory".
func (a *admission) lacking(r sweep.Resources) string {
	free := minus(a.capacity, a.used)
	var lacks []string
	if r.MilliCPU > free.MilliCPU {
		lacks = append(lacks, "cpu")
	}
	if r.Memory > free.Memory {
		lacks = append(lacks, "memory")
	}
	if r.GPUs > free.GPUs {
		lacks = append(lacks, "gpus")
	}
	if lacks == nil {
		return "waits behind earlier requests"
	}
	return strings.Join(lacks, " and ")
}

// within reports whether r fits. What is not asked for always fits.
func within(r, free sweep.Resources) bool {
	return (r.MilliCPU == 0 || r.MilliCPU <= free.MilliCPU) &&
		(r.Memory == 0 || r.Memory <= free.Memory) &&
		(r.GPUs == 0 || r.GPUs <= free.GPUs)
}

func minus(a, b sweep.Resources) sweep.Resources {
	return a.Add(sweep.Resources{MilliCPU: -b.MilliCPU, Memory: -b.Memory, GPUs: -b.GPUs})
}

func cores(milli int64) string {
	if milli%1000 == 0 {
		return fmt.Sprintf("%d cores", milli/1000)
	}
	return fmt.Sprintf("%.5g cores", float64(milli)/1000)
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.4gGi", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.4gMi", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", bytes)
}
