package kubetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	folderPrefix = "lxsweep-kubetest-"
	lockName     = "lock" // locked while the cluster of the folder lives
	keptName     = "kept" // there if somebody may want to look into the folder
)

// newFolder makes the folder of a cluster. It is locked until the file is
// closed, if only by the end of this process.
func newFolder() (dir string, lock *os.File, err error) {
	dir, err = os.MkdirTemp("", folderPrefix)
	if err != nil {
		return "", nil, err
	}
	// Nobody sees the lock before it is taken.
	lock, err = os.Create(filepath.Join(dir, "new"))
	if err != nil {
		return "", nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", nil, err
	}
	return dir, lock, os.Rename(lock.Name(), filepath.Join(dir, lockName))
}

// lockNode waits until no other process of the machine has a real node: kubelets
// share a folder that cannot be moved, and pods' addresses could meet.
func lockNode(ctx context.Context, progress io.Writer) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), folderPrefix+"node.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	told := false
	err = poll(ctx, func() (bool, error) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == unix.EWOULDBLOCK && !told {
			told = true
			fmt.Fprintln(progress, "kubetest: waiting for the real node of another process to end")
		}
		return err == nil, ignore(err, unix.EWOULDBLOCK)
	})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// clearDead clears away what clusters left whose process was killed.
func clearDead() error {
	locks, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*", lockName))
	for _, lock := range locks {
		err = errors.Join(err, clearIfDead(lock))
	}
	return err
}

func clearIfDead(lock string) error {
	f, err := os.Open(lock)
	if err != nil {
		return ignore(err, fs.ErrNotExist, fs.ErrPermission) // stopped since, or another user's
	}
	defer f.Close()
	dir := filepath.Dir(lock)
	if _, err := os.Stat(filepath.Join(dir, keptName)); err == nil {
		return nil
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return ignore(err, unix.EWOULDBLOCK)
	}
	return errors.Join(clearNode(dir), os.RemoveAll(dir))
}

// ignore is err, or nil if it is one of those.
func ignore(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
