package main_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestScriptsUseEveryFlag holds that some line of the scripts runs each command
// with each of its flags, by its long name and by its shorthand. What the flag
// does there is the script's to say.
func TestScriptsUseEveryFlag(t *testing.T) {
	used := map[string]bool{}
	for _, line := range scriptLines(t) {
		command, flags := usage(line)
		used[command] = true
		for _, flag := range flags {
			used[command+" "+flag] = true
		}
	}
	wanted := map[string]bool{}
	for _, flag := range offered(t, "-") {
		wanted[flag] = true
	}
	for _, command := range offered(t, "") {
		for _, flag := range offered(t, command, "-") {
			wanted[command+" "+flag] = true
		}
	}
	if len(wanted) < 100 {
		t.Errorf("there are %d flags; are they still read right?", len(wanted))
	}
	for _, w := range slices.Sorted(maps.Keys(wanted)) {
		if !used[w] {
			t.Errorf("no script runs lxsweep %s", w)
		}
	}
}

// offered are the words that completion offers.
func offered(t *testing.T, args ...string) (words []string) {
	t.Helper()
	out, err := exec.Command("lxsweep", append([]string{"__complete"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); !strings.HasPrefix(word, ":") {
			words = append(words, word)
		}
	}
	return words
}

// scriptLines are the lines of the scripts that start something.
func scriptLines(t *testing.T) (lines []string) {
	t.Helper()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		script, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(script.Comment)) {
			if starts.MatchString(line) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

var starts = regexp.MustCompile(`^(\[\S+\] *)?(! *)?(exec|code|lxsweep)\b`)

// usage is what a line runs lxsweep with, empty if it does not. What follows --
// is the arguments of another program.
func usage(line string) (command string, flags []string) {
	_, args, _ := strings.Cut(line, "lxsweep ")
	args, _, _ = strings.Cut(args, " -- ")
	for i, word := range strings.Fields(strings.ReplaceAll(args, "'", " ")) {
		if i == 0 {
			command = word
		} else if strings.HasPrefix(word, "-") {
			flag, _, _ := strings.Cut(word, "=")
			flags = append(flags, flag)
		}
	}
	return command, flags
}

var (
	endsWith  = regexp.MustCompile(`^code (\d+)( .*lxsweep .*)?$`)
	documents = regexp.MustCompile(`Exit codes: ([^.]*)\.`)
	aCode     = regexp.MustCompile(`(?:^|;\s+)(\d+)\s`)
)

// exitCodes are those that a text documents.
func exitCodes(text string) (codes []string) {
	for _, list := range documents.FindAllStringSubmatch(text, 1) {
		for _, m := range aCode.FindAllStringSubmatch(list[1], -1) {
			codes = append(codes, m[1])
		}
	}
	return codes
}

// TestScriptsReachEveryExitCode holds that the help and the README document the
// same exit codes, and that some script ends with each.
func TestScriptsReachEveryExitCode(t *testing.T) {
	help, err := exec.Command("lxsweep", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := exitCodes(string(help))
	if !slices.Equal(codes, exitCodes(string(readme))) || len(codes) < 7 {
		t.Errorf("the help documents the exit codes %v, the README %v", codes, exitCodes(string(readme)))
	}
	reached := map[string]bool{}
	for _, line := range scriptLines(t) {
		if m := endsWith.FindStringSubmatch(line); m != nil {
			reached[m[1]] = true
		}
	}
	for _, code := range codes {
		if !reached[code] {
			t.Errorf("no script ends with exit code %s", code)
		}
	}
}
