package hcl

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
	hcl2 "github.com/hashicorp/hcl/v2"

	"github.com/lxsweep/lxsweep/sweep"
)

// inputFiles finds and sums the files that run.inputs names. A file is read
// once, however many experiments have it. It is safe for concurrent use.
type inputFiles struct {
	dir string

	mu   sync.Mutex
	sums map[string]sweep.Hash // by path
}

// ours are folders that inputs never reach into: what lxsweep or git writes is
// not the program.
var ours = []string{".lxsweep", ".git"}

// match returns the files of a pattern, relative to the folder, with slashes,
// sorted.
func (f *inputFiles) match(pattern string) ([]string, error) {
	full := pattern
	if !filepath.IsAbs(pattern) {
		full = filepath.Join(escapeGlob(f.dir), pattern)
	}
	found, err := doublestar.FilepathGlob(full, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
	if err != nil {
		return nil, err
	}
	paths := make([]string, 0, len(found))
	for _, name := range found {
		relative, err := filepath.Rel(f.dir, name)
		if err != nil {
			return nil, err
		}
		relative = filepath.ToSlash(relative)
		if !slices.ContainsFunc(strings.Split(relative, "/"), func(part string) bool { return slices.Contains(ours, part) }) {
			paths = append(paths, relative)
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// escapeGlob makes a pattern of a path that is none.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`).Replace(path)
}

// digests sums the files of all patterns, each once, sorted by path.
func (f *inputFiles) digests(patterns []string) ([]sweep.Digest, error) {
	var paths []string
	for _, pattern := range patterns {
		found, err := f.match(pattern)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", pattern, err)
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	digests := make([]sweep.Digest, len(paths))
	for i, path := range paths {
		sum, err := f.sum(path)
		if err != nil {
			return nil, err
		}
		digests[i] = sweep.Digest{Path: path, Sum: sum}
	}
	return digests, nil
}

func (f *inputFiles) sum(path string) (sweep.Hash, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if sum, ok := f.sums[path]; ok {
		return sum, nil
	}
	file, err := os.Open(filepath.Join(f.dir, filepath.FromSlash(path)))
	if err != nil {
		return sweep.Hash{}, err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return sweep.Hash{}, err
	}
	sum := sweep.Hash(h.Sum(nil))
	if f.sums == nil {
		f.sums = map[string]sweep.Hash{}
	}
	f.sums[path] = sum
	return sum, nil
}

// paths are the files that were summed.
func (f *inputFiles) paths() []string {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.sums))
}

// prepareInputs sums the inputs once where no experiment changes them.
func (p *program) prepareInputs() {
	s := p.jobs.slots["run.inputs"]
	if s == nil || len(s.parts) == 0 {
		return
	}
	if !s.constant {
		p.jobs.inputs = s
		return
	}
	patterns, err := settingTexts(s.value)
	if err != nil {
		return // fill has reported it
	}
	for _, pattern := range patterns {
		if found, err := p.files.match(pattern); err == nil && len(found) == 0 {
			p.loader.report(doubt(s.parts[0].Range(), "Pattern without files", "inputs: %q matches no file below %s.", pattern, p.files.dir))
		}
	}
	if p.jobs.digests, err = p.files.digests(patterns); err != nil {
		p.loader.report(s.unfit(nil, fmt.Errorf("inputs could not be read: %w", err)))
	}
}

// inputDigests sums inputs that the hyperparameters change.
func (w work) inputDigests() ([]sweep.Digest, hcl2.Diagnostics) {
	s := w.p.jobs.inputs
	r := w.at(sweep.Place{})
	v, diags := r.value(s)
	if diags.HasErrors() {
		return nil, diags
	}
	patterns, err := settingTexts(v)
	if err != nil {
		return nil, hcl2.Diagnostics{s.unfit(r.contexts[s], err)}
	}
	digests, err := w.p.files.digests(patterns)
	if err != nil {
		return nil, hcl2.Diagnostics{s.unfit(r.contexts[s], fmt.Errorf("inputs could not be read: %w", err))}
	}
	return digests, nil
}
