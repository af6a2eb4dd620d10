package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/ledger/pgtest"
	"github.com/lxsweep/lxsweep/sweep"
)

// mount mounts a small file system in memory and returns its folder.
func mount(t *testing.T, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a file system here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(folder, unix.MNT_DETACH) })
	return folder
}

// awaitStopped waits until the process has stopped.
func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(stat), ") T ") {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func fillUp(t *testing.T, folder string) (free func()) {
	t.Helper()
	path := filepath.Join(folder, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := bytes.Repeat([]byte{1}, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	f.Close()
	return func() { os.Remove(path) }
}

// TestAFullDisk guards F38: nothing starts without a record, every call says
// why, what was committed stays, readers still read, and it goes on later.
func TestAFullDisk(t *testing.T) {
	folder := mount(t, "size=4m")
	path := filepath.Join(folder, ".lxsweep", "lxsweep.db")
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	refs := register(t, s, "src", "", items("ex", "", 0, 50))
	ids := intend(t, s, refs[:10]...)
	settleNow(t, s, ids[0], succeeded(1))
	free := fillUp(t, folder)

	big := succeeded(1)
	big.Tail = strings.Repeat("x", 200_000)
	answers := make(chan error, len(ids))
	for _, id := range ids[1:] {
		s.Settle(id, big, func(err error) { answers <- err })
	}
	for range ids[1:] {
		if err := <-answers; !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "run the same command again") {
			t.Errorf("settle: %v", err)
		}
	}
	if _, err := s.Intend(t.Context(), []runner.Intent{{RecordID: refs[20].ID}}); !errors.Is(err, ErrFull) {
		t.Errorf("intend: %v", err)
	}
	if err := s.Close(); !errors.Is(err, ErrFull) {
		t.Errorf("close: %v", err)
	}
	reader := openAt(t, path, ReadOnly)
	if err := readAll(t.Context(), reader); err != nil {
		t.Errorf("a reader: %v", err)
	}
	reader.Close()
	l.Close()
	if err := readAll(t.Context(), openAt(t, path, ReadOnly)); err != nil {
		t.Errorf("a reader without a writer beside it: %v", err)
	}

	free()
	l = openAt(t, path, ReadWrite)
	s = lock(t, l, "ex")
	open, err := l.OpenAttempts(t.Context(), nil)
	if err != nil || len(open) != 9 {
		t.Errorf("%d open attempts, want 9 (%v)", len(open), err)
	}
	for _, r := range open {
		settleNow(t, s, r.Last.ID, big)
	}
}

func TestCreatingOnAFullDisk(t *testing.T) {
	folder := mount(t, "size=1m")
	free := fillUp(t, folder)
	path := filepath.Join(folder, ".lxsweep", "lxsweep.db")
	if _, err := Open(t.Context(), path, ReadWrite); !errors.Is(err, ErrFull) {
		t.Errorf("open: %v", err)
	}
	if l := openAt(t, path, ReadOnly); l.Exists() {
		t.Error("a reader sees a ledger")
	}
	free()
	openAt(t, path, ReadWrite)
}

// TestAReadOnlyFolder guards F38. Root may write where the mode forbids it, so
// for root the whole file system is read-only.
func TestAReadOnlyFolder(t *testing.T) {
	var folder string
	forbid := func() error { return os.Chmod(filepath.Join(folder, ".lxsweep"), 0o555) }
	allow := func() error { return os.Chmod(filepath.Join(folder, ".lxsweep"), 0o755) }
	if os.Geteuid() == 0 {
		folder = mount(t, "size=8m")
		forbid = func() error { return unix.Mount("", folder, "", unix.MS_REMOUNT|unix.MS_RDONLY, "") }
		allow = func() error { return unix.Mount("", folder, "", unix.MS_REMOUNT, "") }
	} else {
		folder = t.TempDir()
	}
	path := filepath.Join(folder, ".lxsweep", "lxsweep.db")
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	settleNow(t, s, intend(t, s, register(t, s, "src", "", items("ex", "", 0, 3))...)[0], succeeded(1))
	s.Close()
	l.Close()
	if err := forbid(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = allow() }()
	before := tree(t, folder)
	if _, err := Open(t.Context(), path, ReadWrite); !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "--state FILE") {
		t.Errorf("a writer: %v", err)
	}
	r := openAt(t, path, ReadOnly)
	if err := readAll(t.Context(), r); err != nil {
		t.Errorf("a reader: %v", err)
	}
	if found, err := r.FindRun(t.Context(), "ex-0"); err != nil || found.Last.State != sweep.Succeeded {
		t.Errorf("a reader sees %v (%v)", found, err)
	}
	if _, err := Open(t.Context(), filepath.Join(folder, ".lxsweep", "new", "lxsweep.db"), ReadWrite); !errors.Is(err, ErrReadOnly) {
		t.Errorf("creating: %v", err)
	}
	sameTree(t, before, tree(t, folder))
}

// TestAStoppedProcessWakesUpFenced guards F08 with a real SIGSTOP.
func TestAStoppedProcessWakesUpFenced(t *testing.T) {
	if both(t, TestAStoppedProcessWakesUpFenced) {
		return
	}
	path := newPath(t)
	c := child(t, "sleep", path)
	if c.out.Scan(); c.out.Text() != "ready <nil> <nil>" {
		t.Fatal(c.out.Text())
	}
	if err := c.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	awaitStopped(t, c.Process.Pid)
	l := openAt(t, path, ReadWrite)
	breakLock(t, l, "ex")
	s := lock(t, l, "ex")
	open, err := l.OpenAttempts(t.Context(), s.Names())
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open attempts (%v)", len(open), err)
	}
	settleNow(t, s, open[0].Last.ID, succeeded(1))
	if err := c.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.in.Close()
	if c.out.Scan(); c.out.Text() != "fenced: true true" {
		t.Errorf("the child says %q", c.out.Text())
	}
	all, err := l.Attempts(t.Context(), open[0].ID)
	if err != nil || len(all) != 1 || all[0].State != sweep.Succeeded {
		t.Errorf("attempts %+v (%v)", all, err)
	}
}

// TestAHolderStoppedOverARestartIsFenced guards F08: while it sleeps the server
// forgets its locks, and another goes on.
func TestAHolderStoppedOverARestartIsFenced(t *testing.T) {
	server := pgtest.New(t)
	where := server.Database(t)
	c := child(t, "sleep", where)
	if c.out.Scan(); c.out.Text() != "ready <nil> <nil>" {
		t.Fatal(c.out.Text())
	}
	if err := c.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	awaitStopped(t, c.Process.Pid)
	server.Kill()
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := openAt(t, where, ReadWrite)
	s := lock(t, l, "ex")
	open, err := l.OpenAttempts(t.Context(), s.Names())
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open attempts (%v)", len(open), err)
	}
	settleNow(t, s, open[0].Last.ID, succeeded(1))
	if err := c.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.in.Close()
	if c.out.Scan(); c.out.Text() != "fenced: true true" {
		t.Errorf("the child says %q", c.out.Text())
	}
	all, err := l.Attempts(t.Context(), open[0].ID)
	if err != nil || len(all) != 1 || all[0].State != sweep.Succeeded {
		t.Errorf("attempts %+v (%v)", all, err)
	}
}
