//go:build linux

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
)

// TestClusterBuilds runs build_steps once an apply, before the first experiment;
// what needs an image that cannot be built is not started, and is the next time.
func TestClusterBuilds(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, strings.NewReplacer("1h", "0s",
		`{ image_url = "train:1" }`, `{
      image_url   = "train:1"
      build_steps = ["echo built >> builds", "test -e Dockerfile"]
    }`).Replace(heldGrid))
	builds := func() string {
		t.Helper()
		text, err := os.ReadFile(k.path("builds"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	said := k.says(3, []string{"not started: its image could not be built: step 2 of 2 (test -e Dockerfile) ended with exit code 1", "/build-"},
		"apply", "--auto-approve", "--progress", "plain", "grid.hcl")
	if len(k.jobs()) > 0 || builds() != "built\n" {
		t.Errorf("built %q, and then there are %d Jobs:\n%s", builds(), len(k.jobs()), said)
	}
	logs, err := filepath.Glob(k.path(".lxsweep/logs/build-*.log"))
	if err != nil || len(logs) != 1 {
		t.Errorf("logs of builds are %v, %v", logs, err)
	}
	k.write("Dockerfile", "")
	k.says(0, []string{"9 to run"}, "apply", "--auto-approve", "grid.hcl")
	k.says(0, nil, "apply", "--auto-approve", "--round", "2", "--skip-build", "grid.hcl")
	if builds() != "built\nbuilt\n" {
		t.Errorf("built %q", builds())
	}
}
