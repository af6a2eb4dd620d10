//go:build linux

package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nightGrid is what runs every night. Its programs note their start and end,
// and get no worse from night to night.
const nightGrid = `config "ex" {
  hp { x = 0 }
  run {
    cmd = <<-EOT
      echo "start $LXSWEEP_RUN_NAME $$" >> events
      sleep 0.0${hp.x}
      echo loss=${hp.x}
      echo "end $LXSWEEP_RUN_NAME $$" >> events
    EOT
  }
}
sweep "night" {
  config       = config.ex
  max_parallel = 3
  grid { x = range(9) }
  objective { minimize = "loss" }
}
`

const nightExperiments = 9

// nights is a machine on which cron starts the same command every night.
type nights struct {
	*faults
	disk   string // what holds the ledger, the logs and the journals
	random *rand.Rand
	seed   uint64
}

// TestThirtyNights lets cron start thirty nights, fifteen around each change of
// the clocks. Applies are killed at random and started again, the disk is full
// for a while, the clock jumps, and cron fires twice in the hour that comes
// twice: every round is run once, as a whole, and every attempt has one end.
func TestThirtyNights(t *testing.T) {
	n := &nights{faults: newFaults(t, nightGrid), disk: mount(t, "tmpfs", "tmpfs", 0, "size=8m"), seed: uint64(os.Getpid())}
	n.random = rand.New(rand.NewPCG(n.seed, 30))
	t.Logf("seed %d", n.seed)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	n.env = append(n.env, "TZ=Europe/Berlin", "LXSWEEP_STATE="+n.state())
	n.write("events", "")
	for night := range 30 {
		at := time.Date(2026, time.March, 22+night, 2, 30, 0, 0, berlin) // the 29th has no such moment
		if night >= 15 {
			at = time.Date(2026, time.October, 18+night-15, 2, 30, 0, 0, berlin) // the 25th has two
		}
		n.night(night, at)
	}
	n.check()
}

func (n *nights) state() string { return filepath.Join(n.disk, "lxsweep.db") }

// night is one firing of cron with what may befall it, until it is silent.
func (n *nights) night(night int, at time.Time) {
	n.Helper()
	round := at.Format(time.DateOnly)
	if night%7 == 3 {
		n.fullDisk(round, at)
	}
	for range n.random.IntN(3) {
		n.killed(round, at)
		at = at.Add(time.Duration(n.random.IntN(7200)-3600) * time.Second) // the clock was wrong
	}
	n.quiet(round, at)
	n.quiet(round, at.Add(time.Hour)) // cron once more: at 2:30, where that comes twice
	rows := n.query(n.state(), fmt.Sprintf(`state, count(*)) FROM runs WHERE round = '%s' GROUP BY state`, round))
	same(n.T, "round "+round, rows, fmt.Sprint("succeeded ", nightExperiments))
}

func (n *nights) args(round string) []string {
	return []string{"--round", round, "--baseline", "last", "--progress", "quiet"}
}

// quiet is a night to its end: nothing is new, so nothing is said.
func (n *nights) quiet(round string, at time.Time) {
	n.Helper()
	n.clock(at)
	if said := n.end(n.apply(n.args(round)...), 0); said != "" {
		n.Errorf("a night without news said\n%s", said)
	}
}

// killed is a night whose apply is killed somewhere.
func (n *nights) killed(round string, at time.Time) {
	n.Helper()
	n.clock(at)
	b := n.apply(n.args(round)...)
	ended := make(chan error, 1)
	go func() { ended <- b.Wait() }()
	target := n.count("start") + n.random.IntN(6)
	n.await("it starts something, or ends", func() bool { return n.count("start") >= target || len(ended) > 0 })
	for spin := time.Now().Add(time.Duration(n.random.IntN(20_000)) * time.Microsecond); time.Now().Before(spin); {
	}
	_ = b.Process.Kill()
	<-ended
	b.ended = true
}

// fullDisk is a night that finds no room: it says so, and starts nothing. What
// a disk does that fills up under what runs is TestFullDisk's.
func (n *nights) fullDisk(round string, at time.Time) {
	n.Helper()
	n.clock(at)
	full := filepath.Join(n.disk, "full")
	started := n.count("start")
	fill(n.T, full)
	if said := n.end(n.apply(n.args(round)...), 1); !strings.Contains(said, "no space left for the ledger") {
		n.Errorf("on a full disk it says\n%s", said)
	}
	if now := n.count("start"); now != started {
		n.Errorf("%d programs were started without a record", now-started)
	}
	if err := os.Remove(full); err != nil {
		n.Fatal(err)
	}
}

// clock is what lxsweep takes for the time.
func (n *nights) clock(at time.Time) {
	n.env = append(n.env, "LXSWEEP_TEST_NOW="+at.UTC().Format(time.RFC3339))
}

// check reads what thirty nights left.
func (n *nights) check() {
	n.Helper()
	const all = 30 * nightExperiments
	same(n.T, "successes", n.query(n.state(), `count(*), count(DISTINCT experiment_id)) FROM attempts WHERE state = 'succeeded'`), fmt.Sprint(all, all))
	same(n.T, "other attempts than those that never started", n.query(n.state(),
		`state, class, reason) FROM attempts WHERE state <> 'succeeded' AND reason <> 'lxsweep ended before it was started'`))
	same(n.T, "experiments", n.query(n.state(), `count(*), count(DISTINCT number), min(number), max(number)) FROM experiments`),
		fmt.Sprint(all, all, 0, all-1))
	for name, r := range (&killing{T: n.T, dir: n.dir}).runs() {
		if r.starts != 1 || r.ends != 1 {
			n.Errorf("%s started %d times and ended %d times, want once", name, r.starts, r.ends)
		}
	}
	n.lxsweep(0, "prune", "--keep-rounds", "14", "--auto-approve")
	same(n.T, "rounds kept", n.query(n.state(), `count(DISTINCT round), count(*), min(round)) FROM experiments`),
		fmt.Sprint(14, 14*nightExperiments)+" 2026-10-19")
	n.lxsweep(0, "compare")
	n.lxsweep(0, "apply", "--auto-approve", "--round", "after", "grid.hcl")
	same(n.T, "next number", n.query(n.state(), `min(number)) FROM experiments WHERE round = 'after'`), fmt.Sprint(all))
}
