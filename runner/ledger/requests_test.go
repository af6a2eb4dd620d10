package ledger

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"
)

// TestACancelRequestIsAnswered: the command in one process, the apply in
// another.
func TestACancelRequestIsAnswered(t *testing.T) {
	if both(t, TestACancelRequestIsAnswered) {
		return
	}
	path := newPath(t)
	apply, cancel := openAt(t, path, ReadWrite), openAt(t, path, ReadWrite)
	s := lock(t, apply, "ex")
	ask := CancelRequest{ExperimentName: "ex", RunNames: []string{"ex-1", "ex-2"}, Reason: "wrong data", By: "ann@here"}
	id, err := cancel.RequestCancel(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cancel.RequestCancel(t.Context(), CancelRequest{ExperimentName: "other", Sweep: "s"}); err != nil {
		t.Fatal(err)
	}
	got, err := apply.Requests(t.Context(), s.Names(), 0)
	ask.ID, ask.Requested = id, noon
	if err != nil || !reflect.DeepEqual(got, []CancelRequest{ask}) {
		t.Fatalf("requests %+v, want %+v (%v)", got, ask, err)
	}
	if got, err := apply.Requests(t.Context(), s.Names(), id); len(got) > 0 || err != nil {
		t.Errorf("seen twice: %v (%v)", got, err)
	}
	soon, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if r, err := cancel.WaitAcknowledged(soon, id); !errors.Is(err, context.DeadlineExceeded) || r.ID != id {
		t.Errorf("nobody has answered: %+v, %v", r, err)
	}
	answered := make(chan error)
	go func() {
		answered <- errors.Join(
			apply.Acknowledge(context.Background(), id, "ended ex-1, ex-2"),
			apply.Acknowledge(context.Background(), id, "again"))
	}()
	r, err := cancel.WaitAcknowledged(t.Context(), id)
	if err != nil || r.Answer != "ended ex-1, ex-2" || !r.Acknowledged.Equal(noon) {
		t.Errorf("answer %+v (%v)", r, err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if got, err := apply.Requests(t.Context(), s.Names(), 0); len(got) > 0 || err != nil {
		t.Errorf("still open: %v (%v)", got, err)
	}
	if _, err := cancel.WaitAcknowledged(t.Context(), 99); err == nil {
		t.Error("waited for a request that nobody made")
	}
}
