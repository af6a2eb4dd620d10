package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Two programs for one thing are timed in turn, in one run, and compared as a
// ratio: the machine's noise falls on both.

// million is a grid of 10^6 points on five axes.
const million = `config "ex" {
  hp {
    a = 0
    b = 0.1
    c = "x"
    d = 0
    e = 0
  }
  run { cmd = "python train.py --a ${hp.a} --b ${hp.b} --c ${hp.c} --d ${hp.d} --e ${hp.e}" }
}
sweep "all" {
  config          = config.ex
  max_experiments = %d
  grid {
    a = range(%d)
    b = linspace(0.1, 1, 10)
    c = ["p", "q", "r", "s", "t", "u", "v", "w", "x", "y"]
    d = range(10)
    e = range(10)
  }
}
`

// python makes the same commands.
const python = `import itertools, sys
line = "python train.py --a {} --b {} --c {} --d {} --e {}\n".format
axes = range(%d), [i / 10 for i in range(1, 11)], "pqrstuvwxy", range(10), range(10)
for point in itertools.product(*axes):
    sys.stdout.write(line(*point))
`

// BenchmarkPlanBesidePython plans 10^6 points, and 10^5, beside CPython's
// product and format of the same commands. It reports how often faster than
// python lxsweep is, and its peak memory in MiB.
func BenchmarkPlanBesidePython(b *testing.B) {
	for _, points := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(points), func(b *testing.B) {
			dir := b.TempDir()
			file := fmt.Sprintf(million, points, points/10_000)
			if err := os.WriteFile(filepath.Join(dir, "grid.hcl"), []byte(file), 0o600); err != nil {
				b.Fatal(err)
			}
			var ours, theirs time.Duration
			var peak int64
			for b.Loop() {
				took, memory := timed(b, dir, "lxsweep", "plan", "-o", "json", "grid.hcl")
				ours, peak = ours+took, max(peak, memory)
				took, _ = timed(b, dir, "python3", "-c", fmt.Sprintf(python, points/10_000))
				theirs += took
			}
			b.ReportMetric(float64(theirs)/float64(ours), "x-python")
			b.ReportMetric(float64(peak)/1024, "MiB-peak")
		})
	}
}

// BenchmarkDispatchBesideXargs runs 10,000 × true, two at a time, every run
// recorded and its output kept, beside xargs, which does neither. It reports
// xargs' time over lxsweep's, apply as a whole: 1 is as fast.
func BenchmarkDispatchBesideXargs(b *testing.B) {
	const runs, parallel = 10_000, 2
	for _, bench := range []struct{ name, cmd, xargs string }{
		{"list", `["true"]`, `seq %d | xargs -P %d -I{} true`},
		{"string", `"true"`, `seq %d | xargs -P %d -I{} sh -c true`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var ours, theirs time.Duration
			for b.Loop() {
				dir := b.TempDir()
				file := fmt.Sprintf("config \"ex\" {\n  hp { x = 0 }\n  run {\n    cmd      = %s\n    reads_hp = true\n  }\n}\n"+
					"sweep \"all\" {\n  config = config.ex\n  grid { x = range(%d) }\n}\n", bench.cmd, runs)
				if err := os.WriteFile(filepath.Join(dir, "grid.hcl"), []byte(file), 0o600); err != nil {
					b.Fatal(err)
				}
				took, _ := timed(b, dir, "lxsweep", "apply", "--auto-approve", "--progress", "quiet", "--parallel", fmt.Sprint(parallel), "grid.hcl")
				ours += took
				took, _ = timed(b, dir, "sh", "-c", fmt.Sprintf(bench.xargs, runs, parallel))
				theirs += took
			}
			b.ReportMetric(float64(theirs)/float64(ours), "x-xargs")
		})
	}
}

// BenchmarkPlanBesidePythonStart plans the quickstart beside an empty python.
func BenchmarkPlanBesidePythonStart(b *testing.B) {
	dir, err := filepath.Abs("../../examples/quickstart")
	if err != nil {
		b.Fatal(err)
	}
	var ours, theirs time.Duration
	for b.Loop() {
		took, _ := timed(b, dir, "lxsweep", "plan", "--state", filepath.Join(b.TempDir(), "none.db"), "grid.hcl")
		ours += took
		took, _ = timed(b, dir, "python3", "-c", "pass")
		theirs += took
	}
	b.ReportMetric(float64(theirs)/float64(ours), "x-python")
}

// timed runs a command with its output thrown away. peak is in KiB.
func timed(b *testing.B, dir, name string, args ...string) (took time.Duration, peak int64) {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, &said)
	}
	took = time.Since(began)
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss
	}
	return took, peak
}
