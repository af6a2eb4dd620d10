package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// execution is the part of an apply that holds the lock.
type execution struct {
	*applying
	pl      *planning
	session *ledger.Session
	began   time.Time
	live    []sweep.Live    // the survey under the lock
	alive   []*sweep.Record // what lives by that survey, of any round
	away    []*sweep.Record // what has not ended as far as is known, at other places
	now     tallied         // of the plan under the lock
	tasks   []runner.Task
	claimed *kubernetes.Claim // nil on this machine

	// What on_finish is told of.
	dispatched bool               // the tasks were handed over
	settled    map[string]bool    // sweeps of this round of which something had ended
	shares     map[[2]string]bool // sweeps and those that have experiments of theirs
	compared   []*ui.Comparison   // what comparisons found, nil before
}

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

// run takes the lock and does what the plan says.
func (a *applying) run(ctx context.Context) (err error) {
	if len(a.names) == 0 || a.fresh && a.shown.starts == 0 {
		return a.nothing()
	}
	pl, err := a.open(ctx, a.module, ledger.ReadWrite)
	if err != nil {
		return err
	}
	defer closing(pl, &err)
	x := &execution{applying: a, pl: pl, began: a.Now(), settled: map[string]bool{}, shares: map[[2]string]bool{}}
	a.info = a.describe(ctx)
	if x.session, err = x.lock(ctx, pl.ledger, x.names, x.lockTimeout(), x.info); err != nil {
		return x.skip(x.stillLocked(err))
	}
	r, err := x.underLock(ctx)
	if x.claimed != nil {
		err = errors.Join(err, x.claimed.Close())
	}
	if closed := x.session.Close(); closed != nil && err == nil {
		err = closed
	}
	if err == nil {
		err = x.conclude(ctx, r)
	} else {
		err = x.skip(x.replaced(err))
	}
	x.tell(ctx, r, err)
	return err
}

// replaced says in one error, instead of one for each attempt, that somebody else
// goes on with the experiments.
func (x *execution) replaced(err error) error {
	lost := new(kubernetes.LostError)
	switch errors.As(err, &lost); {
	case lost.Ledger != "":
		return &exitError{ExitStale, lost, "run lxsweep there; or, if that ledger is lost, take them over: " + x.again("--take-over")}
	case lost.Host != "":
		return &exitError{ExitLocked, lost, remedy(ledger.ErrFenced)}
	case errors.Is(err, ledger.ErrFenced):
		return &exitError{ExitLocked, ledger.ErrFenced, ""}
	}
	return err
}

// nothing ends an apply that has nothing to do.
func (a *applying) nothing() error {
	if a.shown.kept > 0 || a.shown.absent > 0 {
		return said(ExitUnsuccessful)
	}
	return nil
}

// describe says who writes.
func (a *applying) describe(ctx context.Context) ledger.Info {
	info := ledger.Info{Version: a.version(), Command: commandLine(a.ApplyOptions)}
	info.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		info.User = u.Username
	}
	info.GitCommit, info.GitDirty = gitState(ctx, a.module.Dir)
	return info
}

// commandLine names the files only: variables may be secret.
func commandLine(o *ApplyOptions) string { return "lxsweep apply " + quoteAll(o.Files) }

// lock takes the locks of experiment names, at once or within --lock-timeout.
func (f *Factory) lock(ctx context.Context, l *ledger.Ledger, names []string, timeout time.Duration, info ledger.Info) (*ledger.Session, error) {
	s, err := l.Lock(ctx, names, 0, info)
	var locked *ledger.LockedError
	if !errors.As(err, &locked) {
		return s, err
	}
	if timeout == 0 {
		return nil, &exitError{ExitLocked, err, ""}
	}
	fmt.Fprintf(f.Err, "waiting for %s\n", locked.Holder)
	s, err = l.Lock(ctx, names, timeout, info)
	if errors.As(err, &locked) {
		return nil, &exitError{ExitLocked, err, ""}
	}
	return s, err
}

// underLock plans again, records what is wanted and runs it.
func (x *execution) underLock(ctx context.Context) (ran, error) {
	if err := x.dismiss(ctx); err != nil {
		return ran{}, err
	}
	if err := x.claim(ctx); err != nil {
		return ran{}, err
	}
	if err := x.settleUnobserved(ctx); err != nil {
		return ran{}, err
	}
	if err := x.rescan(ctx); err != nil {
		return ran{}, err
	}
	if err := x.checkOverlap(); err != nil {
		return ran{}, err
	}
	if err := x.register(ctx); err != nil {
		return ran{}, err
	}
	if len(x.tasks) == 0 {
		return ran{}, nil
	}
	if err := x.reserve(ctx); err != nil {
		return ran{}, err
	}
	return x.dispatch(ctx)
}

// register makes the plan that counts, and records it: numbers are given, in
// plan order, before anything starts. It goes by the survey that
// settleUnobserved went by: what ended since is adopted, and so concluded.
func (x *execution) register(ctx context.Context) error {
	plan := x.pl.planAfter(x.live)
	r := registering{execution: x}
	err := x.session.Register(ctx, x.registration(), r.items(ctx, plan), r.each)
	if err != nil {
		return err
	}
	x.now.starts = plan.Starts
	x.order()
	if err := x.acceptAll(ctx, r.accept); err != nil {
		return err
	}
	if x.CancelRemoved {
		return x.cancelRemoved(ctx, r.removed)
	}
	return nil
}

func (x *execution) registration() ledger.Registration {
	return ledger.Registration{Source: x.pl.source, Round: x.pl.round, Partial: x.pl.filter != nil}
}

// registering turns a plan's rows into items and, once they are numbered, into
// tasks.
type registering struct {
	*execution
	rows    *savedRows
	pending []*sweep.Action // yielded, not yet numbered
	accept  []*sweep.Action
	removed []*sweep.Action
}

// items yields the plan's rows. If they start something else than what was
// approved, they end with an error, and nothing is recorded. They may be ranged
// over again, after a connection was lost: that begins anew.
func (r *registering) items(ctx context.Context, plan *sweep.Plan) iter.Seq2[ledger.Item, error] {
	return func(yield func(ledger.Item, error) bool) {
		*r = registering{execution: r.execution, rows: newSavedRows(true)}
		r.now, r.tasks = tallied{}, nil
		enough := errors.New("enough")
		err := r.pl.walk(ctx, plan, func(a *sweep.Action) error {
			r.rows.row(a)
			r.now.row(r.pl, a)
			if a.Sign == sweep.SignRemoved {
				r.removed = append(r.removed, a)
				return nil
			}
			if a.Excluded {
				return nil
			}
			if accepts(r.pl, a) {
				r.accept = append(r.accept, a)
			}
			r.pending = append(r.pending, a)
			if !yield(ledger.Item{Experiment: a.Experiment, Record: a.Record}, nil) {
				return enough
			}
			return nil
		})
		if err == nil {
			err = r.asApproved(r.rows.rows)
		}
		if err != nil && err != enough {
			yield(ledger.Item{}, err)
		}
	}
}

// asApproved compares what is to start under the lock with what was shown.
func (x *execution) asApproved(rows []savedRow) error {
	if err := x.checkSaved(rows); err != nil {
		return err
	}
	d := diffStarts(x.approved, rows)
	if d.empty() {
		return nil
	}
	fmt.Fprintf(x.Err, "since the plan was shown, what is to start has changed:\n")
	x.writeDifference(d)
	if len(d.added) == 0 || x.AutoApprove {
		return nil
	}
	return &exitError{ExitStale, errors.New("more would start than was approved"), "look at it again: " + x.again()}
}

// each is told an item's row, in the order in which they were yielded.
func (r *registering) each(_ ledger.Item, ref ledger.Ref) error {
	a := r.pending[0]
	r.pending[0] = nil
	r.pending = r.pending[1:]
	live := adoptable(a)
	if a.Shared != "" {
		r.shares[[2]string{a.Experiment.Sweep, a.Shared}] = true
	}
	if a.Shared != "" || !a.Start && !live {
		return nil
	}
	a.Number, a.Tentative = ref.Number, false
	t := runner.Task{
		Experiment: a.Experiment, RecordID: ref.ID, Number: ref.Number, OutputName: a.OutputName(), Why: r.reason(a),
	}
	if live {
		t.Adopt = a.Record.Last
	}
	r.tasks = append(r.tasks, t)
	return nil
}

// reason is why an attempt is made, as the ledger keeps it.
func (x *execution) reason(a *sweep.Action) runner.Reason {
	switch {
	case a.Record != nil && x.pl.rerun.RunNames[a.Record.RunName()]:
		return runner.Reason("--rerun " + a.Record.RunName())
	case a.Sign == sweep.SignChanged && x.pl.rerun.Changed:
		return "--rerun changed"
	case a.Sign != sweep.SignNew && (a.State == sweep.Lost || a.State == sweep.Cancelled):
		return runner.Reason("--rerun " + string(a.State))
	case a.Sign == sweep.SignChanged:
		return "its work changed after a failure"
	case a.Sign == sweep.SignFailed:
		return "--rerun failed"
	case a.State == sweep.Interrupted && a.Record.Last.Started.IsZero() && strings.HasPrefix(a.Record.Last.Why, "retry "):
		return runner.Reason(a.Record.Last.Why) // so that it counts as one
	case a.State == sweep.Interrupted:
		return "was interrupted"
	}
	return "new"
}

// order puts what is adopted first, and shuffles the sweeps that ask for it:
// by key, so that it is the same every time.
func (x *execution) order() {
	place, shuffled := map[string]int{}, map[string]bool{}
	for i, s := range x.module.Sweeps {
		place[s.Name], shuffled[s.Name] = i, s.Shuffle
	}
	adopted := func(t runner.Task) int {
		if t.Adopt != nil {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(x.tasks, func(a, b runner.Task) int {
		byKey := 0
		if shuffled[a.Experiment.Sweep] {
			byKey = slices.Compare(a.Experiment.Key[:], b.Experiment.Key[:])
		}
		return cmp.Or(cmp.Compare(adopted(a), adopted(b)), cmp.Compare(place[a.Experiment.Sweep], place[b.Experiment.Sweep]), byKey)
	})
}

func (x *execution) acceptAll(ctx context.Context, actions []*sweep.Action) error {
	for _, a := range actions {
		if err := x.session.AcceptWork(ctx, a.Record.ID, a.Experiment.WorkHash); err != nil {
			return err
		}
	}
	if n := len(actions); n > 0 {
		fmt.Fprintf(x.Err, "%s taken as equivalent to what ran\n", ui.Count(n, "changed result is", "changed results are"))
	}
	return nil
}

// all yields what lives beside the tasks, and the tasks.
func (x *execution) all() iter.Seq2[runner.Task, error] {
	return func(yield func(runner.Task, error) bool) {
		for _, t := range slices.Concat(x.bystanders(), x.tasks) {
			if !yield(t, nil) {
				return
			}
		}
	}
}
