package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInit drafts a file for scripts as people write them: it is the golden one,
// its plan is without a warning, and its first experiment without a sweep runs
// the script as the script runs by itself. LXSWEEP_UPDATE=1 writes the goldens.
func TestInit(t *testing.T) {
	for script, args := range map[string][]string{
		"cnn": nil, "gpt": nil, "vit": nil, "ppo": nil,
		"segment": {"train", "roads", "--backbone", "fpn", "--data-root", "tiles"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			testInit(t, script, args)
		})
	}
}

func testInit(t *testing.T, script string, args []string) {
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join("testdata", "init", script+".py"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, script+".py"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	command := append([]string{"python3", script + ".py"}, args...)
	run(t, dir, "lxsweep", append([]string{"init", "--"}, command...)...)
	drafted, err := os.ReadFile(filepath.Join(dir, "grid.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, filepath.Join("testdata", "init", script+".golden.hcl"), drafted)

	if _, stderr := run(t, dir, "lxsweep", "plan", "grid.hcl"); stderr != "" {
		t.Errorf("the plan is not silent:\n%s", stderr)
	}
	run(t, dir, "lxsweep", "apply", "grid.hcl", "--config", script, "--auto-approve", "--progress", "quiet")
	alone, _ := run(t, dir, command[0], command[1:]...)
	swept, _ := run(t, dir, "lxsweep", "logs", script+"-0")
	if d := cmp.Diff(alone, swept); d != "" {
		t.Errorf("the script by itself, and by the file (-want +got):\n%s", d)
	}
}

func compareGolden(t *testing.T, golden string, got []byte) {
	t.Helper()
	if os.Getenv("LXSWEEP_UPDATE") != "" {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", golden, d)
	}
}

func run(t *testing.T, dir, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, &out, &errs)
	}
	return out.String(), errs.String()
}
