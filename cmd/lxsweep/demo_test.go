package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// session is a person at a shell in a folder.
type session struct {
	*testing.T
	dir string
	env []string // beside the test's own
}

// lxsweep runs a command that must end with the code, and returns what it wrote
// to its standard output and, behind that, to its standard error.
func (s session) lxsweep(code int, args ...string) (out, said string) {
	s.Helper()
	cmd := exec.Command("lxsweep", args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), s.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		s.Fatal(err)
	}
	if got != code {
		s.Fatalf("lxsweep %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, &stdout, &stderr)
	}
	return stdout.String(), stderr.String()
}

// edit replaces the one old in a file.
func (s session) edit(file, old, new string) {
	s.Helper()
	path := filepath.Join(s.dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	if n := bytes.Count(text, []byte(old)); n != 1 {
		s.Fatalf("%s has %q %d times, want once", file, old, n)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(old), []byte(new), 1), 0o600); err != nil {
		s.Fatal(err)
	}
}

// row is a line of results -o json, as far as these tests read it.
type row struct {
	Sweep, Run string
	Rank       int
	Metrics    map[string]float64
	Output     string `json:"output_dir"`
}

func (s session) results() []row {
	s.Helper()
	out, _ := s.lxsweep(0, "results", "-o", "json")
	var rows []row
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		s.Fatalf("%v in\n%s", err, out)
	}
	return rows
}

// stranger is somebody who has cloned the repository, as it was committed last,
// and typed the README's first command.
func stranger(t *testing.T) session {
	t.Helper()
	clone := t.TempDir()
	if out, err := exec.Command("git", "clone", "--quiet", "../..", clone).CombinedOutput(); err != nil {
		t.Skipf("not in a git checkout: %v\n%s", err, out)
	}
	blocks := readmeBlocks(t, "../../README.md")
	first := blocks[slices.IndexFunc(blocks, func(b block) bool { return b.language == "sh" })]
	typed := exec.Command("sh", "-ec", first.text)
	typed.Dir = clone
	out, err := typed.CombinedOutput()
	if err != nil || !regexp.MustCompile(`(?m)^sweep grid  minimize val_loss\n.*\n  1  digits-`).Match(out) {
		t.Fatalf("%s: %v, or no leaderboard in\n%s", typed, err, out)
	}
	return session{T: t, dir: filepath.Join(clone, "examples", "quickstart")}
}

// TestDemo is what the README promises: in a fresh clone one command trains the
// quickstart's sweeps for real, which beat the default, and shows a leaderboard;
// a second apply runs nothing and says why; a value in the middle of an axis
// runs its own points and renames none; a new hyperparameter with assume runs
// nothing.
func TestDemo(t *testing.T) {
	s := stranger(t)
	first := s.results()
	s.beatDefaults("digits", "val_loss", "grid", "random")
	again, said := s.lxsweep(0, "apply", "--auto-approve", "grid.hcl")
	if !strings.Contains(again+said, "nothing to run: 32 unchanged") {
		s.Errorf("a second apply says\n%s%s", again, said)
	}

	s.edit("grid.hcl", "lr = [0.1, 0.3, 1]", "lr = [0.1, 0.2, 0.3, 1]")
	s.lxsweep(0, "apply", "--auto-approve", "grid.hcl")
	now := map[string]float64{}
	for _, r := range s.results() {
		now[r.Run] = r.Metrics["val_loss"]
	}
	for _, r := range first {
		if now[r.Run] != r.Metrics["val_loss"] {
			s.Errorf("%s had %v and has %v", r.Run, r.Metrics["val_loss"], now[r.Run])
		}
	}
	plan, _ := s.lxsweep(0, "plan", "--detailed-exitcode", "grid.hcl")
	if !strings.Contains(plan, "nothing to run: 40 unchanged") {
		s.Errorf("after the value in the middle the plan is\n%s", plan)
	}

	s.edit("grid.hcl", "    epochs     = 12\n", "    epochs     = 12\n    dropout    = 0\n")
	s.lxsweep(2, "plan", "--detailed-exitcode", "grid.hcl")
	s.edit("grid.hcl", "config \"digits\" {\n", "config \"digits\" {\n  identity { assume = { dropout = 0 } }\n")
	plan, _ = s.lxsweep(0, "plan", "--detailed-exitcode", "grid.hcl")
	if !strings.Contains(plan, "nothing to run: 40 unchanged") {
		s.Errorf("with assume the plan is\n%s", plan)
	}
}
