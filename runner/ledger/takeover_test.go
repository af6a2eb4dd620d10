package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// A second machine with an empty ledger takes over what the first has started:
// the same numbers, and those that come after.
func TestTakeOver(t *testing.T) {
	if both(t, TestTakeOver) {
		return
	}
	theirs := openAt(t, newPath(t), ReadWrite)
	first := lock(t, theirs, "ex")
	refs := register(t, first, "src", "", items("ex", "", 0, 5))
	intend(t, first, refs[3], refs[4])
	found := must(theirs.OpenAttempts(t.Context(), nil))

	ours := openAt(t, newPath(t), ReadWrite)
	s := lock(t, ours, "ex")
	ids := must(s.TakeOver(t.Context(), found))
	if again := must(s.TakeOver(t.Context(), found)); len(ids) != 2 || ids[0] != again[0] || ids[1] != again[1] {
		t.Errorf("taken over as %v, and again as %v", ids, again)
	}
	if err := s.Skip(t.Context(), "ex", 9); err != nil {
		t.Fatal(err)
	}
	s.Settle(ids[0], succeeded(1), nil)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, r := range register(t, s, "src", "", items("ex", "", 0, 6)) {
		numbers = append(numbers, r.Number)
	}
	// 0, 1, 2 and 5 are unknown here; 3 and 4 keep their names.
	if want := []int{9, 10, 11, 3, 4, 12}; len(numbers) != 6 || [6]int(numbers) != [6]int(want) {
		t.Errorf("numbers %v, want %v", numbers, want)
	}
	if open := must(ours.OpenAttempts(t.Context(), nil)); names(open) != "[ex-4]" || open[0].Last.State != sweep.Queued {
		t.Errorf("open are %s", names(open))
	}
}

func TestTakeOverOfANameThatIsGiven(t *testing.T) {
	if both(t, TestTakeOverOfANameThatIsGiven) {
		return
	}
	theirs := openAt(t, newPath(t), ReadWrite)
	first := lock(t, theirs, "ex")
	intend(t, first, register(t, first, "src", "", items("ex", "", 7, 8))...)
	found := must(theirs.OpenAttempts(t.Context(), nil))

	ours := openAt(t, newPath(t), ReadWrite)
	s := lock(t, ours, "ex")
	register(t, s, "src", "", items("ex", "", 0, 1))
	_, err := s.TakeOver(t.Context(), found)
	if err == nil || !strings.Contains(err.Error(), "ex-0 is another experiment in this ledger") {
		t.Errorf("%v", err)
	}
}

// What an attempt waits for is its reason while it is open.
func TestWaitingIsTheReasonOfWhatIsOpen(t *testing.T) {
	if both(t, TestWaitingIsTheReasonOfWhatIsOpen) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	id := intend(t, s, register(t, s, "src", "", items("ex", "", 0, 1))...)[0]
	reason := func() string {
		t.Helper()
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return must(l.FindRun(t.Context(), "ex-0")).Last.Reason
	}
	s.Changed(id, runner.Change{State: sweep.Queued, Time: time.Now(), Waiting: "a node"})
	if got := reason(); got != "a node" {
		t.Errorf("queued: %q", got)
	}
	s.Changed(id, runner.Change{State: sweep.Running, Time: time.Now()})
	if got := reason(); got != "" {
		t.Errorf("running: %q", got)
	}
}
