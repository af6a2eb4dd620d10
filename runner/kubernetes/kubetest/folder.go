package kubetest

import (
	"errors"
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
