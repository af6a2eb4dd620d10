package hcl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzLoad: whatever a file holds, Load returns, and what it says can be shown.
// Of what it accepts the first experiments can be asked for.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*.hcl", "testdata/bad/*.hcl", "../examples/*/*.hcl"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 64<<10 {
				f.Add(data)
			}
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		m, diags := Load([]string{filepath.Join(dir, "grid.hcl")}, Options{ReadFile: func(string) ([]byte, error) { return data, nil }})
		if text := diags.Text(); strings.Contains(text, "Internal error") {
			t.Error(text)
		}
		if !diags.HasErrors() {
			failures := m.Failures()
			for _, s := range m.Sweeps {
				n := 0
				for _, err := range s.Experiments() {
					if err != nil {
						failures.Add(err)
					}
					if n++; n == 20 {
						break
					}
				}
			}
			_ = failures.Diagnostics().Text()
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
