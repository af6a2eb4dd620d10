package cli

import (
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/sweep"
)

// parseFilter reads --filter; nil for none.
func (f *Factory) parseFilter(src string) (*hcl.Filter, error) {
	if src == "" {
		return nil, nil
	}
	filter, diags := hcl.ParseFilter(src)
	return filter, f.diagnose(diags)
}

// selects is the filter of a plan.
func (pl *planning) selects(a *sweep.Action) (bool, error) {
	s := hcl.Subject{Round: pl.round, State: a.State, Number: a.Number, Sign: a.Sign.String()}
	if r := a.Record; r != nil {
		s = recordSubject(r, a.State)
		s.Sign = a.Sign.String()
	}
	if e := a.Experiment; e != nil {
		s.HP, s.Sweep, s.Config = e.HP, e.Sweep, e.Config
		s.RunName = sweep.RunName(e.Name, a.Number)
	}
	return pl.filter.Match(s)
}

// recordSubject is what a filter sees of a record.
func recordSubject(r *sweep.Record, state sweep.State) hcl.Subject {
	s := hcl.Subject{HP: r.HP, RunName: r.RunName(), Round: r.Round, State: state, Number: r.Number}
	if len(r.Sweeps) > 0 {
		s.Sweep = r.Sweeps[0]
	}
	if r.Last == nil {
		return s
	}
	s.Attempts = r.Last.Number
	s.Metrics = make(map[string]float64, len(r.Last.Metrics))
	for _, m := range r.Last.Metrics {
		s.Metrics[m.Name] = m.Last
	}
	return s
}
