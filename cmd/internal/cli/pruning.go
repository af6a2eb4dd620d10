package cli

import (
	"context"
	"slices"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/runner/local"
	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// pruning is what a prune removes.
type pruning struct {
	*PruneOptions
	ledger *ledger.Ledger
	here   *local.Runner
	filter *hcl.Filter // nil for all
	guard  *guard
	rounds []*pruningRound // the oldest first
	names  map[string]bool // the experiment names of rounds
	// best are experiments whose output folders stay; noResult those whose
	// newest attempt succeeded without the objective's metric.
	best, noResult map[int64]bool
	report         ui.Pruned
}

// pruningRound is what goes of a sweep in a round.
type pruningRound struct {
	ledger.SweepRound
	experiments []int64 // that are selected, in order
	// given are the rounds that have given theirs up once it has: those before
	// it, and it.
	given []*pruningRound
}

// goes reports whether a sweep that asks for an experiment has given it up then.
func (r *pruningRound) goes(experiment, sweepRound int64) bool {
	for _, by := range r.given {
		if by.ID == sweepRound {
			_, selected := slices.BinarySearch(by.experiments, experiment)
			return selected
		}
	}
	return false
}

// choose selects what is to go: with shown, only rounds that were shown and not
// applied since.
func (o *PruneOptions) choose(ctx context.Context, l *ledger.Ledger, shown *pruning) (*pruning, error) {
	p := &pruning{PruneOptions: o, ledger: l, names: map[string]bool{}, best: map[int64]bool{}, noResult: map[int64]bool{}}
	p.report = ui.Pruned{
		Outputs: o.Outputs, Partial: o.Filter != "" || len(o.Ended) > 0,
		Rounds: []ui.PrunedRound{}, Kept: []ui.KeptRound{}, Left: []ui.LeftFolder{},
	}
	var err error
	if p.filter, err = o.ledgerFilter(o.Filter); err != nil {
		return nil, err
	}
	if p.here, err = o.localRunner(l, []string{}); err != nil {
		return nil, err
	}
	if p.guard, err = o.newGuard(ctx, l); err != nil {
		return nil, err
	}
	all, err := l.SweepRounds(ctx)
	if err != nil {
		return nil, err
	}
	list, err := o.selected(all)
	if err != nil {
		return nil, err
	}
	open := openRuns(all)
	for _, s := range list {
		if runs := open[s.Round]; len(runs) > 0 && !o.Outputs {
			p.report.Keep(s.Round, runs)
		} else if shown == nil || shown.has(s) {
			if err := p.read(ctx, s); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// openRuns are the runs that have not ended, by round.
func openRuns(all []ledger.SweepRound) map[string][]string {
	open := map[string][]string{}
	for _, s := range all {
		for _, run := range s.Open {
			if !slices.Contains(open[s.Round], run) {
				open[s.Round] = append(open[s.Round], run)
			}
		}
	}
	return open
}

// has reports whether p removes a round, as it is now.
func (p *pruning) has(s ledger.SweepRound) bool {
	return slices.ContainsFunc(p.rounds, func(r *pruningRound) bool { return r.ID == s.ID && r.LastApply == s.LastApply })
}

// selected are the rounds that the options name, of all, which are in order.
func (o *PruneOptions) selected(all []ledger.SweepRound) (list []ledger.SweepRound, err error) {
	newer := map[[2]string]int{} // rounds of the same sweep
	known := o.Sweep == "" && !o.RoundGiven
	var asked []sweep.Asked
	for _, s := range slices.Backward(all) {
		asked = append(asked, s.Asked)
		of := [2]string{s.Source, s.Sweep}
		rank := newer[of]
		newer[of]++
		if o.Sweep != "" && s.Sweep != o.Sweep || o.RoundGiven && s.Round != o.Round {
			continue
		}
		known = true
		young := o.OlderThan > 0 && (rank == 0 && !o.RoundGiven || o.Now().Sub(s.Applied) <= o.OlderThan)
		if rank >= o.KeepRounds && !young {
			list = append(list, s)
		}
	}
	if !known {
		wanted := wantedText(ReadOptions{Sweep: o.Sweep, Round: o.Round, RoundGiven: o.RoundGiven})
		return nil, errorf("", "there is no %s; the ledger has %s", wanted, orNothing(knownText(asked)))
	}
	slices.Reverse(list)
	return list, nil
}

func orNothing(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// read finds the experiments of a round that are selected.
func (p *pruning) read(ctx context.Context, s ledger.SweepRound) error {
	r := &pruningRound{SweepRound: s}
	var ranked []*sweep.Record
	q := ledger.Query{Source: s.Source, Sweep: s.Sweep, Rounds: []string{s.Round}, Dropped: true}
	for record, err := range p.ledger.Records(ctx, q) {
		if err != nil {
			return err
		}
		state := verdict(record, s.Objective)
		if p.KeepBest > 0 && s.Objective != nil && slices.Contains(record.Sweeps, s.Sweep) && record.Last != nil {
			outcome := sweep.Outcome{State: record.Last.State, Metrics: record.Last.Metrics}
			ranked = append(ranked, &sweep.Record{ID: record.ID, Name: record.Name, Number: record.Number, Last: &sweep.Tried{Outcome: outcome}})
		}
		ok, err := p.matches(record, s.Sweep, state)
		if err != nil {
			return err
		}
		if ok {
			r.experiments = append(r.experiments, record.ID)
			p.names[record.Name] = true
			if state == sweep.NoResult {
				p.noResult[record.ID] = true
			}
		}
	}
	for i, row := range analysis.Leaderboard(ranked, s.Objective) {
		if i < p.KeepBest && row.Rank > 0 {
			p.best[row.Record.ID] = true
		}
	}
	if len(r.experiments) == 0 {
		return nil
	}
	p.rounds = append(p.rounds, r)
	r.given = slices.Clone(p.rounds)
	return nil
}

// matches reports whether an experiment is selected. Of one whose folders go
// only, attempts are told apart by how they ended later.
func (p *pruning) matches(r *sweep.Record, label string, state sweep.State) (bool, error) {
	if p.Outputs && (r.Last == nil || !r.Last.State.Final()) || !p.Outputs && !p.takes(state) {
		return false, nil
	}
	if p.filter == nil {
		return true, nil
	}
	return p.filter.Match(recordSubject(r, label, state))
}

// pruneBatch is how many experiments are looked at, marked and removed at a
// time.
const pruneBatch = 256

// batch is a part of a round: what is marked in one transaction, and then
// removed.
type batch struct {
	experiments int     // that go, with their rows or with folders
	attempts    []int64 // whose rows say so
	folders     []string
	files       []string
}

// batches calls f with the parts of a round, and reports what stays.
func (p *pruning) batches(ctx context.Context, r *pruningRound, f func(*batch) error) error {
	for ids := range slices.Chunk(r.experiments, pruneBatch) {
		wanted, err := p.ledger.WantedBy(ctx, ids)
		if err != nil {
			return err
		}
		ids = slices.DeleteFunc(slices.Clone(ids), func(id int64) bool {
			return slices.ContainsFunc(wanted[id], func(by int64) bool { return !r.goes(id, by) })
		})
		if len(ids) == 0 {
			continue
		}
		traces, err := p.ledger.Traces(ctx, ids)
		if err != nil {
			return err
		}
		b := &batch{}
		for len(traces) > 0 {
			n := 1
			for n < len(traces) && traces[n].ExperimentID == traces[0].ExperimentID {
				n++
			}
			p.take(b, traces[:n])
			traces = traces[n:]
		}
		if !p.Outputs {
			b.experiments = len(ids)
		}
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

// take adds what goes of an experiment, whose attempts these are.
func (p *pruning) take(b *batch, attempts []ledger.Trace) {
	if !p.Outputs {
		for _, t := range attempts {
			b.attempts = append(b.attempts, t.ID)
			b.files = append(b.files, p.here.LogPath(t.RunName, t.Number), p.here.ResultPath(t.RunName, t.Number))
		}
		b.folders = append(b.folders, p.folders(attempts, nil)...)
		return
	}
	newest := attempts[len(attempts)-1]
	if !newest.State.Final() || p.best[newest.ExperimentID] {
		return
	}
	stays := map[string]bool{} // folders that an attempt keeps
	for _, t := range attempts {
		if !p.takesOutput(t, t.ID == newest.ID) {
			stays[t.OutputDir] = true
		}
	}
	folders := p.folders(attempts, stays)
	for _, t := range attempts {
		if slices.Contains(folders, t.OutputDir) {
			b.attempts = append(b.attempts, t.ID)
		}
	}
	b.folders = append(b.folders, folders...)
	b.experiments += min(len(folders), 1)
}

// takesOutput reports whether an attempt's folder may go: one that nothing will
// go on from, or whose end was named.
func (p *pruning) takesOutput(t ledger.Trace, newest bool) bool {
	state := t.State
	if newest && p.noResult[t.ExperimentID] {
		state = sweep.NoResult
	}
	if newest && len(p.Ended) == 0 && state != sweep.Succeeded {
		p.report.Unsuccessful++
		return false
	}
	return p.takes(state)
}

// folders are those of an experiment's output folders that are there and may be
// removed, less those that stay.
func (p *pruning) folders(attempts []ledger.Trace, stays map[string]bool) (list []string) {
	host, _ := p.here.Host()
	here := map[string]bool{}
	for _, t := range attempts {
		here[t.OutputDir] = here[t.OutputDir] || t.Runner == onLocal && t.Host == host
	}
	elsewhere := false
	for _, t := range attempts {
		dir := t.OutputDir
		switch {
		case dir == "" || stays[dir] || slices.Contains(list, dir):
		case !here[dir]:
			elsewhere = true
		case !present(dir):
		default:
			if why := p.guard.refuses(dir, t.RunName); why != "" {
				p.report.Leave(t.RunName, dir, why)
			} else {
				list = append(list, dir)
			}
		}
	}
	if elsewhere {
		p.report.Elsewhere++
	}
	return list
}

// measure walks what is to go, and puts it into the report.
func (p *pruning) measure(ctx context.Context) error {
	var some []*pruningRound
	for _, r := range p.rounds {
		total := ui.PrunedRound{Round: r.Round, Applied: r.Applied}
		err := p.batches(ctx, r, func(b *batch) error {
			total.Experiments += b.experiments
			total.Attempts += len(b.attempts)
			for _, dir := range b.folders {
				total.OutputBytes += sizeOf(dir) + sizeOf(halfRemoved(dir))
			}
			for _, path := range b.files {
				total.LogBytes += sizeOf(path)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !p.Outputs || total.Attempts > 0 {
			some = append(some, r)
			p.report.Add(total)
		}
	}
	p.rounds = some
	return nil
}

// remove removes it, a round after the other, and returns how many were removed
// wholly.
func (p *pruning) remove(ctx context.Context, session *ledger.Session) (removed int, err error) {
	for _, r := range p.rounds {
		f := &failures{Factory: p.Factory}
		err := p.batches(ctx, r, func(b *batch) error {
			if err := session.MarkPruned(ctx, b.attempts); err != nil {
				return err
			}
			for _, dir := range b.folders {
				f.note(removeFolder(dir))
			}
			for _, path := range b.files {
				f.note(removeFile(path))
			}
			return nil
		})
		if err == nil && !p.Outputs && f.count == 0 {
			err = session.Forget(ctx, r.ID, r.experiments)
		}
		if err != nil {
			return removed, err
		}
		if f.end() == 0 {
			removed++
		}
	}
	return removed, nil
}
