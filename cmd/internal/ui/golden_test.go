package ui

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// golden compares what was drawn with testdata/name. LXSWEEP_UPDATE=1 writes it
// anew.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("LXSWEEP_UPDATE") != "" {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (LXSWEEP_UPDATE=1 writes it anew)\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

// fits fails if a line is wider than the screen.
func fits(t *testing.T, text []byte, columns int) {
	t.Helper()
	for i, line := range bytes.Split(text, []byte("\n")) {
		if w := Width(string(line)); w > columns {
			t.Errorf("line %d takes %d columns of %d: %s", i+1, w, columns, line)
		}
	}
}
