package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

// slotTries is how many slots an attempt is given, should their shells be killed
// before they come to it.
const slotTries = 3

// run is one attempt in the hands of Run.
type run struct {
	*Runner
	runner.Attempt
	changed func(runner.Change)
	pattern *metrics.Pattern
	free    func() // gives back what was set aside for it, once
	begun   entry  // as it was fed to a slot of ours
}

// Run starts or adopts the attempt and returns at its end; see runner.Runner.
// What makes a command impossible to start is an outcome, not an error.
func (r *Runner) Run(ctx context.Context, a runner.Attempt, changed func(runner.Change)) (sweep.Outcome, error) {
	if changed == nil {
		changed = func(runner.Change) {}
	}
	pattern, err := metrics.Compile(a.Command.MetricsPattern)
	if err != nil {
		return refused(err), nil
	}
	u := &run{Runner: r, Attempt: a, changed: changed, pattern: pattern, free: func() {}}
	defer func() { u.free() }()
	var f facts
	if a.Adopt {
		f, err = u.adopt(ctx)
	} else {
		f, err = u.start(ctx)
	}
	u.free()
	if err != nil {
		return sweep.Outcome{}, err
	}
	return u.outcome(f)
}

func (u *run) log() string    { return u.LogPath(u.RunName, u.Number) }
func (u *run) result() string { return u.ResultPath(u.RunName, u.Number) }

// setAside waits until there is room. ok is false if ctx ended first.
func (u *run) setAside(ctx context.Context) (ok bool) {
	request := u.Command.Resources
	err := u.admission.acquire(ctx, request, u.queued)
	if err == nil {
		u.free = sync.OnceFunc(func() { u.admission.release(request) })
	}
	return err == nil
}

func (u *run) queued(why string) {
	u.changed(runner.Change{State: sweep.Queued, Time: u.options.Now(), Waiting: why})
}

// start runs the attempt from its beginning to its end.
func (u *run) start(ctx context.Context) (facts, error) {
	if err := u.impossible(); err != nil {
		return facts{refused: err}, nil
	}
	launching, cancel := u.Launching(ctx)
	defer cancel()
	if !u.setAside(launching) || launching.Err() != nil {
		return notStarted(launching)
	}
	for range slotTries - 1 {
		f, err := u.once(ctx)
		if err != nil || f.standing != neverStarted || f.known.killed != nil {
			return f, err
		}
	}
	return u.once(ctx)
}

// once runs the attempt in one slot. It concludes neverStarted, having released
// the attempt in the slot's journal, if the slot's shell was killed before it
// came to it.
func (u *run) once(ctx context.Context) (facts, error) {
	launching, cancel := u.Launching(ctx)
	defer cancel()
	s, pooled, err := u.slot(launching)
	if err != nil && launching.Err() != nil {
		return notStarted(launching)
	}
	if err != nil {
		return facts{}, fmt.Errorf("local runner: %s: %w", u.RunName, err)
	}
	now := u.options.Now()
	u.begun = entry{id: u.ID, begun: now, oomKills: u.ooms.recent(now), started: true}
	if err := u.feed(s); err != nil {
		u.retire(s)
		return facts{}, fmt.Errorf("local runner: %s: %w", u.RunName, err)
	}
	u.running(now, s.journal.path)
	f, err := u.follow(ctx, s, pooled)
	return f, mayLive(err)
}

// running tells that it runs, since then.
func (u *run) running(since time.Time, journal string) {
	u.changed(runner.Change{State: sweep.Running, Time: since, Ref: filepath.Base(journal), Log: u.log()})
}

// impossible says why it can never be started here.
func (u *run) impossible() error {
	if err := u.Check(u.Command); err != nil {
		return err
	}
	return u.Fits(u.Command.Resources)
}

// slot returns a slot for the attempt. Slots with gpus are made for one attempt.
func (u *run) slot(ctx context.Context) (s *slot, pooled bool, err error) {
	n := u.Command.Resources.GPUs
	if n == 0 {
		s, err = u.takeSlot()
		return s, true, err
	}
	locks, visible, err := u.lockGPUs(ctx, n)
	if err != nil {
		return nil, false, err
	}
	defer closeAll(locks)
	env := []string{"CUDA_VISIBLE_DEVICES=" + visible}
	if os.Getenv("CUDA_DEVICE_ORDER") == "" {
		env = append(env, "CUDA_DEVICE_ORDER=PCI_BUS_ID")
	}
	s, err = u.newSlot(locks, env)
	return s, false, err
}

// lockGPUs waits until n devices are free machine-wide.
func (u *run) lockGPUs(ctx context.Context, n int) (locks []*os.File, visible string, err error) {
	tick := time.NewTicker(u.options.Poll)
	defer tick.Stop()
	for told := false; ; told = true {
		locks, visible, ok, err := u.gpus.take(n)
		if ok || err != nil {
			return locks, visible, err
		}
		if !told {
			u.queued("gpus that other processes of this machine have")
		}
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-tick.C:
		}
	}
}

// feed prepares the attempt's files and starts it.
func (u *run) feed(s *slot) error {
	if err := os.MkdirAll(u.options.LogsDir, 0o755); err != nil {
		return fmt.Errorf("making the logs' folder: %w", err)
	}
	if dir := u.Command.OutputDir; dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making the output folder: %w", err)
		}
	}
	// Looking first saves a removal's lock on the folder, which others wait for.
	if _, err := os.Lstat(u.result()); !errors.Is(err, fs.ErrNotExist) {
		if err := os.Remove(u.result()); err != nil {
			return fmt.Errorf("removing an old result: %w", err)
		}
	}
	u.mu.Lock()
	u.where[u.ID] = s.journal.path
	u.mu.Unlock()
	sc := &script{
		id: u.ID, shell: u.Command.Shell, args: u.Command.Args, dir: u.Command.WorkingDir, log: u.log(),
		env: append(u.Command.Env[:len(u.Command.Env):len(u.Command.Env)], sweep.Var{Name: "LXSWEEP_RESULT", Value: u.result()}),
	}
	if sc.dir == "" {
		sc.dir = "/"
	}
	return s.start(sc, u.begun.begun, u.begun.oomKills)
}

// follow waits for the end of what s was fed, or ends it.
func (u *run) follow(ctx context.Context, s *slot, pooled bool) (facts, error) {
	var deadline time.Time
	if limit := u.Command.Timeout; limit > 0 {
		deadline = time.Now().Add(limit)
	}
	x, err := s.wait(ctx, deadline)
	switch {
	case err == nil:
		return u.exited(s, x, pooled), nil
	case errors.Is(err, errShellGone):
		return u.followOrphan(ctx, s, deadline)
	case errors.Is(err, errLate):
		return u.endSlot(s, u.timedOut())
	case errors.Is(context.Cause(ctx), runner.ErrDetach):
		u.leave(s)
		return facts{}, runner.ErrDetach
	}
	return u.endSlot(s, endingOf(ctx))
}

// exited is for the end that the shell told. The slot is free then.
func (u *run) exited(s *slot, x exit, pooled bool) facts {
	f := facts{known: u.begun, standing: ended, at: u.options.Now()}
	f.known.ended, f.known.code = true, x.code
	if pooled {
		u.giveBack(s)
	} else {
		f.leftBehind = u.retire(s)
	}
	return f
}

// followOrphan waits for the end of a program whose shell was killed.
func (u *run) followOrphan(ctx context.Context, s *slot, deadline time.Time) (facts, error) {
	defer s.close()
	u.forgetSlot(s)
	f, err := u.watch(ctx, s.journal, deadline)
	if err == nil && f.standing == neverStarted && f.known.killed == nil {
		err = s.journal.release(u.ID)
	}
	return f, err
}

// endSlot ends what runs in a slot, and the slot with it.
func (u *run) endSlot(s *slot, why *runner.Ending) (facts, error) {
	f, err := u.end(s.journal, why)
	if f.stuck != nil {
		u.leave(s)
	} else {
		u.retire(s)
	}
	return f, err
}

// end ends what runs of the attempt and concludes.
func (u *run) end(j *journal, why *runner.Ending) (facts, error) {
	id, err := inodeOf(j.file)
	if err != nil {
		return facts{}, err
	}
	e := ender{journal: j, inode: id, grace: u.options.Grace, poll: u.options.Poll, id: u.ID}
	escaped, stuck := e.end(why)
	f, err := u.conclude(j.path)
	if !f.known.ended {
		f.known.killed = why // also where k could not be written
	}
	f.escaped, f.stuck, f.at = escaped, stuck, u.options.Now()
	return f, err
}

func (u *run) timedOut() *runner.Ending {
	return &runner.Ending{
		State:  sweep.TimedOut,
		Reason: fmt.Sprintf("it ran longer than run.timeout (%v)", u.Command.Timeout),
	}
}

// endingOf is why ctx was cancelled.
func endingOf(ctx context.Context) *runner.Ending {
	cause := context.Cause(ctx)
	var ending *runner.Ending
	if errors.As(cause, &ending) {
		return ending
	}
	return &runner.Ending{State: sweep.Interrupted, Reason: cause.Error()}
}

// notStarted is the end of an attempt that was still queued.
func notStarted(ctx context.Context) (facts, error) {
	if errors.Is(context.Cause(ctx), runner.ErrDetach) {
		return facts{}, runner.ErrDetach
	}
	return facts{known: entry{killed: endingOf(ctx)}}, nil
}
