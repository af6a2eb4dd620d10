package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// What `compare` and `apply --baseline` have in common: which rounds of a sweep
// are compared, and how.

// lastRound names the newest earlier round in which everything that was wanted
// has ended.
const lastRound = "last"

func toleranceFlag(fs *pflag.FlagSet, t *analysis.Tolerance) {
	fs.TextVar(t, "tolerance", analysis.DefaultTolerance, "the `change` that is no news: a share (2%) or an amount (0.01)")
}

// comparer compares rounds of sweeps.
type comparer struct {
	ledger    *ledger.Ledger
	asked     []sweep.Asked    // all there are
	by        *sweep.Objective // in place of the sweep's own, unless it is nil
	filter    *hcl.Filter      // of points; nil for none
	tolerance analysis.Tolerance
}

// baseline returns what now's sweep asked for in the round of that name, nil if
// there was no such round of it.
func (c *comparer) baseline(ctx context.Context, now sweep.Asked, round string) (*sweep.Asked, error) {
	of := slices.DeleteFunc(slices.Clone(c.asked), func(a sweep.Asked) bool {
		return a.Source != now.Source || a.Sweep != now.Sweep || a.Round == now.Round || round != lastRound && a.Round != round
	})
	slices.SortFunc(of, func(a, b sweep.Asked) int { return cmp.Compare(b.Apply, a.Apply) })
	for _, a := range of {
		if round != lastRound {
			return &a, nil
		}
		if a.Apply > now.Apply {
			continue
		}
		if ended, err := c.ended(ctx, a); ended || err != nil {
			return &a, err
		}
	}
	return nil, nil
}

// ended reports whether everything that was wanted has.
func (c *comparer) ended(ctx context.Context, a sweep.Asked) (bool, error) {
	b, err := readBoard(ctx, c.ledger, a, selection{})
	return err == nil && !slices.ContainsFunc(b.Rows, func(r analysis.Row) bool { return !r.Ended() }), err
}

// compare compares two rounds of a sweep by what it is for now.
func (c *comparer) compare(ctx context.Context, then, now sweep.Asked) (*ui.Comparison, error) {
	rule := analysis.Rule{Objective: cmp.Or(c.by, now.Objective), Repeated: now.Repeated, Tolerance: c.tolerance}
	var boards []*ui.Board
	var records [2][]*sweep.Record
	for i, a := range []sweep.Asked{then, now} {
		b, err := readBoard(ctx, c.ledger, a, selection{})
		if err != nil {
			return nil, err
		}
		boards = append(boards, b)
		for _, row := range b.Rows {
			records[i] = append(records[i], row.Record)
		}
	}
	if err := haveMetrics(boards, c.by); err != nil {
		return nil, err
	}
	changes, err := c.filtered(rule.Compare(records[0], records[1]), now.Sweep)
	return &ui.Comparison{Sweep: now.Sweep, Baseline: then.Round, Round: now.Round, Rule: rule, Changes: changes}, err
}

// filtered leaves the points of which the filter selects an experiment.
func (c *comparer) filtered(changes []analysis.Change, label string) (kept []analysis.Change, err error) {
	if c.filter == nil {
		return changes, nil
	}
	for _, ch := range changes {
		for _, row := range slices.Concat(ch.Then, ch.Now) {
			ok, err := c.filter.Match(recordSubject(row.Record, label, row.State))
			if err != nil {
				return nil, err
			}
			if ok {
				kept = append(kept, ch)
				break
			}
		}
	}
	return kept, nil
}

// noRound says that there is no round of that name, and which there are.
func noRound(round string, asked []sweep.Asked) error {
	var known []string
	slices.SortFunc(asked, func(a, b sweep.Asked) int { return cmp.Compare(b.Apply, a.Apply) })
	for _, a := range asked {
		if name := roundText(a.Round); !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	if len(known) == 0 {
		return errorf("", "there is no %s: there is none yet", roundText(round))
	}
	return errorf("lxsweep status --rounds lists all", "there is no %s here; the newest are: %s", roundText(round),
		strings.Join(known[:min(len(known), 5)], ", "))
}

// roundText names a round in a message.
func roundText(round string) string {
	if round == "" {
		return "round without a name"
	}
	return fmt.Sprintf("round %q", round)
}

// regressed reports whether something got worse.
func regressed(list []*ui.Comparison) bool {
	return slices.ContainsFunc(list, func(c *ui.Comparison) bool { return len(c.Regressions()) > 0 })
}
