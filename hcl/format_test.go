package hcl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/hcl"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct{ name, was, want, refusal string }{
		{name: "empty", was: "\n\n", want: ""},
		{name: "aligned", was: "locals {\na=1 # one\nlong   = 2 # two\n}", want: "locals {\n  a    = 1 # one\n  long = 2 # two\n}\n"},
		{name: "an editor's mark and line ends", was: "\xef\xbb\xbflocals {\r\n  a = 1\r\n}\r\n", want: "locals {\n  a = 1\n}\n"},
		{name: "a heredoc", was: "locals {\n a = <<E\n  x  =  1\nE\n}\n", want: "locals {\n  a = <<E\n  x  =  1\nE\n}\n"},
		{name: "no HCL", was: "locals {\n  a = \n}\n", refusal: "f.hcl:2: error: Invalid expression"},
		{name: "not UTF-8", was: "# \xff\n", refusal: "Not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := func(string) ([]byte, error) { return []byte(c.was), nil }
			list, diags := hcl.Format([]string{"f.hcl"}, read)
			if c.refusal != "" {
				if len(list) > 0 || !strings.Contains(diags.Error(), c.refusal) {
					t.Errorf("%d formatted, %v, want %q", len(list), diags, c.refusal)
				}
				return
			}
			if len(list) != 1 || diags.Len() > 0 {
				t.Fatalf("%d formatted, %v", len(list), diags)
			}
			if got := string(list[0].Text); got != c.want || list[0].Changed() != (c.was != c.want) {
				t.Errorf("%q, changed %t, want %q", got, list[0].Changed(), c.want)
			}
		})
	}
}

// TestExamplesAreFormatted holds every example to what fmt writes.
func TestExamplesAreFormatted(t *testing.T) {
	files, err := filepath.Glob("../examples/*/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	list, diags := hcl.Format(append(files, "testdata/example.hcl"), os.ReadFile)
	if diags.Len() > 0 {
		t.Error(diags.Text())
	}
	for _, f := range list {
		if f.Changed() {
			t.Errorf("%s: mend it with lxsweep fmt", f.Path)
		}
	}
}
