package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// What runs, or ran, without a lxsweep that watches: settling it, ending it.

// attemptOf is a recorded attempt as the runner needs it to find it again.
func attemptOf(r *sweep.Record, pattern string) runner.Attempt {
	return runner.Attempt{
		ID: r.Last.ID, Number: r.Last.Number, RunName: r.RunName(), JobID: r.Number, Adopt: true,
		Experiment: experimentOf(r),
		Command:    sweep.Command{OutputDir: r.Last.OutputDir, MetricsPattern: pattern},
	}
}

// experimentOf is what a record tells of its experiment.
func experimentOf(r *sweep.Record) *sweep.Experiment {
	return &sweep.Experiment{Name: r.Name, Round: r.Round, HP: r.HP, Point: r.Point, Key: r.Key, WorkHash: r.Last.Work}
}

// unobserved is what is needed to find attempts again and to record their ends.
type unobserved struct {
	runner   runner.Runner
	recorder runner.Recorder
}

// settle finds out how an attempt ended, or ends it if ctx does, and records
// it.
func (u *unobserved) settle(ctx context.Context, r *sweep.Record, pattern string) (sweep.Outcome, error) {
	a := attemptOf(r, pattern)
	o, err := u.runner.Run(ctx, a, func(runner.Change) {})
	if err != nil {
		return o, fmt.Errorf("%s: %w", a.RunName, err)
	}
	if err := u.record(ctx, a.ID, o); err != nil {
		return o, err
	}
	return o, u.runner.Release(context.WithoutCancel(ctx), a)
}

// record settles an attempt and waits until that is durable.
func (u *unobserved) record(ctx context.Context, id int64, o sweep.Outcome) error {
	saved := make(chan error, 1)
	u.recorder.Settle(id, o, func(err error) { saved <- err })
	if err := u.recorder.Flush(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return <-saved
}

// end ends a program that lives.
func (u *unobserved) end(ctx context.Context, r *sweep.Record, reason string) (sweep.Outcome, error) {
	ending, cancel := context.WithCancelCause(ctx)
	cancel(&runner.Ending{State: sweep.Cancelled, Reason: reason})
	return u.settle(ending, r, "")
}

// settleUnobserved records the ends of attempts that nobody watched, of all
// experiments under the locked names, whether the files still want them or not.
// What lives is left alone, and what failed with retries to come is left to the
// dispatcher.
func (x *execution) settleUnobserved(ctx context.Context) error {
	live, err := x.pl.survey(ctx) // first: what is open then was open when it looked
	if err != nil {
		return err
	}
	x.live = live
	open, err := x.pl.ledger.OpenAttempts(ctx, nil)
	if err != nil {
		return err
	}
	state := make(map[int64]sweep.State, len(live))
	for _, l := range live {
		state[l.AttemptID] = l.State
	}
	u := &unobserved{x.pl.runner, x.session}
	var errs []error
	for _, r := range open {
		s, known := state[r.Last.ID]
		delete(state, r.Last.ID)
		switch {
		case !slices.Contains(x.names, r.Name):
		case !x.pl.own(r.Last):
			x.away = append(x.away, r)
		case !known:
			errs = append(errs, u.record(ctx, r.Last.ID, u.runner.Gone(r.Last)))
		case s.Final() && !x.retries(r, s):
			_, err := u.settle(ctx, r, x.pattern(r))
			errs = append(errs, err)
			for _, name := range r.Sweeps {
				x.settled[name] = x.settled[name] || r.Round == x.pl.round
			}
		case !s.Final():
			x.alive = append(x.alive, r)
		}
	}
	return errors.Join(append(errs, x.releaseSettled(ctx, state))...)
}

// releaseSettled lets go of what is final in the ledger and still in a journal:
// whoever settled it ended before it could.
func (x *execution) releaseSettled(ctx context.Context, ended map[int64]sweep.State) error {
	settled, err := x.pl.ledger.Settled(ctx, slices.Collect(maps.Keys(ended)))
	if err != nil {
		return err
	}
	for id, s := range ended {
		if !s.Final() {
			continue
		}
		if !settled[id] {
			x.note(fmt.Sprintf("the runner has an attempt %d of this ledger that the ledger does not have, as if it were an older copy: it is left as it is", id))
			continue
		}
		if err := x.pl.runner.Release(ctx, runner.Attempt{ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// retries reports whether an attempt that ended unobserved in this state might
// be tried again: the dispatcher adopts it then, and decides.
func (x *execution) retries(r *sweep.Record, s sweep.State) bool {
	return s == sweep.Failed && x.retried[r.Key] && !x.pl.rerun.Failed && !x.pl.rerun.RunNames[r.RunName()]
}

// pattern is the metrics pattern of the experiment as the files have it now.
func (x *execution) pattern(r *sweep.Record) string {
	if c := x.commands[r.Point]; c != nil {
		return c.MetricsPattern
	}
	return ""
}

// cancelRemoved ends what runs and is no longer asked for.
func (x *execution) cancelRemoved(ctx context.Context, removed []*sweep.Action) error {
	u := &unobserved{x.pl.runner, x.session}
	for _, a := range removed {
		if a.Live == nil || a.Live.State.Final() || a.Excluded {
			continue
		}
		if _, err := u.end(ctx, a.Record, "no longer asked for (--cancel-removed)"); err != nil {
			return err
		}
		x.alive = slices.DeleteFunc(x.alive, func(r *sweep.Record) bool { return r.ID == a.Record.ID })
		fmt.Fprintf(x.Err, "%s cancelled: it is no longer asked for\n", a.RunName())
	}
	return nil
}
