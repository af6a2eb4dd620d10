package hcl

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"

	"github.com/lxsweep/lxsweep/sweep"
)

// Diagnostics are what is wrong, and what is doubtful, in source order, each
// once. The zero value is none.
type Diagnostics struct {
	list  hcl2.Diagnostics
	files map[string]*hcl2.File // for the snippets
}

// newDiagnostics puts them into this language's words, sorts them by file and
// byte and drops repetitions.
func newDiagnostics(list hcl2.Diagnostics, files map[string]*hcl2.File) Diagnostics {
	type identity struct {
		severity        hcl2.DiagnosticSeverity
		subject         hcl2.Range
		summary, detail string
	}
	seen := map[identity]bool{}
	list = slices.DeleteFunc(reworded(list, files), func(d *hcl2.Diagnostic) bool {
		id := identity{d.Severity, subject(d), d.Summary, d.Detail}
		again := seen[id]
		seen[id] = true
		return again
	})
	slices.SortStableFunc(list, func(a, b *hcl2.Diagnostic) int {
		x, y := subject(a), subject(b)
		return cmp.Or(strings.Compare(x.Filename, y.Filename), cmp.Compare(x.Start.Byte, y.Start.Byte), cmp.Compare(a.Severity, b.Severity))
	})
	return Diagnostics{list, files}
}

func subject(d *hcl2.Diagnostic) hcl2.Range {
	if d.Subject == nil {
		return hcl2.Range{}
	}
	return *d.Subject
}

// Len is the number of errors and warnings.
func (d Diagnostics) Len() int { return len(d.list) }

// HasErrors reports whether any of them is an error.
func (d Diagnostics) HasErrors() bool { return d.list.HasErrors() }

// Error is all of it on one line each, for logs and tests; WriteText is for
// people.
func (d Diagnostics) Error() string {
	lines := make([]string, len(d.list))
	for i, one := range d.list {
		lines[i] = oneLine(one)
	}
	return strings.Join(lines, "\n")
}

func oneLine(d *hcl2.Diagnostic) string {
	severity := "error"
	if d.Severity == hcl2.DiagWarning {
		severity = "warning"
	}
	text := severity + ": " + d.Summary
	if d.Detail != "" {
		text += "; " + strings.Join(strings.Fields(d.Detail), " ")
	}
	if d.Subject != nil {
		text = fmt.Sprintf("%s:%d: %s", d.Subject.Filename, d.Subject.Start.Line, text)
	}
	return text
}

// WriteText writes each with its snippet and the values involved. A width of 0
// wraps nothing.
func (d Diagnostics) WriteText(w io.Writer, width int, color bool) error {
	var b bytes.Buffer
	if err := hcl2.NewDiagnosticTextWriter(&b, d.files, uint(max(width, 0)), color).WriteDiagnostics(d.list); err != nil {
		return err
	}
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte(wholeHP), []byte("hp")))
	return err
}

// Text is what WriteText writes, without colour and not wrapped.
func (d Diagnostics) Text() string {
	var b bytes.Buffer
	_ = d.WriteText(&b, 0, false) // a buffer takes everything
	return b.String()
}

// With returns the diagnostics of both.
func (d Diagnostics) With(e Diagnostics) Diagnostics {
	files := maps.Clone(d.files)
	if files == nil {
		files = map[string]*hcl2.File{}
	}
	maps.Copy(files, e.files)
	return newDiagnostics(slices.Concat(d.list, e.list), files)
}

// problem makes an error with a place.
func problem(at hcl2.Range, summary, detail string, args ...any) *hcl2.Diagnostic {
	return &hcl2.Diagnostic{
		Severity: hcl2.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(detail, args...),
		Subject:  &at,
	}
}

// doubt makes a warning with a place.
func doubt(at hcl2.Range, summary, detail string, args ...any) *hcl2.Diagnostic {
	d := problem(at, summary, detail, args...)
	d.Severity = hcl2.DiagWarning
	return d
}

// placed writes a range as a person says it: grid.hcl:12.
func placed(r hcl2.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }

// evaluationError is why one point could not be evaluated.
type evaluationError struct{ diags hcl2.Diagnostics }

func (e *evaluationError) Error() string {
	lines := make([]string, len(e.diags))
	for i, d := range e.diags {
		lines[i] = oneLine(d)
	}
	return strings.Join(lines, "\n")
}

// failed wraps diagnostics as an error; nil if they hold none.
func failed(diags hcl2.Diagnostics) error {
	if !diags.HasErrors() {
		return nil
	}
	return &evaluationError{diags}
}

// Failures gathers the errors of many points, so that an expression that fails
// at all of them is reported once.
type Failures struct {
	module *Module
	order  []failureKey
	first  map[failureKey]*hcl2.Diagnostic
	count  map[failureKey]int
}

type failureKey struct {
	subject hcl2.Range
	summary string
	text    string // of errors that have no place
}

// Failures returns an empty collection.
func (m *Module) Failures() *Failures {
	return &Failures{module: m, first: map[failureKey]*hcl2.Diagnostic{}, count: map[failureKey]int{}}
}

// Add takes the error of one point, as sweep.Experiments yields it.
func (f *Failures) Add(err error) {
	var clash *sweep.ClashError
	if errors.As(err, &clash) {
		f.add(failureKey{text: clash.First.Name + " " + clash.Experiment.Sweep}, f.module.clash(clash))
		return
	}
	var evaluation *evaluationError
	if !errors.As(err, &evaluation) {
		f.add(failureKey{text: err.Error()}, &hcl2.Diagnostic{Severity: hcl2.DiagError, Summary: err.Error()})
		return
	}
	for _, d := range evaluation.diags {
		f.add(failureKey{subject: subject(d), summary: d.Summary}, d)
	}
}

// clash is where two sweeps want one experiment to do different work.
func (m *Module) clash(e *sweep.ClashError) *hcl2.Diagnostic {
	d := problem(hcl2.Range{}, "One experiment, different work",
		"Sweep %q, with config.%s, asks for an experiment that sweep %q (%s) asks for too: named %q, with %s. What they would run differs, and an experiment is its name and its hyperparameters. Give one of the configs another run.experiment_name.",
		e.Experiment.Sweep, e.Experiment.Config, e.First.Name, e.First.Pos, e.Experiment.Name, e.Experiment.HP)
	d.Subject = nil
	for _, s := range m.Sweeps {
		if file := m.sources[s.Pos.File]; s.Name == e.Experiment.Sweep && file != nil {
			d.Subject = ptr(lineRange(s.Pos, file.Bytes))
		}
	}
	return d
}

// lineRange is the range of a line without its indentation.
func lineRange(p sweep.Pos, data []byte) hcl2.Range {
	at := 0
	for range p.Line - 1 {
		at += bytes.IndexByte(data[at:], '\n') + 1
	}
	line, _, _ := bytes.Cut(data[at:], []byte("\n"))
	r := rangeAt(p.File, data, at+len(line)-len(bytes.TrimLeft(line, " \t")))
	r.End = hcl2.Pos{Line: p.Line, Column: len(line) + 1, Byte: at + len(line)}
	return r
}

func (f *Failures) add(key failureKey, d *hcl2.Diagnostic) {
	if f.count[key] == 0 {
		f.first[key] = d
		f.order = append(f.order, key)
	}
	f.count[key]++
}

// Diagnostics returns each failing expression once, with the values of the
// first point that it failed at and the number of others.
func (f *Failures) Diagnostics() Diagnostics {
	list := make(hcl2.Diagnostics, 0, len(f.order))
	for _, key := range f.order {
		d := *f.first[key]
		if others := f.count[key] - 1; others > 0 {
			d.Detail = strings.TrimSpace(fmt.Sprintf("%s (and %d more %s)", d.Detail, others, plural(others, "experiment")))
		}
		list = append(list, &d)
	}
	return newDiagnostics(list, f.module.sources)
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
