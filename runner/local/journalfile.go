package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/runner"
)

// The names of journals in the slots' folder. A journal gets its final name
// when it is locked and has its first line.
const (
	journalSuffix = ".journal"
	unnamedSuffix = ".new"
)

// journal is an open journal to which lxsweep appends.
type journal struct {
	path   string
	file   *os.File // not the one that holds the lock
	leader int      // process id of the slot's shell, as the first line has it
}

var journalCount atomic.Int64

// createJournal makes a locked journal without a first line. The caller forks a
// shell that inherits lock, closes lock, and then calls name.
func createJournal(dir string, now time.Time) (j *journal, lock *os.File, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, fmt.Errorf("making the slots' folder: %w", err)
	}
	name := fmt.Sprintf("%d-%d-%d", now.UnixNano(), os.Getpid(), journalCount.Add(1))
	path := filepath.Join(dir, name+unnamedSuffix)
	// Slots alone have a journal open for reading and writing: see isSlots.
	lock, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, nil, fmt.Errorf("locking %s: %w; slots need a folder on a file system with locks", path, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	return &journal{path: path, file: file}, lock, nil
}

// name writes the first line and gives the journal its final name.
func (j *journal) name(h header) error {
	if _, err := j.file.WriteString(h.String()); err != nil {
		return err
	}
	path := strings.TrimSuffix(j.path, unnamedSuffix) + journalSuffix
	if err := os.Rename(j.path, path); err != nil {
		return err
	}
	j.path, j.leader = path, h.leader
	return nil
}

// openJournal opens an existing journal to append to it.
func openJournal(path string) (*journal, error) {
	rec, _, err := readJournal(path)
	if err != nil {
		return nil, err
	}
	j, err := openJournalToAppend(path)
	if err == nil {
		j.leader = rec.header.leader
	}
	return j, err
}

// openJournalToAppend opens a journal without finding out its leader.
func openJournalToAppend(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return &journal{path: path, file: file}, nil
}

func (j *journal) close() error { return j.file.Close() }

// begin notes that the attempt is about to be fed. oomKills is the machine's
// count of processes ended for want of memory, -1 if unknown.
func (j *journal) begin(id int64, now time.Time, oomKills int64) error {
	line := append(make([]byte, 0, 64), "b "...)
	line = strconv.AppendInt(line, id, 10)
	line = strconv.AppendInt(append(line, ' '), now.UnixNano(), 10)
	line = strconv.AppendInt(append(line, ' '), oomKills, 10)
	_, err := j.file.Write(append(line, '\n'))
	return err
}

// kill notes why the attempt is about to be ended.
func (j *journal) kill(id int64, why *runner.Ending) error {
	reason := strings.ToValidUTF8(strings.Join(strings.Fields(why.Reason), " "), "?")
	reason = reason[:min(len(reason), maxLine/2)]
	_, err := fmt.Fprintf(j.file, "k %d %s %s\n", id, why.State, reason)
	return err
}

// release notes that the attempt's outcome is durable elsewhere.
func (j *journal) release(id int64) error {
	line := strconv.AppendInt(append(make([]byte, 0, 32), "r "...), id, 10)
	_, err := j.file.Write(append(line, '\n'))
	return err
}

// readJournal reads the journal at path, and reports whether its lock was held
// before it read: an end that is missing then is missing for good if it was not.
func readJournal(path string) (rec *record, held bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if held, err = locked(f); err != nil {
		return nil, false, err
	}
	if rec, err = parseJournal(f); err != nil {
		return nil, false, fmt.Errorf("journal %s: %w", path, err)
	}
	return rec, held, nil
}

// locked reports whether another descriptor holds f's lock.
func locked(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("testing the lock of %s: %w", f.Name(), err)
	}
	return false, unix.Flock(int(f.Fd()), unix.LOCK_UN)
}

// removeIfDone removes the journal at path if its slot is gone and no attempt
// needs it. That it is gone already is no error.
func removeIfDone(path string) error {
	rec, held, err := readJournal(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil || held || !rec.done():
		return err
	}
	return os.Remove(path)
}

// journals lists the journals in dir, oldest first; none without the folder.
func journals(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), journalSuffix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// tidy removes from dir the journals that a process left which was killed just
// before it could: those that are done, and those without a name.
func tidy(dir string, now time.Time) {
	const naming = time.Minute // no process is that long about it
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch filepath.Ext(path) {
		case journalSuffix:
			_ = removeIfDone(path) // what cannot be read or removed stays
		case unnamedSuffix:
			if written := modified(path); !written.IsZero() && now.Sub(written) > naming {
				os.Remove(path)
			}
		}
	}
}

// modified is when the file at path was last written to, zero if unknown.
func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
