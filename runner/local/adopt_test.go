package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// letGo writes a line into a pipe that a program reads.
func letGo(t *testing.T, pipe string) {
	t.Helper()
	f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
}

// driver is another lxsweep that runs commands, ids from 1 in their order.
type driver struct {
	dir string
	cmd *exec.Cmd
}

func startDriver(t *testing.T, commands ...string) *driver {
	t.Helper()
	d := &driver{dir: t.TempDir()}
	for i, c := range commands {
		if err := os.WriteFile(filepath.Join(d.dir, strconv.Itoa(i+1)+".cmd"), []byte(c), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d.cmd = exec.Command(os.Args[0])
	d.cmd.Env = append(os.Environ(), driverEnv+"="+d.dir)
	d.cmd.Stderr = os.Stderr
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return d
}

// kill kills the driver as kill -9 does.
func (d *driver) kill() {
	d.cmd.Process.Kill()
	d.cmd.Wait()
}

func (d *driver) successor(t *testing.T, change func(*Options)) *Runner {
	t.Helper()
	o := testOptions(d.dir)
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

func adopted(id int64) runner.Attempt {
	a := attempt(id, "")
	a.Adopt = true
	return a
}

func survey(t *testing.T, r *Runner) map[int64]sweep.State {
	t.Helper()
	lives, err := r.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := map[int64]sweep.State{}
	for _, l := range lives {
		states[l.AttemptID] = l.State
	}
	return states
}

func TestKilledDriver(t *testing.T) {
	pipe, marks := fifo(t), t.TempDir()
	d := startDriver(t,
		"echo $$ >"+marks+"/1; read line <"+pipe+"; echo loss=0.5; exit 3",
		"echo $$ >"+marks+"/2; exec cat "+fifo(t),
		"echo $PPID >"+marks+"/3; echo $$ >"+marks+"/3.pid; exec cat "+fifo(t),
		"echo $$ >"+marks+"/4; exit 4",
	)
	numberIn(t, marks+"/1")
	second := numberIn(t, marks+"/2")
	shell, third := numberIn(t, marks+"/3"), numberIn(t, marks+"/3.pid")
	numberIn(t, marks+"/4")
	d.kill()

	r := d.successor(t, shortGrace)
	eventually(t, "the fourth ended", func() bool { return survey(t, r)[4] == sweep.Failed })
	if s := survey(t, r); len(s) != 4 || s[1] != sweep.Running || s[2] != sweep.Running || s[3] != sweep.Running {
		t.Fatalf("survey: %v", s)
	}
	unix.Kill(shell, unix.SIGKILL)
	unix.Kill(third, unix.SIGKILL)

	changes := make(chan runner.Change, 1)
	first := runInBackground(r, adopted(1), func(c runner.Change) { changes <- c })
	since := (<-changes).Time
	letGo(t, pipe)
	if o := first.wait(t); o.State != sweep.Failed || o.Code != 3 || len(o.Metrics) != 1 ||
		!o.Started.Equal(since) || o.Ended.Before(o.Started) {
		t.Errorf("ended while watched: %+v", o)
	}
	if o := mustRun(t, r, adopted(4)); o.State != sweep.Failed || o.Code != 4 || o.Ended.Before(o.Started) {
		t.Errorf("ended unwatched: %+v", o)
	}
	if o := mustRun(t, r, adopted(3)); o.State != sweep.Interrupted || o.Code != sweep.CodeUnknown {
		t.Errorf("killed with its shell: %+v", o)
	}
	if o := mustRun(t, r, adopted(9)); o.State != sweep.Interrupted || !strings.Contains(o.Reason, "never started") {
		t.Errorf("unknown: %+v", o)
	}
	late := adopted(2)
	late.Command.Timeout = time.Nanosecond // has passed since it was begun
	if o := mustRun(t, r, late); o.State != sweep.TimedOut || lives(second) {
		t.Errorf("adopted after its timeout: %+v", o)
	}
	for id := range int64(4) {
		if err := r.Release(t.Context(), adopted(id+1)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the shells are gone and the journals removed", func() bool {
		for _, path := range mustJournals(t, r) {
			_ = removeIfDone(path)
		}
		return len(mustJournals(t, r)) == 0
	})
}

// What was adopted holds its place in the admission.
func TestAdoptedHoldsItsPlace(t *testing.T) {
	marks, pipe := t.TempDir(), fifo(t)
	d := startDriver(t, "echo $$ >"+marks+"/1; read line <"+pipe)
	numberIn(t, marks+"/1")
	d.kill()
	r := d.successor(t, func(o *Options) { o.Capacity.MilliCPU = 1000 })
	a := adopted(1)
	a.Command.Resources.MilliCPU = 1000
	changes := make(chan runner.Change, 1)
	first := runInBackground(r, a, func(c runner.Change) { changes <- c })
	<-changes
	b := attempt(2, "true")
	b.Command.Resources.MilliCPU = 1000
	waiting := make(chan runner.Change, 2)
	second := runInBackground(r, b, func(c runner.Change) { waiting <- c })
	if c := <-waiting; c.State != sweep.Queued {
		t.Fatalf("%+v", c)
	}
	letGo(t, pipe)
	first.wait(t)
	if o := second.wait(t); o.State != sweep.Succeeded {
		t.Fatalf("%+v", o)
	}
}

// A journal of another boot tells that the machine was restarted.
func TestReboot(t *testing.T) {
	r := newRunner(t, nil)
	before := r.place
	before.boot = "an-earlier-one"
	j, lock, err := createJournal(before.dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := j.name(header{boot: before.boot, host: before.host, owner: before.owner, leader: 1, created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := j.begin(1, time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	j.file.WriteString("s 1\n")
	lock.Close()
	j.close()
	if o := mustRun(t, r, adopted(1)); o.State != sweep.Interrupted || o.Reason != "the machine was restarted while it ran" {
		t.Fatalf("%+v", o)
	}
}

// A journal whose leader's process id was given to another process, which does
// not have it open, signals nobody.
func TestForeignLeaderIsNotSignalled(t *testing.T) {
	r := newRunner(t, shortGrace)
	stranger := exec.Command("sleep", "1000")
	stranger.SysProcAttr = ownSession()
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stranger.Process.Kill(); stranger.Wait() }()
	j, lock, err := createJournal(r.place.dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	defer j.close()
	p := r.place
	if err := j.name(header{boot: p.boot, host: p.host, owner: p.owner, leader: stranger.Process.Pid, created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := j.begin(1, time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	j.file.WriteString("s 1\n")
	b := runInBackground(r, adopted(1), nil)
	b.cancel(cancelled())
	if o := b.wait(t); o.State != sweep.Cancelled || !lives(stranger.Process.Pid) {
		t.Fatalf("%+v, stranger lives: %v", o, lives(stranger.Process.Pid))
	}
}
