package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// BaselineOptions say what an apply's round is compared with at its end.
type BaselineOptions struct {
	Baseline string // a round, or "last"
	// BaselineGiven says that Baseline was given, for the empty round is one too.
	BaselineGiven bool
	Tolerance     analysis.Tolerance
}

func (o *BaselineOptions) flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Baseline, "baseline", "", "compare with this earlier `round` at the end, or with the last complete one: last")
	toleranceFlag(fs, &o.Tolerance)
}

// complete notes which flags were given.
func (o *BaselineOptions) complete(fs *pflag.FlagSet) error {
	o.BaselineGiven = fs.Changed("baseline")
	if fs.Changed("tolerance") && !o.BaselineGiven {
		return errorf("--baseline last", "--tolerance belongs to a comparison, and there is no --baseline")
	}
	return nil
}

// checkBaseline refuses a round that cannot be compared with, before anything
// starts.
func (a *applying) checkBaseline(ctx context.Context, pl *planning) error {
	if !a.BaselineGiven || a.Baseline == lastRound {
		return nil
	}
	if a.Baseline == pl.round {
		return errorf("--baseline last", "%s cannot be its own baseline", roundText(pl.round))
	}
	asked, err := pl.ledger.Asked(ctx)
	if err != nil {
		return err
	}
	asked = slices.DeleteFunc(asked, func(s sweep.Asked) bool { return s.Source != pl.source })
	if !slices.ContainsFunc(asked, func(s sweep.Asked) bool { return s.Round == a.Baseline }) {
		return noRound(a.Baseline, asked)
	}
	return nil
}

// comparisons compares the round, as it stands, with its baseline, sweep by
// sweep; nil without --baseline. It is made once.
func (x *execution) comparisons(ctx context.Context) (_ []*ui.Comparison, err error) {
	if !x.BaselineGiven || x.compared != nil {
		return x.compared, nil
	}
	c := &comparer{ledger: x.pl.ledger, tolerance: x.Tolerance}
	if c.asked, err = x.pl.ledger.Asked(ctx); err != nil {
		return nil, err
	}
	list := []*ui.Comparison{}
	for _, now := range c.asked {
		if now.Source != x.pl.source || now.Round != x.pl.round {
			continue
		}
		then, err := c.baseline(ctx, now, x.Baseline)
		if err != nil {
			return nil, err
		}
		if then == nil {
			fmt.Fprintf(x.Err, "nothing to compare with: %s\n", ui.Clean(withoutBaseline(now.Sweep, x.Baseline, now.Round)))
			continue
		}
		found, err := c.compare(ctx, *then, now)
		if err != nil {
			return nil, err
		}
		list = append(list, found)
	}
	x.compared = list
	return list, nil
}

// judge says how the round compares with its baseline, and ends the apply: a
// regression outweighs failures, but not what keeps the round from being whole.
func (x *execution) judge(list []*ui.Comparison, code ExitCode) error {
	if !regressed(list) {
		for _, c := range list {
			if !x.quiet() {
				fmt.Fprintf(x.Err, "Against round %s: %s\n", ui.Clean(ui.RoundName(c.Baseline)), c.Line())
			}
		}
		return said(code)
	}
	worst := list[slices.IndexFunc(list, func(c *ui.Comparison) bool { return len(c.Regressions()) > 0 })]
	again := x.reader("compare "+sweep.ShellQuote(worst.Baseline)+" "+sweep.ShellQuote(x.pl.round), x.pl.ledger)
	if x.Tolerance != analysis.DefaultTolerance {
		again += " --tolerance " + x.Tolerance.String()
	}
	if err := ui.WriteRegressions(x.Err, x.screen(x.Err), list, again); err != nil {
		return err
	}
	if code == ExitOK || code == ExitUnsuccessful {
		code = ExitRegression
	}
	return said(code)
}
