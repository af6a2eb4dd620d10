package local

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestDevices(t *testing.T) {
	t.Setenv("CUDA_VISIBLE_DEVICES", "2, GPU-1234,-1,3")
	if got := Devices(nil); !slices.Equal(got, []string{"2", "GPU-1234"}) {
		t.Errorf("inherited: %q", got)
	}
	if got := Devices([]string{"7"}); !slices.Equal(got, []string{"7"}) {
		t.Errorf("asked: %q", got)
	}
	if got := Devices([]string{}); len(got) != 0 {
		t.Errorf("none asked: %q", got)
	}
	t.Setenv("CUDA_VISIBLE_DEVICES", "")
	if got := Devices(nil); len(got) != 0 {
		t.Errorf("none inherited: %q", got)
	}
}

func TestOneGPUHasOneLock(t *testing.T) {
	id := "GPU-01234567-89ab-cdef-0123-456789abcdef"
	if got := uuid("GPU 0: NVIDIA A100 (UUID: " + id + ")\n"); got != id {
		t.Errorf("uuid: %q", got)
	}
	got := devices([]string{"1", id, "0", "5", "5"}, []string{"", id})
	want := []device{{"1", id}, {"0", "0"}, {"5", "5"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func withGPUs(locks string, names ...string) func(*Options) {
	return func(o *Options) { o.GPUs, o.GPULocks = names, locks }
}

func gpuAttempt(id int64, n int, shell string) runner.Attempt {
	a := attempt(id, shell)
	a.Command.Resources.GPUs = n
	return a
}

func TestGPUsAreHandedOutMachineWide(t *testing.T) {
	locks, pipe := t.TempDir(), fifo(t)
	first, second := newRunner(t, withGPUs(locks, "0", "1", "2")), newRunner(t, withGPUs(locks, "0", "1", "2"))
	a := runInBackground(first, gpuAttempt(1, 2, "echo $CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER; read line <"+pipe), nil)
	log := first.LogPath("ex-1", 1)
	eventually(t, "the first runs", func() bool { text, _ := os.ReadFile(log); return string(text) == "0,1 PCI_BUS_ID\n" })
	if o := mustRun(t, second, gpuAttempt(1, 1, "test $CUDA_VISIBLE_DEVICES = 2")); o.State != sweep.Succeeded {
		t.Errorf("%+v", o)
	}
	changes := make(chan runner.Change, 9)
	b := runInBackground(second, gpuAttempt(2, 2, "test $CUDA_VISIBLE_DEVICES = 0,1"), func(c runner.Change) { changes <- c })
	if c := <-changes; c.State != sweep.Queued || !strings.Contains(c.Waiting, "other processes") {
		t.Errorf("%+v", c)
	}
	letGo(t, pipe)
	a.wait(t)
	if o := b.wait(t); o.State != sweep.Succeeded {
		t.Errorf("%+v", o)
	}
}

// A program that an attempt left running keeps the attempt's gpu.
func TestLeftBehindKeepsItsGPU(t *testing.T) {
	r := newRunner(t, withGPUs(t.TempDir(), "0"))
	dir, pipe := t.TempDir(), fifo(t)
	o := mustRun(t, r, gpuAttempt(1, 1, "sh -c 'echo $$ >"+dir+"/pid; exec cat "+pipe+"' & while ! test -s "+dir+"/pid; do sleep 0.01; done"))
	pid := numberIn(t, dir+"/pid")
	if o.State != sweep.Succeeded || !strings.Contains(o.Reason, "it left running: ") {
		t.Errorf("%+v", o)
	}
	if _, _, ok, err := r.gpus.take(1); ok || err != nil {
		t.Errorf("taken: %v %v", ok, err)
	}
	unix.Kill(pid, unix.SIGKILL)
	eventually(t, "the gpu is free", func() bool {
		locks, _, ok, _ := r.gpus.take(1)
		closeAll(locks)
		return ok
	})
}

func TestCancelledWhileWaitingForGPUs(t *testing.T) {
	locks := t.TempDir()
	r := newRunner(t, withGPUs(locks, "0"))
	taken, _, ok, err := r.gpus.take(1)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	changes := make(chan runner.Change, 1)
	b := runInBackground(r, gpuAttempt(1, 1, "true"), func(c runner.Change) { changes <- c })
	<-changes
	b.cancel(cancelled())
	if o := b.wait(t); o.State != sweep.Cancelled {
		t.Errorf("%+v", o)
	}
	closeAll(taken)
	if o := mustRun(t, r, gpuAttempt(2, 1, "true")); o.State != sweep.Succeeded {
		t.Errorf("%+v", o)
	}
	info, err := os.Stat(filepath.Join(locks, "lxsweep-gpu-0.lock"))
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v %v", err, info)
	}
}

func TestGPULocksAreNoLinks(t *testing.T) {
	g := gpus{dir: t.TempDir(), devices: []device{{"0", "0"}}}
	if err := os.Symlink("/etc/passwd", filepath.Join(g.dir, "lxsweep-gpu-0.lock")); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := g.take(1); err == nil {
		t.Error("a link was followed")
	}
}
