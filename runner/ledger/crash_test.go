package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// crashExperiments is how many experiments an apply of the crash test asks for
// in its n-th run.
func crashExperiments(n int) int { return 40 * (n + 1) }

// applyUntilKilled does what an apply does, and says on its standard output
// what it was promised to be durable: "i ATTEMPT" for an intent, "s ATTEMPT
// CODE" for an outcome.
func applyUntilKilled(path string) int {
	n, _ := strconv.Atoi(os.Getenv("LEDGER_TEST_RUN"))
	if err := crashApply(context.Background(), path, n, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	return 0
}

func crashApply(ctx context.Context, path string, n int, say io.Writer) error {
	l, err := Open(ctx, path, ReadWrite)
	if err != nil {
		return err
	}
	defer l.Close()
	s, err := l.Lock(ctx, []string{"ex"}, -1, Info{})
	if err != nil {
		return err
	}
	open, err := l.OpenAttempts(ctx, s.Names())
	if err != nil {
		return err
	}
	for _, r := range open {
		s.Settle(r.Last.ID, sweep.Outcome{State: sweep.Interrupted, Code: sweep.CodeUnknown}, nil)
	}
	if err := s.Register(ctx, Registration{Source: "src"}, items("ex", "", 0, crashExperiments(n)), nil); err != nil {
		return err
	}
	for r, err := range l.Records(ctx, Query{}) {
		if err != nil {
			return err
		}
		if r.Last == nil || r.Last.State != sweep.Succeeded {
			if err := crashAttempt(ctx, s, r, say); err != nil {
				return err
			}
		}
	}
	return s.Close()
}

func crashAttempt(ctx context.Context, s *Session, r *sweep.Record, say io.Writer) error {
	rows, err := s.Intend(ctx, []runner.Intent{{RecordID: r.ID, Work: hash(1), Why: "new"}})
	if err != nil {
		return err
	}
	id := rows[0].ID
	fmt.Fprintln(say, "i", id)
	s.Changed(id, runner.Change{State: sweep.Running, Time: noon})
	o := succeeded(float64(id))
	if id%5 == 0 {
		o = sweep.Outcome{State: sweep.Failed, Code: 1}
	}
	s.Settle(id, o, func(err error) {
		if err == nil {
			fmt.Fprintln(say, "s", id, o.Code)
		}
	})
	return nil
}

// TestKilledAtAnyInstant guards F05 as far as the ledger goes: whatever was
// said to be durable is there after kill -9, once, and the file is whole.
func TestKilledAtAnyInstant(t *testing.T) {
	if both(t, TestKilledAtAnyInstant) {
		return
	}
	runs := 10
	if more, err := strconv.Atoi(os.Getenv("LEDGER_TEST_KILLS")); err == nil {
		runs = more
	}
	path := newPath(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	promised := map[int64]string{}
	for n := range runs {
		c := child(t, "apply", path, "LEDGER_TEST_RUN="+strconv.Itoa(n))
		stop := func() { _ = c.Process.Kill() }
		lines := -1
		if n%2 == 0 { // at any time, also before it has said a word
			defer time.AfterFunc(time.Duration(random.IntN(100_000))*time.Microsecond, stop).Stop()
		} else { // somewhere among its promises, however slow the machine is
			lines = random.IntN(100)
		}
		for ; c.out.Scan(); lines-- {
			note(t, promised, c.out.Text())
			if lines == 0 {
				defer time.AfterFunc(time.Duration(random.IntN(10_000))*time.Microsecond, stop).Stop()
			}
		}
		checkWhole(t, path, promised, crashExperiments(n))
	}
	if err := crashApply(t.Context(), path, runs, io.Discard); err != nil {
		t.Fatal(err)
	}
	checkWhole(t, path, promised, crashExperiments(runs))
	l := openAt(t, path, ReadOnly)
	all := collect(t, l.Records(t.Context(), Query{}))
	if open, err := l.OpenAttempts(t.Context(), nil); err != nil || len(open) > 0 || len(all) != crashExperiments(runs) {
		t.Errorf("%d open, %d experiments (%v)", len(open), len(all), err)
	}
	t.Logf("%d promises kept", len(promised))
}

// note keeps the last promise of each attempt.
func note(t *testing.T, promised map[int64]string, line string) {
	t.Helper()
	words := strings.Fields(line)
	if len(words) < 2 {
		t.Fatalf("the child said %q", line)
	}
	id, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	promised[id] = words[0]
}

func checkWhole(t *testing.T, path string, promised map[int64]string, atMost int) {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && !IsURL(path) && len(promised) == 0 {
		return // killed before it was made
	}
	l := openAt(t, path, ReadOnly)
	defer l.Close()
	if !l.Exists() && len(promised) == 0 {
		return
	}
	if found := damage(t.Context(), l.read); found != "" && !IsURL(path) {
		t.Fatal(found)
	}
	last := int64(-1)
	for r, err := range l.Records(t.Context(), Query{AllRounds: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if int64(r.Number) != last+1 || r.ID != last+2 || r.Number >= atMost || r.Key != experiment("ex", "", r.Number).Key {
			t.Fatalf("%s (id %d) follows number %d", r.RunName(), r.ID, last)
		}
		last = int64(r.Number)
		checkAttempts(t, l, r, promised)
	}
	checkPromises(t, l, promised)
}

func checkAttempts(t *testing.T, l *Ledger, r *sweep.Record, promised map[int64]string) {
	t.Helper()
	all, err := l.Attempts(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range all {
		if a.Number != i+1 {
			t.Fatalf("attempt %d of %s has number %d", i+1, r.RunName(), a.Number)
		}
		if promised[a.ID] == "s" && !a.State.Final() {
			t.Fatalf("the outcome of attempt %d is gone: %s", a.ID, a.State)
		}
		if i < len(all)-1 && (!a.State.Final() || a.State == sweep.Succeeded) {
			t.Fatalf("%s ran again after %s", r.RunName(), a.State)
		}
		if a.State == sweep.Succeeded && (len(a.Metrics) != 1 || a.Metrics[0].Last != float64(a.ID)) {
			t.Fatalf("attempt %d has half an outcome: %v", a.ID, a.Metrics)
		}
	}
}

func checkPromises(t *testing.T, l *Ledger, promised map[int64]string) {
	t.Helper()
	for id := range promised {
		var n int
		if err := l.read.QueryRow(`SELECT count(*) FROM attempts WHERE id = $1`, id).Scan(&n); err != nil || n != 1 {
			t.Fatalf("attempt %d is there %d times (%v)", id, n, err)
		}
	}
}

// TestAReaderAfterACrash: the log that a killed writer left is read, and left.
func TestAReaderAfterACrash(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	register(t, s, "src", "", items("ex", "", 0, 3))
	crashed := filepath.Join(t.TempDir(), "lxsweep.db")
	for _, suffix := range []string{"", "-wal"} { // as a kill would leave them
		text, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		put(t, crashed+suffix, text)
	}
	before := tree(t, crashed)
	log := tree(t, crashed+"-wal")
	r := openAt(t, crashed, ReadOnly)
	if got := collect(t, r.Records(t.Context(), Query{})); len(got) != 3 {
		t.Errorf("%d records", len(got))
	}
	r.Close()
	sameTree(t, before, tree(t, crashed))
	sameTree(t, log, tree(t, crashed+"-wal"))
}
