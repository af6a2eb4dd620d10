package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// CompareOptions are what `lxsweep compare` is told.
type CompareOptions struct {
	*Factory
	StateOptions
	RankOptions
	Baseline  string  // a round, or "last"
	Round     *string // nil for the newest
	Sweep     string
	Filter    string
	Tolerance analysis.Tolerance
	Output    string // "table", "json" or "csv"
	All       bool
}

func newCompareCmd(f *Factory, run func(context.Context, *CompareOptions) error) *cobra.Command {
	o := &CompareOptions{Factory: f, Baseline: lastRound}
	cmd := &cobra.Command{
		Use:   "compare [BASELINE [ROUND]]",
		Short: "Compare a round with an earlier one, point by point",
		Long: `compare shows what became of every point of a sweep since an earlier round, the
worst first. Without arguments it compares the newest round with last, the newest
one before it in which everything that was wanted has ended; with one argument,
the newest round with that one; with two, the second with the first.

A point is worse if its objective is worse than it was by more than the tolerance,
1 % of the larger value unless --tolerance says otherwise, and by more than chance
explains: where a point ran several times (repeat), the means are compared, and
their change counts only if the scatter of the repeats makes it unlikely (Welch's
t-test, one-sided, at 1 %: of a hundred points that did not change, about one is
called worse). What succeeded then and does not now is failed-now. With several
goals each is judged by itself.

It exits with 6 if something is worse or failed-now, with 0 otherwise.

--minimize and --maximize compare the last value of another metric. A point is
selected by --filter if one of its runs is.` + filterNames,
		Example: `  lxsweep compare
  lxsweep compare 2026-01-30
  lxsweep compare last 2026-01-31 --tolerance 2%
  lxsweep compare v1 v2 --sweep nightly --maximize val_acc -o csv`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return noArgs(cmd, args[2:])
			}
			return nil
		},
		ValidArgsFunction: f.completeRounds,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Baseline = args[0]
			}
			if len(args) > 1 {
				o.Round = &args[1]
			}
			if err := oneOf("--output", o.Output, "table", "json", "csv"); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	o.readerFlags(fs)
	o.RankOptions.flags(fs)
	fs.StringVar(&o.Sweep, "sweep", "", "only what this `sweep` asked for")
	filterFlag(fs, &o.Filter)
	toleranceFlag(fs, &o.Tolerance)
	fs.BoolVar(&o.All, "all", false, "show every point of a long table")
	outputFlag(fs, &o.Output, "table", "json", "csv")
	return cmd
}

func runCompare(ctx context.Context, o *CompareOptions) (err error) {
	l, err := o.reading(ctx, o.State)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	list, err := o.comparisons(ctx, l)
	if err != nil {
		return err
	}
	switch o.Output {
	case "json":
		err = writeCompareJSON(o.Out, list)
	case "csv":
		err = writeCompareCSV(o.Out, list)
	default:
		err = o.draw(list)
	}
	if err == nil && regressed(list) {
		err = said(ExitRegression)
	}
	return err
}

func (o *CompareOptions) draw(list []*ui.Comparison) error {
	for i, c := range list {
		if i > 0 {
			fmt.Fprintln(o.Out)
		}
		c.All = o.All
		if err := c.Write(o.Out, o.screen(o.Out)); err != nil {
			return err
		}
	}
	return nil
}

// comparisons compares every sweep of the round that it finds in the baseline.
func (o *CompareOptions) comparisons(ctx context.Context, l *ledger.Ledger) ([]*ui.Comparison, error) {
	c := &comparer{ledger: l, by: o.objective(), tolerance: o.Tolerance}
	var err error
	if c.filter, err = o.ledgerFilter(o.Filter); err != nil {
		return nil, err
	}
	if c.asked, err = o.asked(ctx, l, ReadOptions{Sweep: o.Sweep}, true); err != nil {
		return nil, err
	}
	now, err := o.sides(c)
	if err != nil {
		return nil, err
	}
	var list []*ui.Comparison
	var alone []string
	for _, a := range now {
		then, err := c.baseline(ctx, a, o.Baseline)
		if err != nil {
			return nil, err
		}
		if then == nil {
			alone = append(alone, a.Sweep)
			continue
		}
		found, err := c.compare(ctx, *then, a)
		if err != nil {
			return nil, err
		}
		if manySources(now) {
			found.Source = a.Source
		}
		if len(found.Changes) > 0 {
			list = append(list, found)
		}
	}
	for _, label := range alone {
		if len(alone) == len(now) {
			return nil, errorf("lxsweep status --rounds lists the rounds", "%s", withoutBaseline(label, o.Baseline, now[0].Round))
		}
		o.note(withoutBaseline(label, o.Baseline, now[0].Round))
	}
	if len(list) == 0 {
		o.note("no run matches --filter " + sweep.ShellQuote(o.Filter))
	}
	return list, nil
}

// withoutBaseline says why a sweep has none.
func withoutBaseline(label, baseline, round string) string {
	if baseline == lastRound {
		return fmt.Sprintf("before %s of sweep %q there is none in which everything has ended", roundText(round), label)
	}
	return fmt.Sprintf("sweep %q was not asked for in %s", label, roundText(baseline))
}

// sides returns the sweeps of the round that is compared.
func (o *CompareOptions) sides(c *comparer) ([]sweep.Asked, error) {
	in := func(round string) []sweep.Asked {
		return slices.DeleteFunc(slices.Clone(c.asked), func(a sweep.Asked) bool { return a.Round != round })
	}
	round := newest(c.asked)
	if o.Round != nil {
		round = *o.Round
	}
	for _, name := range []string{o.Baseline, round} {
		if len(in(name)) == 0 && (name != lastRound || o.Baseline != lastRound) {
			return nil, noRound(name, c.asked)
		}
	}
	if o.Baseline == round {
		return nil, errorf("for example: lxsweep compare "+lastRound+" "+sweep.ShellQuote(round), "%s would be compared with itself", roundText(round))
	}
	return in(round), nil
}
