package kubetest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// process is a program of the cluster. It dies with the process that started it.
type process struct {
	name string
	log  string
	pid  int
	done chan struct{} // closed when it has been waited for
	err  error         // how it ended, once done is closed
}

// start runs a program whose output goes to dir/name.log.
func start(dir, name string, env []string, argv ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)

	started := make(chan error)
	go func() {
		// The kernel tells a child of its parent's death when the thread ends
		// that forked it, so that thread stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer log.Close()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// stop ends the process, at once if it does not obey within the grace.
func (p *process) stop(grace time.Duration) {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.kill()
	}
}

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) signal(s syscall.Signal) {
	if p.runs() { // else the pid may be another's by now
		_ = syscall.Kill(-p.pid, s)
	}
}

func (p *process) runs() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// await calls ready until it returns nil, the process ends or ctx does. The
// error tells the end of the log.
func (p *process) await(ctx context.Context, what string, ready func(context.Context) error) error {
	var last error
	err := poll(ctx, func() (bool, error) {
		if !p.runs() {
			return false, fmt.Errorf("it ended: %w", p.err)
		}
		last = ready(ctx)
		return last == nil, nil
	})
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s, until %s: %w (%v); %s ends with:\n%s", p.name, what, err, last, p.log, p.tail())
}

// tail is the last lines of the log.
func (p *process) tail() []byte {
	const kept = 20
	content, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	lines := slices.Collect(bytes.Lines(content))
	return bytes.Join(lines[max(0, len(lines)-kept):], nil)
}
