package argparse_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lxsweep/lxsweep/cmd/internal/argparse"
)

// TestRead compares what is read of the help texts in testdata, an argument a
// line. LXSWEEP_UPDATE=1 writes the goldens.
func TestRead(t *testing.T) {
	texts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(texts) < 5 {
		t.Fatalf("%d texts, %v", len(texts), err)
	}
	for _, name := range texts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got := lines(t, argparse.Read(string(text)))
		golden := strings.TrimSuffix(name, ".txt") + ".golden"
		if os.Getenv("LXSWEEP_UPDATE") != "" {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func lines(t *testing.T, h argparse.Help) string {
	t.Helper()
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, o := range append(h.Positionals, h.Options...) {
		if err := encoder.Encode(o); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range h.Commands {
		b.WriteString("command " + c + "\n")
	}
	return b.String()
}
