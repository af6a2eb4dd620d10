package ledger

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

func wanted(t *testing.T, l *Ledger, source, round string) string {
	t.Helper()
	return names(collect(t, l.Wanted(t.Context(), source, round)))
}

func chain(all ...iter.Seq2[Item, error]) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for _, seq := range all {
			for i, err := range seq {
				if !yield(i, err) {
					return
				}
			}
		}
	}
}

func TestRegisteringAgainChangesNothing(t *testing.T) {
	if both(t, TestRegisteringAgainChangesNothing) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	first := register(t, s, "src", "", items("ex", "", 0, 600))
	before := dump(t, l, "experiments", "memberships", "sweeps")
	again := register(t, s, "src", "", items("ex", "", 0, 600))
	for i, r := range again {
		if r.New || r.ID != first[i].ID || r.Number != first[i].Number {
			t.Fatalf("row %d was %v, is %v", i, first[i], r)
		}
	}
	if !reflect.DeepEqual(before, dump(t, l, "experiments", "memberships", "sweeps")) {
		t.Error("a table changed")
	}
	// With the records that a plan has read already.
	known := func(yield func(Item, error) bool) {
		for i, r := range collect(t, l.Records(t.Context(), Query{})) {
			if !yield(Item{experiment("ex", "", i), r}, nil) {
				return
			}
		}
	}
	if got := register(t, s, "src", "", known); !reflect.DeepEqual(got, again) {
		t.Error("known records gave other rows")
	}
	if !reflect.DeepEqual(before, dump(t, l, "experiments", "memberships", "sweeps")) {
		t.Error("a table changed")
	}
}

// dump is every row of some tables.
func dump(t *testing.T, l *Ledger, tables ...string) []string {
	t.Helper()
	var all []string
	for _, table := range tables {
		rows, err := l.read.Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			all = append(all, table+fmt.Sprint(values...))
		}
		rows.Close()
	}
	return all
}

func TestWhatIsWanted(t *testing.T) {
	if both(t, TestWhatIsWanted) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex", "other")
	refs := register(t, s, "a.hcl", "", items("ex", "", 0, 4))
	register(t, s, "b.hcl", "", items("ex", "", 2, 6))
	register(t, s, "a.hcl", "night", items("ex", "night", 0, 2))
	check := func(source, round, want string) {
		t.Helper()
		if got := wanted(t, l, source, round); got != want {
			t.Errorf("%s in %q wants %s, want %s", source, round, got, want)
		}
	}
	check("a.hcl", "", "[ex-0 ex-1 ex-2 ex-3]")
	check("b.hcl", "", "[ex-2 ex-3 ex-4 ex-5]")
	check("a.hcl", "night", "[ex-6 ex-7]")
	check("c.hcl", "", "[]")

	// ex-1 lives when it is no longer asked for, ex-0 does not.
	id := intend(t, s, refs[1])[0]
	register(t, s, "a.hcl", "", items("ex", "", 2, 5))
	check("a.hcl", "", "[ex-1 ex-2 ex-3 ex-4]")
	check("b.hcl", "", "[ex-2 ex-3 ex-4 ex-5]")
	settleNow(t, s, id, succeeded(1))
	if err := s.Register(t.Context(), Registration{Source: "a.hcl", Partial: true}, items("ex", "", 2, 3), nil); err != nil {
		t.Fatal(err)
	}
	check("a.hcl", "", "[ex-1 ex-2 ex-3 ex-4]")
	register(t, s, "a.hcl", "", items("ex", "", 2, 5))
	check("a.hcl", "", "[ex-2 ex-3 ex-4]")
	check("a.hcl", "night", "[ex-6 ex-7]")
	// Asked for again, under the old name.
	register(t, s, "a.hcl", "", chain(items("other", "", 0, 1), items("ex", "", 0, 2)))
	check("a.hcl", "", "[ex-0 ex-1 other-0]")
}

func TestSweepsShareAnExperiment(t *testing.T) {
	if both(t, TestSweepsShareAnExperiment) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	second := experiment("ex", "", 0)
	second.Sweep = "finer"
	refs := register(t, s, "src", "", chain(items("ex", "", 0, 1), func(yield func(Item, error) bool) { yield(Item{Experiment: second}, nil) }))
	if refs[0].ID != refs[1].ID || !refs[0].New || refs[1].New {
		t.Errorf("rows %v", refs)
	}
	r, err := l.FindRun(t.Context(), "ex-0")
	if err != nil || !slices.Equal(r.Sweeps, []string{"finer", "s"}) {
		t.Errorf("sweeps %v (%v)", r.Sweeps, err)
	}
}

func TestARegistrationThatFailsLeavesNothing(t *testing.T) {
	if both(t, TestARegistrationThatFailsLeavesNothing) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	register(t, s, "src", "", items("ex", "", 0, 2))
	before := dump(t, l, "experiments", "memberships", "sweeps", "applies", "epochs")
	boom := errors.New("boom")
	wrong := &sweep.Record{Name: "ex", Key: hash(9)}
	cases := map[string]iter.Seq2[Item, error]{
		"the plan's error": chain(items("ex", "", 0, 2000), func(yield func(Item, error) bool) { yield(Item{}, boom) }),
		"name not locked":  chain(items("ex", "", 0, 2000), items("other", "", 0, 1)),
		"another round":    items("ex", "night", 0, 1),
		"another key":      func(yield func(Item, error) bool) { yield(Item{experiment("ex", "", 0), wrong}, nil) },
	}
	for name, all := range cases {
		if err := s.Register(t.Context(), Registration{Source: "src"}, all, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	err := s.Register(t.Context(), Registration{Source: "src"}, items("ex", "", 0, 9), func(Item, Ref) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("the callback's error: %v", err)
	}
	if !reflect.DeepEqual(before, dump(t, l, "experiments", "memberships", "sweeps", "applies", "epochs")) {
		t.Error("a table changed")
	}
	if refs := register(t, s, "src", "", items("ex", "", 2, 3)); refs[0].Number != 2 {
		t.Errorf("a number was lost: %v", refs)
	}
}

func TestNumbersAreNeverGivenTwice(t *testing.T) {
	if both(t, TestNumbersAreNeverGivenTwice) {
		return
	}
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	register(t, s, "src", "", items("ex", "", 0, 5))
	s.Close()
	l.Close()
	// Somebody tidied up by hand.
	execute(t, path, `DELETE FROM memberships; DELETE FROM experiments WHERE number > 1`)
	l = openAt(t, path, ReadWrite)
	if next, err := l.NextNumber(t.Context(), "ex"); next != 5 || err != nil {
		t.Errorf("next number %d (%v)", next, err)
	}
	if refs := register(t, lock(t, l, "ex"), "src", "", items("ex", "", 4, 5)); refs[0].Number != 5 {
		t.Errorf("got number %d", refs[0].Number)
	}
}

// TestRegistrationsModel compares sequences of registrations with a map.
func TestRegistrationsModel(t *testing.T) {
	if both(t, TestRegistrationsModel) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	ledgers := 0
	rapid.Check(t, func(rt *rapid.T) {
		ledgers++ // as good as one each: no two share a name or a source
		name := fmt.Sprintf("ex%d", ledgers)
		s := lock(t, l, name)
		defer s.Close()
		numbers := map[int]int{}
		for range rapid.IntRange(1, 5).Draw(rt, "applies") {
			seeds := rapid.SliceOfDistinct(rapid.IntRange(0, 12), rapid.ID).Draw(rt, "seeds")
			refs := register(t, s, name, "", func(yield func(Item, error) bool) {
				for _, seed := range seeds {
					if !yield(Item{Experiment: experiment(name, "", seed)}, nil) {
						return
					}
				}
			})
			for i, seed := range seeds {
				number, known := numbers[seed]
				if !known {
					number = len(numbers)
					numbers[seed] = number
				}
				if refs[i].Number != number || refs[i].New == known {
					rt.Fatalf("seed %d got %v, want number %d", seed, refs[i], number)
				}
			}
			if got := collect(t, l.Wanted(t.Context(), name, "")); len(got) != len(seeds) {
				rt.Fatalf("%d wanted, %d asked for", len(got), len(seeds))
			}
		}
	})
}
