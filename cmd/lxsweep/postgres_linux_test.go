package main_test

import (
	"bytes"
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

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/lxsweep/lxsweep/runner/ledger/pgtest"
)

const (
	sharedExperiments = 60
	sharedParallel    = 3
)

// sharedGrid is a sweep whose programs tell a file of their start and end.
const sharedGrid = `config "ex" {
  hp { x = 0 }
  run {
    cmd = <<-EOT
      echo "start $LXSWEEP_RUN_NAME $$" >> %[1]s/events
      sleep 0.$((${hp.x} %% 4))
      echo "loss=$((${hp.x} + 1))"
      echo "end $LXSWEEP_RUN_NAME $$" >> %[1]s/events
    EOT
  }
}
sweep "shared" {
  config       = config.ex
  max_parallel = %[2]d
  grid { x = range(%[3]d) }
}
`

// host is a machine, as far as lxsweep can tell: a name and a boot of its own,
// and its own copy of the project.
type host struct {
	name, dir, boot string
	env             []string

	apply *exec.Cmd // nil while none runs
	said  *bytes.Buffer
}

func newHost(t *testing.T, name, where, grid string) *host {
	t.Helper()
	h := &host{name: name, dir: t.TempDir(), boot: filepath.Join(t.TempDir(), "boot_id")}
	h.env = append(os.Environ(), "LXSWEEP_STATE="+where)
	for path, text := range map[string]string{
		filepath.Join(h.dir, "grid.hcl"): grid,
		h.boot:                           fmt.Sprintf("%08x-0000-4000-8000-000000000000\n", len(name)),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// lxsweep is a command line on the host. What it starts stays there.
func (h *host) lxsweep(args ...string) *exec.Cmd {
	const enter = `hostname "$1" && mount --bind "$2" /proc/sys/kernel/random/boot_id && shift 2 && exec lxsweep "$@"`
	cmd := exec.Command("unshare", append([]string{"--uts", "--mount", "sh", "-c", enter, "sh", h.name, h.boot}, args...)...)
	cmd.Dir, cmd.Env = h.dir, h.env
	return cmd
}

// start applies, unless an apply runs.
func (h *host) start(t *testing.T) {
	t.Helper()
	if h.apply != nil && syscall.Kill(h.apply.Process.Pid, 0) == nil && !isZombie(h.apply.Process.Pid) {
		return
	}
	if code := h.wait(); code > 3 || code == 1 {
		t.Logf("on %s apply ended with %d: %s", h.name, code, h.said.Bytes()[max(0, h.said.Len()-400):])
	}
	h.apply, h.said = h.lxsweep("apply", "--auto-approve", "--progress", "plain", "--lock-timeout", "10m",
		"--parallel", fmt.Sprint(sharedParallel), "grid.hcl"), &bytes.Buffer{}
	h.apply.Stdout, h.apply.Stderr = h.said, h.said
	if err := h.apply.Start(); err != nil {
		t.Fatal(err)
	}
}

func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// wait waits for the apply and returns its exit code.
func (h *host) wait() int {
	if h.apply == nil {
		return 0
	}
	_ = h.apply.Wait()
	code := h.apply.ProcessState.ExitCode()
	h.apply = nil
	return code
}

// TestTwoHostsShareALedger: both apply the same files again and again, their
// applies are killed or told to end, and the server is killed. Every experiment
// runs once.
func TestTwoHostsShareALedger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving a process a host name of its own needs root")
	}
	server := pgtest.New(t)
	where := server.Database(t)
	shared := &killing{T: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(uint64(os.Getpid()), 2))}
	grid := fmt.Sprintf(sharedGrid, shared.dir, sharedParallel, sharedExperiments)
	hosts := []*host{newHost(t, "one", where, grid), newHost(t, "other", where, grid)}
	t.Cleanup(func() {
		for _, h := range hosts {
			if h.apply != nil {
				_ = h.apply.Process.Kill()
			}
			for _, pid := range (&killing{T: t, dir: h.dir}).holders() {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			h.wait()
			if t.Failed() {
				t.Logf("the last apply on %s said:\n%s", h.name, h.said)
			}
		}
	})
	db, err := sql.Open("pgx", where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxIdleConns(0)     // they do not outlive the server
	for _, h := range hosts { // first one, then the other
		h.start(t)
		shared.awaitEvents(4)
		_ = h.apply.Process.Signal(syscall.SIGTERM)
		h.wait()
	}
	faults := 0
	for ; len(shared.events()) < 2*sharedExperiments-20; faults++ {
		for want := len(shared.events()) + 4 + shared.random.IntN(8); len(shared.events()) < want; time.Sleep(5 * time.Millisecond) {
			for _, h := range hosts {
				h.start(t) // also one that came while the server was away, or was overtaken
			}
		}
		if faults%3 == 1 {
			server.Kill()
			if err := server.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var holder string
		if err := db.QueryRow(`SELECT host FROM epochs`).Scan(&holder); err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts {
			switch {
			case h.name != holder:
			case faults%3 == 2: // it waits for what runs, and the other host goes on
				_ = h.apply.Process.Signal(syscall.SIGTERM)
			default:
				_ = h.apply.Process.Kill()
				h.wait()
			}
		}
	}
	for _, h := range hosts {
		h.wait()
	}
	for _, h := range append(hosts, hosts...) { // each adopts what is its own
		h.start(t)
		if code := h.wait(); code != 0 && code != 3 {
			t.Errorf("on %s apply ended with %d:\n%s", h.name, code, h.said)
		}
	}
	t.Logf("%d faults", faults)
	for name, r := range shared.runs() {
		if r.starts != 1 || r.ends != 1 {
			t.Errorf("%s started %d times and ended %d times, want once", name, r.starts, r.ends)
		}
	}
	checkShared(t, db)
	checkLogs(t, hosts)
}

// checkShared reads I1 to I3 from the ledger. What a killed apply left running
// on its host counts against the bound of the other, too.
func checkShared(t *testing.T, db *sql.DB) {
	t.Helper()
	for query, want := range map[string]int{
		`SELECT count(*) FROM experiments`:                                                                 sharedExperiments,
		`SELECT count(*) FROM attempts WHERE started_at IS NOT NULL`:                                       sharedExperiments,
		`SELECT count(*) FROM attempts WHERE state NOT IN ('succeeded', 'interrupted')`:                    0,
		`SELECT count(*) FROM attempts WHERE state = 'succeeded' AND code = 0`:                             sharedExperiments,
		`SELECT count(*) FROM metrics m JOIN attempts a ON a.id = m.attempt_id WHERE m.name = 'loss'`:      sharedExperiments,
		`SELECT count(*) FROM logs`:                                                                        sharedExperiments,
		`SELECT count(DISTINCT number) FROM experiments WHERE number < (SELECT count(*) FROM experiments)`: sharedExperiments,
		`SELECT count(DISTINCT host) FROM attempts`:                                                        2,
	} {
		var got int
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s\ngives %d, want %d (%v)", query, got, want, err)
		}
	}
	var most int
	err := db.QueryRow(`SELECT max((SELECT count(*) FROM attempts b WHERE b.started_at <= a.started_at AND b.ended_at > a.started_at))
		FROM attempts a`).Scan(&most)
	if err != nil || most > sharedParallel {
		t.Errorf("%d ran at once, the bound is %d (%v)", most, sharedParallel, err)
	}
}

// checkLogs reads on each host the log of a run that the other has the file of.
func checkLogs(t *testing.T, hosts []*host) {
	t.Helper()
	for _, h := range hosts {
		for _, run := range []string{"ex-0", fmt.Sprint("ex-", sharedExperiments-1)} {
			out, err := h.lxsweep("logs", run).CombinedOutput()
			if !strings.HasPrefix(string(out), "loss=") || err != nil {
				t.Errorf("on %s the log of %s is %q (%v)", h.name, run, out, err)
			}
		}
	}
}
