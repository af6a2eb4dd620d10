package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/local"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

// trying is an experiment that runs in the foreground. Its scratch folder holds
// its output folder, its log and its result, for as long as they are needed.
type trying struct {
	*TryOptions
	action  *sweep.Action
	name    string
	command sweep.Command
	scratch string
}

func (t *trying) logPath() string    { return filepath.Join(t.scratch, "log") }
func (t *trying) resultPath() string { return filepath.Join(t.scratch, "result.json") }

// tidy removes the scratch folder, but what the program wrote to its output
// folder.
func (t *trying) tidy() {
	_ = os.Remove(t.logPath())
	_ = os.Remove(t.resultPath())
	_ = os.Remove(t.command.OutputDir) // only if it is empty, as is the next
	_ = os.Remove(t.scratch)
}

// run starts the program, waits for its end and says what it gave.
func (t *trying) run(ctx context.Context) error {
	pattern, err := metrics.Compile(t.command.MetricsPattern)
	if err != nil {
		return err
	}
	t.announce()
	began := t.Now()
	code, err := t.execute(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", t.action.RunName(), err)
	}
	took := t.Now().Sub(began)
	found, err := metrics.Collect(t.logPath(), t.resultPath(), pattern)
	if err != nil {
		return err
	}
	if good := t.report(code, took, found); !good {
		return said(ExitUnsuccessful)
	}
	return nil
}

// execute runs the program with this process' streams and returns its exit code
// as a shell gives it. What it prints is kept for its metrics.
func (t *trying) execute(ctx context.Context) (int, error) {
	log, err := os.Create(t.logPath())
	if err != nil {
		return 0, err
	}
	defer log.Close()
	cmd := t.process(ctx)
	done, err := t.connect(cmd, &sharedWriter{w: log})
	if err != nil {
		return 0, err
	}
	err = t.supervise(cmd)
	done()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return shellCode(exit), nil
	case errors.Is(err, exec.ErrWaitDelay):
		return 0, nil // something that it left behind still holds its output
	}
	return 0, err
}

// supervise runs the program to its end and sends it the signals that come.
func (t *trying) supervise(cmd *exec.Cmd) error {
	signals, stop := t.Signals()
	defer stop()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() { t.passOn(signals, cmd.Process.Pid, ended) })
	err := cmd.Wait()
	close(ended)
	passing.Wait()
	return err
}

// process is the program as the local runner would start it.
func (t *trying) process(ctx context.Context) *exec.Cmd {
	c := runner.Equipped(runner.Attempt{
		Number: 1, Experiment: t.action.Experiment, RunName: t.name, JobID: t.action.Number, Command: t.command,
	}, t.resultPath())
	args := []string{"/bin/sh", "-ec", c.Shell}
	if c.Shell == "" {
		args = append([]string{"/bin/sh", "-c", `exec "$@"`, "sh"}, c.Args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = c.WorkingDir, local.Environ()
	for _, v := range c.Env {
		cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
	}
	// A terminal sends Ctrl-C to the whole foreground group, so the program
	// stays in it. Without one it has a group, to be sent signals as a whole.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !t.InTerminal}
	cmd.WaitDelay = time.Second
	return cmd
}

// connect gives the program our streams and copies what it prints to log, too.
// done is to be called once it has ended or could not be started.
func (t *trying) connect(cmd *exec.Cmd, log io.Writer) (done func(), err error) {
	cmd.Stdin = t.In
	cmd.Stdout, cmd.Stderr = io.MultiWriter(t.Out.Raw, log), io.MultiWriter(t.Err.Raw, log)
	if !t.Out.Terminal {
		return func() {}, nil
	}
	screen, err := openPseudoTerminal(t.Out)
	if err != nil {
		return func() {}, nil // output through a pipe is as good, if later
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(io.MultiWriter(t.Out.Raw, log), screen.ours) // ends with an error by its nature
	}()
	cmd.Stdout = screen.theirs
	if t.Err.Terminal {
		cmd.Stderr = screen.theirs
	}
	return func() { screen.finish(copied) }, nil
}

// passOn sends the program the signals that come, but for the Ctrl-C that the
// terminal has sent it.
func (t *trying) passOn(signals <-chan os.Signal, pid int, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case s := <-signals:
			switch {
			case !t.InTerminal:
				_ = syscall.Kill(-pid, s.(syscall.Signal))
			case s != os.Interrupt:
				_ = syscall.Kill(pid, s.(syscall.Signal))
			}
		}
	}
}

// shellCode is 128+n for a program that signal n has ended.
func shellCode(e *exec.ExitError) int {
	if s, ok := e.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return e.ExitCode()
}

// sharedWriter takes what several goroutines write.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// announce says what runs.
func (t *trying) announce() {
	s := t.screen(t.Err)
	e := t.action.Experiment
	fmt.Fprintf(t.Err, "%s  %s\n", s.Paint(ui.Bold, "trying "+t.action.RunName()), s.Paint(ui.Dim, "sweep "+ui.Clean(e.Sweep)+"; nothing is recorded"))
	fmt.Fprintf(t.Err, "  %s\n", ui.Clean("cd "+sweep.ShellQuote(t.short(t.command.WorkingDir))+" && "+t.command.Line()))
	fmt.Fprintf(t.Err, "  %s\n\n", "output folder "+ui.Clean(t.command.OutputDir))
}
