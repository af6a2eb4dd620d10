package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestEveryCommandIsDocumented(t *testing.T) {
	f, _, _ := world(t)
	root := newRootCmd(f)
	for _, cmd := range append(root.Commands(), root) {
		if cmd.Hidden {
			continue
		}
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" || cmd.RunE == nil {
			t.Errorf("%s lacks a text, a Long, an Example or something to do", cmd.Name())
		}
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if !slices.ContainsFunc(flagGroups, func(g struct {
				title string
				flags []string
			},
			) bool {
				return slices.Contains(g.flags, flag.Name)
			}) {
				t.Errorf("%s --%s stands under no title", cmd.Name(), flag.Name)
			}
		})
	}
}

// TestExamplesParse runs every line of every Example in a shell whose lxsweep
// only notes its arguments, and gives these to the commands' own flags.
func TestExamplesParse(t *testing.T) {
	f, _, _ := world(t)
	root := newRootCmd(f)
	for _, cmd := range append(root.Commands(), root) {
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			argvs := typed(t, line)
			if len(argvs) == 0 {
				t.Errorf("%s: no command in %q", cmd.Name(), line)
			}
			for _, args := range argvs {
				if err := parses(newRootCmd(f), args); err != nil {
					t.Errorf("%s: %q: %v", cmd.Name(), line, err)
				}
			}
		}
	}
}

// typed are the arguments of each lxsweep in a line.
func typed(t *testing.T, line string) (argvs [][]string) {
	t.Helper()
	home := t.TempDir()
	for _, dir := range []string{".zfunc", ".config/fish/completions"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	const stubs = `lxsweep() { printf '%s\n' "$@" = >>~/typed; }; jq() { cat >/dev/null; }; touch grid.hcl; `
	sh := exec.Command("sh", "-c", stubs+line)
	sh.Dir, sh.Env = home, append(os.Environ(), "HOME="+home)
	if out, err := sh.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	text, _ := os.ReadFile(filepath.Join(home, "typed")) // nothing was typed
	for argv := range strings.SplitSeq(strings.TrimSuffix(string(text), "=\n"), "=\n") {
		if argv != "" {
			argvs = append(argvs, strings.Split(strings.TrimSuffix(argv, "\n"), "\n"))
		}
	}
	return argvs
}

func parses(root *cobra.Command, args []string) error {
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func TestHelpGroupsFlags(t *testing.T) {
	f, out, _ := world(t)
	if code := Run(context.Background(), f, []string{"plan", "--help"}); code != ExitOK {
		t.Fatalf("exit code %d", code)
	}
	at := 0
	for _, want := range []string{
		"plan expands", "\nUsage:\n  lxsweep plan FILE... [flags]\n", "\nExamples:\n  lxsweep plan grid.hcl\n",
		"\nWhich experiments:\n      --config config ", "\nInputs:\n      --var name=value ", "\nWhere:\n", "\nHow:\n      --parallel int ",
		"\nOutput:\n  -o, --output string ", "--no-color ",
	} {
		i := strings.Index(out.String()[at:], want)
		if i < 0 {
			t.Fatalf("the help has no %q after byte %d:\n%s", want, at, out)
		}
		at += i
	}
}
