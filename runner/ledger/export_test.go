package ledger

import (
	"bytes"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

func export(t *testing.T, l *Ledger) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := l.Export(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// full is a ledger with something odd in every table.
func full(t *testing.T, where string) *Ledger {
	t.Helper()
	l := openAt(t, where, ReadWrite)
	s := lock(t, l, "ex", "other")
	refs := register(t, s, "src", "night", chain(items("ex", "night", 0, 3), items("other", "night", 0, 2)))
	ids := intend(t, s, refs...)
	o := succeeded(math.Inf(-1))
	o.Metrics = append(o.Metrics, sweep.Metric{Name: "nan", Last: math.NaN(), Min: 1e-300, Max: math.Inf(1), Count: 2})
	settleNow(t, s, ids[0], o)
	settleNow(t, s, ids[1], sweep.Outcome{State: sweep.Failed, Code: 1, Result: []byte("\xff\x00<&>"), Tail: "<b>\u2028"})
	for _, err := range []error{
		s.AcceptWork(t.Context(), refs[0].ID, hash(7)),
		l.KeepLog(t.Context(), ids[0], "export.go"),
		s.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.RequestCancel(t.Context(), CancelRequest{ExperimentName: "ex", Reason: "why"}))
	return l
}

// TestALedgerMoves: from a file to PostgreSQL and back, byte for byte, and it
// goes on there.
func TestALedgerMoves(t *testing.T) {
	first := full(t, filepath.Join(t.TempDir(), "lxsweep.db"))
	text := export(t, first)
	for _, where := range []string{servers.Server(t).Database(t), filepath.Join(t.TempDir(), "lxsweep.db")} {
		l := openAt(t, where, ReadWrite)
		if n, err := l.Import(t.Context(), strings.NewReader(text)); n != 5 || err != nil || l.ID() != first.ID() {
			t.Fatalf("%d experiments in %s, %s is %s (%v)", n, where, l.ID(), first.ID(), err)
		}
		again := export(t, l)
		if again != text {
			t.Errorf("%s gives\n%s\nnot\n%s", where, again, text)
		}
		if _, err := l.Import(t.Context(), strings.NewReader(text)); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("imported twice: %v", err)
		}
		s := lock(t, l, "ex")
		refs := register(t, s, "src", "night", items("ex", "night", 0, 4))
		if refs[0] != (Ref{1, 0, false}) || refs[3] != (Ref{6, 3, true}) {
			t.Errorf("it goes on with %v", refs)
		}
		if ids := intend(t, s, refs[0], refs[3]); ids[0] != 6 || ids[1] != 7 {
			t.Errorf("attempts go on with %v", ids)
		}
		if r := must(l.FindRun(t.Context(), "ex-0")); r.Last.Number != 2 {
			t.Errorf("the attempt after it has number %d", r.Last.Number)
		}
	}
}

func TestWhatCannotBeImported(t *testing.T) {
	if both(t, TestWhatCannotBeImported) {
		return
	}
	text := export(t, full(t, filepath.Join(t.TempDir(), "lxsweep.db")))
	l := openAt(t, newPath(t), ReadWrite)
	id := l.ID()
	lines := strings.SplitAfter(text, "\n")
	for name, c := range map[string]struct{ text, says string }{
		"nothing":       {"", "no export"},
		"another file":  {"{\"a\": 1}\n", "no export"},
		"binary":        {"SQLite format 3\x00", "no export"},
		"truncated":     {text[:len(text)/2], "ends in the middle"},
		"without end":   {strings.Join(lines[:len(lines)-2], ""), "ends in the middle"},
		"a row less":    {strings.Join(append(slices.Clone(lines[:len(lines)-3]), lines[len(lines)-2]), ""), "rows and should have"},
		"newer":         {strings.Replace(text, `"lxsweep_ledger":2`, `"lxsweep_ledger":99`, 1), "version 99"},
		"another table": {strings.Replace(text, `"table":"metrics"`, `"table":"users"`, 1), `"users"`},
		"a wrong row":   {strings.Replace(text, `[1,"ex",0,`, `["x","ex",0,`, 1), ""},
	} {
		if _, err := l.Import(t.Context(), strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(collect(t, l.Records(t.Context(), Query{AllRounds: true}))); n > 0 || l.ID() != id || openAt(t, l.where, ReadOnly).ID() != id {
		t.Errorf("%d records are left of them", n)
	}
	if _, err := l.Import(t.Context(), strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}
