package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lxsweep/lxsweep/runner/ledger"
)

// Deleting folders. A path in a ledger may be wrong by now, whoever wrote it: a
// folder goes only if it has the run's name, holds nothing that others need, and
// by way of a handle of the folder that it is in. Links are never followed out.

// guard says which folders may not be removed.
type guard struct {
	// inner are folders that must not be in a folder that goes, with links
	// followed: those that runs' folders are in, and where we and the ledger are.
	inner map[string]string // what is there, in words
}

func (o *PruneOptions) newGuard(ctx context.Context, l *ledger.Ledger) (*guard, error) {
	g := &guard{inner: map[string]string{}}
	add := func(dir, what string) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			g.inner[real] = what
		}
	}
	seen := ""
	roots := map[string]bool{}
	err := l.EachOutputDir(ctx, func(dir string) {
		if root := filepath.Dir(dir); root != seen {
			seen, roots[root] = root, true
		}
	})
	for root := range roots {
		add(root, "output folders of other runs")
	}
	home, _ := os.UserHomeDir()
	add(home, "your home folder")
	add(o.Dir, "the current folder")
	add(filepath.Dir(l.Path()), "the ledger")
	add(files(l, "logs"), "the ledger's logs")
	return g, err
}

// refuses says why the output folder of a run may not be removed, empty if it
// may.
func (g *guard) refuses(dir, runName string) string {
	name, ours := strings.CutPrefix(filepath.Base(dir), runName)
	if !ours || !outputSuffix.MatchString(name) || !filepath.IsAbs(dir) || filepath.Clean(dir) != dir {
		return "it is not named after the run"
	}
	info, err := os.Lstat(dir)
	if err != nil || info.Mode().Type() == fs.ModeSymlink {
		return "" // half removed, or only the link goes
	}
	if !info.IsDir() {
		return "it is no folder"
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err.Error()
	}
	for inner, what := range g.inner {
		if inner == real || strings.HasPrefix(inner, real+string(filepath.Separator)) {
			return "it holds " + what
		}
	}
	return ""
}

// outputSuffix is what may follow the run name in the name of an output folder;
// see sweep.Action.OutputName.
var outputSuffix = regexp.MustCompile(`^(-r[1-9][0-9]*)?$`)

// halfRemoved is what a folder is called while it is being removed, so that what
// is left by a prune that was killed is never taken for the folder.
func halfRemoved(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".pruned")
}

// present reports whether a folder, or the rest of it, is there.
func present(dir string) bool {
	_, err := os.Lstat(dir)
	_, half := os.Lstat(halfRemoved(dir))
	return err == nil || half == nil
}

// removeFolder removes a folder, or a link in its place. One that is not there is
// no error.
func removeFolder(dir string) error {
	root, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return absent(err)
	}
	defer root.Close()
	half := filepath.Base(halfRemoved(dir))
	if err := root.RemoveAll(half); err != nil {
		return err
	}
	if err := root.Rename(filepath.Base(dir), half); err != nil {
		return absent(err)
	}
	return root.RemoveAll(half)
}

func removeFile(path string) error { return absent(os.Remove(path)) }

// absent is err unless it says that something is not there.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// sizeOf is how many bytes a file or the files of a folder have. What cannot be
// read has none.
func sizeOf(path string) (total int64) {
	_ = filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

// failures tells of what could not be removed, the first few.
type failures struct {
	*Factory
	count int
}

// fewFailures is how many are told.
const fewFailures = 5

func (f *failures) note(err error) {
	if err == nil {
		return
	}
	if f.count++; f.count <= fewFailures {
		f.Factory.note(err.Error())
	}
}

// end returns how many there were.
func (f *failures) end() int {
	if more := f.count - fewFailures; more > 0 {
		f.Factory.note(fmt.Sprintf("and %d more", more))
	}
	return f.count
}
