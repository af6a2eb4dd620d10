package hcl

import (
	"slices"

	"github.com/lxsweep/lxsweep/sweep"
)

// effects are the attributes through which a hyperparameter reaches a program,
// or tells its experiments apart.
var effects = []string{"run.cmd", "run.env", "run.inputs", "run.experiment_name", "resources.build.image_url"}

// checkUse warns of a swept hyperparameter that reaches none of them, since its
// experiments would all do the same, and of one that identity ignores, since they
// would be one.
func (l *loader) checkUse(b *sweepBlock, s *sweep.Sweep, programs []*program) {
	swept := sweptPaths(s)
	for _, p := range programs {
		for _, path := range swept {
			if e := sets(b.axes(), path, ""); e != nil && p.identity.Ignores(path) {
				l.report(doubt(e.at, "Swept hyperparameter that identity ignores",
					"hp.%s is left out of what tells the experiments of config.%s apart, so that only one of its values would run. Take it out of identity's ignore, or do not sweep it.", path, p.config.name))
			}
		}
		if reads := p.jobs.slots["run.reads_hp"]; reads != nil && (!reads.constant || reads.value.True()) {
			continue
		}
		used := p.usedParameters()
		for _, path := range swept {
			if q := p.hp.find(path); q == nil || used[q] {
				continue
			}
			e := sets(b.axes(), path, "")
			if e == nil {
				continue
			}
			l.report(doubt(e.at, "Swept hyperparameter without effect",
				"hp.%s reaches no command, environment, image or name of config.%s, so its experiments would all do the same. Pass it on, with flags(hp) in cmd, or say that the program reads LXSWEEP_HP: run { reads_hp = true }.", path, p.config.name))
		}
	}
}

// axes are the entries of all spaces and of repeat.
func (b *sweepBlock) axes() []*entry {
	var all []*entry
	for _, space := range b.spaces {
		all = append(all, space.axes...)
	}
	if b.repeat != nil {
		all = append(all, b.repeat.axes...)
	}
	return all
}

func sweptPaths(s *sweep.Sweep) []string {
	var axes []sweep.Axis
	for _, space := range s.Spaces {
		switch space := space.(type) {
		case *sweep.Grid:
			axes = append(axes, space.Axes...)
		case *sweep.Sample:
			axes = append(axes, space.Axes...)
		}
	}
	if s.Repeat != nil {
		axes = append(axes, s.Repeat.Axes...)
	}
	var paths []string
	for _, a := range axes {
		for _, path := range a.Paths {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// usedParameters are those that reach an effect, through other attributes and
// other hyperparameters too.
func (p *program) usedParameters() map[*parameter]bool {
	used := map[*parameter]bool{}
	seen := map[*slot]bool{}
	var follow func(s *slot)
	follow = func(s *slot) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		for _, part := range s.parts {
			for _, n := range part.needs {
				if n.root == "hp" || n.root == wholeHP {
					p.markUsed(used, n.path)
				} else {
					follow(p.jobs.slots[join(n.root, n.path)])
				}
			}
		}
	}
	for _, path := range effects {
		follow(p.jobs.slots[path])
	}
	return used
}

func (p *program) markUsed(used map[*parameter]bool, path string) {
	for _, q := range p.at(path).leaves(nil) {
		used[q] = true
		for needed := range q.leaf.needs {
			used[needed] = true
		}
	}
}

// at is the parameter at a path that is known to be there, the root for none.
func (p *program) at(path string) *parameter {
	if path == "" {
		return p.hp
	}
	return p.hp.find(path)
}
