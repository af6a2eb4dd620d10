package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

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
	return f.existing(ctx, state, ledger.ReadOnly)
}

// find returns the record of a run name.
func find(ctx context.Context, l *ledger.Ledger, runName string) (*sweep.Record, error) {
	r, err := l.FindRun(ctx, runName)
	if errors.Is(err, ledger.ErrUnknownRun) {
		if next, err := l.NextNumber(ctx, runName[:strings.LastIndexByte(runName, '-')]); err == nil && numberOf(runName) < next {
			return nil, errorf("lxsweep status lists the runs that there are", "%s was pruned or never existed, in the ledger %s", runName, l.Path())
		}
		return nil, errorf("lxsweep status lists the runs that there are", "there is no run %s in the ledger %s", runName, l.Path())
	}
	return r, err
}

// numberOf is the 8 of ex-8, a run name that was checked.
func numberOf(runName string) int {
	n, err := strconv.Atoi(runName[strings.LastIndexByte(runName, '-')+1:])
	if err != nil {
		return math.MaxInt
	}
	return n
}

// chosen returns the run that was named, or those that the filter selects and
// keep (nil: all) keeps.
func (f *Factory) chosen(ctx context.Context, l *ledger.Ledger, o RunOptions, keep func(*sweep.Record) bool) ([]*sweep.Record, error) {
	if o.Filter == "" {
		r, err := find(ctx, l, o.Run)
		return []*sweep.Record{r}, err
	}
	list, err := f.matching(ctx, l, ReadOptions{Filter: o.Filter})
	if err != nil || keep == nil {
		return list, err
	}
	list = slices.DeleteFunc(list, func(r *sweep.Record) bool { return !keep(r) })
	if len(list) == 0 {
		return nil, errorf("lxsweep status --all lists the runs that there are", "no run that matches --filter %s was started", sweep.ShellQuote(o.Filter))
	}
	return list, nil
}

// selection is which runs a board holds, and what ranks them.
type selection struct {
	filter *hcl.Filter // nil for all
	// by takes the place of the sweep's objective, unless it is nil.
	by *sweep.Objective
	// live is what has become of open attempts, nil for what the ledger holds.
	live func(*sweep.Record) sweep.State
}

// readBoard reads and ranks the experiments that one sweep asked for.
func readBoard(ctx context.Context, l *ledger.Ledger, a sweep.Asked, s selection) (*ui.Board, error) {
	var records []*sweep.Record
	q := ledger.Query{Source: a.Source, Sweep: a.Sweep, Rounds: []string{a.Round}}
	for r, err := range l.Records(ctx, q) {
		if err != nil {
			return nil, err
		}
		ok, err := s.keeps(r, a)
		if err != nil {
			return nil, err
		}
		if ok {
			records = append(records, r)
		}
	}
	by := cmp.Or(s.by, a.Objective)
	return &ui.Board{
		Sweep: a.Sweep, Objective: by,
		Rows: analysis.Leaderboard(records, by), Paths: analysis.Varying(records),
	}, nil
}

func (s selection) keeps(r *sweep.Record, a sweep.Asked) (bool, error) {
	if s.filter == nil {
		return true, nil
	}
	state := verdict(r, a.Objective)
	if s.live != nil && r.Last != nil && !r.Last.State.Final() {
		state = s.live(r)
	}
	return s.filter.Match(recordSubject(r, a.Sweep, state))
}

// verdict is the state of a record in the light of an objective.
func verdict(r *sweep.Record, o *sweep.Objective) sweep.State {
	if r.Last == nil {
		return sweep.Pending
	}
	return o.Verdict(r.Last.State, r.Last.Metrics)
}

// boards reads the boards that the options select, less those of which a filter
// leaves nothing. A filter that reads round is for every round.
func (f *Factory) boards(ctx context.Context, l *ledger.Ledger, o ReadOptions, s selection) ([]*ui.Board, error) {
	var err error
	if s.filter, err = f.ledgerFilter(o.Filter); err != nil {
		return nil, err
	}
	everyRound := s.filter != nil && s.filter.Reads("round") && !o.RoundGiven
	list, err := f.asked(ctx, l, o, everyRound)
	if err != nil {
		return nil, err
	}
	var boards []*ui.Board
	for _, a := range list {
		b, err := readBoard(ctx, l, a, s)
		if err != nil {
			return nil, err
		}
		if s.filter != nil && len(b.Rows) == 0 {
			continue
		}
		if manySources(list) {
			b.Source = a.Source
		}
		if everyRound {
			b.Round = a.Round
		}
		boards = append(boards, b)
	}
	if len(boards) > 0 {
		return boards, haveMetrics(boards, s.by)
	}
	return nil, nil
}

// haveMetrics refuses a metric that no run of the boards has.
func haveMetrics(boards []*ui.Board, by *sweep.Objective) error {
	if by == nil {
		return nil
	}
	known := map[string]bool{}
	for _, b := range boards {
		for _, row := range b.Rows {
			if row.Record.Last == nil {
				continue
			}
			for _, m := range row.Record.Last.Metrics {
				known[m.Name] = true
			}
		}
	}
	for _, g := range by.Goals {
		if !known[g.Metric] {
			hint := "there are: " + strings.Join(sortedKeys(known), ", ")
			if len(known) == 0 {
				hint = "no run here has any: lxsweep status shows how they stand"
			}
			return errorf(hint, "no run here has the metric %q", g.Metric)
		}
	}
	return nil
}

// matching returns the runs that the options' filter selects, each once, by name
// and number.
func (f *Factory) matching(ctx context.Context, l *ledger.Ledger, o ReadOptions) ([]*sweep.Record, error) {
	boards, err := f.boards(ctx, l, o, selection{})
	if err != nil {
		return nil, err
	}
	var list []*sweep.Record
	for _, b := range boards {
		for _, row := range b.Rows {
			list = append(list, row.Record)
		}
	}
	if len(list) == 0 {
		return nil, noMatch(o.Filter)
	}
	slices.SortFunc(list, func(a, b *sweep.Record) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Number, b.Number))
	})
	return slices.CompactFunc(list, func(a, b *sweep.Record) bool { return a.ID == b.ID }), nil
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
// named, else of every round or of the newest one.
func (f *Factory) asked(ctx context.Context, l *ledger.Ledger, o ReadOptions, everyRound bool) ([]sweep.Asked, error) {
	all, err := l.Asked(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errorf("lxsweep apply grid.hcl", "nothing was ever applied with the ledger %s", l.Path())
	}
	list := slices.DeleteFunc(slices.Clone(all), func(a sweep.Asked) bool { return o.Sweep != "" && a.Sweep != o.Sweep })
	if !everyRound {
		round := o.Round
		if !o.RoundGiven {
			round = newest(list)
		}
		list = slices.DeleteFunc(list, func(a sweep.Asked) bool { return a.Round != round })
	}
	if len(list) == 0 {
		return nil, errorf("", "there is no %s; the ledger has %s", wantedText(o), knownText(all))
	}
	return list, nil
}

// newest returns the round that one of the sweeps was applied in last.
func newest(asked []sweep.Asked) string {
	if len(asked) == 0 {
		return ""
	}
	return slices.MaxFunc(asked, func(a, b sweep.Asked) int { return cmp.Compare(a.Apply, b.Apply) }).Round
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
	return strings.Join(known[:min(len(known), 8)], ", ")
}
