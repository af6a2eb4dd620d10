package ledger

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// rowsOf counts the rows of the tables that pruning deletes from.
func rowsOf(t *testing.T, l *Ledger) string {
	t.Helper()
	var counts []string
	for _, table := range []string{"experiments", "attempts", "metrics", "logs", "equivalents", "memberships", "sweeps", "applies"} {
		var n int
		if err := l.read.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts = append(counts, fmt.Sprint(table, " ", n))
	}
	return strings.Join(counts, ", ")
}

// finished registers experiments of a round and gives each a finished attempt
// with all that can belong to one.
func finished(t *testing.T, l *Ledger, s *Session, source, round string, from, to int) []Ref {
	t.Helper()
	refs := register(t, s, source, round, items("ex", round, from, to))
	for i, id := range intend(t, s, refs...) {
		s.Settle(id, succeeded(0.5), nil)
		err := s.write(t.Context(), func(t *tx) error {
			if err := t.run(`INSERT INTO logs (attempt_id, size, gzip) VALUES ($1, 1, $2)`, id, []byte{0}); err != nil {
				return err
			}
			return t.run(`INSERT INTO equivalents (experiment_id, work, accepted_at) VALUES ($1, $2, $3)`, refs[i].ID, hash(2).String(), l.now())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return refs
}

func idsOf(refs []Ref) (ids []int64) {
	for _, r := range refs {
		ids = append(ids, r.ID)
	}
	return ids
}

// roundOf is what the sweep of a source asked for in a round.
func roundOf(t *testing.T, l *Ledger, source, round string) SweepRound {
	t.Helper()
	all, err := l.SweepRounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Source == source && s.Round == round {
			return s
		}
	}
	t.Fatalf("no round %q of %s in %v", round, source, all)
	return SweepRound{}
}

func TestForgetARound(t *testing.T) {
	if both(t, TestForgetARound) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	finished(t, l, s, "a.hcl", "mon", 0, 3)
	before := rowsOf(t, l)
	gone := finished(t, l, s, "a.hcl", "tue", 0, 600)
	if err := s.Forget(t.Context(), roundOf(t, l, "a.hcl", "tue").ID, idsOf(gone)); err != nil {
		t.Fatal(err)
	}
	if got, want := rowsOf(t, l), strings.Replace(before, "applies 1", "applies 2", 1); got != want {
		t.Errorf("the ledger has %s, want %s", got, want)
	}
	// What reads goes by what is there, not by what was applied.
	if got := names(collect(t, l.Records(t.Context(), Query{}))); got != "[ex-0 ex-1 ex-2]" {
		t.Errorf("the newest round has %s", got)
	}
	if rounds, err := l.Rounds(t.Context()); err != nil || !reflect.DeepEqual(rounds, []string{"mon"}) {
		t.Errorf("rounds %q (%v)", rounds, err)
	}
	// Neither a number nor an id is given again.
	again := register(t, s, "a.hcl", "tue", items("ex", "tue", 0, 1))
	if again[0].Number != 603 || again[0].ID <= gone[len(gone)-1].ID || !again[0].New {
		t.Errorf("asked for again it is %+v, after %+v", again[0], gone[len(gone)-1])
	}
}

// TestAReaderSeesWhatIsRegisteredAfterAPrune: the index of keys, once read, goes
// by ids.
func TestAReaderSeesWhatIsRegisteredAfterAPrune(t *testing.T) {
	if both(t, TestAReaderSeesWhatIsRegisteredAfterAPrune) {
		return
	}
	path := newPath(t)
	l, reader := openAt(t, path, ReadWrite), openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	gone := finished(t, l, s, "a.hcl", "mon", 0, 3)
	keys := []sweep.Hash{experiment("ex", "mon", 1).Key, experiment("ex", "tue", 1).Key}
	if found := must(reader.Lookup(t.Context(), keys)); found[0] == nil || found[1] != nil || reader.keys.ids == nil {
		t.Fatalf("before it finds %v", found)
	}
	if err := s.Forget(t.Context(), roundOf(t, l, "a.hcl", "mon").ID, idsOf(gone)); err != nil {
		t.Fatal(err)
	}
	register(t, s, "a.hcl", "tue", items("ex", "tue", 0, 3))
	if found := must(reader.Lookup(t.Context(), keys)); found[0] != nil || found[1] == nil {
		t.Errorf("after it finds %v", found)
	}
}

// TestForgetWhatSweepsShare: an experiment goes with the last that asks for it.
func TestForgetWhatSweepsShare(t *testing.T) {
	if both(t, TestForgetWhatSweepsShare) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	refs := finished(t, l, s, "a.hcl", "", 0, 3)
	register(t, s, "b.hcl", "", items("ex", "", 2, 3))
	register(t, s, "c.hcl", "", items("ex", "", 1, 2))
	register(t, s, "c.hcl", "", items("ex", "", 0, 1)) // ex-1 no more
	a, b, c := roundOf(t, l, "a.hcl", ""), roundOf(t, l, "b.hcl", ""), roundOf(t, l, "c.hcl", "")
	wanted, err := l.WantedBy(t.Context(), idsOf(refs))
	want := map[int64][]int64{refs[0].ID: {a.ID, c.ID}, refs[1].ID: {a.ID}, refs[2].ID: {a.ID, b.ID}}
	if err != nil || !reflect.DeepEqual(wanted, want) {
		t.Errorf("wanted by %v, want %v (%v)", wanted, want, err)
	}
	for _, step := range []struct {
		round SweepRound
		left  string
	}{{a, "[ex-0 ex-2]"}, {c, "[ex-2]"}, {b, "[]"}} {
		if err := s.Forget(t.Context(), step.round.ID, idsOf(refs)); err != nil {
			t.Fatal(err)
		}
		if got := names(collect(t, l.Records(t.Context(), Query{AllRounds: true}))); got != step.left {
			t.Errorf("without %s there is %s, want %s", step.round.Source, got, step.left)
		}
	}
	if got := rowsOf(t, l); !strings.HasPrefix(got, "experiments 0, attempts 0, metrics 0, logs 0, equivalents 0, memberships 0, sweeps 0,") {
		t.Errorf("the ledger has %s", got)
	}
}

func TestForgetNothingThatHasNotEnded(t *testing.T) {
	if both(t, TestForgetNothingThatHasNotEnded) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	refs := finished(t, l, s, "a.hcl", "", 0, 2)
	intend(t, s, refs[1])
	round := roundOf(t, l, "a.hcl", "")
	if !reflect.DeepEqual(round.Open, []string{"ex-1"}) {
		t.Errorf("open are %v", round.Open)
	}
	before := rowsOf(t, l)
	if err := s.Forget(t.Context(), round.ID, idsOf(refs)); err == nil || !strings.Contains(err.Error(), "ex-1 has not ended") {
		t.Errorf("forgetting a living run: %v", err)
	}
	other := lock(t, l, "other")
	if err := other.Forget(t.Context(), round.ID, idsOf(refs[:1])); err == nil || !strings.Contains(err.Error(), "not locked") {
		t.Errorf("forgetting without the lock: %v", err)
	}
	s.Close()
	lock(t, l, "ex")
	if err := s.Forget(t.Context(), round.ID, idsOf(refs[:1])); !errors.Is(err, ErrFenced) {
		t.Errorf("forgetting when another has the lock: %v", err)
	}
	if err := s.MarkPruned(t.Context(), []int64{1}); !errors.Is(err, ErrFenced) {
		t.Errorf("marking when another has the lock: %v", err)
	}
	if after := rowsOf(t, l); after != before {
		t.Errorf("the ledger has %s, want %s", after, before)
	}
}

func TestSweepRounds(t *testing.T) {
	if both(t, TestSweepRounds) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	refs := register(t, s, "a.hcl", "tue", items("ex", "tue", 0, 2))
	register(t, s, "a.hcl", "mon", items("ex", "mon", 0, 1))
	register(t, s, "a.hcl", "tue", items("ex", "tue", 0, 1))
	l.Clock = func() time.Time { return noon.Add(time.Hour) }
	s.Close()
	lock(t, l, "ex") // an apply under way, or killed
	all, err := l.SweepRounds(t.Context())
	if err != nil || len(all) != 2 || all[0].Round != "mon" || all[1].Round != "tue" {
		t.Fatalf("%+v (%v), want mon, then tue, which was applied last", all, err)
	}
	if !all[0].Applied.Equal(noon.Add(time.Hour)) || all[1].LastApply != 3 || all[1].Sweep != "s" {
		t.Errorf("%+v", all)
	}
	got := collect(t, l.Records(t.Context(), Query{Source: "a.hcl", Sweep: "s", Rounds: []string{"tue"}, Dropped: true}))
	if len(got) != len(refs) {
		t.Errorf("with what was dropped: %s", names(got))
	}
}

func TestMarkPruned(t *testing.T) {
	if both(t, TestMarkPruned) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	refs := finished(t, l, s, "a.hcl", "", 0, 2)
	traces, err := l.Traces(t.Context(), idsOf(refs))
	want := Trace{ID: traces[1].ID, ExperimentID: refs[1].ID, RunName: "ex-1", Number: 1, State: sweep.Succeeded, Runner: "local", Host: "h", OutputDir: "/o"}
	if err != nil || len(traces) != 2 || traces[1] != want {
		t.Fatalf("%+v (%v), want %+v", traces, err, want)
	}
	var dirs []string
	if err := l.EachOutputDir(t.Context(), func(dir string) { dirs = append(dirs, dir) }); err != nil || !reflect.DeepEqual(dirs, []string{"/o", "/o"}) {
		t.Errorf("output folders %q (%v)", dirs, err)
	}
	if err := s.MarkPruned(t.Context(), []int64{traces[1].ID}); err != nil {
		t.Fatal(err)
	}
	for i, r := range collect(t, l.Records(t.Context(), Query{})) {
		if pruned := r.Last.Pruned; pruned.IsZero() != (i == 0) || i == 1 && !pruned.Equal(noon) {
			t.Errorf("%s was pruned at %s", r.RunName(), pruned)
		}
	}
}

// BenchmarkForget100k is what a reader with the write-ahead log does not wait
// for, and another writer does.
func BenchmarkForget100k(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		l := openAt(b, newPath(b), ReadWrite)
		s := lock(b, l, "ex")
		refs := register(b, s, "src", "", items("ex", "", 0, many))
		ids := intend(b, s, refs...)
		for _, id := range ids {
			s.Settle(id, succeeded(0.5), nil)
		}
		if err := s.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := s.Forget(b.Context(), 1, idsOf(refs)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		l.Close()
		b.StartTimer()
	}
}
