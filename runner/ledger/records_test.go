package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestLookupPutsRecordsAtTheirKeys(t *testing.T) {
	if both(t, TestLookupPutsRecordsAtTheirKeys) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	register(t, s, "src", "", items("ex", "", 0, 700))
	keys := make([]sweep.Hash, 0, 1400)
	for i := 699; i >= -700; i-- {
		keys = append(keys, experiment("ex", "", i).Key)
	}
	keys = append(keys, keys[0])
	check := func(how string) {
		t.Helper()
		found, err := l.Lookup(t.Context(), keys)
		if err != nil || len(found) != len(keys) {
			t.Fatalf("%s: %d records (%v)", how, len(found), err)
		}
		for i, r := range found {
			known := i < 700 || i == 1400
			if known != (r != nil) || known && r.Key != keys[i] {
				t.Fatalf("%s: index %d holds %v", how, i, r)
			}
		}
		if found[0] == found[1400] {
			t.Errorf("%s: one record for two owners", how)
		}
	}
	check("by index")
	if l.keys.ids == nil {
		t.Error("the index was not used")
	}
	register(t, s, "src", "", items("ex", "", 0, 710))
	found, err := l.Lookup(t.Context(), []sweep.Hash{experiment("ex", "", 705).Key})
	if err != nil || found[0] == nil || found[0].Number != 705 {
		t.Errorf("new since the index was read: %v (%v)", found[0], err)
	}
	l.keys = keyIndex{asked: -1 << 40}
	check("by key")
	if l.keys.ids != nil {
		t.Error("the index was used")
	}
}

func TestKeysThatBeginAlike(t *testing.T) {
	if both(t, TestKeysThatBeginAlike) {
		return
	}
	x := keyIndex{ids: map[uint64]int64{}, twice: map[uint64][]int64{}}
	var a, b sweep.Hash
	binary.BigEndian.PutUint64(a[:], 7)
	b = a
	b[31] = 1
	x.add(7, 1)
	x.add(7, 2)
	x.add(8, 3)
	if got := x.find([]sweep.Hash{b}); !reflect.DeepEqual(got, []int64{1, 2}) {
		t.Errorf("found %v", got)
	}
}

func TestQueries(t *testing.T) {
	if both(t, TestQueries) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex", "other")
	register(t, s, "a.hcl", "", items("ex", "", 0, 1100))
	register(t, s, "a.hcl", "mon", chain(items("ex", "mon", 0, 2), items("other", "mon", 0, 1)))
	register(t, s, "a.hcl", "tue", items("ex", "tue", 0, 2))
	register(t, s, "b.hcl", "", items("other", "", 0, 2))
	register(t, s, "a.hcl", "tue", items("ex", "tue", 1, 2))
	cases := []struct {
		q    Query
		want string
	}{
		{Query{}, "[ex-1102 ex-1103]"},
		{Query{Source: "a.hcl"}, "[ex-1103]"},
		{Query{Sweep: "nobody"}, "[]"},
		{Query{Source: "b.hcl"}, "[other-1 other-2]"},
		{Query{Source: "b.hcl", Sweep: "s"}, "[other-1 other-2]"},
		{Query{Rounds: []string{"mon"}}, "[ex-1100 ex-1101 other-0]"},
		{Query{Rounds: []string{"mon"}, Names: []string{"other"}}, "[other-0]"},
		{Query{AllRounds: true, Names: []string{"other"}}, "[other-0 other-1 other-2]"},
		{Query{RunNames: []string{"other-0", "ex-7", "ex-9999"}}, "[ex-7 other-0]"},
		{Query{RunNames: []string{}}, "[]"},
	}
	for _, c := range cases {
		if got := names(collect(t, l.Records(t.Context(), c.q))); got != c.want {
			t.Errorf("%+v gives %s, want %s", c.q, got, c.want)
		}
	}
	all := collect(t, l.Records(t.Context(), Query{Rounds: []string{""}}))
	if len(all) != 1102 || all[1099].RunName() != "ex-1099" {
		t.Errorf("%d records over several pages", len(all))
	}
	if rounds, err := l.Rounds(t.Context()); err != nil || !reflect.DeepEqual(rounds, []string{"tue", "", "mon"}) {
		t.Errorf("rounds %q (%v)", rounds, err)
	}
}

func TestNamesThatAreNoRun(t *testing.T) {
	if both(t, TestNamesThatAreNoRun) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	for _, name := range []string{"", "ex", "ex-", "-1", "ex-08", "ex--1", "ex-1x", "ex-+1"} {
		if _, err := l.FindRun(t.Context(), name); !errors.Is(err, ErrUnknownRun) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for r, err := range l.Records(t.Context(), Query{RunNames: []string{"ex"}}) {
		if r != nil || err == nil {
			t.Errorf("got %v, %v", r, err)
		}
	}
}

// TestManyReadWhileOneWrites: readers see whole transactions, and hold nobody up.
func TestManyReadWhileOneWrites(t *testing.T) {
	if both(t, TestManyReadWhileOneWrites) {
		return
	}
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	refs := register(t, s, "src", "", items("ex", "", 0, 520))
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	for i := range cap(errs) {
		go func() { errs <- readOften(ctx, path, i) }()
	}
	for round := range 4 {
		for _, id := range intend(t, s, refs...) {
			o := succeeded(float64(round))
			o.Metrics = append(o.Metrics, sweep.Metric{Name: "same", Last: float64(round), Count: 1})
			s.Settle(id, o, nil)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// readOften opens a ledger of its own and reads it until ctx ends.
func readOften(ctx context.Context, path string, i int) error {
	l, err := Open(context.Background(), path, ReadOnly)
	if err != nil {
		return err
	}
	defer l.Close()
	for ctx.Err() == nil {
		for r, err := range l.Records(context.Background(), Query{}) {
			if err != nil {
				return err
			}
			a := r.Last
			if a == nil || a.State != sweep.Succeeded {
				continue
			}
			if len(a.Metrics) != 2 || a.Metrics[0].Last != a.Metrics[1].Last {
				return fmt.Errorf("reader %d saw half an outcome of %s: %v", i, r.RunName(), a.Metrics)
			}
		}
	}
	return nil
}

// TestTheQueriesInThePackageComment runs them as a user would.
func TestTheQueriesInThePackageComment(t *testing.T) {
	if both(t, TestTheQueriesInThePackageComment) {
		return
	}
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	for i, id := range intend(t, s, register(t, s, "src", "", items("ex", "", 0, 3))...) {
		settleNow(t, s, id, succeeded(0.75-float64(i)/4))
	}
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile(`(?s)//\tSELECT.*?;`).FindAllString(string(text), -1)
	want := []string{"ex-2|0.001|0.25 ex-1|0.001|0.5 ex-0|0.001|0.75", "|succeeded|3|0.00125"}
	if len(queries) != len(want) {
		t.Fatalf("%d queries in the package comment", len(queries))
	}
	for i, query := range queries {
		query = strings.ReplaceAll(query, "//\t", "")
		if got := throughDriver(t, l, query); got != want[i] {
			t.Errorf("%s\ngives %s, want %s", query, got, want[i])
		}
		tool := exec.Command("sqlite3", "-readonly", path, query)
		if inServer(t) {
			tool = exec.Command(servers.Server(t).Program("psql"), "-AtXc", query, path)
		}
		if tool.Err != nil {
			t.Log("sqlite3 is not installed: the queries ran through database/sql alone")
			continue
		}
		out, err := tool.CombinedOutput()
		if got := strings.Join(strings.Fields(string(out)), " "); got != want[i] || err != nil {
			t.Errorf("%s gives %s, want %s (%v)", tool.Path, got, want[i], err)
		}
	}
}

func throughDriver(t *testing.T, l *Ledger, query string) string {
	t.Helper()
	rows, err := l.read.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var lines []string
	for rows.Next() {
		values, into := make([]string, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	return strings.Join(lines, " ")
}

func TestWhatSweepsWereFor(t *testing.T) {
	if both(t, TestWhatSweepsWereFor) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	target := 0.125
	first := &sweep.Objective{Goals: []sweep.Goal{{Metric: "acc", Maximize: true}, {Metric: "val_loss"}}, Pick: sweep.PickMax, Target: &target}
	ask := func(source, label string, o *sweep.Objective, from, to int) {
		t.Helper()
		register(t, s, source, "", func(yield func(Item, error) bool) {
			for i := from; i < to; i++ {
				e := experiment("ex", "", i)
				e.Sweep, e.Objective = label, o
				if !yield(Item{Experiment: e}, nil) {
					return
				}
			}
		})
	}
	ask("a", "grid", nil, 0, 2)
	ask("a", "grid", first, 0, 2)
	ask("b", "other", nil, 0, 1)
	got, err := l.Asked(t.Context())
	want := []sweep.Asked{
		{Source: "a", Sweep: "grid", Objective: first, When: noon, Apply: 2, Began: noon},
		{Source: "b", Sweep: "other", When: noon, Apply: 3, Began: noon},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("asked %+v, want %+v (%v)", got, want, err)
	}
}
