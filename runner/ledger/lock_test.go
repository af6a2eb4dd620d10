package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// running is a child and both ends of its talk.
type running struct {
	*exec.Cmd
	in  io.Closer
	out *bufio.Scanner
}

// child starts this binary in a role. It goes on until its input ends.
func child(t *testing.T, role, path string, extra ...string) running {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), append([]string{"LEDGER_TEST_ROLE=" + role, "LEDGER_TEST_PATH=" + path}, extra...)...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return running{c, in, bufio.NewScanner(out)}
}

// holdLock takes a lock, says so, and keeps it until its input ends.
func holdLock(path string) int {
	l, err := Open(context.Background(), path, ReadWrite)
	if err == nil {
		_, err = l.Lock(context.Background(), []string{"ex"}, 0, Info{Host: "there", User: "bob", Command: "lxsweep apply grid.hcl"})
	}
	fmt.Println("locked", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func TestASecondProcessWaitsForTheLock(t *testing.T) {
	if both(t, TestASecondProcessWaitsForTheLock) {
		return
	}
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	if h, err := l.Holder("ex"); h != nil || err != nil {
		t.Fatalf("held by %v (%v) before anybody came", h, err)
	}
	c := child(t, "hold", path)
	if c.out.Scan(); c.out.Text() != "locked <nil>" {
		t.Fatal(c.out.Text())
	}
	_, err := l.Lock(t.Context(), []string{"other", "ex"}, 120*time.Millisecond, Info{})
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"bob", "there", "lxsweep apply grid.hcl", fmt.Sprint(c.Process.Pid), "--lock-timeout"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}
	if h, err := l.Holder("ex"); err != nil || h == nil || h.PID != c.Process.Pid {
		t.Errorf("held by %v (%v)", h, err)
	}
	if h, err := l.Holder("other"); h != nil || err != nil {
		t.Errorf("the other lock is still held by %v (%v)", h, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := l.Lock(cancelled, []string{"ex"}, -1, Info{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}

	// A killed holder's lock goes with it, and whoever waits gets it.
	got := make(chan error)
	go func() {
		s, err := l.Lock(context.Background(), []string{"ex"}, -1, Info{})
		if err == nil {
			err = s.Close()
		}
		got <- err
	}()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestNamesThatCannotBeLocked(t *testing.T) {
	if both(t, TestNamesThatCannotBeLocked) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	for _, name := range []string{"", "../ex", ".ex", "a\x00b"} {
		if _, err := l.Lock(t.Context(), []string{name}, 0, Info{}); err == nil {
			t.Errorf("locked %q", name)
		}
	}
}

// breakLock forces a lock open.
func breakLock(t *testing.T, l *Ledger, name string) {
	t.Helper()
	if l.server == nil {
		if err := os.Remove(l.lockPath(name)); err != nil {
			t.Fatal(err)
		}
		return
	}
	execute(t, l.where, fmt.Sprintf(`SELECT pg_terminate_backend(pid) FROM pg_locks
		WHERE locktype = 'advisory' AND objid = %d`, uint32(l.server.key(name))))
	for {
		if h, err := l.Holder(name); err != nil {
			t.Fatal(err)
		} else if h == nil {
			return
		}
	}
}

// TestAFormerHolderIsFenced guards F08: the lock is forced open, somebody else goes on, and the former holder wakes up.
func TestAFormerHolderIsFenced(t *testing.T) {
	if both(t, TestAFormerHolderIsFenced) {
		return
	}
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	former := lock(t, l, "a", "ex")
	refs := register(t, former, "src", "", items("ex", "", 0, 2))
	ids := intend(t, former, refs...)

	breakLock(t, l, "ex")
	newer := lock(t, openAt(t, path, ReadWrite), "ex")
	settleNow(t, newer, ids[0], succeeded(1))

	ctx := t.Context()
	answer := make(chan error, 1)
	former.Settle(ids[0], sweep.Outcome{State: sweep.Failed, Code: 1}, func(err error) { answer <- err })
	if err := <-answer; !errors.Is(err, ErrFenced) {
		t.Errorf("settle: %v", err)
	}
	_, err := former.Intend(ctx, nil)
	errs := map[string]error{
		"intend":   err,
		"flush":    former.Flush(ctx),
		"register": former.Register(ctx, Registration{Source: "src"}, items("ex", "", 0, 3), nil),
		"accept":   former.AcceptWork(ctx, refs[0].ID, hash(2)),
		"close":    former.Close(),
	}
	for what, err := range errs {
		if !errors.Is(err, ErrFenced) {
			t.Errorf("%s: %v", what, err)
		}
	}
	r, err := l.FindRun(ctx, "ex-0")
	if err != nil || r.Last.State != sweep.Succeeded {
		t.Errorf("ex-0 is %v (%v)", r.Last.State, err)
	}
	settleNow(t, newer, ids[1], succeeded(1))
	if err := newer.Close(); err != nil {
		t.Error(err)
	}
}

// sleepOn takes the lock and records an attempt; when it wakes up from a stop
// it goes on as if nothing had happened.
func sleepOn(path string) int {
	ctx := context.Background()
	l, err := Open(ctx, path, ReadWrite)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s, err := l.Lock(ctx, []string{"ex"}, 0, Info{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	var id int64
	err = s.Register(ctx, Registration{Source: "src"}, items("ex", "", 0, 1), func(_ Item, r Ref) error {
		id = r.ID
		return nil
	})
	rows, err2 := s.Intend(ctx, []runner.Intent{{RecordID: id}})
	fmt.Println("ready", err, err2)
	_, _ = io.Copy(io.Discard, os.Stdin)
	answer := make(chan error, 1)
	s.Settle(rows[0].ID, sweep.Outcome{State: sweep.Failed, Code: 1}, func(err error) { answer <- err })
	_, err = s.Intend(ctx, []runner.Intent{{RecordID: id}})
	fmt.Println("fenced:", errors.Is(<-answer, ErrFenced), errors.Is(err, ErrFenced))
	return 0
}

// TestLocksInAnyOrder: who asks for the same names in another order gets them
// too.
func TestLocksInAnyOrder(t *testing.T) {
	if both(t, TestLocksInAnyOrder) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	orders := [][]string{{"a", "b", "c"}, {"c", "b", "a", "a"}, {"b", "a"}}
	errs := make(chan error, len(orders))
	for _, names := range orders {
		go func() {
			var err error
			for range 3 {
				s, lockErr := l.Lock(context.Background(), names, -1, Info{})
				if lockErr == nil {
					lockErr = s.Close()
				}
				err = errors.Join(err, lockErr)
			}
			errs <- err
		}()
	}
	for range orders {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
