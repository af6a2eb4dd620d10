//go:build linux

package main_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
)

// TestClusterOverlap has a night fire while Jobs of the one before go on, whose
// driver was killed: skip starts nothing, and records what has ended; without a
// word the Jobs that go on hold their places.
func TestClusterOverlap(t *testing.T) {
	t.Parallel()
	grid := strings.Replace(heldGrid, "range(9)", "range(3)", 1)
	k := newClustered(t, &main.Simulated, grid)
	k.edit("grid.hcl", "config = config.ex", "config = config.ex\n  overlap = \"skip\"")
	first := k.apply("--round", "one")
	k.running(3)
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.end(first, -1)
	k.letGo("batch.kubernetes.io/job-name=ex-1")
	k.await("ex-1 has ended", func() bool {
		for _, j := range k.jobs() {
			if j.Name == "ex-1" {
				return len(j.Status.Conditions) > 0
			}
		}
		return false
	})
	said := k.end(k.apply("--round", "two"), 0)
	if !strings.Contains(said, `skipped: ex-0 and 1 more of round one still run (overlap = "skip")`) {
		t.Errorf("it said\n%s", said)
	}
	same(t, "runs", k.query(k.ledger(), `run_name, round, state) FROM runs WHERE state = 'succeeded'`), "ex-1 one succeeded")
	k.edit("grid.hcl", "\n  overlap = \"skip\"", "")
	second := k.apply("--round", "two", "--parallel", "3")
	k.running(3)
	if n := len(k.query(k.ledger(), `run_name) FROM runs WHERE round = 'two' AND state = 'running'`)); n > 1 {
		t.Errorf("%d new ones run beside the two; the bound is 3", n)
	}
	k.letGo("")
	k.await("those are through and the others run", func() bool {
		states := k.query(k.ledger(), `round, state, count(*)) FROM runs GROUP BY round, state ORDER BY round, state`)
		return slices.Equal(states, []string{"one succeeded 3", "two running 2", "two succeeded 1"})
	})
	k.letGo("batch.kubernetes.io/job-name in (ex-4, ex-5)")
	said = k.end(second, 0)
	if !strings.Contains(said, "ex-0 found running (round one)") || !strings.Contains(said, "Apply: 3 succeeded, in ") {
		t.Errorf("it said\n%s", said)
	}
	same(t, "runs", k.query(k.ledger(), `round, state, count(*)) FROM runs GROUP BY round, state ORDER BY round`), "one succeeded 3", "two succeeded 3")
	k.noJobs()
}
