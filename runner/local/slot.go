package local

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
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
	// ends has an end for every attempt fed; it is closed by listen, when the
	// shell is gone or the slot was left.
	ends chan exit
	left atomic.Bool
	text []byte // the last script, for its capacity
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
	s := &slot{journal: j, ends: make(chan exit, 1)}
	err = s.fork(lock, extra, env)
	lock.Close()
	if err != nil {
		j.close()
		os.Remove(j.path)
		return nil, fmt.Errorf("starting a slot's shell: %w", err)
	}
	go s.listen()
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
	shell.Env = append(os.Environ(), env...)
	shell.Stdin, shell.Stdout = in, out
	shell.ExtraFiles = append(make([]*os.File, journalFD-3), lock)
	shell.ExtraFiles = append(shell.ExtraFiles, extra...)
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	s.shell, s.feed, s.notes = shell, feed, notes
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
	return nil // a broken pipe is a dead shell, which ends tells
}

// listen passes on the ends until there are no more, and reaps the shell.
func (s *slot) listen() {
	defer close(s.ends)
	lines := bufio.NewReaderSize(s.notes, 128)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			break
		}
		if x, ok := parseExit(line); ok {
			s.ends <- x
		}
	}
	s.notes.Close()
	if s.left.Load() {
		s.shell.Process.Release()
		return
	}
	s.shell.Wait()
}

func parseExit(line []byte) (exit, bool) {
	id, code, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	n, err := strconv.ParseInt(string(id), 10, 64)
	c, err2 := strconv.ParseUint(string(code), 10, 8)
	return exit{n, int(c)}, err == nil && err2 == nil
}

// dead reports whether the shell of an idle slot is gone.
func (s *slot) dead() bool {
	select {
	case _, ok := <-s.ends:
		return !ok
	default:
		return false
	}
}

// close lets the shell exit, after the command that it has, and waits for it.
func (s *slot) close() {
	s.feed.Close()
	for range s.ends {
	}
	s.journal.close()
}

// leave lets the shell exit after the command that it has, without waiting.
func (s *slot) leave() {
	s.left.Store(true)
	s.feed.Close()
	s.notes.Close()
	for range s.ends {
	}
	s.journal.close()
}
