package ledger

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// How long what is handed over may wait for company before it is committed.
// What somebody waits for (Intend, Flush) is committed at once.
const (
	settleDelay = 20 * time.Millisecond
	changeDelay = 80 * time.Millisecond
	// batchLimit commits at once, so that no transaction grows without bound.
	batchLimit = 2048
)

// queue collects what the next transaction writes. One goroutine takes from it.
type queue struct {
	// wake holds a token when the committing goroutine should look again.
	wake chan struct{}

	mu     sync.Mutex
	next   batch
	due    time.Time // of next; zero while it is empty
	err    error     // what ended the writing, nil before
	closed bool
}

// batch is what one transaction writes, in this order.
type batch struct {
	intends []*intending
	changes map[int64]runner.Change // what is known by now, by attempt
	settles []settling
	flushes []chan<- error
}

type intending struct {
	intents []runner.Intent
	rows    []runner.Intended // set by the transaction
	reply   chan error        // takes one error without blocking
}

type settling struct {
	id      int64
	outcome sweep.Outcome
	done    func(error)
	err     error // its own, where the transaction went well
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// put adds to the next batch, which is to be committed within delay. It returns
// the error that ended the writing.
func (q *queue) put(delay time.Duration, add func(*batch)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	if q.closed {
		return ErrClosed
	}
	add(&q.next)
	if len(q.next.settles) >= batchLimit {
		delay = 0
	}
	if due := time.Now().Add(delay); q.due.IsZero() || due.Before(q.due) {
		q.due = due
		q.signal()
	}
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// withdraw takes an intending out again, unless a transaction has it already.
func (q *queue) withdraw(in *intending) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.next.intends, in)
	if i < 0 {
		return false
	}
	q.next.intends = slices.Delete(q.next.intends, i, i+1)
	return true
}

// take waits until a batch is due and returns it; false at the end.
func (q *queue) take() (batch, bool) {
	for {
		q.mu.Lock()
		wait := time.Until(q.due)
		if !q.due.IsZero() && (wait <= 0 || q.closed) {
			b := q.next
			q.next, q.due = batch{}, time.Time{}
			q.mu.Unlock()
			return b, true
		}
		empty, closed := q.due.IsZero(), q.closed
		q.mu.Unlock()
		switch {
		case empty && closed:
			return batch{}, false
		case empty:
			<-q.wake
		default:
			q.sleep(wait)
		}
	}
}

func (q *queue) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-q.wake:
	}
}

// close lets nothing more in.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// fail ends the writing: every later put returns err.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
}

func (q *queue) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// change merges c into what is known of the attempt.
func (b *batch) change(id int64, c runner.Change) {
	if b.changes == nil {
		b.changes = map[int64]runner.Change{}
	}
	known := b.changes[id]
	if c.State == sweep.Running || known.State != sweep.Running {
		if known.State != sweep.Running {
			known.Time = c.Time
		}
		known.State, known.Waiting = c.State, c.Waiting
	}
	if c.Ref != "" {
		known.Ref = c.Ref
	}
	if c.Log != "" {
		known.Log = c.Log
	}
	b.changes[id] = known
}

// answer tells everybody in the batch how it ended.
func (b *batch) answer(err error) {
	for _, in := range b.intends {
		in.reply <- err
	}
	for _, s := range b.settles {
		if s.done == nil {
			continue
		}
		if err != nil {
			s.done(err)
		} else {
			s.done(s.err)
		}
	}
	for _, f := range b.flushes {
		f <- err
	}
}

// await returns what comes first of the reply and the end of ctx.
func await(ctx context.Context, reply <-chan error) error {
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
