package ledger

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/ledger/pgtest"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("LEDGER_TEST_ROLE"); role != "" {
		os.Exit(roles[role](os.Getenv("LEDGER_TEST_PATH")))
	}
	code := m.Run()
	if err := servers.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var servers pgtest.Shared

// both runs a test of ledgers in files and in PostgreSQL: newPath tells which it
// is. A test returns if it says so.
func both(t *testing.T, test func(*testing.T)) bool {
	t.Helper()
	if inServer(t) || strings.Contains(t.Name(), "/sqlite") {
		return false
	}
	t.Run("sqlite", test)
	t.Run("postgres", test)
	return true
}

func inServer(t testing.TB) bool { return strings.Contains(t.Name(), "/postgres") }

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func newPath(t testing.TB) string {
	t.Helper()
	if inServer(t) {
		return servers.Server(t).Database(t)
	}
	return filepath.Join(t.TempDir(), ".lxsweep", "lxsweep.db")
}

func openAt(t testing.TB, path string, mode Mode) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), path, mode)
	if err != nil {
		t.Fatal(err)
	}
	l.Clock = func() time.Time { return noon }
	t.Cleanup(func() { l.Close() })
	return l
}

func lock(t testing.TB, l *Ledger, names ...string) *Session {
	t.Helper()
	s, err := l.Lock(t.Context(), names, 0, Info{Host: "here", User: "ann", Command: "lxsweep apply", Version: "v0", GitCommit: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// experiment makes the i-th experiment of a name and a round.
func experiment(name, round string, i int) *sweep.Experiment {
	hp := sweep.NewObject(map[string]sweep.Value{
		"seed":       sweep.Int(int64(i)),
		"lr":         must(sweep.Number(0.001)),
		"batch_size": sweep.Int(64),
		"optimizer":  sweep.Obj(sweep.NewObject(map[string]sweep.Value{"name": sweep.String("adamw"), "wd": must(sweep.Number(0.01))})),
	})
	point := sweep.PointOf(name, hp)
	return &sweep.Experiment{Sweep: "s", Config: "c", Name: name, Round: round, HP: hp, Point: point, Key: sweep.KeyOf(point, round), WorkHash: hash(1)}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func hash(b byte) sweep.Hash { return sweep.Hash{b} }

// items are the experiments from up to, not including, to.
func items(name, round string, from, to int) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for i := from; i < to; i++ {
			if !yield(Item{Experiment: experiment(name, round, i)}, nil) {
				return
			}
		}
	}
}

// register registers and returns the rows.
func register(t testing.TB, s *Session, source, round string, all iter.Seq2[Item, error]) []Ref {
	t.Helper()
	var refs []Ref
	err := s.Register(t.Context(), Registration{Source: source, Round: round}, all, func(_ Item, r Ref) error {
		refs = append(refs, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

// intend records an attempt of each row and returns their ids.
func intend(t testing.TB, s *Session, refs ...Ref) []int64 {
	t.Helper()
	intents := make([]runner.Intent, len(refs))
	for i, r := range refs {
		intents[i] = runner.Intent{RecordID: r.ID, Work: hash(1), Command: "true", Why: "new", Runner: "local", Host: "h", Boot: "b", OutputDir: "/o"}
	}
	rows, err := s.Intend(t.Context(), intents)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids
}

// settleNow settles and waits until it is durable.
func settleNow(t testing.TB, s *Session, id int64, o sweep.Outcome) {
	t.Helper()
	answer := make(chan error, 1)
	s.Settle(id, o, func(err error) { answer <- err })
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
}

func succeeded(loss float64) sweep.Outcome {
	return sweep.Outcome{
		State: sweep.Succeeded, Started: noon, Ended: noon.Add(1500 * time.Millisecond),
		Metrics: []sweep.Metric{{Name: "val_loss", Last: loss, Min: loss, Max: 1, Count: 3, Step: 7, Steps: true}},
		Result:  []byte(`{"val_loss": 0.5}`),
	}
}

func collect(t testing.TB, seq iter.Seq2[*sweep.Record, error]) []*sweep.Record {
	t.Helper()
	var all []*sweep.Record
	for r, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func names(all []*sweep.Record) string {
	list := make([]string, len(all))
	for i, r := range all {
		list[i] = r.RunName()
	}
	return fmt.Sprint(list)
}

// roles are what this binary does when a test starts it as a child.
var roles = map[string]func(path string) int{
	"hold":  holdLock,
	"apply": applyUntilKilled,
	"sleep": sleepOn,
	"limit": fileSizeLimit,
}
