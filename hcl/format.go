package hcl

import (
	"bytes"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Formatted is a file with its canonical layout.
type Formatted struct {
	File
	Text []byte
}

// Changed reports whether the layout is another than the file's.
func (f Formatted) Changed() bool { return !bytes.Equal(f.Bytes, f.Text) }

// Format lays files out, or the *.hcl of folders, as HCL's own formatter does:
// indented, with the equals signs of neighbours and the comments aligned. Lines
// end with a line feed, the last one too. Files that cannot be read or do not
// parse are left out and reported. A nil read is the file system.
func Format(paths []string, read func(path string) ([]byte, error)) (list []Formatted, diags Diagnostics) {
	src := newSources(read)
	for _, path := range paths {
		src.add(path)
	}
	diags = newDiagnostics(src.diags, src.parsed)
	for _, f := range src.files {
		if !src.unsound(f.Path) {
			list = append(list, Formatted{f, Layout(src.parsed[f.Path].Bytes)})
		}
	}
	return list, diags
}

// unsound reports whether there is an error in a file.
func (s *sources) unsound(name string) bool {
	for _, d := range s.diags {
		if subject(d).Filename == name {
			return true
		}
	}
	return false
}

// Layout returns a text as HCL's own formatter lays it out. What is no HCL is
// returned much as it is.
func Layout(text []byte) []byte {
	text = bytes.TrimRight(hclwrite.Format(text), "\n")
	if len(text) == 0 {
		return nil
	}
	return append(text, '\n')
}
