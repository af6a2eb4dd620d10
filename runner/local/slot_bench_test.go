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

// BenchmarkRunner measures whole attempts (admission, journal, log, metrics,
// release) beside xargs at the same parallelism: an op is one program.
func BenchmarkRunner(b *testing.B) {
	for _, parallel := range []int{2, 4} {
		for name, c := range map[string]sweep.Command{
			"list":   {Args: []string{"true"}},
			"string": {Shell: "true"},
		} {
			b.Run(fmt.Sprintf("%s/%d/runner", name, parallel), func(b *testing.B) {
				benchmarkRunner(b, parallel, c)
			})
			b.Run(fmt.Sprintf("%s/%d/xargs", name, parallel), func(b *testing.B) {
				benchmarkXargs(b, parallel, map[string]string{"list": "true", "string": "sh -c true"}[name])
			})
		}
	}
}

func benchmarkRunner(b *testing.B, parallel int, c sweep.Command) {
	r, err := New(testOptions(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	c.WorkingDir = b.TempDir()
	c.Resources.MilliCPU = 1000
	for i := range 12 {
		c.Env = append(c.Env, sweep.Var{Name: fmt.Sprintf("LXSWEEP_%d", i), Value: "a value"})
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for id := next.Add(1); id <= int64(b.N); id = next.Add(1) {
				a := runner.Attempt{ID: id, Number: 1, RunName: fmt.Sprintf("ex-%d", id), Command: c}
				o, err := r.Run(context.Background(), a, nil)
				if err != nil || o.State != sweep.Succeeded || r.Release(context.Background(), a) != nil {
					b.Errorf("%v %+v", err, o)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkSlot measures bare slots beside xargs at the same parallelism: an op
// is one program. Logs are kept by the slots, and not by xargs.
func BenchmarkSlot(b *testing.B) {
	for _, parallel := range []int{2, 4} {
		b.Run(fmt.Sprintf("list/%d/slots", parallel), func(b *testing.B) {
			benchmarkSlots(b, parallel, script{args: []string{"true"}})
		})
		b.Run(fmt.Sprintf("list/%d/xargs", parallel), func(b *testing.B) {
			benchmarkXargs(b, parallel, "true")
		})
		b.Run(fmt.Sprintf("string/%d/slots", parallel), func(b *testing.B) {
			benchmarkSlots(b, parallel, script{shell: "true"})
		})
		b.Run(fmt.Sprintf("string/%d/xargs", parallel), func(b *testing.B) {
			benchmarkXargs(b, parallel, "sh -c true")
		})
	}
}

func benchmarkXargs(b *testing.B, parallel int, command string) {
	line := fmt.Sprintf("seq %d | xargs -n1 -P%d %s", b.N, parallel, command)
	if out, err := exec.Command("/bin/sh", "-c", line).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

func benchmarkSlots(b *testing.B, parallel int, sc script) {
	dir := b.TempDir()
	ids := make(chan int64)
	var wg sync.WaitGroup
	for range parallel {
		s, err := openSlot(place{dir: dir, boot: "boot", host: "host"}, time.Now(), nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			defer s.close()
			sc := sc
			sc.dir = dir
			for id := range ids {
				sc.id, sc.log = id, filepath.Join(dir, fmt.Sprint(id))
				if err := s.start(&sc, time.Now(), 0); err != nil {
					b.Error(err)
				}
				if x := <-s.ends; x.id != id || x.code != 0 {
					b.Errorf("attempt %d ended as %+v", id, x)
				}
			}
		})
	}
	for i := range b.N {
		ids <- int64(i + 1)
	}
	close(ids)
	wg.Wait()
}
