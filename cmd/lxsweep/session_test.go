package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// session is a person at a shell in a folder.
type session struct {
	*testing.T
	dir string
	env []string // beside the test's own
}

func (s session) lxsweep(code int, args ...string) (out, said string) {
	s.Helper()
	return s.exec(code, "lxsweep", args...)
}

// exec runs a program that must end with the code, and returns what it wrote to
// its standard output and to its standard error.
func (s session) exec(code int, program string, args ...string) (out, said string) {
	s.Helper()
	cmd := exec.Command(program, args...)
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
		s.Fatalf("%s: exit code %d, want %d\n%s%s", cmd, got, code, &stdout, &stderr)
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

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
