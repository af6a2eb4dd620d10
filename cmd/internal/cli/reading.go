package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// What the commands that only read have in common: they find the ledger, and
// what the sweeps in it were for.

// ReadOptions say what is read: the newest round of all sweeps, unless told
// otherwise.
type ReadOptions struct {
	StateOptions
	Sweep  string
	Round  string
	Filter string
	// RoundGiven says that Round was given, for the empty round is one too.
	RoundGiven bool
}

// reading opens the ledger of a command that takes no files.
func (f *Factory) reading(ctx context.Context, state string) (*ledger.Ledger, error) {
	path, err := f.findState(state)
	if err != nil {
		return nil, err
	}
	return f.openLedger(ctx, path, ledger.ReadOnly)
}

// find returns the record of a run name.
func find(ctx context.Context, l *ledger.Ledger, runName string) (*sweep.Record, error) {
	r, err := l.FindRun(ctx, runName)
	if errors.Is(err, ledger.ErrUnknownRun) {
		return nil, errorf("lxsweep status lists the runs that there are", "there is no run %s in the ledger %s", runName, l.Path())
	}
	return r, err
}

// readBoard reads and ranks the experiments that one sweep asked for. keep, if
// not nil, chooses among them.
func readBoard(ctx context.Context, l *ledger.Ledger, a sweep.Asked, keep *hcl.Filter) (*ui.Board, error) {
	var records []*sweep.Record
	q := ledger.Query{Source: a.Source, Sweep: a.Sweep, Rounds: []string{a.Round}}
	for r, err := range l.Records(ctx, q) {
		if err != nil {
			return nil, err
		}
		ok, err := keeps(keep, r, a.Objective)
		if err != nil {
			return nil, err
		}
		if ok {
			records = append(records, r)
		}
	}
	return &ui.Board{
		Sweep: a.Sweep, Objective: a.Objective,
		Rows: analysis.Leaderboard(records, a.Objective), Paths: analysis.Varying(records),
	}, nil
}

func keeps(filter *hcl.Filter, r *sweep.Record, o *sweep.Objective) (bool, error) {
	if filter == nil {
		return true, nil
	}
	return filter.Match(recordSubject(r, verdict(r, o)))
}

// verdict is the state of a record in the light of an objective.
func verdict(r *sweep.Record, o *sweep.Objective) sweep.State {
	if r.Last == nil {
		return sweep.Pending
	}
	return o.Verdict(r.Last.State, r.Last.Metrics)
}

// boards reads the boards that the options select.
func (f *Factory) boards(ctx context.Context, l *ledger.Ledger, o ReadOptions) ([]*ui.Board, error) {
	filter, err := f.parseFilter(o.Filter)
	if err != nil {
		return nil, err
	}
	list, err := f.asked(ctx, l, o)
	if err != nil {
		return nil, err
	}
	var boards []*ui.Board
	for _, a := range list {
		b, err := readBoard(ctx, l, a, filter)
		if err != nil {
			return nil, err
		}
		if manySources(list) {
			b.Source = a.Source
		}
		boards = append(boards, b)
	}
	return boards, nil
}

// manySources reports whether one sweep label was applied from several files.
func manySources(list []sweep.Asked) bool {
	source := map[string]string{}
	for _, a := range list {
		if was, ok := source[a.Sweep]; ok && was != a.Source {
			return true
		}
		source[a.Sweep] = a.Source
	}
	return false
}

// asked returns the sweeps that the options select: of the round that was
// named, else of the newest one.
func (f *Factory) asked(ctx context.Context, l *ledger.Ledger, o ReadOptions) ([]sweep.Asked, error) {
	all, err := l.Asked(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errorf("lxsweep apply grid.hcl", "nothing was ever applied with the ledger %s", l.Path())
	}
	round := o.Round
	if !o.RoundGiven {
		rounds, err := l.Rounds(ctx)
		if err != nil {
			return nil, err
		}
		if len(rounds) > 0 {
			round = rounds[0]
		}
	}
	var list []sweep.Asked
	for _, a := range all {
		if a.Round == round && (o.Sweep == "" || a.Sweep == o.Sweep) {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil, errorf("", "there is no %s; the ledger has %s", wantedText(o), knownText(all))
	}
	return list, nil
}

func wantedText(o ReadOptions) string {
	text := "sweep"
	if o.Sweep != "" {
		text += fmt.Sprintf(" %q", o.Sweep)
	}
	if o.RoundGiven {
		text += fmt.Sprintf(" of round %q", o.Round)
	}
	return text
}

// knownText lists what there is, the newest few.
func knownText(all []sweep.Asked) string {
	var known []string
	for _, a := range all {
		text := fmt.Sprintf("%q", a.Sweep)
		if a.Round != "" {
			text += fmt.Sprintf(" of round %q", a.Round)
		}
		if !slices.Contains(known, text) {
			known = append(known, text)
		}
	}
	text := ""
	for i, k := range known[:min(len(known), 8)] {
		if i > 0 {
			text += ", "
		}
		text += k
	}
	return text
}
