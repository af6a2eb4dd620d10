package kubernetes

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Bounds of the window.
const (
	firstWindow = 16
	mostWindow  = 64 // what one connection's streams and a fair share of the server bear
	leastWindow = 1
	growth      = 1.0 / 20               // by each write that went well
	slowWrite   = time.Second            // what the cluster's operators promise at worst
	calm        = 500 * time.Millisecond // between two halvings: a storm's answers come together
)

// window bounds the writes under way: one more for twenty that went well, half
// as many when the server asks for less or is slow (additive increase,
// multiplicative decrease, as TCP does).
type window struct {
	now func() time.Time

	mu     sync.Mutex
	size   float64
	used   int
	queue  []chan struct{} // first come first served; closed to let in
	halved time.Time
}

func newWindow(now func() time.Time) *window { return &window{now: now, size: firstWindow} }

// enter waits for a place.
func (w *window) enter(ctx context.Context) error {
	w.mu.Lock()
	if w.used < int(w.size) && len(w.queue) == 0 {
		w.used++
		w.mu.Unlock()
		return nil
	}
	in := make(chan struct{})
	w.queue = append(w.queue, in)
	w.mu.Unlock()
	select {
	case <-in:
		return nil
	case <-ctx.Done():
		w.giveUp(in)
		return context.Cause(ctx)
	}
}

// giveUp takes back what enter asked for.
func (w *window) giveUp(in chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, waits := range w.queue {
		if waits == in {
			w.queue = append(w.queue[:i], w.queue[i+1:]...)
			return
		}
	}
	w.used-- // it was let in meanwhile
	w.admit()
}

// leave gives the place back.
func (w *window) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used--
	w.admit()
}

func (w *window) admit() {
	for len(w.queue) > 0 && w.used < int(w.size) {
		close(w.queue[0])
		w.queue = w.queue[1:]
		w.used++
	}
}

// heard takes in how a write went.
func (w *window) heard(well bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	switch {
	case well:
		w.size = min(w.size+growth, mostWindow)
		w.admit()
	case now.Sub(w.halved) > calm:
		w.size = max(w.size/2, leastWindow)
		w.halved = now
	}
}

// observed tells the window of every answer, also of those that client-go
// tries again by itself.
type observed struct {
	http.RoundTripper
	window *window
}

func (o *observed) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return o.RoundTripper.RoundTrip(r)
	}
	begun := o.window.now()
	response, err := o.RoundTripper.RoundTrip(r)
	took := o.window.now().Sub(begun)
	switch {
	case err != nil:
		o.window.heard(false)
	case response.StatusCode == http.StatusTooManyRequests, response.StatusCode >= http.StatusInternalServerError:
		o.window.heard(false)
	default:
		o.window.heard(took < slowWrite)
	}
	return response, err
}
