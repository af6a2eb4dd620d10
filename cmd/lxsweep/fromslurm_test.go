package main_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// copyExample copies a folder of examples into root, without what was run there
// by hand, and returns the copy.
func copyExample(t *testing.T, name, root string) string {
	t.Helper()
	dir := filepath.Join(root, name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../../examples", name))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".lxsweep")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pythonWith returns a Python that has the module, the user's or the system's.
func pythonWith(t *testing.T, module string) string {
	t.Helper()
	said := ""
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.Command(python, "-c", "import "+module).CombinedOutput()
		if err == nil {
			return python
		}
		said += fmt.Sprintf("%s: %v\n%s", python, err, out)
	}
	t.Skipf("no Python here has %s (apt-get install python3-%[1]s)\n%s", module, said)
	return ""
}

// quoted is a block of a README that shows a file: a link to it, then its text.
var quoted = regexp.MustCompile("(?ms)^\\[([^\\]]+)\\]\\(([^)]+)\\)\n\n```[a-z]*\n(.*?)^```$")

// checkQuoted holds that a README shows these files of its folder, and as they
// are.
func checkQuoted(t *testing.T, folder string, files ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
		file, err := os.ReadFile(filepath.Join(folder, m[2]))
		if err != nil || string(file) != m[3] || m[1] != m[2] {
			t.Errorf("the README shows %s other than it is (%v):\n%s", m[1], err, m[3])
		}
		shown = append(shown, m[2])
	}
	if !slices.Equal(shown, files) {
		t.Errorf("the README shows %q, want %q", shown, files)
	}
}

var (
	// array is #SBATCH --array=FIRST-LAST.
	array = regexp.MustCompile(`(?m)^#SBATCH --array=(\d+)-(\d+)`)
	// valLoss finds the first line of an output and its last val_loss.
	valLoss = regexp.MustCompile(`(?s)^([^\n]*)\n.* val_loss=([0-9.]+)`)
)

// TestFromSlurm runs the array job, task by task as Slurm would start them, and
// the sweep that the README makes of it: the same commands, and the same best.
func TestFromSlurm(t *testing.T) {
	const folder = "../../examples/from-slurm"
	checkQuoted(t, folder, "sweep.sbatch", "sweep.hcl")
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each process
	s := session{T: t, dir: copyExample(t, "from-slurm", t.TempDir())}
	tasks := s.runArray("sweep.sbatch")
	best := slices.MinFunc(tasks, func(a, b task) int { return cmp.Compare(a.valLoss, b.valLoss) })
	var commands []string
	for _, task := range tasks {
		commands = append(commands, task.command)
	}
	slices.Sort(commands)
	if len(slices.Compact(slices.Clone(commands))) != 24 {
		t.Fatalf("the array has not 24 different commands:\n%s", strings.Join(commands, "\n"))
	}

	s.lxsweep(0, "apply", "--auto-approve", "sweep.hcl")
	var runs []string
	for _, r := range s.results() {
		out, _ := s.lxsweep(0, "logs", r.Run)
		command, _, _ := strings.Cut(out, "\n")
		runs = append(runs, command)
		if r.Rank == 1 && (command != best.command || r.Metrics["val_loss"] != best.valLoss) {
			t.Errorf("the best run is %s with %v, that of the array %s with %v", command, r.Metrics["val_loss"], best.command, best.valLoss)
		}
		if index := strings.TrimPrefix(r.Run, "spirals-"); command != tasks[atoi(t, index)].command {
			t.Errorf("task %s ran %s, and %s ran %s", index, tasks[atoi(t, index)].command, r.Run, command)
		}
	}
	slices.Sort(runs)
	if !slices.Equal(commands, runs) {
		t.Errorf("the array ran\n%s\nthe sweep ran\n%s", strings.Join(commands, "\n"), strings.Join(runs, "\n"))
	}

	s.edit("sweep.hcl", "[0.3, 1, 3]", "[0.3, 1, 2, 3]")
	if plan, _ := s.lxsweep(0, "plan", "sweep.hcl"); !strings.Contains(plan, "Plan: 8 to run, 24 unchanged.") {
		t.Errorf("with a value in the middle the plan is\n%s", plan)
	}
}

// task is what one task of an array job wrote: its first line and the last
// val_loss.
type task struct {
	command string
	valLoss float64
}

// runArray runs each task of a batch script by bash, in the environment that
// the script reads of Slurm's.
func (s session) runArray(script string) (tasks []task) {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, script))
	if err != nil {
		s.Fatal(err)
	}
	bounds := array.FindSubmatch(text)
	if bounds == nil {
		s.Fatalf("%s has no --array=FIRST-LAST", script)
	}
	for i := atoi(s.T, string(bounds[1])); i <= atoi(s.T, string(bounds[2])); i++ {
		cmd := exec.Command("bash", script)
		cmd.Dir = s.dir
		cmd.Env = append(os.Environ(), fmt.Sprint("SLURM_ARRAY_TASK_ID=", i), "SLURM_CPUS_PER_TASK=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.Fatalf("task %d: %v\n%s", i, err, out)
		}
		said := valLoss.FindSubmatch(out)
		if said == nil {
			s.Fatalf("task %d has no val_loss:\n%s", i, out)
		}
		loss, err := strconv.ParseFloat(string(said[2]), 64)
		if err != nil {
			s.Fatal(err)
		}
		tasks = append(tasks, task{string(said[1]), loss})
	}
	return tasks
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
