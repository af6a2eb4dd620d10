package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// driverEnv, when set, makes the test binary a lxsweep that runs attempts in
// the folder it names until it is killed.
const driverEnv = "LOCAL_TEST_DRIVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(driverEnv); dir != "" {
		drive(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// drive runs one attempt for every file NAME.cmd in dir, ids from 1 by name.
func drive(dir string) {
	r, err := New(testOptions(dir))
	if err != nil {
		panic(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.cmd"))
	ends := make(chan sweep.Outcome)
	for i, file := range files {
		text, _ := os.ReadFile(file)
		go func() {
			o, err := r.Run(context.Background(), attempt(int64(i+1), string(text)), nil)
			if err != nil {
				panic(err)
			}
			ends <- o
		}()
	}
	for range files {
		<-ends
	}
}

func testOptions(dir string) Options {
	return Options{
		SlotsDir: filepath.Join(dir, "slots"), LogsDir: filepath.Join(dir, "logs"), Owner: "the ledger",
		Capacity: sweep.Resources{MilliCPU: 64000, Memory: 1 << 40}, GPUs: []string{},
		Grace: time.Minute, Poll: 5 * time.Millisecond,
	}
}

// attempt is one that runs shell.
func attempt(id int64, shell string) runner.Attempt {
	return runner.Attempt{ID: id, Number: 1, RunName: fmt.Sprintf("ex-%d", id), Command: sweep.Command{Shell: shell}}
}

// newRunner returns a runner on a folder of its own, closed at the test's end.
func newRunner(t *testing.T, change func(*Options)) *Runner {
	t.Helper()
	o := testOptions(t.TempDir())
	if change != nil {
		change(&o)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func mustRun(t *testing.T, r *Runner, a runner.Attempt) sweep.Outcome {
	t.Helper()
	o, err := r.Run(t.Context(), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// running is a Run in another goroutine.
type running struct {
	outcome sweep.Outcome
	err     error
	done    chan struct{}
	cancel  context.CancelCauseFunc
}

func runInBackground(r *Runner, a runner.Attempt, changed func(runner.Change)) *running {
	ctx, cancel := context.WithCancelCause(context.Background())
	b := &running{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(b.done)
		b.outcome, b.err = r.Run(ctx, a, changed)
	}()
	return b
}

// wait returns the outcome.
func (b *running) wait(t *testing.T) sweep.Outcome {
	t.Helper()
	<-b.done
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.outcome
}

// eventually waits for what must come.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// numberIn waits for a file that holds a number and a line feed.
func numberIn(t *testing.T, path string) (n int) {
	t.Helper()
	eventually(t, path+" holds a number", func() bool {
		text, _ := os.ReadFile(path)
		_, err := fmt.Sscanf(string(text), "%d\n", &n)
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
	return n
}

// lives reports whether a process runs.
func lives(pid int) bool {
	p, ok := readProcess(pid)
	return ok && !p.zombie
}
