package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block of a README.
type block struct{ section, language, text string }

var fenced = regexp.MustCompile("(?ms)^## ([^\n]*)$|^```([a-z]*)\n(.*?)^```$")

func readmeBlocks(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	section := ""
	for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
		if m[1] != "" {
			section = m[1]
			continue
		}
		blocks = append(blocks, block{section, m[2], m[3]})
	}
	return blocks
}

// trainer is a script of the reader's own.
const trainer = `import argparse
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float)
p.add_argument("--depth", type=int)
a = p.parse_args()
print(f"val_loss={abs(a.lr - 0.1) + 1 / a.depth}")
`

// TestReadmeCommands runs every command of the README, in the order of the page,
// in the folder of a reader who copied its first file.
func TestReadmeCommands(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("train.py", trainer)
	ran := 0
	for _, b := range readmeBlocks(t, "../../README.md") {
		if b.section == "Your own script" && b.language == "hcl" {
			write("grid.hcl", b.text)
		}
		if b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			runReadmeLine(t, dir, strings.TrimSpace(line))
			ran++
		}
	}
	if ran < 9 {
		t.Errorf("the README has %d commands; is it still read right?", ran)
	}
}

func runReadmeLine(t *testing.T, dir, line string) {
	t.Helper()
	if target, ok := strings.CutPrefix(line, "make "); ok {
		// TestDemo does demo, and this is a part of test.
		makefile, err := os.ReadFile("../../Makefile")
		if err != nil || !regexp.MustCompile(`(?m)^`+target+`:`).Match(makefile) {
			t.Errorf("%s: the Makefile has no such target (%v)", line, err)
		}
		return
	}
	if _, err := exec.LookPath(strings.Fields(line)[0]); err != nil {
		t.Logf("not run: %v", err)
		return
	}
	// There is no terminal to approve at.
	line = strings.Replace(line, "lxsweep apply ", "lxsweep apply --auto-approve ", 1)
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}
