package hcl

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The JSON form of diagnostics is that of `terraform validate -json`, which
// editors and CI know how to read.

type reportJSON struct {
	FormatVersion string           `json:"format_version"`
	Valid         bool             `json:"valid"`
	ErrorCount    int              `json:"error_count"`
	WarningCount  int              `json:"warning_count"`
	Diagnostics   []diagnosticJSON `json:"diagnostics"`
}

type diagnosticJSON struct {
	Severity string       `json:"severity"` // "error" or "warning"
	Summary  string       `json:"summary"`
	Detail   string       `json:"detail"`
	Range    *rangeJSON   `json:"range,omitempty"`
	Snippet  *snippetJSON `json:"snippet,omitempty"`
}

type rangeJSON struct {
	Filename string  `json:"filename"`
	Start    posJSON `json:"start"`
	End      posJSON `json:"end"`
}

// posJSON counts lines and columns (of characters) from 1, bytes from 0.
type posJSON struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// snippetJSON is the source's lines that a range touches. Offsets are bytes of
// Code.
type snippetJSON struct {
	Context              *string     `json:"context"` // the block it is in
	Code                 string      `json:"code"`
	StartLine            int         `json:"start_line"`
	HighlightStartOffset int         `json:"highlight_start_offset"`
	HighlightEndOffset   int         `json:"highlight_end_offset"`
	Values               []valueJSON `json:"values"`
}

// valueJSON is a name that the wrong expression refers to, and its value.
type valueJSON struct {
	Traversal string `json:"traversal"`
	Statement string `json:"statement"`
}

// WriteJSON writes them as one JSON object, in the shape of Terraform's
// validate.
func (d Diagnostics) WriteJSON(w io.Writer) error {
	report := reportJSON{FormatVersion: "1.0", Valid: !d.HasErrors(), Diagnostics: []diagnosticJSON{}}
	for _, one := range d.list {
		if one.Severity == hcl2.DiagError {
			report.ErrorCount++
		} else {
			report.WarningCount++
		}
		report.Diagnostics = append(report.Diagnostics, d.json(one))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}

func (d Diagnostics) json(one *hcl2.Diagnostic) diagnosticJSON {
	j := diagnosticJSON{Severity: "error", Summary: one.Summary, Detail: one.Detail}
	if one.Severity == hcl2.DiagWarning {
		j.Severity = "warning"
	}
	if one.Subject == nil {
		return j
	}
	r := visible(*one.Subject)
	j.Range = &rangeJSON{r.Filename, posJSON(r.Start), posJSON(r.End)}
	if file := d.files[r.Filename]; file != nil && r.End.Byte <= len(file.Bytes)+1 {
		j.Snippet = snippetOf(r, file)
		j.Snippet.Values = valuesOf(one)
	}
	return j
}

// visible is a range that an editor can underline: of one character at least.
func visible(r hcl2.Range) hcl2.Range {
	if r.Empty() {
		r.End.Byte++
		r.End.Column++
	}
	return r
}

func snippetOf(r hcl2.Range, file *hcl2.File) *snippetJSON {
	text := file.Bytes
	start, end := min(r.Start.Byte, len(text)), min(r.End.Byte, len(text))
	first := bytes.LastIndexByte(text[:start], '\n') + 1
	last := max(end-1, start) // a range can end with its line
	if i := bytes.IndexByte(text[last:], '\n'); i >= 0 {
		last += i
	} else {
		last = len(text)
	}
	s := &snippetJSON{
		Code: string(text[first:last]), StartLine: r.Start.Line,
		HighlightStartOffset: start - first, HighlightEndOffset: min(end, last) - first,
	}
	if body, ok := file.Body.(*hclsyntax.Body); ok {
		s.Context = blockAround(body, r.Start.Byte)
	}
	return s
}

// blockAround is the header of the outermost block that holds a byte.
func blockAround(body *hclsyntax.Body, at int) *string {
	for _, b := range body.Blocks {
		if b.TypeRange.Start.Byte <= at && at < b.CloseBraceRange.End.Byte {
			text := b.Type
			for _, label := range b.Labels {
				text += ` "` + label + `"`
			}
			return &text
		}
	}
	return nil
}

// valuesOf are the values that the wrong expression was evaluated with, each
// name once.
func valuesOf(d *hcl2.Diagnostic) []valueJSON {
	values := []valueJSON{}
	if d.Expression == nil || d.EvalContext == nil {
		return values
	}
	for _, t := range d.Expression.Variables() {
		v, diags := t.TraverseAbs(d.EvalContext)
		if diags.HasErrors() || !v.IsKnown() || v.IsMarked() {
			continue
		}
		values = append(values, valueJSON{strings.ReplaceAll(traversalText(t), wholeHP, "hp"), "is " + describe(v)})
	}
	slices.SortFunc(values, func(a, b valueJSON) int { return strings.Compare(a.Traversal, b.Traversal) })
	return slices.Compact(values)
}

func traversalText(t hcl2.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch step := step.(type) {
		case hcl2.TraverseRoot:
			b.WriteString(step.Name)
		case hcl2.TraverseAttr:
			b.WriteString("." + step.Name)
		case hcl2.TraverseIndex:
			b.WriteString("[" + indexText(step.Key) + "]")
		}
	}
	return b.String()
}

func indexText(key cty.Value) string {
	if key.IsKnown() && key.Type().IsPrimitiveType() {
		return describe(key)
	}
	return "..."
}
