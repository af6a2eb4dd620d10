package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// applying is an apply from its plan to its exit code.
type applying struct {
	*ApplyOptions
	module *hcl.Module
	out    io.Writer // where the plan and the results go; nowhere if quiet
	info   ledger.Info

	// What the plan that was shown said.
	shown    tallied
	approved []savedRow // its starts
	names    []string   // the experiment names whose locks are needed
	fresh    bool       // there was no ledger
	rescans  []*sweep.Action
	// commands are what the files have, by point, for what is open in the ledger
	// in any round.
	commands map[sweep.Hash]*sweep.Command
	// retried are the keys of what is open in this round and has retries.
	retried map[sweep.Hash]bool
}

// tallied is what an apply must know of a plan.
type tallied struct {
	starts   int
	accepted int // changed successes whose work is taken as equivalent
	removed  int // removed and still running
	settling int // open in the ledger, at our place
	live     int
	kept     int             // failures that are left as they are
	keptOf   map[string]int  // the same, by sweep
	rerun    map[string]bool // what --rerun calls those
	absent   int             // wanted, not succeeded and not ours to run: live elsewhere
	line     string
}

// toAsk says whether the plan does something that a person must agree to.
func (t *tallied) toAsk(cancelRemoved bool) bool {
	return t.starts > 0 || t.accepted > 0 || cancelRemoved && t.removed > 0
}

func newApplying(o *ApplyOptions, m *hcl.Module) *applying {
	a := &applying{ApplyOptions: o, module: m, out: o.Out, commands: map[sweep.Hash]*sweep.Command{}, retried: map[sweep.Hash]bool{}}
	if o.quiet() {
		a.out = io.Discard
	}
	return a
}

func (o *ApplyOptions) quiet() bool { return o.Progress == "quiet" }

// show makes the plan without a lock and draws it.
func (a *applying) show(ctx context.Context) (err error) {
	pl, err := a.open(ctx, a.module, ledger.ReadOnly)
	if errors.Is(err, ledger.ErrOlder) {
		pl, err = a.upgraded(ctx)
	}
	if err != nil {
		return err
	}
	defer closing(pl, &err)
	a.fresh = !pl.ledger.Exists()
	if err := a.checkPlace(pl.project); err != nil {
		return err
	}
	if err := a.checkBaseline(ctx, pl); err != nil {
		return err
	}
	plan, err := pl.plan(ctx)
	if err != nil {
		return err
	}
	open, err := pl.ledger.OpenAttempts(ctx, nil)
	if err != nil {
		return err
	}
	for _, r := range open {
		a.commands[r.Point] = &sweep.Command{}
	}
	f := *a.Factory
	f.Out.Writer = a.out
	settings := planSettings(a.InputOptions, a.RerunOptions, a.Filter)
	if a.CancelRemoved {
		settings = append(settings, "--cancel-removed")
	}
	w := f.planText(pl.project, pl.header(settings, pl.parallel(a.Parallel)))
	rows, names := newSavedRows(true), map[string]bool{}
	err = pl.draw(ctx, plan, w, func(action *sweep.Action) {
		rows.row(action)
		a.shown.row(pl, action)
		if action.Experiment != nil && a.commands[action.Experiment.Point] != nil {
			a.commands[action.Experiment.Point] = &action.Experiment.Command
		}
		if last := lastOf(action); last != nil && !last.State.Final() && action.Experiment != nil {
			a.retried[action.Experiment.Key] = !action.Excluded && action.Sign == sweep.SignLive && sameWork(action) && action.Experiment.Command.Retries > 0
		}
		if action.Experiment != nil && !action.Excluded || a.CancelRemoved && action.Live != nil {
			names[nameOf(action)] = true
		}
	})
	if err != nil {
		return err
	}
	if len(pl.refused) > 0 {
		return errorf("nothing was started; lxsweep plan shows all of it", "%s", pl.refused[0])
	}
	a.shown.starts, a.shown.line = plan.Starts, ui.ClosingLine(plan, pl.parallel(a.Parallel))
	a.approved, a.names, a.rescans = rows.rows, sortedKeys(names), pl.rescans
	return a.checkSaved(a.approved)
}

// upgraded brings a ledger that an older lxsweep wrote up to date, which opening
// it for writing does, and opens it again.
func (a *applying) upgraded(ctx context.Context) (*planning, error) {
	pl, err := a.open(ctx, a.module, ledger.ReadWrite)
	if err != nil {
		return nil, err
	}
	a.note("the ledger " + pl.state + " was written by an older lxsweep, and is upgraded now; older ones refuse it from here on")
	if err := pl.Close(); err != nil {
		return nil, err
	}
	return a.open(ctx, a.module, ledger.ReadOnly)
}

func nameOf(a *sweep.Action) string {
	if a.Experiment != nil {
		return a.Experiment.Name
	}
	return a.Record.Name
}

// row takes a row of a plan into account.
func (t *tallied) row(pl *planning, a *sweep.Action) {
	if a.Excluded || a.Shared != "" {
		return
	}
	if last := lastOf(a); last != nil && !last.State.Final() && pl.own(last) {
		t.settling++
	}
	switch {
	case a.Sign == sweep.SignRemoved:
		if a.Live != nil && !a.Live.State.Final() {
			t.removed++
		}
	case a.Sign == sweep.SignLive && a.Elsewhere:
		t.absent++
	case adoptable(a):
		t.live++
	case a.Sign == sweep.SignFailed && !a.Start:
		t.kept++
		if t.rerun == nil {
			t.rerun, t.keptOf = map[string]bool{}, map[string]int{}
		}
		t.keptOf[a.Experiment.Sweep]++
		t.rerun[rerunWord(a.State)] = true
	case accepts(pl, a):
		t.accepted++
	}
}

// rerunWord is what --rerun calls a failure that ended in the state.
func rerunWord(s sweep.State) string {
	if s == sweep.Lost || s == sweep.Cancelled {
		return string(s)
	}
	return string(sweep.Failed)
}

// adoptable reports whether the dispatcher takes the row's last attempt over.
func adoptable(a *sweep.Action) bool {
	return a.Sign == sweep.SignLive && !a.Elsewhere && a.Live != nil
}

func lastOf(a *sweep.Action) *sweep.Tried {
	if a.Record == nil {
		return nil
	}
	return a.Record.Last
}

// accepts reports whether --accept-changed makes the row's work equivalent.
func accepts(pl *planning, a *sweep.Action) bool {
	return pl.accept && a.Sign == sweep.SignUnchanged && !sameWork(a)
}

// sameWork reports whether the row's last attempt did what the files ask for.
func sameWork(a *sweep.Action) bool {
	return a.Record.Last.Work == a.Experiment.WorkHash || slices.Contains(a.Record.Equivalent, a.Experiment.WorkHash)
}

// checkPlace refuses a saved plan that was made against another ledger or for
// another cluster.
func (a *applying) checkPlace(p *project) error {
	if a.saved == nil || a.saved.LedgerID == p.ledger.ID() && a.saved.Place == p.place() {
		return nil
	}
	if a.saved.LedgerID == p.ledger.ID() {
		err := fmt.Errorf("the plan was made for the cluster and namespace %s, and this is %s", a.saved.Place, p.place())
		return &exitError{ExitStale, err, a.planAgain()}
	}
	err := fmt.Errorf("the plan was made when %s was another ledger", p.state)
	if a.saved.LedgerID == "" {
		err = fmt.Errorf("the plan was made when there was no ledger at %s", p.state)
	}
	return &exitError{ExitStale, err, a.planAgain()}
}

func (a *applying) planAgain() string {
	return "make it again: lxsweep plan --out PLAN grid.hcl"
}

// checkSaved refuses if what would start is not what the saved plan starts.
func (a *applying) checkSaved(now []savedRow) error {
	if a.saved == nil {
		return nil
	}
	d := diffStarts(a.savedRows, now)
	if d.empty() {
		return nil
	}
	a.writeDifference(d)
	err := fmt.Errorf("the saved plan no longer holds: %d of its %d starts would not start now, %d others would",
		len(d.missing), len(a.savedRows), len(d.added))
	return &exitError{ExitStale, err, a.planAgain()}
}

// fewDifferences is how many rows of a difference are printed, of each kind.
const fewDifferences = 20

func (a *applying) writeDifference(d difference) {
	write := func(rows []savedRow, what string) {
		for i, r := range rows {
			if i == fewDifferences {
				fmt.Fprintf(a.Err, "  %d more %s\n", len(rows)-i, what)
				return
			}
			fmt.Fprintf(a.Err, "  %s %s %s\n", r.Sign, r.Run, what)
		}
	}
	write(d.missing, "was to start, and would not now")
	write(d.added, "was not to start, and would now")
}

// approve asks, unless nothing needs to be asked or the answer is known.
func (a *applying) approve() error {
	if a.AutoApprove || a.saved != nil || !a.shown.toAsk(a.CancelRemoved) {
		return nil
	}
	return a.agree(a.again("--auto-approve"))
}

// agree has a person agree to what starts. again is what to type where nobody
// can be asked.
func (o *ApplyOptions) agree(again string) error {
	if !o.canAsk() {
		return errorf(again, "apply needs approval, and there is no terminal to ask at")
	}
	yes, err := o.ask("Run this?")
	if err == nil && !yes {
		err = errorf("", "nothing was started: the answer was not yes")
	}
	return err
}

// canAsk reports whether somebody is there to answer.
func (f *Factory) canAsk() bool { return f.InTerminal && f.Err.Terminal }

// ask asks for a yes.
func (f *Factory) ask(question string) (yes bool, err error) {
	fmt.Fprintf(f.Err, "\n%s Only yes is taken for it: ", question)
	answer, err := bufio.NewReader(f.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if strings.TrimSpace(answer) == "yes" {
		return true, nil
	}
	fmt.Fprintln(f.Err)
	return false, nil
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = sweep.ShellQuote(w)
	}
	return strings.Join(quoted, " ")
}
