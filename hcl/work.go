package hcl

import (
	"maps"
	"slices"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// prepareName binds experiment_name, whose default is the config's label.
func (p *program) prepareName() {
	s := p.jobs.slots["run.experiment_name"]
	if s == nil {
		s = &slot{path: "run.experiment_name", constant: true, value: cty.StringVal(p.config.name)}
		p.jobs.slots[s.path], p.name = s, p.config.name
		if err := sweep.CheckExperimentName(p.config.name); err != nil {
			p.loader.report(problem(p.config.at, "Unusable experiment name", "The config's label is the name of its experiments, for want of run { experiment_name = ... }, and %s", punctuated(err.Error())))
		}
		return
	}
	if s.constant {
		name, diags := p.nameOf(s.value, s.parts[0], nil)
		p.loader.report(diags...)
		p.name = name
	}
}

// ExperimentName sees hp and the round only.
func (p *program) ExperimentName(hp *sweep.Object) (string, error) {
	if p.name != "" {
		return p.name, nil
	}
	s := p.jobs.slots["run.experiment_name"]
	v, ctx, diags := s.evaluate(func(n need) (cty.Value, hcl2.Diagnostics) {
		if n.root == "run" { // run.round: check lets nothing else pass
			return cty.StringVal(p.round), nil
		}
		return hpValue(hp, n.path), nil
	})
	if diags.HasErrors() {
		return "", failed(diags)
	}
	name, diags := p.nameOf(v, s.parts[0], ctx)
	return name, failed(diags)
}

func (p *program) nameOf(v cty.Value, b *bound, ctx *hcl2.EvalContext) (string, hcl2.Diagnostics) {
	name, err := settingText(v)
	if err == nil {
		err = sweep.CheckExperimentName(name)
	}
	if err != nil {
		return "", hcl2.Diagnostics{b.wrong(ctx, "Unusable experiment name", "%s", punctuated(err.Error()))}
	}
	return name, nil
}

// prepareCommand fills in what no experiment changes, and checks it.
func (p *program) prepareCommand() {
	if p.settings["run.cmd"] == nil {
		p.loader.report(problem(p.config.at, "Config without a command", "config.%s is used, and neither it nor what it derives from says run { cmd = ... }.", p.config.name))
	}
	p.prepareCluster()
	for _, path := range slices.Sorted(maps.Keys(p.jobs.slots)) {
		s := p.jobs.slots[path]
		if len(s.parts) == 0 {
			continue
		}
		if !s.constant {
			if len(s.parts) == 1 {
				s.template = compile(s.parts[0])
			}
			p.jobs.varying = append(p.jobs.varying, s)
			continue
		}
		if err := s.fill(&p.jobs.fixed, s.value); err != nil {
			p.loader.report(s.unfit(nil, err))
		}
	}
	p.prepareInputs()
}

// unfit is the problem of a value that a setting does not take.
func (s *slot) unfit(ctx *hcl2.EvalContext, err error) *hcl2.Diagnostic {
	summary := "Unusable value"
	if isSensitive(err) {
		summary = "Sensitive value"
	}
	return s.parts[len(s.parts)-1].wrong(ctx, summary, "%s: %s", s.path, punctuated(err.Error()))
}

// work is an experiment's, evaluated when it is asked to Resolve.
type work struct {
	p  *program
	hp *sweep.Object
}

var _ sweep.Work = work{}

// Work is what the experiment does, and the digests of its inputs.
func (p *program) Work(hp *sweep.Object) (sweep.Work, []sweep.Digest, error) {
	w := work{p, hp}
	if p.jobs.inputs == nil {
		return w, p.jobs.digests, nil
	}
	digests, diags := w.inputDigests()
	return w, digests, failed(diags)
}

// Resolve evaluates what the place and the hyperparameters change.
func (w work) Resolve(place sweep.Place) (sweep.Command, error) {
	r := w.at(place)
	c := w.p.jobs.fixed
	if w.p.jobs.clusterVaries {
		c.Cluster = ownCluster(c.Cluster)
	}
	var diags hcl2.Diagnostics
	for _, s := range w.p.jobs.varying {
		if s.path == "run.cmd" && s.template != nil {
			if text, ok := s.template.render(r); ok && fillShell(&c, text) == nil {
				continue
			}
		}
		v, more := r.value(s)
		diags = append(diags, more...)
		if more.HasErrors() {
			continue
		}
		if err := s.fill(&c, v); err != nil {
			diags = append(diags, s.unfit(r.contexts[s], err))
		}
	}
	if diags.HasErrors() {
		return sweep.Command{}, failed(diags)
	}
	var err error
	if c.WorkingDir, err = r.directory("working_dir"); err != nil {
		return sweep.Command{}, err
	}
	if c.DataDir, err = r.directory("data_dir"); err != nil {
		return sweep.Command{}, err
	}
	if c.OutputDir, err = r.directory("output_dir"); err != nil {
		return sweep.Command{}, err
	}
	if place.Runner == kubernetes {
		c.Cluster, err = r.onCluster(c.Cluster)
	}
	if c.MLflowDir != "" {
		c.MLflowDir = r.mlflowDir(c.MLflowDir)
	}
	return c, err
}

// at begins an evaluation.
func (w work) at(place sweep.Place) *resolution {
	r := &resolution{work: w, place: place, hp: w.hp, whole: w.hp}
	if place == (sweep.Place{}) {
		r.standIn()
	}
	return r
}

// resolution is one evaluation of an experiment's work.
type resolution struct {
	work
	place sweep.Place
	// hp is what expressions see, whole what flags() and args() are given: the
	// same but for the stand-ins of what identity leaves out.
	hp, whole *sweep.Object
	standing  bool // the zero Place
	values    map[string]cty.Value
	contexts  map[*slot]*hcl2.EvalContext
}

// standIn replaces what must not reach the hash of a work.
func (r *resolution) standIn() {
	r.standing = true
	rules := r.p.identity
	if len(rules.Assume) == 0 && len(rules.Ignore) == 0 {
		return
	}
	r.whole = rules.Apply(r.hp)
	for _, path := range rules.Ignore {
		v, ok := r.hp.Get(path)
		if ok {
			r.hp = r.hp.With(path, standInFor(v))
		}
	}
}

// standInFor is a fixed value of v's type.
func standInFor(v sweep.Value) sweep.Value {
	switch v.Kind() {
	case sweep.KindBool:
		return sweep.Bool(false)
	case sweep.KindInt, sweep.KindFloat:
		return sweep.Int(1)
	case sweep.KindString:
		return sweep.String("")
	case sweep.KindList:
		return sweep.List(nil)
	case sweep.KindObject:
		o, _ := v.AsObject()
		fixed := map[string]sweep.Value{}
		for name, inner := range o.All() {
			fixed[name] = standInFor(inner)
		}
		return sweep.Obj(sweep.NewObject(fixed))
	}
	return v
}

// value evaluates a slot once.
func (r *resolution) value(s *slot) (cty.Value, hcl2.Diagnostics) {
	if s.constant {
		return s.value, nil
	}
	if v, ok := r.values[s.path]; ok {
		return v, nil
	}
	one, diags := r.evaluate(s)
	if diags.HasErrors() {
		return one.value, diags
	}
	if r.contexts == nil {
		r.values, r.contexts = map[string]cty.Value{}, map[*slot]*hcl2.EvalContext{}
	}
	r.values[s.path], r.contexts[s] = one.value, one.ctx
	return one.value, nil
}

func (r *resolution) evaluate(s *slot) (slotValue, hcl2.Diagnostics) {
	var buffer [128]byte
	key, keyed := buffer[:0], len(s.parts) == 1
	if keyed {
		key, keyed = appendKey(key, s.parts[0], r.hp)
	}
	if keyed {
		if known, ok := s.memo.get(key); ok {
			return known, nil
		}
	}
	v, ctx, diags := s.evaluate(r.get)
	if keyed && !diags.HasErrors() {
		s.memo.put(key, slotValue{v, ctx})
	}
	return slotValue{v, ctx}, diags
}

// get is a value that a setting needs.
func (r *resolution) get(n need) (cty.Value, hcl2.Diagnostics) {
	switch n.root {
	case "hp":
		return hpValue(r.hp, n.path), nil
	case wholeHP:
		return r.wholeValue(n.path), nil
	case "run":
		if slices.Contains(placeNames, n.path) {
			v, err := r.placeValue(n.path)
			if err != nil {
				return v, err.diags
			}
			return v, nil
		}
	}
	path := join(n.root, n.path)
	if r.standing && isDirectory(path) {
		return cty.StringVal(standInDirectory(path)), nil
	}
	return r.value(r.p.jobs.slots[path])
}

// wholeValue is what flags() is given. A path that identity leaves out is
// still a value.
func (r *resolution) wholeValue(path string) cty.Value {
	if path == "" {
		return objectToCty(r.whole)
	}
	if v, ok := r.whole.Get(path); ok {
		return toCty(v)
	}
	if v, _ := r.hp.Get(path); v.Kind() == sweep.KindObject {
		return cty.EmptyObjectVal
	}
	return hpValue(r.hp, path)
}
