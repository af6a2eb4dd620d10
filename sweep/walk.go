package sweep

import (
	"context"
	"encoding/binary"
	"fmt"
)

// walk is one pass of Plan.Actions. Its methods return false when the consumer
// has had enough.
type walk struct {
	ctx   context.Context
	plan  *Plan
	yield func(*Action, error) bool
	batch []pending
	keys  []Hash
}

// pending is a row before the past was asked: an experiment or an error.
type pending struct {
	sweep int
	e     *Experiment
	err   error
}

func (w *walk) add(row pending) bool {
	w.batch = append(w.batch, row)
	return len(w.batch) < lookupBatch || w.flush()
}

// flush asks the past for the batch and yields its rows.
func (w *walk) flush() bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(nil, err)
		return false
	}
	w.keys = w.keys[:0]
	for _, row := range w.batch {
		if row.e != nil {
			w.keys = append(w.keys, row.e.Key)
		}
	}
	records, err := w.plan.opts.Past.Lookup(w.ctx, w.keys)
	if err != nil {
		w.yield(nil, err)
		return false
	}
	next := 0
	for _, row := range w.batch {
		if row.e == nil {
			if !w.yield(nil, row.err) {
				return false
			}
			continue
		}
		more := w.row(row, records[next])
		next++
		if !more {
			return false
		}
	}
	w.batch = w.batch[:0]
	return true
}

func (w *walk) row(row pending, r *Record) bool {
	p := w.plan
	a := &Action{Experiment: row.e, Record: r}
	if r != nil {
		p.ids.add(r.ID)
		a.Number = r.Number
		if r.Last != nil {
			a.Live = p.live[r.Last.ID]
		}
	}
	p.opts.classify(a)
	if err := w.number(a); err != nil {
		w.yield(nil, err)
		return false
	}
	if !w.selected(a) {
		return false
	}
	if err := p.share(row, a); err != nil {
		p.Failed++
		return w.yield(nil, err)
	}
	if !a.Excluded && a.Shared == "" {
		p.count(a)
		p.hint.experiment(a)
	}
	return w.yield(a, nil)
}

// number gives what the ledger does not know the number that it has in the plan
// of everything: a filter can name it.
func (w *walk) number(a *Action) error {
	if a.Record != nil {
		return nil
	}
	p, name := w.plan, a.Experiment.Name
	a.Tentative = true
	if t, ok := p.seen[id128(a.Experiment.Key)]; ok {
		a.Number = int(t.number)
		return nil
	}
	next, ok := p.next[name]
	if !ok {
		first, err := p.opts.Past.NextNumber(w.ctx, name)
		if err != nil {
			return err
		}
		next = numbering{first, first}
	}
	a.Number = next.all
	next.all++
	p.next[name] = next
	return nil
}

// renumber gives what is selected the number that apply would give it: what is
// left out takes none.
func (p *Plan) renumber(a *Action) {
	if a.Excluded || !a.Tentative {
		return
	}
	next := p.next[a.Experiment.Name]
	a.Number = next.selected
	next.selected++
	p.next[a.Experiment.Name] = next
}

// selected asks the filter, whose error ends the walk.
func (w *walk) selected(a *Action) bool {
	if w.plan.opts.Select == nil {
		return true
	}
	ok, err := w.plan.opts.Select(a)
	if err != nil {
		w.yield(nil, err)
		return false
	}
	if !ok {
		a.Excluded, a.Start = true, false
	}
	return true
}

// removed yields what the files asked for last time and no longer do.
func (w *walk) removed() {
	p := w.plan
	for r, err := range p.opts.Past.Wanted(w.ctx, p.opts.Source, p.opts.Round) {
		if err != nil {
			w.yield(nil, err)
			return
		}
		if p.ids.has(r.ID) {
			continue
		}
		a := &Action{Sign: SignRemoved, Record: r, Number: r.Number}
		if r.Last != nil {
			a.Live = p.live[r.Last.ID]
			a.State = r.Last.State
			if a.Live != nil && !a.State.Final() {
				a.State = a.Live.State
			}
		}
		if !w.selected(a) {
			return
		}
		if !a.Excluded {
			p.count(a)
			p.hint.removed(r)
		}
		if !w.yield(a, nil) {
			return
		}
	}
}

func id128(h Hash) [16]byte { return [16]byte(h[:16]) }

// share notes the experiment for the sweeps that follow, and in a whose it is
// already; what the filter leaves out is nobody's. An error says that an earlier
// sweep has it with other work.
func (p *Plan) share(row pending, a *Action) error {
	if p.seen == nil {
		p.renumber(a)
		return nil
	}
	id, work := id128(row.e.Key), binary.BigEndian.Uint64(row.e.WorkHash[:8])
	t, ok := p.seen[id]
	switch {
	case ok && t.work != work:
		return &ClashError{Experiment: row.e, First: p.Sweeps[t.sweep]}
	case !ok || t.excluded:
		p.renumber(a)
		p.seen[id] = twin{work: work, number: int32(a.Number), sweep: uint16(row.sweep), excluded: a.Excluded}
	case !a.Excluded:
		a.Shared, a.Start = p.Sweeps[t.sweep].Name, false
	}
	return nil
}

// ClashError says that two experiments of one plan have one identity and
// different work.
type ClashError struct {
	Experiment *Experiment
	First      *Sweep // which has it with other work
}

func (e *ClashError) Error() string {
	return fmt.Sprintf("two experiments named %q have the same hyperparameters and different work: "+
		"one from sweep %q (%s), one from sweep %q with config %q: %s. "+
		"Give one of the configs another run.experiment_name.",
		e.Experiment.Name, e.First.Name, e.First.Pos, e.Experiment.Sweep, e.Experiment.Config, e.Experiment.HP)
}
