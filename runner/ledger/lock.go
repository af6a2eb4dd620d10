package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Holder is who holds the lock of an experiment_name.
type Holder struct {
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	User    string    `json:"user"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d of %s on %s, since %s: %s",
		h.PID, h.User, h.Host, h.Since.Local().Format(time.DateTime), h.Command)
}

// LockedError says that somebody else holds a lock.
type LockedError struct {
	ExperimentName string
	Holder         Holder
	Waited         time.Duration
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the experiments %q are being run by %s. Wait for it (--lock-timeout 1h), or end that process: its lock goes with it",
		e.ExperimentName+"-*", e.Holder)
}

// lockPoll is how often a held lock is tried again.
const lockPoll = 50 * time.Millisecond

// locks are those of some experiment names. They die with their holder.
type locks interface {
	// hold makes sure that they are held, and takes them again where a
	// connection was lost.
	hold(ctx context.Context) error
	unlock() error
}

// fileLocks are the locks of a ledger in a file.
type fileLocks []*fileLock

// fileLock is an exclusive lock that the system drops with the process.
type fileLock struct {
	name string
	file *os.File
}

// locksFolder is where the ledger's locks are.
func (l *Ledger) locksFolder() string {
	if filepath.Base(l.path) == "lxsweep.db" {
		return filepath.Join(filepath.Dir(l.path), "locks")
	}
	return l.path + ".locks"
}

func (l *Ledger) lockPath(name string) string {
	return filepath.Join(l.locksFolder(), name+".lock")
}

// lockAll takes the locks of names, which are sorted, so that two who want the
// same ones cannot hold what the other waits for. timeout bounds the whole; 0
// hardly waits, less than 0 waits as long as ctx lasts.
func (l *Ledger) lockAll(ctx context.Context, names []string, timeout time.Duration, as Holder) (locks, error) {
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, "/\\\x00") || name[0] == '.' {
			return nil, fmt.Errorf("%q cannot be an experiment name", name)
		}
	}
	if l.server != nil {
		return l.server.lockAll(ctx, l, names, timeout)
	}
	if err := os.MkdirAll(l.locksFolder(), 0o777); err != nil {
		return nil, err
	}
	began := time.Now()
	var held fileLocks
	for _, name := range names {
		lock, err := l.lockOne(ctx, name, began, timeout)
		if err == nil {
			held = append(held, lock)
			err = lock.sign(as)
		}
		if err != nil {
			return nil, errors.Join(err, held.unlock())
		}
	}
	return held, nil
}

func (l *Ledger) lockOne(ctx context.Context, name string, began time.Time, timeout time.Duration) (*fileLock, error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		f, err := tryLock(l.lockPath(name))
		if err != nil {
			return nil, err
		}
		if f != nil {
			return &fileLock{name, f}, nil
		}
		if waited, over := waitedEnough(began, timeout); over {
			return nil, &LockedError{name, l.holder(name), waited}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// waitedEnough says whether a lock is not tried any longer. It is tried twice at
// least: somebody may just be looking (Holder).
func waitedEnough(began time.Time, timeout time.Duration) (waited time.Duration, over bool) {
	waited = time.Since(began)
	return waited, timeout >= 0 && waited >= max(timeout, lockPoll)
}

// tryLock returns nil without an error if somebody else holds the lock.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, &fs.PathError{Op: "flock", Path: path, Err: err}
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// sign writes into the file who holds it.
func (k *fileLock) sign(as Holder) error {
	text, err := json.Marshal(as)
	if err != nil {
		return err
	}
	if err := k.file.Truncate(0); err != nil {
		return err
	}
	_, err = k.file.WriteAt(append(text, '\n'), 0)
	return err
}

// hold has nothing to do: the system drops no lock of a process that lives.
func (fileLocks) hold(context.Context) error { return nil }

// unlock lets go in the reverse order. The files stay: removing one would
// let two processes hold the lock of one name.
func (held fileLocks) unlock() error {
	var errs []error
	for i := len(held) - 1; i >= 0; i-- {
		errs = append(errs, held[i].file.Truncate(0), held[i].file.Close())
	}
	return errors.Join(errs...)
}

// holder reads who signed the lock, the zero Holder if it cannot be told.
func (l *Ledger) holder(name string) Holder {
	var h Holder
	for range 5 { // between locking and signing the file is empty
		f, err := os.Open(l.lockPath(name))
		if err != nil {
			return Holder{}
		}
		text, _ := io.ReadAll(io.LimitReader(f, 1<<16))
		f.Close()
		if json.Unmarshal(text, &h) == nil {
			return h
		}
		time.Sleep(10 * time.Millisecond)
	}
	return Holder{}
}

// Holder returns who holds the lock of an experiment_name now, nil if nobody
// does. It changes nothing.
func (l *Ledger) Holder(experimentName string) (*Holder, error) {
	if l.server != nil {
		h, err := l.heldInServer(context.Background(), experimentName)
		return h, failed(l.path, "looking at the locks of", err)
	}
	f, err := os.Open(l.lockPath(experimentName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, failed(l.path, "looking at the locks of", err)
	}
	defer f.Close()
	switch err := flock(f, unix.LOCK_SH|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		h := l.holder(experimentName)
		return &h, nil
	default:
		return nil, failed(l.path, "looking at the locks of", err)
	}
}

// lockOpening keeps two processes from making one ledger at the same time.
func (l *Ledger) lockOpening(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(l.locksFolder(), 0o777); err != nil {
		return nil, err
	}
	lock, err := l.lockOne(ctx, openingLock, time.Now(), busyTimeout)
	if err != nil {
		return nil, err
	}
	return func() { _ = fileLocks{lock}.unlock() }, nil
}

// openingLock is no experiment_name: those have no underscore.
const openingLock = "_open"

// wasLocked reports whether an experiment name was ever locked here, which
// nobody does before the schema is committed.
func (l *Ledger) wasLocked() bool {
	entries, err := os.ReadDir(l.locksFolder())
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != openingLock+".lock" })
}
