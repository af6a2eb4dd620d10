package main_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

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
