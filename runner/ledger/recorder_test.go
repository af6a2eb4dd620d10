package ledger

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// TestAnAttemptEndsOnce guards I1.
func TestAnAttemptEndsOnce(t *testing.T) {
	if both(t, TestAnAttemptEndsOnce) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	refs := register(t, s, "src", "", items("ex", "", 0, 1))
	id := intend(t, s, refs...)[0]
	s.Settle(id, succeeded(1), nil)
	settleNow(t, s, id, sweep.Outcome{State: sweep.Failed, Code: 1}) // of one transaction
	settleNow(t, s, id, sweep.Outcome{State: sweep.Lost, Code: sweep.CodeUnknown, Metrics: []sweep.Metric{{Name: "late"}}})
	s.Changed(id, runner.Change{State: sweep.Running, Time: noon, Ref: "late"})
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := l.Attempts(t.Context(), refs[0].ID)
	if err != nil || len(all) != 1 || all[0].State != sweep.Succeeded || all[0].Ref != "" || len(all[0].Metrics) != 1 {
		t.Errorf("attempts %+v (%v)", all[0], err)
	}
}

func TestWhatCannotBeSettled(t *testing.T) {
	if both(t, TestWhatCannotBeSettled) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	id := intend(t, s, register(t, s, "src", "", items("ex", "", 0, 1))...)[0]
	answers := make(chan error, 3)
	s.Settle(999, succeeded(1), func(err error) { answers <- err })
	s.Settle(id, sweep.Outcome{State: sweep.Running}, func(err error) { answers <- err })
	s.Settle(id, succeeded(1), func(err error) { answers <- err })
	if err := <-answers; !errors.Is(err, ErrUnknownAttempt) {
		t.Errorf("an attempt that never was: %v", err)
	}
	if err := <-answers; err == nil {
		t.Error("running was taken for an end")
	}
	if err := <-answers; err != nil {
		t.Errorf("its neighbours in the transaction: %v", err)
	}
}

func TestAttemptsAreNumbered(t *testing.T) {
	if both(t, TestAttemptsAreNumbered) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	refs := register(t, s, "src", "", items("ex", "", 0, 2))
	intents := []runner.Intent{{RecordID: refs[0].ID, Why: "new"}, {RecordID: refs[1].ID, Why: "new"}, {RecordID: refs[0].ID, Why: "retry 1 of 2"}}
	rows, err := s.Intend(t.Context(), intents)
	if want := []runner.Intended{{ID: 1, Number: 1}, {ID: 2, Number: 1}, {ID: 3, Number: 2}}; err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %v, want %v (%v)", rows, want, err)
	}
	r, err := l.FindRun(t.Context(), "ex-0")
	if err != nil || r.Last.Number != 2 || r.Last.Why != "retry 1 of 2" {
		t.Errorf("last %+v (%v)", r.Last, err)
	}
	all, err := l.Attempts(t.Context(), refs[0].ID)
	if err != nil || len(all) != 2 || all[0].Number != 1 || all[0].State != sweep.Pending {
		t.Errorf("attempts %+v (%v)", all, err)
	}
}

func TestIntendIsAllOrNone(t *testing.T) {
	if both(t, TestIntendIsAllOrNone) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	ref := register(t, s, "src", "", items("ex", "", 0, 1))[0]
	if _, err := s.Intend(t.Context(), []runner.Intent{{RecordID: ref.ID}, {RecordID: 999}}); err == nil {
		t.Error("an attempt of no experiment was recorded")
	}
	if all, err := l.Attempts(t.Context(), ref.ID); err != nil || len(all) > 0 {
		t.Errorf("half was recorded: %v (%v)", all, err)
	}
}

func TestAnIntendThatIsCalledOffWritesNothing(t *testing.T) {
	if both(t, TestAnIntendThatIsCalledOffWritesNothing) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	ref := register(t, s, "src", "", items("ex", "", 0, 1))[0]
	<-l.write.turn // somebody else writes
	// The committing goroutine waits for its turn with the first; the second
	// is still in the queue when its caller gives up.
	first := &intending{intents: []runner.Intent{{RecordID: ref.ID}}, reply: make(chan error, 1)}
	if err := s.queue.put(0, func(b *batch) { b.intends = append(b.intends, first) }); err != nil {
		t.Fatal(err)
	}
	for taken := false; !taken; {
		s.queue.mu.Lock()
		taken = len(s.queue.next.intends) == 0
		s.queue.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := s.Intend(ctx, []runner.Intent{{RecordID: ref.ID}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("called off: %v", err)
	}
	l.write.turn <- struct{}{}
	if err := <-first.reply; err != nil {
		t.Error(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if all, err := l.Attempts(t.Context(), ref.ID); err != nil || len(all) != 1 {
		t.Errorf("%d attempts (%v)", len(all), err)
	}
}

func TestClosingKeepsWhatWasHandedOver(t *testing.T) {
	if both(t, TestClosingKeepsWhatWasHandedOver) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	ids := intend(t, s, register(t, s, "src", "", items("ex", "", 0, 2200))...)
	var settled sync.WaitGroup
	for _, id := range ids {
		settled.Add(1)
		s.Settle(id, succeeded(1), func(err error) {
			defer settled.Done()
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	settled.Wait()
	if open, err := l.OpenAttempts(t.Context(), nil); err != nil || len(open) > 0 {
		t.Errorf("%d are open (%v)", len(open), err)
	}
	answer := make(chan error, 1)
	s.Settle(ids[0], succeeded(1), func(err error) { answer <- err })
	if err := <-answer; !errors.Is(err, ErrClosed) {
		t.Errorf("after the close: %v", err)
	}
	var ended string
	if err := l.read.QueryRow(`SELECT ended FROM applies`).Scan(&ended); err != nil || ended != "2026-01-31T12:00:00.000Z" {
		t.Errorf("ended %q (%v)", ended, err)
	}
	lock(t, l, "ex")
}

func TestEquivalentWorkAndNewMetrics(t *testing.T) {
	if both(t, TestEquivalentWorkAndNewMetrics) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	ref := register(t, s, "src", "", items("ex", "", 0, 1))[0]
	id := intend(t, s, ref)[0]
	settleNow(t, s, id, succeeded(1))
	for _, work := range []byte{2, 3, 2} {
		if err := s.AcceptWork(t.Context(), ref.ID, hash(work)); err != nil {
			t.Fatal(err)
		}
	}
	found := []sweep.Metric{{Name: "acc", Last: 0.5, Min: 0.25, Max: 0.75, Count: 4}}
	if err := s.ReplaceMetrics(t.Context(), id, "acc=(.*)", found); err != nil {
		t.Fatal(err)
	}
	if err := s.ReplaceMetrics(t.Context(), 99, "", nil); !errors.Is(err, ErrUnknownAttempt) {
		t.Errorf("metrics of no attempt: %v", err)
	}
	all, err := l.Lookup(t.Context(), []sweep.Hash{experiment("ex", "", 0).Key})
	if err != nil || !reflect.DeepEqual(all[0].Equivalent, []sweep.Hash{hash(2), hash(3)}) {
		t.Errorf("equivalent %v (%v)", all[0].Equivalent, err)
	}
	if last := all[0].Last; last.State != sweep.Succeeded || last.Pattern != "acc=(.*)" || !reflect.DeepEqual(last.Metrics, found) {
		t.Errorf("last %+v", last)
	}
}
