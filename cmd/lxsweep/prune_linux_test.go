package main_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How many experiments the rounds of these tests have: the one that goes, more
// than are removed at a time.
const (
	oldExperiments = 270
	newExperiments = 20
)

// pruneGrid is a sweep whose programs leave a folder in a folder.
const pruneGrid = `variable "n" { type = number }
config "ex" {
  hp { x = 0 }
  run { cmd = "mkdir $LXSWEEP_OUTPUT_DIR/steps; echo loss=${hp.x} | tee $LXSWEEP_OUTPUT_DIR/steps/1" }
}
sweep "prune" {
  config = config.ex
  grid { x = range(var.n) }
  objective { minimize = "loss" }
}
`

// pruning is a ledger with the rounds old and new, which is put back after every
// kill.
type pruning struct {
	session
	kept   string // a copy
	random *rand.Rand
	took   time.Duration // by a prune that nobody kills
}

func newPruning(t *testing.T) *pruning {
	t.Helper()
	return newPruningOf(t, oldExperiments, newExperiments)
}

func newPruningOf(t *testing.T, inOld, inNew int) *pruning {
	t.Helper()
	p := &pruning{session: session{T: t, dir: filepath.Join(t.TempDir(), "here")}, random: rand.New(rand.NewPCG(uint64(os.Getpid()), 2))}
	p.kept = filepath.Join(filepath.Dir(p.dir), "kept")
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "grid.hcl"), []byte(pruneGrid), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, round := range []struct {
		name        string
		experiments int
	}{{"old", inOld}, {"new", inNew}} {
		p.lxsweep(0, "apply", "--auto-approve", "--progress", "quiet", "--round", round.name, "--var", fmt.Sprint("n=", round.experiments), "grid.hcl")
	}
	if err := os.CopyFS(p.kept, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pruning) putBack() {
	p.Helper()
	if err := os.RemoveAll(p.dir); err != nil {
		p.Fatal(err)
	}
	if err := os.CopyFS(p.dir, os.DirFS(p.kept)); err != nil {
		p.Fatal(err)
	}
}

// killed prunes and kills that at a random moment; check looks at what is left,
// and after another prune, that nobody kills, is called with done.
func (p *pruning) killed(check func(done bool), args ...string) {
	p.Helper()
	args = append([]string{"prune", "--auto-approve"}, args...)
	began := time.Now()
	p.lxsweep(0, args...)
	p.took = time.Since(began)
	check(true)
	for range kills(p.T) / 2 {
		p.putBack()
		cmd := exec.Command("lxsweep", args...)
		cmd.Dir = p.dir
		if err := cmd.Start(); err != nil {
			p.Fatal(err)
		}
		time.Sleep(time.Duration(p.random.Int64N(int64(p.took))))
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		check(false)
		if p.rows(`experiments WHERE round = 'old'`) > 0 {
			p.lxsweep(0, args...)
		}
		check(true)
		if p.Failed() {
			return
		}
	}
}

func (p *pruning) plan(code int) (out, said string) {
	p.Helper()
	return p.lxsweep(code, "plan", "--detailed-exitcode", "--round", "old", "--var", fmt.Sprint("n=", oldExperiments), "grid.hcl")
}

// rows counts rows.
func (p *pruning) rows(of string) (n int) {
	p.Helper()
	if err := p.query(`SELECT count(*) FROM `+of, func(rows *sql.Rows) error { return rows.Scan(&n) }); err != nil {
		p.Fatal(err)
	}
	return n
}

func (p *pruning) query(query string, each func(*sql.Rows) error) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.dir, ".lxsweep", "lxsweep.db")+"?mode=ro")
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// left is what there is of the runs of a round: folders that are whole, logs,
// and how many of the runs without a whole folder are said to be pruned.
type left struct{ runs, folders, logs, marked int }

func (p *pruning) left(round string) (l left) {
	p.Helper()
	err := p.query(`SELECT a.output_dir, a.log, a.pruned_at FROM experiments e JOIN attempts a ON a.experiment_id = e.id
		WHERE e.round = '`+round+`'`, func(rows *sql.Rows) error {
		var dir, log string
		var pruned sql.NullString
		err := rows.Scan(&dir, &log, &pruned)
		l.runs++
		_, folder := os.Stat(filepath.Join(dir, "steps", "1"))
		if folder == nil {
			l.folders++
		}
		if _, err := os.Stat(log); err == nil {
			l.logs++
		} else if !pruned.Valid {
			p.Errorf("%s is gone, and its row does not say so", log)
		}
		if folder != nil && !pruned.Valid {
			p.Errorf("%s is gone, and its row does not say so", dir)
		}
		if _, err := os.Stat(dir); err == nil && folder != nil {
			p.Errorf("%s is there, and not whole", dir)
		}
		if pruned.Valid {
			l.marked++
		}
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	return l
}

// untouched is a round of n experiments of which nothing was removed.
func untouched(n int) left { return left{runs: n, folders: n, logs: n} }

// entries counts what is in a folder beside the ledger.
func (p *pruning) entries(folder string) int {
	p.Helper()
	list, err := os.ReadDir(filepath.Join(p.dir, ".lxsweep", folder))
	if err != nil {
		p.Fatal(err)
	}
	return len(list)
}

// TestKillPrune kills prunes of a round: it is there with all its rows or gone,
// whatever became of its files; another prune leaves nothing of it, and nothing
// else is touched.
func TestKillPrune(t *testing.T) {
	p := newPruning(t)
	whole, half, gone := 0, 0, 0
	p.killed(func(done bool) {
		old := p.left("old")
		rows := map[string]int{}
		for _, table := range []string{"experiments WHERE round = 'old'", "sweeps WHERE round = 'old'", "attempts", "metrics", "memberships"} {
			rows[table] = p.rows(table)
		}
		n, sweeps := oldExperiments, 1
		if done || old.runs == 0 {
			n, sweeps = 0, 0
		}
		for table, got := range rows {
			want := n + newExperiments
			switch {
			case strings.HasPrefix(table, "experiments"):
				want = n
			case strings.HasPrefix(table, "sweeps"):
				want = sweeps
			}
			if got != want {
				t.Errorf("%d of %s, want %d", got, table, want)
			}
		}
		if got := p.left("new"); got != untouched(newExperiments) {
			t.Errorf("of the round that stays there is %+v", got)
		}
		if done || old.runs == 0 { // of its files nothing is left, by whatever name
			if folders, logs := p.entries("runs"), p.entries("logs"); folders != newExperiments || logs != newExperiments {
				t.Errorf("%d folders and %d logs are left, want %d", folders, logs, newExperiments)
			}
			p.lxsweep(1, "results", "--round", "old")
			out, _ := p.plan(2)
			if !strings.Contains(out, fmt.Sprintf("Plan: %d to run", oldExperiments)) || !strings.Contains(out, fmt.Sprintf("ex-%d?", oldExperiments+newExperiments)) {
				t.Errorf("the plan of the round that is gone is\n%s", out)
			}
		} else {
			p.plan(0)
		}
		switch {
		case done:
		case old.runs == 0:
			gone++
		case old == untouched(oldExperiments):
			whole++
		default:
			half++
		}
	}, "--round", "old")
	t.Logf("killed %d times before anything was removed, %d times while files were, %d times after", whole, half, gone)
}

// TestKillPruneOutputs kills prunes of output folders: rows and logs stay, every
// folder is whole or away, and said to be.
func TestKillPruneOutputs(t *testing.T) {
	p := newPruning(t)
	const best = 3
	p.killed(func(done bool) {
		for round, n := range map[string]int{"old": oldExperiments, "new": newExperiments} {
			got := p.left(round)
			if got.runs != n || got.logs != n || got.folders < best {
				t.Errorf("of round %s there is %+v", round, got)
			}
			if want := (left{n, best, n, n - best}); done && got != want {
				t.Errorf("of round %s there is %+v, want %+v", round, got, want)
			}
		}
		if done && p.entries("runs") != 2*best {
			t.Errorf("%d folders are left, want %d", p.entries("runs"), 2*best)
		}
	}, "--outputs", "--keep-best", fmt.Sprint(best))
}

// TestPruneWhatCannotBeRemoved: its rows stay, so that another prune finds it.
func TestPruneWhatCannotBeRemoved(t *testing.T) {
	p := newPruning(t)
	stuck := filepath.Join(p.dir, ".lxsweep", "runs", "ex-7")
	free := p.hold(stuck)
	_, said := p.lxsweep(1, "prune", "--round", "old", "--auto-approve")
	if !strings.Contains(said, "ex-7") || !strings.Contains(said, "not all was removed") {
		t.Errorf("it says %q", said)
	}
	if got := p.rows(`attempts WHERE pruned_at IS NOT NULL`); got != oldExperiments {
		t.Errorf("%d attempts are there and marked", got)
	}
	_, said = p.lxsweep(1, "logs", "ex-7")
	if !strings.Contains(said, "ex-7, attempt 1, has no log any more: what it left was pruned on 20") {
		t.Errorf("of its log it is said: %q", said)
	}
	free()
	p.lxsweep(0, "prune", "--round", "old", "--auto-approve")
	if got := p.rows(`experiments`); got != newExperiments {
		t.Errorf("%d experiments are left", got)
	}
}

// hold makes a folder that cannot be removed: another file system, or for those
// who may not mount one, somebody's files that nobody may remove.
func (p *pruning) hold(dir string) (free func()) {
	p.Helper()
	if os.Geteuid() != 0 {
		steps := filepath.Join(dir, "steps")
		if err := os.Chmod(steps, 0o500); err != nil {
			p.Fatal(err)
		}
		free = func() {
			_ = os.Chmod(steps, 0o700)
			_ = os.Chmod(filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".pruned", "steps"), 0o700)
		}
		p.Cleanup(free)
		return free
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		p.Skipf("mounting: %v", err)
	}
	free = func() { _ = syscall.Unmount(dir, 0) }
	p.Cleanup(free)
	return free
}

// TestPruneWhatIsNotOurs: folders that are elsewhere, that are not the run's own,
// or that hold others are told, and left.
func TestPruneWhatIsNotOurs(t *testing.T) {
	p := newPruningOf(t, 4, 1)
	runs := filepath.Join(p.dir, ".lxsweep", "runs")
	p.change(`UPDATE attempts SET host = 'another' WHERE experiment_id = (SELECT id FROM experiments WHERE number = 0)`)
	p.change(`UPDATE attempts SET output_dir = $1 WHERE experiment_id = (SELECT id FROM experiments WHERE number = 1)`, filepath.Join(runs, "shared"))
	p.change(`UPDATE attempts SET output_dir = $1 WHERE experiment_id = (SELECT id FROM experiments WHERE number = 2)`, filepath.Join(runs, "ex-3", "inner", "ex-2"))
	for _, dir := range []string{"shared", "ex-3/inner/ex-2"} {
		if err := os.MkdirAll(filepath.Join(runs, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := p.lxsweep(0, "prune", "--outputs", "--auto-approve")
	for _, want := range []string{
		"Left: outputs of 1 run that are elsewhere", "runs/shared: it is not named after the run", "runs/ex-3: it holds output folders of other runs",
		"Prune: outputs of 2 attempts in 2 rounds",
	} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	for dir, there := range map[string]bool{"ex-0": true, "ex-1": true, "ex-2": true, "ex-3/steps": true, "ex-3/inner/ex-2": false, "ex-4": false, "shared": true} {
		if _, err := os.Stat(filepath.Join(runs, dir)); err == nil != there {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if n := p.rows(`attempts WHERE pruned_at IS NOT NULL`); n != 2 {
		t.Errorf("%d attempts are marked, want 2", n)
	}
}

// change changes the ledger behind lxsweep's back.
func (p *pruning) change(statement string, args ...any) {
	p.Helper()
	db, err := sql.Open("sqlite", filepath.Join(p.dir, ".lxsweep", "lxsweep.db"))
	if err == nil {
		_, err = db.Exec(statement, args...)
	}
	if err != nil {
		p.Fatal(err)
	}
	if err := db.Close(); err != nil {
		p.Fatal(err)
	}
}
