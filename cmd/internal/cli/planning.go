package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/sweep"
)

// planning is how plans of a project are made: the same way before and under
// the lock.
type planning struct {
	*project
	rerun  sweep.Rerun
	accept bool
	filter *hcl.Filter // nil for none
	// refused is why some start is impossible here, gathered by draw.
	refused []string
	// rescans are rows whose logs are to be read again, gathered by draw.
	rescans []*sweep.Action
}

func newPlanning(p *project, o RerunOptions, filter string) (*planning, error) {
	pl := &planning{project: p, accept: o.AcceptChanged}
	var err error
	if pl.rerun, err = o.parse(); err != nil {
		return nil, err
	}
	pl.filter, err = p.f.parseFilter(filter)
	return pl, err
}

// plan surveys the runner and prepares a plan.
func (pl *planning) plan(ctx context.Context) (*sweep.Plan, error) {
	live, err := pl.survey(ctx)
	if err != nil {
		return nil, err
	}
	return pl.planAfter(live), nil
}

// planAfter prepares a plan against what a survey found.
func (pl *planning) planAfter(live []sweep.Live) *sweep.Plan {
	o := sweep.PlanOptions{
		Past: pl.ledger, Live: live, Own: pl.own, Source: pl.source, Round: pl.round,
		Rerun: pl.rerun, AcceptChanged: pl.accept,
	}
	if pl.filter != nil {
		o.Select = pl.selects
	}
	return sweep.NewPlan(pl.module.Sweeps, o)
}

// walk pulls a plan's rows. Errors of single points are gathered and printed
// together at the end; they end the command.
func (pl *planning) walk(ctx context.Context, p *sweep.Plan, each func(*sweep.Action) error) error {
	failures := pl.module.Failures()
	failed := 0
	var last error // not yet known to be of a point
	for a, err := range p.Actions(ctx) {
		if last != nil {
			failures.Add(last)
			last = nil
		}
		if err != nil {
			failed++
			last = err
			continue
		}
		if err := each(a); err != nil {
			return err
		}
	}
	if failed > p.Failed { // the plan counts points: what it did not count ended it
		return last
	}
	if last != nil {
		failures.Add(last)
	}
	return pl.f.diagnose(failures.Diagnostics())
}

// codeWarning says that results are kept although the code has changed since,
// where no inputs say whether that matters.
type codeWarning struct {
	*project
	commit string
	dirty  bool
	seen   map[string]bool // configs that were looked at
	list   []string
}

func (c *codeWarning) row(a *sweep.Action) {
	if a.Sign != sweep.SignUnchanged || a.Excluded || a.Experiment == nil || c.commit == "" || a.Record.Last == nil {
		return
	}
	config, was := a.Experiment.Config, a.Record.Last.GitCommit
	if was == "" || was == c.commit || c.seen[config] {
		return
	}
	c.seen[config] = true
	for _, s := range c.module.Sweeps {
		for _, base := range s.Bases {
			if base.Config != config {
				continue
			}
			if _, inputs, err := base.Work(a.Experiment.HP); err == nil && len(inputs) == 0 {
				c.list = append(c.list, "the code was committed anew since "+a.RunName()+" ran, and config \""+config+
					"\" does not say which files matter; list them: run { inputs = [\"train.py\"] }")
			}
			return
		}
	}
}

// draw walks a plan and draws it. also is told each row too.
func (pl *planning) draw(ctx context.Context, p *sweep.Plan, w ui.PlanWriter, also func(*sweep.Action)) error {
	fits, filtered := newChecks(pl.project), newUnread(pl.filter)
	commit, dirty := gitState(ctx, pl.module.Dir)
	code := &codeWarning{project: pl.project, commit: commit, dirty: dirty, seen: map[string]bool{}}
	unmet := maps.Clone(pl.rerun.RunNames)
	matched := pl.filter == nil
	err := pl.walk(ctx, p, func(a *sweep.Action) error {
		if a.Experiment != nil {
			delete(unmet, a.RunName())
		}
		matched = matched || !a.Excluded
		fits.row(a)
		filtered.row(a)
		code.row(a)
		if pl.toRescan(a) {
			pl.rescans = append(pl.rescans, a)
		}
		also(a)
		return w.Row(a)
	})
	if err != nil {
		return err
	}
	pl.refused = fits.refused
	warnings := slices.Concat(ui.Warnings(p), fits.misfits, fits.refused, code.list, filtered.warnings())
	if again := rescanWarning(len(pl.rescans)); again != "" {
		warnings = append(warnings, again)
	}
	if !matched {
		warnings = append(warnings, "--filter selects none of these experiments")
	}
	for _, name := range sortedKeys(unmet) {
		warnings = append(warnings, "--rerun "+name+" runs nothing: these files ask for no such run")
	}
	return w.Finish(p, warnings)
}
