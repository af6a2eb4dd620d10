package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

// PlanHeader is what a plan says before its rows.
type PlanHeader struct {
	Version string // lxsweep's
	Ledger  Ledger
	Runner  string
	Cluster *Cluster // nil for this machine
	Round   string
	// Variables with where each came from, sorted by name.
	Variables []Variable
	// Settings are what the command line adds, as it was typed: "--set hp.epochs=1".
	Settings []string
	// Parallel bounds all that runs at once; 0 is no bound.
	Parallel int
	Sweeps   []*sweep.Sweep
}

// Ledger is where the record is.
type Ledger struct {
	Path string // as a person would type it
	ID   string // empty for a new one
	New  bool   // nothing is there yet
	// Note is something about its place worth knowing, empty for nothing.
	Note string
}

// Cluster is where Jobs are made.
type Cluster struct {
	Context   string `json:"context"`
	Server    string `json:"server"`
	Namespace string `json:"namespace"`
}

// Variable is an input and its source.
type Variable struct {
	Name   string `json:"name"`
	Text   string `json:"value"`
	Source string `json:"source"`
}

// PlanWriter draws a plan: each row as it comes, then the rest.
type PlanWriter interface {
	Row(*sweep.Action) error
	// Finish may be called once the plan's actions were all pulled.
	Finish(p *sweep.Plan, warnings []string) error
}

var (
	_ PlanWriter = (*PlanText)(nil)
	_ PlanWriter = (*PlanJSON)(nil)
)

// VaryingPaths are the hyperparameters that the sweep's blocks set, in the
// order in which they appear.
func VaryingPaths(s *sweep.Sweep) []string {
	var paths []string
	add := func(path string) {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	axes := func(list []sweep.Axis) {
		for _, axis := range list {
			for _, path := range axis.Paths {
				add(path)
			}
		}
	}
	for _, space := range s.Spaces {
		switch space := space.(type) {
		case *sweep.Grid:
			axes(space.Axes)
		case *sweep.Sample:
			axes(space.Axes)
		}
	}
	for _, include := range s.Includes {
		for _, set := range include.Assignment {
			add(set.Path)
		}
	}
	if s.Repeat != nil {
		axes(s.Repeat.Axes)
	}
	return paths
}

// describe is "minimize val_loss, at most 16 at once".
func describe(s *sweep.Sweep) string {
	var parts []string
	var configs []string
	for _, base := range s.Bases {
		configs = append(configs, base.Config)
	}
	parts = append(parts, "config "+strings.Join(configs, " and "))
	if s.Objective != nil {
		parts = append(parts, ObjectiveText(s.Objective))
	}
	if s.Runner != "" {
		parts = append(parts, "runner "+s.Runner)
	}
	if s.MaxParallel > 0 {
		parts = append(parts, fmt.Sprintf("at most %d at once", s.MaxParallel))
	}
	return strings.Join(parts, ", ")
}

// ObjectiveText is "minimize val_loss".
func ObjectiveText(o *sweep.Objective) string {
	var parts []string
	for _, g := range o.Goals {
		verb := "minimize "
		if g.Maximize {
			verb = "maximize "
		}
		parts = append(parts, verb+g.Metric)
	}
	text := strings.Join(parts, ", ")
	if o.Pick != "" && o.Pick != sweep.PickLast {
		text += " (" + string(o.Pick) + ")"
	}
	return text
}

// Warnings says what the stages of a finished plan did in vain, and what else a
// plan makes one doubt.
func Warnings(p *sweep.Plan) []string {
	var list []string
	for i, s := range p.Sweeps {
		st := p.Stages[i]
		for k, n := range st.Skipped {
			if n == 0 {
				list = append(list, fmt.Sprintf("%s: this skip drops no point", s.Skips[k].Pos))
			}
		}
		if st.Points > 0 && st.Experiments == 0 && st.Failed == 0 && len(st.Short) == 0 {
			list = append(list, fmt.Sprintf("%s: sweep %q has no experiment: every point is skipped", s.Pos, s.Name))
		}
		for _, k := range st.SkippedIncludes {
			list = append(list, fmt.Sprintf("%s: a skip would have dropped this included point; included points are never skipped", s.Includes[k].Pos))
		}
		for _, k := range st.KnownIncludes {
			list = append(list, fmt.Sprintf("%s: this included point is one that comes before it", s.Includes[k].Pos))
		}
		if s.Repeat != nil && st.Repeats == 1 {
			list = append(list, fmt.Sprintf("%s: this repeat runs every point once, as without it", s.Repeat.Pos))
		}
		list = append(list, st.Short...)
	}
	if block := p.Assumable(); block != "" {
		list = append(list, "every experiment is new because hyperparameters were added; to keep the results of last time, write in the config:\n"+block)
	}
	return list
}

// ClosingLine is the last line of a plan.
func ClosingLine(p *sweep.Plan, parallel int) string {
	parts := planParts(p)
	switch {
	case len(parts) == 0:
		return "Plan: no experiments."
	case p.Starts == 0 && p.Counts[sweep.SignLive] == 0:
		return "Plan: nothing to run: " + strings.Join(parts, ", ") + "."
	}
	line := "Plan: " + strings.Join(parts, ", ") + "."
	if most := AtOnce(p, parallel); most > 0 {
		line += fmt.Sprintf(" At most %s at once.", Thousands(fmt.Sprint(most)))
	}
	return line
}

// planParts is "7 to run", "1 changed (kept)", "2 failed (kept)", "35 unchanged".
func planParts(p *sweep.Plan) []string {
	var parts []string
	part := func(n int, what string) {
		if n > 0 {
			parts = append(parts, Thousands(fmt.Sprint(n))+" "+what)
		}
	}
	part(p.Starts, "to run")
	part(p.Counts[sweep.SignLive], "running")
	part(p.Kept[sweep.SignChanged], "changed (kept)")
	part(p.Kept[sweep.SignFailed], "failed (kept)")
	part(unchanged(p), "unchanged")
	part(p.Counts[sweep.SignRemoved], "removed (kept)")
	return parts
}

// unchanged counts what succeeded and is not run again: every start has a sign
// too, and only those of `=` are not told apart elsewhere.
func unchanged(p *sweep.Plan) int {
	others := p.Counts[sweep.SignNew] +
		p.Counts[sweep.SignChanged] - p.Kept[sweep.SignChanged] +
		p.Counts[sweep.SignFailed] - p.Kept[sweep.SignFailed]
	return p.Counts[sweep.SignUnchanged] - (p.Starts - others)
}

// AtOnce is how many starts can be in flight together, 0 for no starts.
func AtOnce(p *sweep.Plan, parallel int) int {
	most, bounded := 0, true
	for _, s := range p.Sweeps {
		most += s.MaxParallel
		bounded = bounded && s.MaxParallel > 0
	}
	if !bounded || parallel > 0 && parallel < most {
		most = parallel
	}
	if most == 0 || p.Starts+p.Counts[sweep.SignLive] < most {
		most = p.Starts + p.Counts[sweep.SignLive]
	}
	return most
}
