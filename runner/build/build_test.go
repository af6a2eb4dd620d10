package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/build"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inner is a Runner whose attempts succeed at once.
type inner struct {
	runner.Runner
	mu  sync.Mutex
	ran []int64
}

func (*inner) Name() string { return "inner" }

func (r *inner) Run(_ context.Context, a runner.Attempt, changed func(runner.Change)) (sweep.Outcome, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ran = append(r.ran, a.ID)
	changed(runner.Change{State: sweep.Running})
	return sweep.Outcome{State: sweep.Succeeded}, nil
}

// handed are the attempts that came through, by id.
func (r *inner) handed() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.ran))
}

// rig is a Runner with folders of its own.
type rig struct {
	*build.Runner
	t     *testing.T
	inner *inner
	dir   string // of the steps
	logs  string
}

func newRig(t *testing.T, change func(*build.Options)) *rig {
	t.Helper()
	g := &rig{t: t, inner: &inner{}, dir: t.TempDir(), logs: filepath.Join(t.TempDir(), "logs")}
	o := build.Options{Dir: g.dir, LogsDir: g.logs, Grace: time.Hour, Now: func() time.Time { return time.Unix(8, 0) }}
	if change != nil {
		change(&o)
	}
	g.Runner = build.New(g.inner, o)
	return g
}

// gate makes a named pipe in the steps' folder: a step that reads it waits until
// pass, which waits until the step does.
func (g *rig) gate(name string) (pass func()) {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		g.t.Fatal(err)
	}
	return func() {
		g.t.Helper()
		if err := os.WriteFile(path, []byte("\n"), 0); err != nil {
			g.t.Fatal(err)
		}
	}
}

// file is what the steps left in a file of their folder.
func (g *rig) file(name string) string {
	text, _ := os.ReadFile(filepath.Join(g.dir, name))
	return string(text)
}

// log is the output of the only build.
func (g *rig) log() (path, text string) {
	g.t.Helper()
	logs, _ := filepath.Glob(filepath.Join(g.logs, "build-????????????.log"))
	if len(logs) != 1 {
		g.t.Fatalf("the logs are %q, want one", logs)
	}
	output, err := os.ReadFile(logs[0])
	if err != nil {
		g.t.Fatal(err)
	}
	return logs[0], string(output)
}

func attempt(id int64, image string, steps ...string) runner.Attempt {
	return runner.Attempt{ID: id, Number: 1, RunName: sweep.RunName("ex", int(id)), Command: sweep.Command{Image: image, BuildSteps: steps}}
}

// running is a Run in another goroutine.
type running struct {
	t       *testing.T
	changes chan runner.Change
	end     context.CancelCauseFunc
	done    chan struct{}
	outcome sweep.Outcome
	err     error
}

func (g *rig) start(a runner.Attempt) *running {
	ctx, end := context.WithCancelCause(context.Background())
	u := &running{t: g.t, changes: make(chan runner.Change, 100), end: end, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		defer close(u.changes)
		u.outcome, u.err = g.Run(ctx, a, func(c runner.Change) { u.changes <- c })
	}()
	return u
}

// sees waits for the next change.
func (u *running) sees(want runner.Change) {
	u.t.Helper()
	if got := <-u.changes; got != want {
		u.t.Fatalf("told %+v, want %+v", got, want)
	}
}

func queued(waiting string) runner.Change {
	return runner.Change{State: sweep.Queued, Time: time.Unix(8, 0), Waiting: waiting}
}

// ends waits for the end.
func (u *running) ends(want sweep.State) sweep.Outcome {
	u.t.Helper()
	<-u.done
	if u.err != nil || u.outcome.State != want {
		u.t.Fatalf("ended with %+v, %v, want %s", u.outcome, u.err, want)
	}
	return u.outcome
}

func TestOnce(t *testing.T) {
	g := newRig(t, func(o *build.Options) { o.Environ = append(os.Environ(), "WHO=me") })
	pass := g.gate("gate")
	steps := []string{
		`read x <gate; echo "$WHO"; echo to stderr >&2; cat; pwd`,
		"false && true\ntest -e built || echo again >>built; echo last",
	}
	var us []*running
	for id := range 3 {
		us = append(us, g.start(attempt(int64(id), "train:v1", steps...)))
		us[id].sees(queued("the build of train:v1 (step 1 of 2: " + `read x <gate; echo "$WHO"; echo to stderr >&2; cat; pwd` + ")"))
	}
	if ran := g.inner.handed(); len(ran) > 0 {
		t.Errorf("%v ran before their image was built", ran)
	}
	pass()
	for _, u := range us {
		u.ends(sweep.Succeeded)
	}
	late := g.start(attempt(3, "train:v1", steps...))
	late.sees(runner.Change{State: sweep.Running})
	late.ends(sweep.Succeeded)

	_, output := g.log()
	want := "$ " + steps[0] + "\nme\nto stderr\n" + g.dir + "\n$ " + steps[1] + "\nlast\n"
	if output != want {
		t.Errorf("the log holds\n%s\nwant\n%s", output, want)
	}
	if ran := g.inner.handed(); !slices.Equal(ran, []int64{0, 1, 2, 3}) {
		t.Errorf("handed on: %v", ran)
	}
}

func TestStraightThrough(t *testing.T) {
	adopted := attempt(1, "train:v1", "echo built >>built")
	adopted.Adopt = true
	for name, tc := range map[string]struct {
		attempt runner.Attempt
		skip    bool
	}{
		"adopted":  {adopted, false},
		"no steps": {attempt(1, "train:v1"), false},
		"skip":     {attempt(1, "train:v1", "echo built >>built"), true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, func(o *build.Options) { o.Skip = tc.skip })
			u := g.start(tc.attempt)
			u.sees(runner.Change{State: sweep.Running})
			u.ends(sweep.Succeeded)
			if _, err := os.Stat(g.logs); g.file("built") != "" || err == nil {
				t.Errorf("something was built: %v", err)
			}
			if g.Name() != "inner" {
				t.Errorf("the other methods are those of %q", g.Name())
			}
		})
	}
}

func TestOneAtATime(t *testing.T) {
	g := newRig(t, nil)
	passA, passB := g.gate("a"), g.gate("b")
	a := g.start(attempt(1, "a", "read x <a"))
	a.sees(queued("the build of a (step 1 of 1: read x <a)"))
	b := g.start(attempt(2, "", "echo no image; read x <b")) // steps may be what makes it different
	b.sees(queued("the build (after another one)"))
	waiting := g.start(attempt(3, "c", "echo >>c"))
	waiting.sees(queued("the build of c (after another one)"))
	waiting.end(nil)
	waiting.ends(sweep.Interrupted)
	passA()
	a.ends(sweep.Succeeded)
	b.sees(queued("the build (step 1 of 1: echo no image; read x <b)"))
	passB()
	b.ends(sweep.Succeeded)
	if g.file("c") != "" {
		t.Error("built for nobody")
	}
}

func TestFailure(t *testing.T) {
	long := "exit 7 # " + strings.Repeat("ä", 60)
	for name, tc := range map[string]struct {
		steps  []string
		change func(*build.Options)
		reason string // LOG is the log's path
		tail   string
	}{
		"exit code": {
			steps:  []string{"seq 9", "echo denied >&2; exit 3", "echo never"},
			reason: "step 2 of 3 (echo denied >&2; exit 3) ended with exit code 3; the whole output is in LOG",
			tail:   "7\n8\n9\n$ echo denied >&2; exit 3\ndenied",
		},
		"several lines": {
			steps:  []string{"false\ntrue"},
			reason: "step 1 of 1 (false...) ended with exit code 1; the whole output is in LOG",
			tail:   "$ false\ntrue",
		},
		"long": {
			steps:  []string{long},
			reason: "step 1 of 1 (exit 7 # " + strings.Repeat("ä", 48) + "...) ended with exit code 7; the whole output is in LOG",
			tail:   "$ " + long,
		},
		"signal": {
			steps:  []string{"kill -9 $$"},
			reason: "step 1 of 1 (kill -9 $$) failed: signal: killed; the whole output is in LOG",
			tail:   "$ kill -9 $$",
		},
		"not started": {
			steps:  []string{"true"},
			change: func(o *build.Options) { o.Dir = "/dev/null" },
			reason: "step 1 of 1 (true) was not started: fork/exec /bin/sh: not a directory; the whole output is in LOG",
			tail:   "$ true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, tc.change)
			got := g.start(attempt(1, "train:v1", tc.steps...)).ends(sweep.Failed)
			path, _ := g.log()
			want := sweep.Outcome{
				State: sweep.Failed, Class: sweep.Refused, Code: sweep.CodeUnknown, Tail: tc.tail,
				Reason: "not started: its image could not be built: " + strings.ReplaceAll(tc.reason, "LOG", path),
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("ended with\n%+v, want\n%+v", got, want)
			}
		})
	}
}

func TestNoLog(t *testing.T) {
	g := newRig(t, func(o *build.Options) { o.LogsDir = "/dev/null" })
	got := g.start(attempt(1, "train:v1", "echo >>built")).ends(sweep.Failed)
	want := "not started: its image could not be built: making the logs' folder: mkdir /dev/null: not a directory"
	if got.Reason != want || got.Class != sweep.Refused || g.file("built") != "" {
		t.Errorf("ended with %+v, want %s", got, want)
	}
}

func TestOneFailureForAll(t *testing.T) {
	g := newRig(t, nil)
	pass := g.gate("gate")
	steps := []string{"echo >>tried; read x <gate; exit 1"}
	bad := g.start(attempt(1, "bad", steps...))
	bad.sees(queued("the build of bad (step 1 of 1: " + steps[0] + ")"))
	another := g.start(attempt(2, "bad", steps...))
	another.sees(queued("the build of bad (step 1 of 1: " + steps[0] + ")"))
	good := g.start(attempt(3, "good", "true"))
	good.sees(queued("the build of good (after another one)"))
	pass()
	first, second := bad.ends(sweep.Failed), another.ends(sweep.Failed)
	third := g.start(attempt(4, "bad", steps...)).ends(sweep.Failed)
	if !reflect.DeepEqual(first, second) || !reflect.DeepEqual(first, third) || g.file("tried") != "\n" {
		t.Errorf("one build (%q) ended for its attempts with\n%+v\n%+v\n%+v", g.file("tried"), first, second, third)
	}
	good.ends(sweep.Succeeded)
}

// endings are what can end an attempt, and what it ends with then.
var endings = map[string]struct {
	cause   error
	outcome sweep.Outcome
	err     error
}{
	"cancelled": {
		cause: &runner.Ending{State: sweep.Cancelled, Reason: "lxsweep cancel ex-1"},
		outcome: sweep.Outcome{
			State: sweep.Cancelled, Class: sweep.User, Code: sweep.CodeUnknown, Reason: "lxsweep cancel ex-1; it had not started",
		},
	},
	"detached": {cause: runner.ErrDetach, err: runner.ErrDetach},
	"anything else": {
		cause: errors.New("the lights went out"),
		outcome: sweep.Outcome{
			State: sweep.Interrupted, Class: sweep.Infrastructure, Code: sweep.CodeUnknown, Reason: "the lights went out; it had not started",
		},
	},
}

// One of two gives up, and the other has its image; then both do, and a third.
func TestGiveUp(t *testing.T) {
	for name, tc := range endings {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, nil)
			pass := g.gate("gate")
			const step = "read x <gate; echo >>built"
			gone := func(u *running) {
				u.end(tc.cause)
				<-u.done
				if !reflect.DeepEqual(u.outcome, tc.outcome) || !errors.Is(u.err, tc.err) || (u.err == nil) != (tc.err == nil) {
					t.Errorf("ended with %+v, %v, want %+v, %v", u.outcome, u.err, tc.outcome, tc.err)
				}
			}
			begin := func(id int64) *running {
				u := g.start(attempt(id, "train:v1", step))
				u.sees(queued("the build of train:v1 (step 1 of 1: " + step + ")"))
				return u
			}
			gone(begin(1)) // the only one: the build is ended
			u, another := begin(2), begin(3)
			gone(u)
			pass()
			another.ends(sweep.Succeeded)
			if ran := g.inner.handed(); !slices.Equal(ran, []int64{3}) || g.file("built") != "\n" {
				t.Errorf("handed on: %v, built %q", ran, g.file("built"))
			}

			ctx, end := context.WithCancelCause(context.Background())
			end(tc.cause)
			o, err := g.Run(ctx, attempt(4, "late", "echo >>late"), nil)
			if !reflect.DeepEqual(o, tc.outcome) || !errors.Is(err, tc.err) || g.file("late") != "" {
				t.Errorf("over before it began: %+v, %v, and built %q", o, err, g.file("late"))
			}
		})
	}
}

// What is below the shell has its grace though the shell is gone.
func TestGrace(t *testing.T) {
	g := newRig(t, nil)
	ready, bye := g.gate("ready"), g.gate("bye")
	u := g.start(attempt(1, "train:v1", `(trap 'read x <bye; echo tidied >tidied; exit' TERM; read x <ready; while :; do :; done); echo never >never`))
	ready()
	u.end(runner.ErrDetach)
	bye()
	<-u.done
	if g.file("tidied") != "tidied\n" || g.file("never") != "" {
		t.Errorf("%q was tidied, and the shell wrote %q", g.file("tidied"), g.file("never"))
	}
}

// A child that ignores TERM is killed, and the build is made again for those who
// ask then.
func TestKill(t *testing.T) {
	g := newRig(t, func(o *build.Options) { o.Grace = 50 * time.Millisecond })
	ready := g.gate("ready")
	const step = `test ! -e pid || exit 0; (trap '' TERM; exec sleep 1000) & echo $! >pid; read x <ready; wait`
	u := g.start(attempt(1, "train:v1", step))
	ready()
	pid, err := strconv.Atoi(strings.TrimSpace(g.file("pid")))
	if err != nil || !lives(pid) {
		t.Fatalf("the child is %d, %v", pid, err)
	}
	u.end(&runner.Ending{State: sweep.Interrupted, Reason: "lxsweep was interrupted"})
	u.ends(sweep.Interrupted)
	for deadline := time.Now().Add(time.Minute); lives(pid); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
	}
	g.start(attempt(2, "train:v1", step)).ends(sweep.Succeeded)
	if _, output := g.log(); output != strings.Repeat("$ "+step+"\n", 2) {
		t.Errorf("the log holds\n%s", output)
	}
}

// lives reports whether a process is there and no zombie.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
