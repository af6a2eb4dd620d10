package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/ledger"
)

// requestPoll is how often a running apply looks for cancel requests.
const requestPoll = 200 * time.Millisecond

// tooLate answers requests that were made to a process that is gone.
const tooLate = "not obeyed: the apply that it was made to had ended"

// obey looks for cancel requests until done is closed, hands them to the
// dispatcher, and acknowledges each once what it names has ended.
func (x *execution) obey(ctx context.Context, w *watcher, done <-chan struct{}, cancels chan<- runner.Cancel) {
	o := &obedience{x: x, w: w, cancels: cancels, done: done}
	ctx = context.WithoutCancel(ctx)
	tick := time.NewTicker(requestPoll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			o.look(ctx)
			o.answer(ctx, false)
		case <-done:
			o.look(ctx)
			o.answer(ctx, true)
			return
		}
	}
}

// obedience is the state of obey.
type obedience struct {
	x       *execution
	w       *watcher
	cancels chan<- runner.Cancel
	done    <-chan struct{}
	after   int64
	open    []obeyed
}

// obeyed is a request that was handed on and not yet answered.
type obeyed struct {
	ledger.CancelRequest
	hit []string // the run names that were in flight
}

// look hands new requests to the dispatcher. What cannot be read now is read
// the next time.
func (o *obedience) look(ctx context.Context) {
	requests, err := o.x.pl.ledger.Requests(ctx, o.x.names, o.after)
	if err != nil {
		return
	}
	for _, r := range requests {
		o.after = r.ID
		request := obeyed{CancelRequest: r, hit: o.w.inFlightOf(r)}
		select {
		case o.cancels <- runner.Cancel{RunNames: r.RunNames, Sweep: r.Sweep, Reason: r.Reason}:
		case <-o.done:
		}
		o.open = append(o.open, request)
		o.w.progress.Note("asked by " + r.By + " to cancel " + what(r))
	}
}

func what(r ledger.CancelRequest) string {
	if r.Sweep != "" {
		return "sweep " + r.Sweep
	}
	const most = 8
	if n := len(r.RunNames); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(r.RunNames[:most], ", "), n-most)
	}
	return strings.Join(r.RunNames, ", ")
}

// answer acknowledges the requests whose runs have ended; all of them at the
// end.
func (o *obedience) answer(ctx context.Context, all bool) {
	o.open = slices.DeleteFunc(o.open, func(r obeyed) bool {
		if !all && len(o.w.inFlightOf(r.CancelRequest)) > 0 {
			return false
		}
		text := "nothing of it was running; it will not be started"
		if len(r.hit) > 0 {
			text = "ended " + strings.Join(r.hit, ", ")
			if r.Sweep != "" || len(r.hit) < len(r.RunNames) {
				text += "; nothing else of it will be started"
			}
		}
		return o.x.pl.ledger.Acknowledge(ctx, r.ID, text) == nil || all
	})
}

// inFlightOf returns the run names in flight that a request means, sorted.
func (w *watcher) inFlightOf(r ledger.CancelRequest) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for name, label := range w.inFlight {
		if r.Sweep != "" && label == r.Sweep || slices.Contains(r.RunNames, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// dismiss answers the requests that were left unanswered by a process that is
// gone: obeying them now could end what nobody meant.
func (x *execution) dismiss(ctx context.Context) error {
	requests, err := x.pl.ledger.Requests(ctx, x.names, 0)
	for _, r := range requests {
		if err == nil {
			err = x.pl.ledger.Acknowledge(ctx, r.ID, tooLate)
		}
	}
	return err
}
