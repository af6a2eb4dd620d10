package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// build runs b to its end, or ends it with ctx.
func (r *Runner) build(ctx context.Context, b *build) {
	err := r.runSteps(ctx, b)
	r.mu.Lock()
	defer r.mu.Unlock()
	b.over, b.failure = true, err
	close(b.news)
}

// tell lets those who wait know how far b is.
func (r *Runner) tell(b *build, how string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(b.news)
	b.stage, b.news = fmt.Sprintf("%s (%s)", b.name, how), make(chan struct{})
}

// runSteps runs the steps of b when it is its turn.
func (r *Runner) runSteps(ctx context.Context, b *build) error {
	if !r.turn.TryAcquire(1) {
		r.tell(b, "after another one")
		if err := r.turn.Acquire(ctx, 1); err != nil {
			return err
		}
	}
	defer r.turn.Release(1)
	if err := os.MkdirAll(r.options.LogsDir, 0o755); err != nil {
		return fmt.Errorf("making the logs' folder: %w", err)
	}
	log, err := os.OpenFile(b.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("making its log: %w", err)
	}
	defer log.Close()
	for i, step := range b.steps {
		r.tell(b, fmt.Sprintf("step %d of %d: %s", i+1, len(b.steps), short(step)))
		fmt.Fprintf(log, "$ %s\n", step)
		if err := r.runStep(ctx, step, log); err != nil {
			return fmt.Errorf("step %d of %d (%s) %w; the whole output is in %s", i+1, len(b.steps), short(step), err, b.log)
		}
	}
	return nil
}

// RunGroup runs a command that was made with a context, which ends all of it:
// TERM, and after the grace KILL. It is in a session of its own: no Ctrl-C
// reaches it, and it finds no terminal to ask for a password.
func RunGroup(cmd *exec.Cmd, grace time.Duration) error {
	lives, inherited, err := os.Pipe()
	if err != nil {
		return err
	}
	defer lives.Close()
	cmd.ExtraFiles = []*os.File{inherited}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return endGroup(cmd.Process.Pid, lives, grace) }
	err = cmd.Start()
	inherited.Close()
	if err != nil {
		return err
	}
	return cmd.Wait() // and for Cancel, if the context ended
}

// runStep runs a step to its end, or ends it with ctx.
func (r *Runner) runStep(ctx context.Context, step string, log *os.File) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-ec", step)
	cmd.Dir, cmd.Env = r.options.Dir, r.options.Environ
	cmd.Stdout, cmd.Stderr = log, log
	err := RunGroup(cmd, r.options.Grace)
	if cmd.Process == nil {
		return fmt.Errorf("was not started: %w", err)
	} else if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
		return fmt.Errorf("ended with exit code %d", exit.ExitCode())
	} else if err != nil {
		return fmt.Errorf("failed: %w", err)
	}
	return nil
}

// endGroup sends TERM, and KILL to what is left after the grace. lives is a pipe
// that all of a step's processes inherit and nobody writes to: it ends with the
// last of them, where waiting for the shell would leave the others no grace.
func endGroup(leader int, lives *os.File, grace time.Duration) error {
	if err := syscall.Kill(-leader, syscall.SIGTERM); err != nil {
		return err
	}
	if err := lives.SetReadDeadline(time.Now().Add(grace)); err != nil {
		return err
	}
	_, _ = lives.Read(make([]byte, 1))
	return syscall.Kill(-leader, syscall.SIGKILL)
}

// short is a step as one line of at most 60 characters.
func short(step string) string {
	line, _, cut := strings.Cut(strings.TrimSpace(step), "\n")
	if runes := []rune(line); len(runes) > 60 {
		line, cut = string(runes[:57]), true
	}
	if cut {
		line += "..."
	}
	return line
}
