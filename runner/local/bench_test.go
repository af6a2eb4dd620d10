package local

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// round is how many programs an op starts on each side.
const round = 500

// BenchmarkBesideXargs measures bare slots, and whole attempts (admission,
// journal, log, metrics, release), beside xargs at the same parallelism. An op
// is a round of 500 programs on each side in turn, so that what else the machine
// does falls on both. rate/xargs is the rate as a part of that of xargs, which
// keeps no logs. Run it with -benchtime 20x: 10,000 programs a side. Give it a
// TMPDIR in memory: ext4 searches long for an inode while thousands were deleted
// half a minute ago, as the case before did.
func BenchmarkBesideXargs(b *testing.B) {
	for _, parallel := range []int{2, 4} {
		for _, c := range []struct {
			name, xargs string
			command     sweep.Command
		}{
			{"list", "true", sweep.Command{Args: []string{"true"}}},
			{"string", "sh -c true", sweep.Command{Shell: "true"}},
		} {
			b.Run(fmt.Sprintf("slots/%s/%d", c.name, parallel), func(b *testing.B) {
				beside(b, slotRounds(b, parallel, c.command), xargsRounds(b, parallel, c.xargs))
			})
			b.Run(fmt.Sprintf("runner/%s/%d", c.name, parallel), func(b *testing.B) {
				beside(b, runnerRounds(b, parallel, c.command), xargsRounds(b, parallel, c.xargs))
			})
		}
	}
}

// beside runs the two in turn and reports their times.
func beside(b *testing.B, ours, theirs func()) {
	var took, rival time.Duration
	for range b.N {
		start := time.Now()
		ours()
		took += time.Since(start)
		start = time.Now()
		theirs()
		rival += time.Since(start)
	}
	programs := float64(b.N * round)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took.Microseconds())/programs, "us/program")
	b.ReportMetric(float64(rival.Microseconds())/programs, "us/xargs")
	b.ReportMetric(rival.Seconds()/took.Seconds(), "rate/xargs")
}

func xargsRounds(b *testing.B, parallel int, command string) func() {
	line := fmt.Sprintf("seq %d | xargs -n1 -P%d %s", round, parallel, command)
	return func() {
		if out, err := exec.Command("/bin/sh", "-c", line).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}

// each calls do with the next ids of a round, parallel at a time.
func each(parallel int, next *atomic.Int64, do func(worker int, id int64)) {
	last := next.Load() + round
	var wg sync.WaitGroup
	for worker := range parallel {
		wg.Go(func() {
			for id := next.Add(1); id <= last; id = next.Add(1) {
				do(worker, id)
			}
		})
	}
	wg.Wait()
	next.Store(last)
}

func slotRounds(b *testing.B, parallel int, c sweep.Command) func() {
	dir := b.TempDir()
	slots := make([]*slot, parallel)
	for i := range slots {
		s, err := openSlot(place{dir: dir, boot: "boot", host: "host"}, time.Now(), nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(s.close)
		slots[i] = s
	}
	var next atomic.Int64
	return func() {
		each(parallel, &next, func(worker int, id int64) {
			sc := script{id: id, args: c.Args, shell: c.Shell, dir: dir, log: filepath.Join(dir, fmt.Sprint(id))}
			if err := slots[worker].start(&sc, time.Now(), 0); err != nil {
				b.Error(err)
			}
			if x, err := slots[worker].wait(context.Background(), time.Time{}); err != nil || x != (exit{id, 0}) {
				b.Errorf("attempt %d ended as %+v", id, x)
			}
		})
	}
}

func runnerRounds(b *testing.B, parallel int, c sweep.Command) func() {
	r, err := New(testOptions(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.Close() })
	c.WorkingDir = b.TempDir()
	c.Resources.MilliCPU = 1000
	for i := range 12 {
		c.Env = append(c.Env, sweep.Var{Name: fmt.Sprintf("LXSWEEP_%d", i), Value: "a value"})
	}
	var next atomic.Int64
	return func() {
		each(parallel, &next, func(_ int, id int64) {
			a := runner.Attempt{ID: id, Number: 1, RunName: fmt.Sprintf("ex-%d", id), Command: c}
			o, err := r.Run(context.Background(), a, nil)
			if err != nil || o.State != sweep.Succeeded || r.Release(context.Background(), a) != nil {
				b.Errorf("%v %+v", err, o)
			}
		})
	}
}
