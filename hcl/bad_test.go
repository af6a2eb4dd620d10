package hcl

import (
	"bytes"
	"context"
	"iter"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/lxsweep/lxsweep/sweep"
)

// nothingYet is a ledger without a row.
type nothingYet struct{}

func (nothingYet) Lookup(_ context.Context, keys []sweep.Hash) ([]*sweep.Record, error) {
	return make([]*sweep.Record, len(keys)), nil
}

func (nothingYet) Wanted(context.Context, string, string) iter.Seq2[*sweep.Record, error] {
	return func(func(*sweep.Record, error) bool) {}
}

func (nothingYet) NextNumber(context.Context, string) (int, error) { return 0, nil }

// here makes paths below the working folder relative, as they are on every
// machine.
func here(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text, dir, "/HERE")
}

// diagnose loads files and, where that succeeds, evaluates their experiments,
// as a plan does. It returns everything there is to say.
func diagnose(t *testing.T, opts Options, paths ...string) string {
	t.Helper()
	m, diags := Load(paths, opts)
	if diags.HasErrors() {
		return here(t, diags.Text())
	}
	failures := m.Failures()
	plan := sweep.NewPlan(m.Sweeps, sweep.PlanOptions{Past: nothingYet{}})
	for _, err := range plan.Actions(context.Background()) {
		if err != nil {
			failures.Add(err)
		}
	}
	return here(t, diags.With(failures.Diagnostics()).Text())
}

// optionsOf reads a first line such as "# options: --var tag=v2".
func optionsOf(t *testing.T, src []byte) Options {
	t.Helper()
	var opts Options
	first, _, _ := bytes.Cut(src, []byte("\n"))
	line, ok := bytes.CutPrefix(first, []byte("# options: "))
	if !ok {
		return opts
	}
	words := strings.Fields(string(line))
	for i := 0; i+1 < len(words); i += 2 {
		switch words[i] {
		case "--var":
			opts.Vars = append(opts.Vars, words[i+1])
		case "--var-file":
			opts.VarFiles = append(opts.VarFiles, words[i+1])
		case "--config":
			opts.Configs = append(opts.Configs, words[i+1])
		case "--set":
			opts.Sets = append(opts.Sets, words[i+1])
		default:
			t.Fatalf("no such option: %s", words[i])
		}
	}
	return opts
}

// expectGolden compares with NAME.golden, or writes it.
func expectGolden(t *testing.T, name, got string) {
	t.Helper()
	golden := name + ".golden"
	if os.Getenv("LXSWEEP_UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", golden, got, want)
	}
}

// TestBadFiles holds what each file of testdata/bad is told, to the letter. The
// words are for a person at two in the morning: what, where, with which values,
// and the way out.
func TestBadFiles(t *testing.T) {
	t.Chdir("testdata/bad")
	files, err := filepath.Glob("*.hcl")
	if err != nil || len(files) < 45 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(path, ".hcl"), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := diagnose(t, optionsOf(t, src), path)
			if got == "" {
				t.Error("nothing is said")
			}
			if strings.Contains(got, "s3cret") && !strings.Contains(got, `default   = "s3cret"`) {
				t.Errorf("the secret is shown:\n%s", got)
			}
			expectGolden(t, strings.TrimSuffix(path, ".hcl"), got)
		})
	}
}

// TestBadFolders is TestBadFiles for configurations of several files.
func TestBadFolders(t *testing.T) {
	archives, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal(archives, err)
	}
	for _, path := range archives {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(path, ".txtar")
		t.Run(filepath.Base(name), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			for _, f := range archive.Files {
				if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := diagnose(t, optionsOf(t, archive.Comment), ".")
			if got == "" {
				t.Error("nothing is said")
			}
			expectGolden(t, name, got)
		})
	}
}

// TestBadPaths holds what is said of files that cannot be read.
func TestBadPaths(t *testing.T) {
	t.Chdir("testdata/bad")
	for name, path := range map[string]string{
		"no_such_file":         "path_twise.hcl",
		"no_such_folder":       "sweeps/grid.hcl",
		"folder_without_files": "folder",
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll("folder", 0o755); err != nil { // git keeps no empty folders
				t.Fatal(err)
			}
			expectGolden(t, name, diagnose(t, Options{}, path))
		})
	}
	if err := os.Remove("folder"); err != nil {
		t.Fatal(err)
	}
}

func TestTooLargeAFile(t *testing.T) {
	golden, err := filepath.Abs("testdata/bad/too_large")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	const size = 9 << 20
	if err := os.WriteFile("grid.hcl", bytes.Repeat([]byte("#\n"), size/2), 0o644); err != nil {
		t.Fatal(err)
	}
	expectGolden(t, golden, diagnose(t, Options{}, "grid.hcl"))
}

// TestHugeGridIsCounted holds that a grid of 10^18 points is refused from its
// lengths.
func TestHugeGridIsCounted(t *testing.T) {
	m, diags := Load([]string{"testdata/bad/huge_grid.hcl"}, Options{})
	if !diags.HasErrors() {
		t.Fatal("it was not refused")
	}
	for _, s := range m.Sweeps {
		for _, space := range s.Spaces {
			if g, ok := space.(*sweep.Grid); ok && g.Count().Cmp(big.NewInt(1e18)) != 0 {
				t.Errorf("%s points", g.Count())
			}
		}
	}
}
