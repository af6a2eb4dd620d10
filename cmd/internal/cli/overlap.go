package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// When cron fires and last night still runs: another apply holds the lock, or
// its runs live although it is gone.

// overlap is the strictest that a sweep of the apply asks for: an apply has one
// lock, and is done or not.
func (a *applying) overlap() sweep.Overlap { return overlapOf(a.module) }

func overlapOf(m *hcl.Module) (strictest sweep.Overlap) {
	for _, s := range m.Sweeps {
		if s.Overlap == sweep.OverlapSkip {
			return s.Overlap
		}
		strictest = cmp.Or(strictest, s.Overlap)
	}
	return strictest
}

// lockTimeout is how long a held lock is waited for; see ledger.Lock.
func (x *execution) lockTimeout() time.Duration {
	if x.LockTimeout == 0 && x.overlap() == sweep.OverlapWait {
		return -1
	}
	return x.LockTimeout
}

// skipped says that an apply is not to do anything, which is no failure.
type skipped struct{ why string }

func (s *skipped) Error() string { return s.why }

// skip ends an apply that was skipped with a line and without an error.
func (x *execution) skip(err error) error {
	s := new(skipped)
	if !errors.As(err, &s) || err.Error() != s.why { // or something else went wrong, too
		return err
	}
	if !x.quiet() {
		fmt.Fprintf(x.Err, "skipped: %s (overlap = \"skip\")\n", s.why)
	}
	return nil
}

// stillLocked is what becomes of an apply that did not get the lock.
func (x *execution) stillLocked(err error) error {
	locked := new(ledger.LockedError)
	if errors.As(err, &locked) && x.overlap() == sweep.OverlapSkip {
		return &skipped{fmt.Sprintf("the experiments %s-* are being run by %s", locked.ExperimentName, locked.Holder)}
	}
	return err
}

// others are the living runs of other rounds.
func (x *execution) others() []*sweep.Record {
	return slices.DeleteFunc(slices.Clone(x.alive), func(r *sweep.Record) bool { return r.Round == x.pl.round })
}

// checkOverlap refuses to start anything beside another round, where a sweep
// says so.
func (x *execution) checkOverlap() error {
	if others := x.others(); len(others) > 0 && x.overlap() == sweep.OverlapSkip {
		return &skipped{stillRunning(others)}
	}
	return nil
}

// stillRunning is "ex-0 and 2 more of round 2026-11-22 still run".
func stillRunning(others []*sweep.Record) string {
	var rounds []string
	for _, r := range others {
		if !slices.Contains(rounds, r.Round) {
			rounds = append(rounds, r.Round)
		}
	}
	text, verb := others[0].RunName(), "runs"
	if n := len(others) - 1; n > 0 {
		text, verb = fmt.Sprintf("%s and %s", text, ui.Count(n, "more", "more")), "run"
	}
	switch named := slices.DeleteFunc(rounds, func(r string) bool { return r == "" }); len(named) {
	case 0:
	case 1:
		text += " of round " + named[0]
	default:
		text += " of rounds " + strings.Join(named, ", ")
	}
	return text + " still " + verb
}

// tellWait says what is waited for before anything starts.
func (x *execution) tellWait() {
	if others := x.others(); len(others) > 0 && x.overlap() == sweep.OverlapWait {
		fmt.Fprintf(x.Err, "waiting: %s (overlap = \"wait\")\n", stillRunning(others))
	}
}

// bystanders are tasks for what lives under the locked names and is not wanted
// now: another round's runs, and what the files no longer ask for.
func (x *execution) bystanders() (tasks []runner.Task) {
	adopted := map[int64]bool{}
	for _, t := range x.tasks {
		if t.Adopt != nil {
			adopted[t.Adopt.ID] = true
		}
	}
	for _, r := range x.alive {
		if adopted[r.Last.ID] {
			continue
		}
		e := experimentOf(r)
		e.Sweep, e.Work = x.laneOf(r), x.knownWork(r)
		tasks = append(tasks, runner.Task{
			Experiment: e, RecordID: r.ID, Number: r.Number, Why: runner.Reason(r.Last.Why), Adopt: r.Last, Bystander: true,
		})
	}
	return tasks
}

// laneOf is the sweep of these files in whose places a run counts: one that
// asked for it, by its label.
func (x *execution) laneOf(r *sweep.Record) string {
	for _, s := range x.module.Sweeps {
		if slices.Contains(r.Sweeps, s.Name) {
			return s.Name
		}
	}
	return ""
}

// knownWork is what is known of the work of something that runs: what the files
// have for its point, in its own folder.
type knownWork sweep.Command

func (w knownWork) Resolve(sweep.Place) (sweep.Command, error) { return sweep.Command(w), nil }

func (x *execution) knownWork(r *sweep.Record) sweep.Work {
	w := knownWork{}
	if c := x.commands[r.Point]; c != nil {
		w = knownWork(*c)
	}
	w.OutputDir = r.Last.OutputDir
	return w
}
