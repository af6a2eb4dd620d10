package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

func mkfifo(path string) error { return unix.Mkfifo(path, 0o600) }

func cancelled() *runner.Ending {
	return &runner.Ending{State: sweep.Cancelled, Reason: "by hand"}
}

func shortGrace(o *Options) { o.Grace = 30 * time.Millisecond }

func TestCancelledProgramEndsItself(t *testing.T) {
	r := newRunner(t, nil) // a grace of a minute: nothing is killed
	dir := t.TempDir()
	b := runInBackground(r, attempt(1, "trap 'echo saved; exit 7' TERM; echo $$ >"+dir+"/pid; while :; do sleep 0.01; done"), nil)
	numberIn(t, dir+"/pid")
	b.cancel(cancelled())
	o := b.wait(t)
	if o.State != sweep.Cancelled || o.Reason != "by hand" || o.Code != 7 || !strings.Contains(o.Tail, "saved") {
		t.Fatalf("%+v", o)
	}
}

func TestGroupThatIgnoresTERMIsGone(t *testing.T) {
	r := newRunner(t, shortGrace)
	dir := t.TempDir()
	b := runInBackground(r, attempt(1, fmt.Sprintf(
		"trap '' TERM; (echo $(exec sh -c 'echo $PPID') >%[1]s/child; while :; do sleep 0.01; done) & echo $$ >%[1]s/pid; wait", dir)), nil)
	pid, child := numberIn(t, dir+"/pid"), numberIn(t, dir+"/child")
	b.cancel(&runner.Ending{State: sweep.Interrupted, Reason: "second Ctrl-C"})
	o := b.wait(t)
	if o.State != sweep.Interrupted || o.Reason != "second Ctrl-C" || lives(pid) || lives(child) {
		t.Fatalf("%+v %v %v", o, lives(pid), lives(child))
	}
	if o := mustRun(t, r, attempt(2, "true")); o.State != sweep.Succeeded {
		t.Errorf("the next attempt: %+v", o)
	}
}

func TestEscapeeIsNamedAndEnded(t *testing.T) {
	for _, ignores := range []string{"", "trap '' TERM; "} {
		r := newRunner(t, shortGrace)
		dir := t.TempDir()
		b := runInBackground(r, attempt(1, fmt.Sprintf(
			"setsid sh -c '%secho $$ >%s/pid; while :; do sleep 0.01; done' & wait", ignores, dir)), nil)
		pid := numberIn(t, dir+"/pid")
		b.cancel(cancelled())
		o := b.wait(t)
		if lives(pid) || !strings.Contains(o.Reason, fmt.Sprintf("left its process group and was ended: sh (pid %d)", pid)) {
			t.Errorf("%+v, lives: %v", o, lives(pid))
		}
	}
}

func TestTimeout(t *testing.T) {
	r := newRunner(t, shortGrace)
	a := attempt(1, "echo started; exec cat "+fifo(t))
	a.Command.Timeout = 20 * time.Millisecond
	o := mustRun(t, r, a)
	if o.State != sweep.TimedOut || o.Class != sweep.Resource || !strings.Contains(o.Reason, "run.timeout (20ms)") {
		t.Fatalf("%+v", o)
	}
	lives, err := r.Survey(t.Context())
	if err != nil || len(lives) != 1 || lives[0].State != sweep.TimedOut {
		t.Errorf("survey: %v %+v", err, lives)
	}
}

// An attempt that is cancelled at any moment around its start leaves nothing.
func TestCancelledWhileStarting(t *testing.T) {
	r := newRunner(t, shortGrace)
	pipe := fifo(t)
	for i := range 50 {
		b := runInBackground(r, attempt(int64(i+1), "exec cat "+pipe), nil)
		time.Sleep(time.Duration(i) * 50 * time.Microsecond) // not to wait, but to hit different moments
		b.cancel(cancelled())
		if o := b.wait(t); o.State != sweep.Cancelled {
			t.Fatalf("%+v", o)
		}
	}
	for _, path := range mustJournals(t, r) {
		if names := holders(path); names != "" && r.open[path] == false {
			t.Errorf("left: %s", names)
		}
	}
}

func TestSlotsShellKilled(t *testing.T) {
	r := newRunner(t, nil)
	dir := t.TempDir()
	pipe := fifo(t)
	b := runInBackground(r, attempt(1, "echo $PPID >"+dir+"/shell; echo $$ >"+dir+"/pid; exec cat "+pipe), nil)
	shell, pid := numberIn(t, dir+"/shell"), numberIn(t, dir+"/pid")
	if o := mustRun(t, r, attempt(2, "true")); o.State != sweep.Succeeded {
		t.Fatalf("a sibling: %+v", o)
	}
	unix.Kill(shell, unix.SIGKILL)
	eventually(t, "the shell is gone", func() bool { return !lives(shell) })
	select {
	case <-b.done:
		t.Fatal("Run returned while the program lived")
	default:
	}
	unix.Kill(pid, unix.SIGKILL)
	o := b.wait(t)
	if o.State != sweep.Interrupted || o.Class != sweep.Infrastructure || !strings.Contains(o.Reason, "shell was killed") {
		t.Fatalf("%+v", o)
	}
	if o := mustRun(t, r, attempt(3, "true")); o.State != sweep.Succeeded {
		t.Errorf("the slot was not replaced: %+v", o)
	}
}

// A program whose shell is gone, and with it the group's leader, is ended too.
func TestShellKilledThenCancelled(t *testing.T) {
	r := newRunner(t, shortGrace)
	dir := t.TempDir()
	b := runInBackground(r, attempt(1, "echo $PPID >"+dir+"/shell; trap '' TERM; echo $$ >"+dir+"/pid; while :; do sleep 0.01; done"), nil)
	shell, pid := numberIn(t, dir+"/shell"), numberIn(t, dir+"/pid")
	unix.Kill(shell, unix.SIGKILL)
	eventually(t, "the shell is gone", func() bool { return !lives(shell) })
	b.cancel(cancelled())
	if o := b.wait(t); o.State != sweep.Cancelled || lives(pid) {
		t.Fatalf("%+v, lives: %v", o, lives(pid))
	}
}

// A killed idle shell costs the next attempt its slot, not its outcome.
func TestIdleShellKilled(t *testing.T) {
	r := newRunner(t, nil)
	mustRun(t, r, attempt(1, "true"))
	shell := r.idle[0].shell.Process.Pid
	unix.Kill(shell, unix.SIGKILL)
	eventually(t, "the shell is gone", func() bool { return !lives(shell) })
	if o := mustRun(t, r, attempt(2, "echo hello")); o.State != sweep.Succeeded {
		t.Fatalf("%+v", o)
	}
}

func TestReadersOfJournalsAreNotSignalled(t *testing.T) {
	r := newRunner(t, shortGrace)
	reader := runInBackground(r, attempt(1, "exec tail -f "+fifo(t)), nil)
	defer func() { reader.cancel(cancelled()); <-reader.done }()
	dir := t.TempDir()
	b := runInBackground(r, attempt(2, "echo $$ >"+dir+"/pid; exec cat "+fifo(t)), nil)
	numberIn(t, dir+"/pid")
	watched := filepath.Base(r.journalOf(2))
	other := runInBackground(r, attempt(3, fmt.Sprintf("echo $$ >%s/tail; exec tail -f %s/slots/%s", dir, filepath.Dir(r.options.LogsDir), watched)), nil)
	tail := numberIn(t, dir+"/tail")
	eventually(t, "tail has it open", func() bool { return len(list(nil)) == 0 && lives(tail) })
	b.cancel(cancelled())
	if o := b.wait(t); o.Reason != "by hand" {
		t.Errorf("%+v", o)
	}
	if !lives(tail) {
		t.Error("a reader of the journal was ended")
	}
	other.cancel(cancelled())
	<-other.done
}

func (r *Runner) journalOf(id int64) string {
	path, _ := r.locate(context.Background(), id)
	return path
}

func TestLeftBehindIsNamedAndLeft(t *testing.T) {
	r := newRunner(t, nil)
	dir := t.TempDir()
	pipe := fifo(t)
	if o := mustRun(t, r, attempt(1, "sh -c 'echo $$ >"+dir+"/pid; exec cat "+pipe+"' & exit 0")); o.State != sweep.Succeeded {
		t.Fatalf("%+v", o)
	}
	pid := numberIn(t, dir+"/pid")
	eventually(t, "it is cat", func() bool { p, _ := readProcess(pid); return p.name == "cat" })
	left := r.Close()
	if len(left) != 1 || left[0] != fmt.Sprintf("cat (pid %d)", pid) || !lives(pid) {
		t.Errorf("left: %q", left)
	}
	unix.Kill(pid, unix.SIGKILL)
}

func TestDetach(t *testing.T) {
	r := newRunner(t, nil)
	dir := t.TempDir()
	pipe := fifo(t)
	b := runInBackground(r, attempt(1, "echo $$ >"+dir+"/pid; read line <"+pipe+"; exit 5"), nil)
	pid := numberIn(t, dir+"/pid")
	b.cancel(runner.ErrDetach)
	<-b.done
	if !errors.Is(b.err, runner.ErrDetach) || !lives(pid) {
		t.Fatalf("%v, lives: %v", b.err, lives(pid))
	}
	again := attempt(1, "")
	again.Adopt = true
	second := runInBackground(r, again, nil)
	letGo(t, pipe)
	if o := second.wait(t); o.State != sweep.Failed || o.Code != 5 {
		t.Fatalf("%+v", o)
	}
}

func ownSession() *unix.SysProcAttr { return &unix.SysProcAttr{Setsid: true} }
