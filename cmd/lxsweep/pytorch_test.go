//go:build linux

package main_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestPyTorch trains the example's whole sweep, then kills a longer training in
// the middle: its retry goes on from the checkpoint and ends with the numbers of
// a training that nobody killed.
func TestPyTorch(t *testing.T) {
	python := "python=" + pythonWith(t, "torch")
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each process
	root := t.TempDir()
	copyExample(t, "quickstart", root) // whose images it reads
	f := &faults{session{T: t, dir: copyExample(t, "pytorch", root)}}

	f.lxsweep(0, "apply", "--auto-approve", "--var", python, "grid.hcl")
	trained := f.results()
	if len(trained) != 12 || trained[0].Metrics["test_acc"] < 0.95 {
		t.Errorf("the sweep trained %d networks, and the best has %v; want 12 and a test_acc of 0.95", len(trained), trained[0].Metrics)
	}

	longer := []string{"apply", "--auto-approve", "--var", python, "--config", "cnn", "--set", "hp.epochs=30", "grid.hcl"}
	f.lxsweep(0, longer...)
	whole, _ := f.lxsweep(0, "logs", "cnn-12")

	apply := f.start(append(longer, "--round", "killed")...)
	f.await("there is a checkpoint", func() bool {
		_, err := os.Stat(f.path(".lxsweep", "runs", "cnn-13", "checkpoint.pt"))
		return err == nil
	})
	for _, pid := range (&killing{T: t, dir: f.dir}).holders() {
		if !isShell(pid) && pid != apply.Process.Pid {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	f.end(apply, 0)
	resumed, _ := f.lxsweep(0, "logs", "cnn-13")
	head, rest, _ := strings.Cut(resumed, "\n")
	t.Log(head)
	epoch := 0
	if _, err := fmt.Sscanf(head, "resumed after epoch %d", &epoch); err != nil || epoch < 1 || epoch >= 30 {
		t.Errorf("the training after the killed one begins with %q (%v)", head, err)
	}
	if !strings.HasPrefix(rest, fmt.Sprintf("epoch=%d ", epoch+1)) || !strings.HasSuffix(whole, rest) {
		t.Errorf("nobody killed\n%s\nand the resumed training says\n%s", whole, resumed)
	}
}
