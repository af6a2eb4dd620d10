package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/build"
	"github.com/lxsweep/lxsweep/sweep"
)

// ran is what a dispatcher left.
type ran struct {
	summary  runner.Summary
	failures []runner.Ended // the first few
	stopped  bool           // by a signal
	conflict bool           // something else has a name of ours
	bySweep  map[string]*progressOf
}

// dispatch runs the tasks and draws what happens.
func (x *execution) dispatch(ctx context.Context) (ran, error) {
	x.tellWait()
	progress := x.progress(len(x.tasks))
	defer progress.Close()
	say := progress.Note
	x.pl.say.Store(&say)
	defer x.pl.say.Store(nil)
	until, err := x.until(ctx)
	if err != nil {
		return ran{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := &watcher{progress: progress, remote: x.pl.cluster != nil, inFlight: map[string]string{}, bySweep: map[string]*progressOf{}}
	stop := make(chan struct{})
	cancels := make(chan runner.Cancel)
	d := &runner.Dispatcher{
		Runner: x.building(), Recorder: x.session, Parallel: x.pl.parallel(x.Parallel),
		Limits: x.limits(), Events: watch.event,
		Stop: stop, Cancels: cancels, Until: until, Clock: clock{x.Now},
		AfterBystanders: x.overlap() == sweep.OverlapWait,
	}
	var helpers sync.WaitGroup
	done := make(chan struct{})
	signals, ignore := x.Signals()
	helpers.Go(func() { watch.signals(signals, done, stop, cancel) })
	helpers.Go(func() { x.obey(ctx, watch, done, cancels) })
	x.dispatched = true
	summary, err := d.Run(ctx, x.all())
	close(done)
	helpers.Wait()
	ignore()
	return ran{summary, watch.failures, watch.stopped, x.pl.cluster != nil && x.pl.cluster.Conflicts() > 0, watch.bySweep}, err
}

// building is the runner behind the steps that make its images: a machine's own
// programs need none.
func (x *execution) building() runner.Runner {
	if x.pl.cluster == nil {
		return x.pl.runner
	}
	return build.New(x.pl.runner, build.Options{
		Dir: x.module.Dir, LogsDir: files(x.pl.ledger, "logs"), Skip: x.SkipBuild, Now: x.Now,
	})
}

func (x *execution) progress(total int) ui.Progress {
	s := x.screen(x.Err)
	mode := x.Progress
	if mode == "auto" {
		mode = "plain"
		if x.Err.Terminal && x.Getenv("TERM") != "dumb" {
			mode = "tty"
		}
	}
	switch mode {
	case "tty":
		width := func() int {
			if w := x.Err.Width(); w > 0 {
				return w
			}
			return 80
		}
		return ui.NewStatusLine(x.Err.Raw, width, s, total, x.Now)
	case "plain":
		return ui.NewLines(x.Err, s, total, x.Now)
	}
	return ui.Quiet{}
}

// watcher hears the dispatcher's events and the process' signals.
type watcher struct {
	progress ui.Progress
	remote   bool // what runs needs no lxsweep

	mu       sync.Mutex // guards what follows
	failures []runner.Ended
	stopped  bool
	inFlight map[string]string // sweeps, by run name
	bySweep  map[string]*progressOf
}

// event is called by the dispatcher, from one goroutine.
func (w *watcher) event(e runner.Event) {
	w.mu.Lock()
	switch e := e.(type) {
	case runner.Queued:
		w.inFlight[e.Attempt.RunName] = e.Attempt.Experiment.Sweep
	case runner.Started:
		w.inFlight[e.Attempt.RunName] = e.Attempt.Experiment.Sweep
	case runner.Ended:
		delete(w.inFlight, e.Attempt.RunName)
		if !e.Retry && !e.Unstarted() && !e.Attempt.Bystander && e.State != sweep.Succeeded && len(w.failures) < ui.MaxFailures {
			w.failures = append(w.failures, e)
		}
	}
	w.follow(e)
	told := w.stopped
	w.mu.Unlock()
	if h, ok := e.(runner.Halted); ok && h.Sweep == "" && told {
		return // a note has said so
	}
	w.progress.Event(e)
}

// signals obeys the process' signals until done is closed. It closes stop.
func (w *watcher) signals(signals <-chan os.Signal, done <-chan struct{}, stop chan<- struct{}, cancel context.CancelCauseFunc) {
	first := true
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			w.mu.Lock()
			w.stopped = true
			w.mu.Unlock()
			if s == syscall.SIGHUP {
				w.progress.Note("hung up: nothing more is started, and what runs goes on without lxsweep")
				cancel(runner.ErrDetach)
				continue
			}
			if first && w.remote {
				first = false
				w.progress.Note("interrupted: nothing more is started; what runs in the cluster goes on, and the next apply adopts it")
				cancel(runner.ErrDetach)
				continue
			}
			if first {
				first = false
				close(stop)
				w.progress.Note("interrupted: nothing more is started; waiting for what runs (interrupt again to end that too)")
				continue
			}
			w.progress.Note("interrupted again: ending what runs")
			cancel(&runner.Ending{State: sweep.Interrupted, Reason: "lxsweep was interrupted"})
		}
	}
}

// conclude reads out what came of it, and chooses the exit code.
func (x *execution) conclude(ctx context.Context, r ran) error {
	code := x.exitCode(r)
	out, progress := x.out, x.Err.Writer
	compared, err := x.comparisons(ctx)
	if err != nil {
		return err
	}
	if x.quiet() {
		if code == ExitOK {
			x.withheld.forget()
			return x.judge(compared, code)
		}
		out = x.Out
	}
	if len(x.tasks) > 0 {
		if err := x.boards(ctx, out); err != nil {
			return err
		}
	}
	applied := &ui.Applied{
		Summary: r.summary, Took: x.Now().Sub(x.began), Failures: r.failures, Kept: x.now.kept, HeldBack: x.heldBack(r), Next: x.next(r, code),
	}
	if len(x.tasks) > 0 || code != ExitOK { // else the plan said why
		if err := applied.Write(progress, x.screen(x.Err)); err != nil {
			return err
		}
	}
	return x.judge(compared, code)
}

func (x *execution) exitCode(r ran) ExitCode {
	switch {
	case r.stopped && (r.summary.NotStarted > 0 || r.summary.Live > 0 || r.summary.ByState[sweep.Interrupted] > 0):
		return ExitInterrupted
	case r.conflict:
		return ExitStale
	case r.summary.Failed > 0 || r.summary.NotStarted > 0 || r.summary.Live > 0 || x.now.kept > 0 || x.now.absent > 0:
		return ExitUnsuccessful
	}
	return ExitOK
}

// next says how to go on.
func (x *execution) next(r ran, code ExitCode) []ui.Hint {
	var hints []ui.Hint
	if len(r.failures) > 0 {
		hints = append(hints, ui.Hint{Command: x.reader("logs "+r.failures[0].Attempt.RunName, x.pl.ledger), What: "its whole output"})
	}
	switch {
	case code == ExitInterrupted || x.heldBack(r) != "":
		hints = append(hints, ui.Hint{Command: x.again(), What: "goes on from here"})
	case r.summary.Failed > 0 || x.now.kept > 0:
		hints = append(hints, ui.Hint{Command: x.again(x.rerun(r)...), What: "runs the failures again"})
	}
	if r.summary.Succeeded > 0 {
		hints = append(hints, ui.Hint{Command: x.reader("results", x.pl.ledger), What: "all of them"})
	}
	return hints
}

// rerun is the option that runs the failures of now and of earlier again; what
// was interrupted needs none.
func (x *execution) rerun(r ran) []string {
	words := map[string]bool{}
	maps.Copy(words, x.now.rerun)
	for state := range r.summary.ByState {
		if state != sweep.Succeeded && state != sweep.Interrupted {
			words[rerunWord(state)] = true
		}
	}
	if len(words) == 0 {
		return nil
	}
	return []string{"--rerun", strings.Join(sortedKeys(words), ",")}
}

// boards draws the top of every sweep's leaderboard.
func (x *execution) boards(ctx context.Context, out interface{ Write([]byte) (int, error) }) error {
	for _, s := range x.module.Sweeps {
		b, err := readBoard(ctx, x.pl.ledger, sweep.Asked{Source: x.pl.source, Sweep: s.Name, Round: x.pl.round, Objective: s.Objective}, selection{})
		if err != nil {
			return err
		}
		if b.Objective == nil || len(b.Rows) == 0 || b.Rows[0].Rank == 0 {
			continue
		}
		b.Limit = min(topRows, ranked(b))
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
		if err := b.Write(out, x.screen(x.Factory.Out)); err != nil {
			return err
		}
	}
	return nil
}

// ranked is how many rows have a rank.
func ranked(b *ui.Board) int {
	n := 0
	for _, row := range b.Rows {
		if row.Rank > 0 {
			n++
		}
	}
	return n
}

// topRows is how much of a leaderboard an apply shows.
const topRows = 5
