//go:build linux

package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/runner/ledger/pgtest"
)

// sharing are two machines with one cluster and one ledger, whose server can be
// killed. Their clocks are an hour off, one either way.
type sharing struct {
	*clustered // the first, which goes by way of a proxy
	second     *clustered
	server     *pgtest.Server
	where      string // the ledger
	seen       *onlooker
	heard      *overheard // of the first
}

func newSharing(t *testing.T, grid string) *sharing {
	s := &sharing{server: pgtest.New(t)}
	s.where = s.server.Database(t)
	s.clustered = newClustered(t, &main.Simulated, grid)
	s.setenv("LXSWEEP_STATE", s.where)
	s.second = s.machine()
	s.seen = s.onlook()
	s.heard = s.overhear()
	return s
}

// name is what a machine is called in a test: only root can give it a name.
func (s *sharing) name(machine string) string {
	if os.Geteuid() == 0 {
		return machine
	}
	host, err := os.Hostname()
	if err != nil {
		s.Fatal(err)
	}
	return host
}

// on is an apply on a machine of that name, whose clock is off.
func (k *clustered) on(host string, off time.Duration, args ...string) *background {
	k.Helper()
	cmd := exec.Command("lxsweep", append([]string{"apply", "--auto-approve", "--progress", "plain", "grid.hcl"}, args...)...)
	if os.Geteuid() == 0 {
		cmd = exec.Command("sh", append([]string{"-c", `hostname "$0" && exec "$@"`, host}, cmd.Args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS}
	}
	k.setenv("LXSWEEP_TEST_NOW", time.Now().Add(off).Format(time.RFC3339))
	return k.launch(cmd)
}

// rows are those of a query to the shared ledger, their columns joined by spaces.
func (s *sharing) rows(query string) []string {
	s.Helper()
	c, err := pgx.Connect(s.Context(), s.where)
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close(s.Context())
	rows, err := c.Query(s.Context(), "SELECT concat_ws(' ', "+query)
	if err != nil {
		s.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// everything is all that the ledger has.
func (s *sharing) everything() []string {
	s.Helper()
	var all []string
	for _, table := range s.rows(`tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`) {
		for _, row := range s.rows(fmt.Sprintf(`x.*) FROM %s x ORDER BY 1`, table)) {
			all = append(all, table+" "+row)
		}
	}
	return all
}

// recorded waits until the ledger says that n attempts run.
func (s *sharing) recorded(n int) {
	s.Helper()
	s.await(fmt.Sprint(n, " are known to run"), func() bool {
		return slices.Equal(s.rows(`count(*)) FROM attempts WHERE state = 'running'`), []string{fmt.Sprint(n)})
	})
}

// stop stops a process, and returns when it is.
func (s *sharing) stop(b *background) {
	s.Helper()
	if err := b.Process.Signal(syscall.SIGSTOP); err != nil {
		s.Fatal(err)
	}
	s.await("it is stopped", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.Process.Pid))
		return err == nil && bytes.Contains(stat, []byte(") T "))
	})
}

// cutOff has the ledger's server forget everybody, as it forgets a machine that
// is gone.
func (s *sharing) cutOff() {
	s.Helper()
	s.server.Kill()
	if err := s.server.Start(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// interrupts starts the first machine, and stops it when four experiments run and
// a fifth, ex-4, is recorded and about to be asked for; its connections to the
// ledger are lost. The second machine is started then, and waits.
func (s *sharing) interrupts() (first, second *background) {
	s.Helper()
	asked := make(chan struct{}, 1)
	s.heard.meet(func(r request) kubetest.Fault {
		if r.method != http.MethodPost || !bytes.Contains(r.body, []byte("ex-4")) {
			return nil
		}
		select {
		case asked <- struct{}{}:
		default:
		}
		return kubetest.Reply(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "try again", 0)
	})
	first = s.on("one", time.Hour)
	<-asked
	s.recorded(4)
	s.stop(first)
	s.second.says(4, []string{"are being run by process", "on " + s.name("one")}, "apply", "--auto-approve", "grid.hcl")
	s.cutOff()
	second = s.second.on("two", -time.Hour)
	s.await("the second waits", func() bool { return strings.Contains(s.text(second), "did not let go") })
	return first, second
}

// wakes lets a stopped machine go on.
func (s *sharing) wakes(first *background) {
	s.Helper()
	s.heard.take()
	if err := first.Process.Signal(syscall.SIGCONT); err != nil {
		s.Fatal(err)
	}
}

// endsByItself waits for the first machine, which must say why, once.
func (s *sharing) endsByItself(first *background) {
	s.Helper()
	said := s.end(first, 4)
	for _, want := range []string{"the Lease lxsweep-ex in namespace " + s.namespace + " was taken over by " + s.name("two"), "lxsweep status tells who"} {
		if n := strings.Count(said, "error: "+want) + strings.Count(said, "\n  "+want); n != 1 {
			s.Errorf("it says %q %d times, want once:\n%s", want, n, said)
		}
	}
}

// finishes lets the five end that are held.
func (s *sharing) finishes(second *background) {
	s.Helper()
	s.letGo("")
	s.end(second, 0)
	s.noJobs()
}

// ranOnce checks that every experiment of heldGrid ran once, and how many at a
// time.
func (s *sharing) ranOnce(parallel int) {
	s.Helper()
	same(s.T, "runs", s.rows(`state, count(*), count(DISTINCT number)) FROM runs GROUP BY state`), "succeeded 9 9")
	same(s.T, "attempts with a Job", s.rows(`state, count(*), count(DISTINCT experiment_id)) FROM attempts WHERE ref <> '' GROUP BY state`), "succeeded 9 9")
	s.await("all ends are seen", func() bool { return s.seen.hasSeen(9) })
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	if s.seen.most > parallel || len(s.seen.wrong) > 0 || len(s.seen.live) > 0 || len(s.seen.made) != 9 {
		s.Errorf("%d lived at a time, of at most %d; %d live; made %v; %v", s.seen.most, parallel, len(s.seen.live), s.seen.made, s.seen.wrong)
	}
	for run, n := range s.seen.made {
		if n != 1 {
			s.Errorf("%s was made %d times", run, n)
		}
	}
}

// boundGrid is of experiments of which five run at a time; the first five are
// held.
var boundGrid = strings.NewReplacer("config = config.ex", "config = config.ex\n  max_parallel = 5", `"1h"`, `hp.x < 5 ? "1h" : "0s"`).Replace(heldGrid)

// TestStoppedMachine stops a machine for longer than its claim on the cluster
// holds, while the ledger's server forgets it. Another one takes over; when the
// first wakes, it records nothing, asks the cluster for nothing, and ends.
func TestStoppedMachine(t *testing.T) {
	t.Parallel()
	s := newSharing(t, boundGrid)
	first, second := s.interrupts()
	s.running(5)
	s.recorded(5)
	before, lease := s.everything(), s.kubectl("get", "lease", "lxsweep-ex", "-o", "jsonpath={.spec.holderIdentity} {.spec.acquireTime}")
	s.wakes(first)
	s.endsByItself(first)
	for _, r := range s.heard.take() {
		if r.method != http.MethodGet && !(r.method == http.MethodPut && strings.HasSuffix(r.path, "/leases/lxsweep-ex")) {
			t.Errorf("awake again, it asked for %s %s", r.method, r.path)
		}
	}
	same(t, "the ledger", s.everything(), before...)
	if now := s.kubectl("get", "lease", "lxsweep-ex", "-o", "jsonpath={.spec.holderIdentity} {.spec.acquireTime}"); now != lease {
		t.Errorf("the Lease was %s and is %s", lease, now)
	}
	s.finishes(second)
	s.ranOnce(5)
}

// TestStoppedMachineWakesSoon wakes it while its claim still holds, as far as it
// knows: what it then asks for is there before the other one looks.
func TestStoppedMachineWakesSoon(t *testing.T) {
	t.Parallel()
	s := newSharing(t, boundGrid)
	first, second := s.interrupts()
	s.heard.meet(func(r request) kubetest.Fault {
		if strings.HasSuffix(r.path, "/leases/lxsweep-ex") {
			return kubetest.Reset // so that it is not told
		}
		return nil
	})
	s.wakes(first)
	s.running(5)
	s.heard.meet(nil)
	s.endsByItself(first)
	s.recorded(5)
	s.finishes(second)
	s.ranOnce(5)
}

// TestSameNightTwice fires a round on two machines at once, whose clocks are two
// hours apart: one waits for the other, and finds everything done.
func TestSameNightTwice(t *testing.T) {
	t.Parallel()
	s := newSharing(t, heldGrid)
	night := []string{"--round", "2026-01-31", "--lock-timeout", "5m"}
	one, two := s.on("one", time.Hour, night...), s.second.on("two", -time.Hour, night...)
	s.await("one waits", func() bool { return strings.Contains(s.text(one)+s.text(two), "waiting for process") })
	s.running(9)
	s.letGo("")
	said := s.end(one, 0) + s.end(two, 0)
	if n := strings.Count(said, "Apply: 9 succeeded"); n != 1 {
		t.Errorf("%d applies ran the nine:\n%s", n, said)
	}
	s.ranOnce(9)
	same(t, "attempts", s.rows(`number, count(*)) FROM attempts GROUP BY number`), "1 9")
	s.second.says(0, []string{"9 unchanged"}, "plan", "--round", "2026-01-31", "grid.hcl")
}
