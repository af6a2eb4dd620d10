package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// journalFD is the slot's descriptor of its journal, as the script has it.
const journalFD = 9

// slot is a resident shell and the journal that it writes. One goroutine at a
// time uses it.
type slot struct {
	journal *journal
	shell   *exec.Cmd
	feed    *os.File // the shell's standard input
	notes   *os.File // its standard output: a line for every end
	lines   *bufio.Reader
	text    []byte // the last script, for its capacity
}

// exit is the end of an attempt as the shell tells it.
type exit struct {
	id   int64
	code int
}

// place is what is written into the first line of a new slot's journal.
type place struct {
	dir               string // of the journals
	owner, host, boot string
}

// openSlot starts a shell. It inherits extra, each under the lowest free
// descriptor above the journal's; the caller closes its own. env is added to
// the environment.
func openSlot(p place, now time.Time, extra []*os.File, env []string) (*slot, error) {
	j, lock, err := createJournal(p.dir, now)
	if err != nil {
		return nil, err
	}
	s := &slot{journal: j}
	err = s.fork(lock, extra, env)
	lock.Close()
	if err != nil {
		j.close()
		os.Remove(j.path)
		return nil, fmt.Errorf("starting a slot's shell: %w", err)
	}
	err = j.name(header{boot: p.boot, host: p.host, owner: p.owner, leader: s.shell.Process.Pid, created: now})
	if err == nil {
		// A signal to the group must not end the shell before it has written
		// the end. A trapped signal, unlike an ignored one, is itself again in
		// the programs.
		_, err = s.feed.WriteString("trap : HUP INT TERM\n")
	}
	if err != nil {
		s.close()
		os.Remove(j.path)
		return nil, fmt.Errorf("setting up a slot: %w", err)
	}
	return s, nil
}

// fork starts the shell with its two pipes.
func (s *slot) fork(lock *os.File, extra []*os.File, env []string) error {
	in, feed, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	notes, out, err := os.Pipe()
	if err != nil {
		feed.Close()
		return err
	}
	defer out.Close()
	shell := exec.Command("/bin/sh")
	shell.Dir = "/"
	shell.Env = append(Environ(), env...)
	shell.Stdin, shell.Stdout = in, out
	shell.ExtraFiles = append(make([]*os.File, journalFD-3), lock)
	shell.ExtraFiles = append(shell.ExtraFiles, extra...)
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	s.shell, s.feed, s.notes, s.lines = shell, feed, notes, bufio.NewReaderSize(notes, 64)
	if err := shell.Start(); err != nil {
		feed.Close()
		notes.Close()
		return err
	}
	return nil
}

// start feeds an attempt, after its b line.
func (s *slot) start(sc *script, now time.Time, oomKills int64) error {
	if err := s.journal.begin(sc.id, now, oomKills); err != nil {
		return fmt.Errorf("beginning attempt %d: %w", sc.id, err)
	}
	s.text = sc.append(s.text[:0])
	if _, err := s.feed.Write(s.text); err != nil && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("feeding attempt %d: %w", sc.id, err)
	}
	return nil // a broken pipe is a dead shell, which wait tells
}

// How waiting for an end can fail. A slot that failed so is not fed again.
var (
	errShellGone = errors.New("the slot's shell is gone")
	errLate      = errors.New("the deadline has passed")
)

// wait returns the end of the attempt that was fed. The error is errShellGone,
// errLate, or that of ctx. A zero deadline is none.
//
// It reads the pipe itself, without a goroutine between: on a busy machine each
// one that has to be woken costs a tenth of a short program.
func (s *slot) wait(ctx context.Context, deadline time.Time) (exit, error) {
	s.notes.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { s.notes.SetReadDeadline(time.Unix(1, 0)) })
	line, err := s.lines.ReadSlice('\n')
	switch {
	case !stop():
		return exit{}, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return exit{}, errLate
	case err != nil:
		return exit{}, errShellGone
	}
	x, ok := parseExit(line)
	if !ok {
		return exit{}, errShellGone
	}
	return x, nil
}

func parseExit(line []byte) (exit, bool) {
	id, code, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	n, err := strconv.ParseInt(string(id), 10, 64)
	c, err2 := strconv.ParseUint(string(code), 10, 8)
	return exit{n, int(c)}, err == nil && err2 == nil
}

// close lets the shell exit, after the command that it has, and waits for it.
func (s *slot) close() {
	s.feed.Close()
	s.shell.Wait()
	s.notes.Close()
	s.journal.close()
}

// leave lets the shell exit after the command that it has, without waiting.
func (s *slot) leave() {
	s.feed.Close()
	s.notes.Close()
	s.shell.Process.Release()
	s.journal.close()
}

// Environ is what programs inherit of the environment. The ledger's place may
// hold a password, and is none of their business.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LXSWEEP_STATE=") })
}
