package hcl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxFile bounds a file, in bytes. It is refused before it is read.
const maxFile = 8 << 20

// errTooLarge is the error of a file over maxFile.
var errTooLarge = fmt.Errorf("the file is larger than %d MiB", maxFile>>20)

// ReadFile reads a file as Load does: nothing of one that is too large.
func ReadFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > maxFile {
		return nil, errTooLarge
	}
	return io.ReadAll(io.LimitReader(file, maxFile+1)) // a pipe has no size
}

// sources are the parsed files of a module.
type sources struct {
	read   func(string) ([]byte, error)
	files  []File
	parsed map[string]*hcl2.File // by name, for snippets
	bodies []*hclsyntax.Body     // in order of files
	diags  hcl2.Diagnostics
	kept   []File // what expressions read, each once
}

func newSources(read func(string) ([]byte, error)) *sources {
	if read == nil {
		read = ReadFile
	}
	return &sources{read: read, parsed: map[string]*hcl2.File{}}
}

// keep reads for an expression: a plan that is saved keeps these bytes too.
func (s *sources) keep(path string) ([]byte, error) {
	data, err := s.read(path)
	if err == nil && !slices.ContainsFunc(s.kept, func(f File) bool { return f.Path == path }) {
		s.kept = append(s.kept, File{path, data})
	}
	return data, err
}

// add reads and parses a file, or the .hcl files of a folder.
func (s *sources) add(path string) {
	names, err := s.expand(path)
	if err != nil {
		s.diags = append(s.diags, unreadable(path, err))
		return
	}
	for _, name := range names {
		if s.parsed[name] == nil {
			s.parse(name)
		}
	}
}

// expand returns the .hcl files of a folder, sorted, or path itself.
func (s *sources) expand(path string) ([]string, error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, nil // reading it says what is wrong
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".hcl") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, errors.New("the folder holds no .hcl files")
	}
	return names, nil
}

func (s *sources) parse(name string) {
	data, err := s.read(name)
	if err == nil && len(data) > maxFile {
		err = errTooLarge
	}
	if err != nil {
		s.diags = append(s.diags, unreadable(name, err))
		return
	}
	s.files = append(s.files, File{name, data})
	// An editor's byte order mark is no text, and its line ends must not reach
	// a shell through a heredoc.
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	s.parsed[name] = &hcl2.File{Bytes: data}
	if d := unfit(name, data); d != nil {
		s.diags = append(s.diags, d)
		return
	}
	file, diags := hclsyntax.ParseConfig(data, name, hcl2.InitialPos)
	s.diags = append(s.diags, diags...)
	if file == nil {
		return
	}
	s.parsed[name] = file
	body := file.Body.(*hclsyntax.Body)
	instrument(body)
	s.bodies = append(s.bodies, body)
}

// unreadable says why a file could not be read and what to do.
func unreadable(path string, err error) *hcl2.Diagnostic {
	d := &hcl2.Diagnostic{Severity: hcl2.DiagError, Summary: "Unreadable file: " + path}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.Summary = "No such file: " + path
		d.Detail = "Name .hcl files, or a folder that holds them."
		if near := nearest(filepath.Base(path), siblings(path)); near != "" {
			d.Detail += fmt.Sprintf(" Did you mean %s?", filepath.Join(filepath.Dir(path), near))
		}
	case errors.Is(err, errTooLarge):
		d.Summary = "Too large a file: " + path
		d.Detail = fmt.Sprintf("Files over %d MiB are refused unread. Generate values with functions (logspace, range) or read them with file() and csvdecode().", maxFile>>20)
	default:
		var inner *fs.PathError
		if errors.As(err, &inner) {
			err = inner.Err
		}
		d.Detail = sentence(err.Error())
	}
	return d
}

// siblings are the .hcl files beside path.
func siblings(path string) []string {
	entries, _ := os.ReadDir(filepath.Dir(path)) // no folder, no suggestion
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".hcl") {
			names = append(names, e.Name())
		}
	}
	return names
}

// sentence makes one of an error's clause.
func sentence(clause string) string {
	if clause == "" {
		return ""
	}
	return strings.ToUpper(clause[:1]) + punctuated(clause[1:])
}

// punctuated puts a full stop where a text has no end of its own.
func punctuated(text string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// unfit reports what the parser must not be given: bytes that are not UTF-8,
// brackets too deep.
func unfit(name string, data []byte) *hcl2.Diagnostic {
	if !utf8.Valid(data) {
		bad := 0
		for bad < len(data) {
			r, size := utf8.DecodeRune(data[bad:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			bad += size
		}
		return problem(rangeAt(name, data, bad), "Not UTF-8", "Byte %d (0x%02x) is not UTF-8 text. Save the file as UTF-8.", bad, data[bad])
	}
	return tooDeep(name, data)
}

// rangeAt is the range of one byte.
func rangeAt(name string, data []byte, at int) hcl2.Range {
	before := data[:at]
	start := hcl2.Pos{Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + at - (bytes.LastIndexByte(before, '\n') + 1), Byte: at}
	end := start
	end.Byte++
	end.Column++
	return hcl2.Range{Filename: name, Start: start, End: end}
}
