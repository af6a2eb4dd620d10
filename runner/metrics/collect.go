package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/sweep"
)

// Found is what one attempt left.
type Found struct {
	// Metrics are sorted by name. What the result gives replaces what lines
	// gave under that name.
	Metrics []sweep.Metric
	// Result is the result as it was left, cut to MaxResult bytes; where it is
	// not JSON, it is there as a JSON string.
	Result json.RawMessage
	// Error says in words what of the result or the log cannot be used, empty
	// for nothing.
	Error string
}

// Collect reads the log and the result of one attempt. A file that is not there
// is empty; an empty path is no file. The error is about reading, never about
// what was read.
func Collect(log, result string, p *Pattern) (Found, error) {
	s := NewScanner(p)
	if err := scanFile(s, log); err != nil {
		return Found{}, fmt.Errorf("reading the log for metrics: %w", err)
	}
	raw, err := readResult(result)
	if err != nil {
		return Found{}, fmt.Errorf("reading the result: %w", err)
	}
	return combine(s, raw), nil
}

// combine puts together what a scanner found and a result.
func combine(s *Scanner, raw []byte) Found {
	found, unusable := s.Metrics()
	final, err := ParseResult(raw)
	if err != nil {
		unusable = append(unusable, err.Error())
	}
	return Found{merge(found, final), asJSON(raw), strings.Join(unusable, "; ")}
}

// merge lets final replace metrics of its names. Both are sorted.
func merge(found, final []sweep.Metric) []sweep.Metric {
	byName := func(m sweep.Metric, name string) int { return strings.Compare(m.Name, name) }
	for _, m := range final {
		i, there := slices.BinarySearchFunc(found, m.Name, byName)
		if there {
			found[i] = m
		} else {
			found = slices.Insert(found, i, m)
		}
	}
	return found
}

func asJSON(raw []byte) json.RawMessage {
	raw = raw[:min(len(raw), MaxResult)]
	if len(raw) == 0 || json.Valid(raw) {
		return json.RawMessage(raw)
	}
	text, _ := json.Marshal(string(raw))
	return text
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 128<<10); return &b }}

func scanFile(s *Scanner, path string) error {
	f, err := openRegular(path)
	if f == nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		return nil
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		n, err := f.Read(*buffer)
		s.Write((*buffer)[:n])
		if err == io.EOF {
			return s.Close()
		}
		if err != nil {
			return err
		}
	}
}

func readResult(path string) ([]byte, error) {
	f, err := openRegular(path)
	if f == nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxResult+1))
}

// openRegular opens a file that a program left; nil for none. It does not hang
// on a pipe, or read a device, that it was replaced by.
func openRegular(path string) (*os.File, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
