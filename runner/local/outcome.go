package local

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

// tailLines is how much of a failure's log is shown.
const tailLines = 5

// facts are what is known of an attempt's end.
type facts struct {
	refused  error // why it could not be started at all
	known    entry // what the journal says
	standing standing
	rebooted bool      // the machine was restarted since
	at       time.Time // when it ended, zero where unknown

	escaped    string // ended processes that had left the group
	stuck      error  // why something of it may live still
	leftBehind string // processes that it left running
}

// refused is the outcome of a command that can never be started.
func refused(err error) sweep.Outcome {
	return sweep.Outcome{
		State: sweep.Failed, Class: sweep.User, Code: sweep.CodeUnknown,
		Reason: "not started: " + err.Error(),
	}
}

// outcome puts the facts and what the program left into an outcome.
func (u *run) outcome(f facts) (sweep.Outcome, error) {
	if f.refused != nil {
		return refused(f.refused), nil
	}
	o := sweep.Outcome{Code: sweep.CodeUnknown, Started: f.known.begun, Ended: f.at, Pattern: u.Command.MetricsPattern}
	if !o.Ended.IsZero() && o.Ended.Before(o.Started) {
		o.Ended = o.Started // a file's time is that of the kernel's last tick
	}
	if f.known.ended {
		o.Code = f.known.code
	}
	o.State, o.Class, o.Reason = verdict(f)
	if !f.known.started && !f.known.ended {
		return o, nil
	}
	if o.Code > 0 && f.known.killed == nil {
		if err := u.unlogged(); err != nil {
			o.State, o.Class = sweep.Failed, sweep.Infrastructure
			o.Reason = fmt.Sprintf("not started: its log could not be made: %v; is the disk full?", err)
			return o, nil
		}
	}
	found, err := metrics.Collect(u.log(), u.result(), u.pattern)
	if err != nil {
		found.Error = err.Error()
	}
	o.Metrics, o.Result, o.ResultError = found.Metrics, found.Result, found.Error
	if o.State != sweep.Succeeded {
		o.Tail = metrics.FileTail(u.log(), tailLines)
	}
	return o, nil
}

// unlogged is why there is no log, if the shell could not open it: then it did
// not start the program, and its journal has an end without a start. A log that
// is only gone was removed since.
func (u *run) unlogged() error {
	_, missing := os.Stat(u.log())
	if missing == nil {
		return nil
	}
	path, err := u.locate(context.Background(), u.ID)
	if err != nil || path == "" {
		return nil
	}
	if f, err := u.conclude(path); err != nil || f.known.started {
		return nil
	}
	return missing
}

// verdict is the state, the class and the reason in words.
func verdict(f facts) (sweep.State, sweep.Class, string) {
	state, class, reason := cause(f)
	if f.escaped != "" {
		reason += "; it had left its process group and was ended: " + f.escaped
	}
	if f.stuck != nil {
		class = sweep.Infrastructure
		reason += "; " + f.stuck.Error()
	}
	if f.leftBehind != "" {
		reason = strings.TrimPrefix(reason+"; it left running: "+f.leftBehind, "; ")
	}
	return state, class, reason
}

func cause(f facts) (sweep.State, sweep.Class, string) {
	switch {
	case f.known.killed != nil:
		k := f.known.killed
		reason := k.Reason
		if !f.known.started {
			reason += "; it had not started"
		}
		return k.State, runner.OfEnding(k.State), reason
	case f.known.ended:
		return exited(f.known, oomKills)
	case !f.known.started:
		return sweep.Interrupted, sweep.Infrastructure, "it was never started: lxsweep ended first"
	case f.rebooted:
		return sweep.Interrupted, sweep.Infrastructure, "the machine was restarted while it ran"
	}
	return sweep.Interrupted, sweep.Infrastructure,
		"its slot's shell was killed while it ran, so its exit code is not known"
}

// exited is for a program that ended by itself. kills counts the kernel's
// out-of-memory kills until now.
func exited(e entry, kills func() int64) (sweep.State, sweep.Class, string) {
	const killed = 128 + int(unix.SIGKILL)
	if e.code == killed && e.oomKills >= 0 && kills() > e.oomKills {
		return sweep.OOM, sweep.Resource, "killed by SIGKILL (exit code 137), " +
			"while the kernel ended processes for want of memory: give it more max_memory, or run fewer at once"
	}
	return runner.Exited(e.code)
}

// oomWatch reads the machine's count of out-of-memory kills at most once a
// second.
type oomWatch struct {
	mu    sync.Mutex
	read  time.Time
	count int64
}

// recent returns a count that was read before now, and at most a second before.
func (o *oomWatch) recent(now time.Time) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if age := now.Sub(o.read); age < 0 || age > time.Second {
		o.read, o.count = now, oomKills()
	}
	return o.count
}
