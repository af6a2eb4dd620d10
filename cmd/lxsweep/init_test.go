package main_test

import (
	"os"
	"path/filepath"
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
	s := session{T: t, dir: dir}
	text, err := os.ReadFile(filepath.Join("testdata", "init", script+".py"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, script+".py"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	command := append([]string{"python3", script + ".py"}, args...)
	s.lxsweep(0, append([]string{"init", "--"}, command...)...)
	drafted, err := os.ReadFile(filepath.Join(dir, "grid.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, filepath.Join("testdata", "init", script+".golden.hcl"), drafted)

	if _, stderr := s.lxsweep(0, "plan", "grid.hcl"); stderr != "" {
		t.Errorf("the plan is not silent:\n%s", stderr)
	}
	s.lxsweep(0, "apply", "grid.hcl", "--config", script, "--auto-approve", "--progress", "quiet")
	alone, _ := s.exec(0, command[0], command[1:]...)
	swept, _ := s.lxsweep(0, "logs", script+"-0")
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
