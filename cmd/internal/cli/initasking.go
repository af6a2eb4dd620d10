package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lxsweep/lxsweep/cmd/internal/argparse"
	"github.com/lxsweep/lxsweep/cmd/internal/draft"
)

// helpBytes bounds what is kept of a program's output: no help text is as long.
const helpBytes = 1 << 20

// program asks the program, and looks at where things are.
func (o *InitOptions) program(ctx context.Context, target string) (draft.Program, error) {
	words, args := divide(o.Command)
	help, err := o.ask(ctx, words, args)
	if err != nil {
		return draft.Program{}, err
	}
	p := draft.Program{Command: words, Args: args, Help: help, Name: filepath.Base(target), Folder: o.Dir}
	if folder := filepath.Dir(target); folder != o.Dir {
		if p.WorkingDir, err = filepath.Rel(folder, o.Dir); err != nil {
			p.WorkingDir = o.Dir
		}
	}
	p.Script, p.Source = o.script(words[len(words)-1], filepath.Dir(target))
	return p, nil
}

// script is the program's own file, if it lies below the folder.
func (o *InitOptions) script(name, folder string) (rel, source string) {
	text, err := os.ReadFile(o.abs(name))
	if err != nil || len(text) > helpBytes || bytes.IndexByte(text, 0) >= 0 {
		return "", ""
	}
	rel, err = filepath.Rel(folder, o.abs(name))
	if err != nil || !filepath.IsLocal(rel) || strings.ContainsAny(rel, `*?[{\`) {
		rel = ""
	}
	return rel, string(text)
}

var interpreter = regexp.MustCompile(`^(python|pypy)[0-9.]*$`)

// divide parts a program from its arguments: python -u train.py from fit.
// What starts another program, as torchrun does, ends with the first script.
func divide(command []string) (words, args []string) {
	for i, word := range command {
		if strings.HasSuffix(word, ".py") {
			return command[:i+1], command[i+1:]
		}
		if word == "-m" && i+1 < len(command) {
			return command[:i+2], command[i+2:]
		}
	}
	n := 1
	if base := filepath.Base(command[0]); slices.Contains([]string{"sh", "bash", "ruby", "perl", "node", "julia", "Rscript"}, base) {
		n = min(2, len(command))
	}
	return command[:n], command[n:]
}

// hooked is the command that asks a Python program's parser; nil where the
// program is not one, or the interpreter has options with values.
func hooked(words []string) []string {
	if !interpreter.MatchString(filepath.Base(words[0])) {
		return nil
	}
	n := 1
	for n < len(words) && plainOption.MatchString(words[n]) {
		n++
	}
	rest := words[n:]
	if len(rest) != 1 && (len(rest) != 2 || rest[0] != "-m") {
		return nil
	}
	return slices.Concat(words[:n], []string{"-c", argparse.Hook}, rest)
}

var plainOption = regexp.MustCompile(`^-[uOBEsIq]+$`)

// ask returns what a program says of its arguments.
func (o *InitOptions) ask(ctx context.Context, words, args []string) (help argparse.Help, err error) {
	asked := false
	if hook := hooked(words); hook != nil {
		stdout, stderr, err := o.output(ctx, slices.Concat(hook, args, []string{"--help"}))
		if help, ok, _ := argparse.Decode(stdout); ok {
			return help, nil
		}
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return help, o.silent(words, "", err)
		}
		// It took --help, as it will again: one that only runs does so once.
		asked, help = err == nil && len(args) == 0, read(stdout, stderr)
	}
	if !asked {
		if help, err = o.help(ctx, words, nil); err != nil {
			return help, err
		}
	}
	if len(help.Commands) == 0 {
		return help, nil
	}
	help.Chosen = chosen(help.Commands, args)
	sub, err := o.help(ctx, words, []string{help.Chosen})
	help.Sub = &sub
	return help, err
}

// chosen is the subcommand that was given, or one that trains.
func chosen(commands, args []string) string {
	for _, word := range slices.Concat(args, []string{"train", "fit", "run"}) {
		if slices.Contains(commands, word) {
			return word
		}
	}
	return commands[0]
}

// help runs a program for the text of --help.
func (o *InitOptions) help(ctx context.Context, words, args []string) (argparse.Help, error) {
	stdout, stderr, err := o.output(ctx, slices.Concat(words, args, []string{"--help"}))
	help := read(stdout, stderr)
	if err != nil && len(help.Options)+len(help.Commands) == 0 {
		return help, o.silent(slices.Concat(words, args), stderr, err)
	}
	return help, nil
}

// read takes stdout, or stderr, where some programs write their help.
func read(stdout, stderr string) argparse.Help {
	help := argparse.Read(stdout)
	if len(help.Options)+len(help.Positionals)+len(help.Commands) == 0 {
		return argparse.Read(stderr)
	}
	return help
}

// silent is the error of a program that does not say its options.
func (o *InitOptions) silent(words []string, stderr string, err error) error {
	line := strings.Join(words, " ") + " --help"
	byHand := "lxsweep init " + o.File + ", and fill in cmd"
	hint := "see what is wrong: " + line + "\nif it knows no --help: " + byHand
	if errors.Is(err, context.DeadlineExceeded) {
		return errorf("if it is slow to load: --timeout 5m; if it does not read its arguments: "+byHand,
			"%s did not end within %s, and was stopped; nothing was written", line, o.Timeout)
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return errorf("name it as you would in a shell here, for example: lxsweep init -- python3 train.py", "%s cannot be started: %w", words[0], err)
	}
	if errors.Is(err, context.Canceled) {
		return &exitError{code: ExitInterrupted, err: errors.New("interrupted: nothing was written"), hint: "the same command begins again"}
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return errorf(hint, "%s: %w: %s", line, err, last)
	}
	return errorf(hint, "%s: %w", line, err)
}

// output runs a command in the current folder, without input. It and what it
// started end with the context.
func (o *InitOptions) output(ctx context.Context, words []string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	var out, errs bounded
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = o.Dir, &out, &errs
	cmd.Env = append(cmd.Environ(), "COLUMNS=160", "TERMINAL_WIDTH=160", "NO_COLOR=1", "TERM=dumb", "PYTHONIOENCODING=utf-8", "PYTHONDONTWRITEBYTECODE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	defer o.interruptible(cancel)()
	err = cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out.String(), errs.String(), err
}

// interruptible cancels on a signal, which does not reach another process group,
// until the function it returns is called.
func (o *InitOptions) interruptible(cancel func()) (stop func()) {
	if o.Signals == nil {
		return func() {}
	}
	signals, quiet := o.Signals()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-signals:
			cancel()
		case <-done:
		}
	}()
	return func() { close(done); <-ended; quiet() }
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(text []byte) (int, error) {
	_, _ = b.Buffer.Write(text[:min(len(text), helpBytes-b.Len())])
	return len(text), nil
}
