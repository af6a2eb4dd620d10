package main_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the ledger is read by what a user would read it with
)

// kills is how many kills a run of these tests makes: 20, or LXSWEEP_KILLS.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("LXSWEEP_KILLS"))
	if err != nil {
		return 20
	}
	return n
}

const (
	killExperiments = 40
	killParallel    = 4
)

// killGrid is a sweep of programs that append their start and end to a file,
// one in five of which ends with code 3.
const killGrid = `config "ex" {
  hp { x = 0 }
  run {
    cmd = <<-EOT
      echo "start $LXSWEEP_RUN_NAME $$" >> events
      sleep 0.$((${hp.x} %% 4))
      echo "end $LXSWEEP_RUN_NAME $$" >> events
      exit $(( ${hp.x} %% 5 == 0 ? 3 : 0 ))
    EOT
  }
}
sweep "kill" {
  config       = config.ex
  max_parallel = %d
  grid { x = range(%d) }
}
`

// TestKillApply kills apply's process only: every program lives on and runs to
// its end exactly once.
func TestKillApply(t *testing.T) {
	k := newKilling(t)
	k.run(func(apply *exec.Cmd) {
		k.kill(apply.Process.Pid)
	})
	for name, r := range k.runs() {
		if r.starts != 1 || r.ends != 1 {
			t.Errorf("%s started %d times and ended %d times, want once", name, r.starts, r.ends)
		}
	}
}

// TestKillEveryProcess kills apply and the shells of its slots: what their
// programs came to is known to nobody, so these run again, but never beside a
// living one.
func TestKillEveryProcess(t *testing.T) {
	k := newKilling(t)
	k.run(func(apply *exec.Cmd) {
		k.kill(apply.Process.Pid)
		k.killShells()
	})
	for name, r := range k.runs() {
		if r.ends < 1 {
			t.Errorf("%s never ran to its end", name)
		}
	}
}

// TestKillEverything kills the programs as well, after the shells: a shell that
// saw its program killed would say so, and rightly.
func TestKillEverything(t *testing.T) {
	k := newKilling(t)
	k.run(func(apply *exec.Cmd) {
		k.kill(apply.Process.Pid)
		k.killShells()
		for _, pid := range k.holders() {
			k.kill(pid)
		}
	})
	for name, r := range k.runs() {
		if r.ends < 1 {
			t.Errorf("%s never ran to its end", name)
		}
	}
}

// killing is one folder whose apply is killed again and again.
type killing struct {
	*testing.T
	dir    string
	random *rand.Rand
}

func newKilling(t *testing.T) *killing {
	k := &killing{T: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(uint64(os.Getpid()), 1))}
	file := fmt.Sprintf(killGrid, killParallel, killExperiments)
	if err := os.WriteFile(filepath.Join(k.dir, "grid.hcl"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range k.holders() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return k
}

// run applies, kills at a random moment, and so on; the sweep starts afresh in
// another round when there is little left to kill. It ends with an apply that
// nobody kills, and checks what must hold however it was killed.
func (k *killing) run(kill func(apply *exec.Cmd)) {
	k.Helper()
	round := 0
	for n := range kills(k.T) {
		if n%10 == 9 {
			k.finish(round)
			round++
		}
		apply := k.apply(round)
		k.awaitEvents(k.random.IntN(6))
		spin := time.Now().Add(time.Duration(k.random.IntN(30_000)) * time.Microsecond)
		for time.Now().Before(spin) { // a kill lands between any two instructions
		}
		kill(apply)
		_ = apply.Wait()
	}
	k.finish(round)
	k.checkLedger()
	if left := k.holders(); len(left) > 0 {
		k.Errorf("processes %v are left", left)
	}
}

// apply starts an apply of the round.
func (k *killing) apply(round int) *exec.Cmd {
	k.Helper()
	cmd := exec.Command("lxsweep", "apply", "--auto-approve", "--progress", "plain",
		"--parallel", strconv.Itoa(killParallel), "--round", fmt.Sprint("r", round), "grid.hcl")
	cmd.Dir = k.dir
	cmd.Stderr = &bytes.Buffer{}
	cmd.Stdout = cmd.Stderr
	if err := cmd.Start(); err != nil {
		k.Fatal(err)
	}
	return cmd
}

// finish applies until nothing is left to run in the round.
func (k *killing) finish(round int) {
	k.Helper()
	cmd := k.apply(round)
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 { // one in five fails
		k.Fatalf("the apply that nobody killed ended with %v, want exit code 3:\n%s", err, cmd.Stderr)
	}
	k.checkBound()
}

// awaitEvents waits until n more lines are in the file of events.
func (k *killing) awaitEvents(n int) {
	k.Helper()
	want := len(k.events()) + n
	deadline := time.Now().Add(time.Minute)
	for len(k.events()) < want {
		if time.Now().After(deadline) {
			k.Fatal("nothing was started for a minute")
		}
		time.Sleep(time.Millisecond)
	}
}

func (k *killing) kill(pid int) {
	_ = syscall.Kill(pid, syscall.SIGKILL)
	k.note(fmt.Sprintf("killed - %d\n", pid))
}

// killShells kills the slots' resident shells.
func (k *killing) killShells() {
	for _, pid := range k.holders() {
		if isShell(pid) {
			k.kill(pid)
		}
	}
}

func (k *killing) note(line string) {
	f, err := os.OpenFile(filepath.Join(k.dir, "events"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		k.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line); err != nil {
		k.Fatal(err)
	}
}

// event is a line of the file: what, which run, which process.
type event struct {
	what, run string
	pid       int
}

func (k *killing) events() []event {
	data, _ := os.ReadFile(filepath.Join(k.dir, "events"))
	var all []event
	for line := range strings.Lines(string(data)) {
		if !strings.HasSuffix(line, "\n") {
			break // a reader may see half of a write that is under way
		}
		var e event
		if _, err := fmt.Sscan(line, &e.what, &e.run, &e.pid); err != nil {
			k.Fatalf("a torn line in the events: %q", line)
		}
		all = append(all, e)
	}
	return all
}

// ran counts what the events say of one run.
type ran struct{ starts, ends int }

func (k *killing) runs() map[string]ran {
	all := map[string]ran{}
	for _, e := range k.events() {
		r := all[e.run]
		switch e.what {
		case "start":
			r.starts++
		case "end":
			r.ends++
		default:
			continue
		}
		all[e.run] = r
	}
	return all
}

// checkBound reads I2 and I3 from the events: never two programs of one run,
// never more than the bound.
func (k *killing) checkBound() {
	k.Helper()
	live := map[int]string{}
	for _, e := range k.events() {
		if e.what != "start" {
			delete(live, e.pid)
			continue
		}
		for pid, run := range live {
			if run == e.run && pid != e.pid {
				k.Errorf("%s was started as process %d while process %d ran it", run, e.pid, pid)
			}
		}
		live[e.pid] = e.run
		if len(live) > killParallel {
			k.Errorf("%d programs at once, the bound is %d: %v", len(live), killParallel, live)
		}
	}
}

// checkLedger reads I1 from the ledger: every attempt is final, and every
// experiment's last one has the state and code that its program gave.
func (k *killing) checkLedger() {
	k.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(k.dir, ".lxsweep", "lxsweep.db")+"?mode=ro")
	if err != nil {
		k.Fatal(err)
	}
	defer db.Close()
	var open int
	if err := db.QueryRow(`SELECT count(*) FROM attempts WHERE state NOT IN ('succeeded', 'failed', 'interrupted')`).Scan(&open); err != nil || open != 0 {
		k.Errorf("%d attempts are neither succeeded, failed nor interrupted (%v)", open, err)
	}
	rows, err := db.Query(`SELECT e.experiment_name || '-' || e.number, e.hp, a.state, a.code FROM experiments e
		JOIN attempts a ON a.experiment_id = e.id WHERE a.number = (SELECT max(number) FROM attempts WHERE experiment_id = e.id)`)
	if err != nil {
		k.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var run, hp, state string
		var code, x int
		if err := rows.Scan(&run, &hp, &state, &code); err != nil {
			k.Fatal(err)
		}
		seen++
		fmt.Sscanf(hp, `{"x":%d}`, &x)
		wantState, wantCode := "succeeded", 0
		if x%5 == 0 {
			wantState, wantCode = "failed", 3
		}
		if state != wantState || code != wantCode {
			k.Errorf("%s (x = %d) is %s with code %d, want %s with %d", run, x, state, code, wantState, wantCode)
		}
	}
	if err := rows.Err(); err != nil || seen == 0 || seen%killExperiments != 0 {
		k.Errorf("%d experiments in the ledger, want a multiple of %d (%v)", seen, killExperiments, err)
	}
}

// holders are the processes that have a slot's journal of the folder open, but
// for applies.
func (k *killing) holders() []int {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	var pids []int
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(to, filepath.Join(k.dir, ".lxsweep", "slots")) {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(fd, "/")[2])
		if len(pids) == 0 || pids[len(pids)-1] != pid {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isShell reports whether pid is a slot's resident shell: the leader of its own
// session.
func isShell(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return len(fields) > 3 && fields[3] == strconv.Itoa(pid)
}
