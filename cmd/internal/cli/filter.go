package cli

import (
	"slices"

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

// ledgerFilter reads the --filter of a command that reads the ledger.
func (f *Factory) ledgerFilter(src string) (*hcl.Filter, error) {
	filter, err := f.parseFilter(src)
	if filter == nil || err != nil {
		return nil, err
	}
	for _, name := range []string{"config", "sign"} {
		if filter.Reads(name) {
			return nil, errorf("lxsweep plan --filter takes it", "--filter reads %s, which the ledger does not know", name)
		}
	}
	return filter, nil
}

// noMatch says that a filter selects nothing.
func noMatch(filter string) error {
	return errorf("lxsweep status --all lists the runs that there are", "no run matches --filter %s", sweep.ShellQuote(filter))
}

// selects is the filter of a plan.
func (pl *planning) selects(a *sweep.Action) (bool, error) {
	s := hcl.Subject{Round: pl.round, State: a.State, Number: a.Number, Sign: a.Sign.String()}
	if r := a.Record; r != nil {
		s = recordSubject(r, "", a.State)
		s.Sign = a.Sign.String()
	}
	if e := a.Experiment; e != nil {
		s.HP, s.Sweep, s.Config = e.HP, e.Sweep, e.Config
		s.RunName = sweep.RunName(e.Name, a.Number)
	}
	return pl.filter.Match(s)
}

// recordSubject is what a filter sees of a record, as one of a sweep's, or of
// any sweep's where that is empty.
func recordSubject(r *sweep.Record, label string, state sweep.State) hcl.Subject {
	s := hcl.Subject{HP: r.HP, RunName: r.RunName(), Sweep: label, Round: r.Round, State: state, Number: r.Number}
	if label == "" && len(r.Sweeps) > 0 {
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

// unread finds the hyperparameters that a filter reads and no config has.
type unread struct {
	missing []string
	configs map[[2]string]bool
}

func newUnread(f *hcl.Filter) *unread {
	u := &unread{configs: map[[2]string]bool{}}
	if f != nil {
		u.missing = f.HP()
	}
	return u
}

// row looks at one experiment of each config.
func (u *unread) row(a *sweep.Action) {
	e := a.Experiment
	if len(u.missing) == 0 || e == nil || u.configs[[2]string{e.Sweep, e.Config}] {
		return
	}
	u.configs[[2]string{e.Sweep, e.Config}] = true
	u.missing = slices.DeleteFunc(u.missing, func(path string) bool {
		_, has := e.HP.Get(path)
		return has
	})
}

// warnings may be asked after the last row.
func (u *unread) warnings() []string {
	var list []string
	if len(u.configs) == 0 {
		return nil
	}
	for _, path := range u.missing {
		list = append(list, "--filter reads hp."+path+", which no config here has")
	}
	return list
}
