package hcl

import (
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// jobs is what run and resources make of an experiment.
type jobs struct {
	slots map[string]*slot
	// fixed holds what no experiment changes; varying fill in the rest.
	fixed   sweep.Command
	varying []*slot
	inputs  *slot // nil for none
	digests []sweep.Digest
}

// slot is an attribute of run or resources, ready to be evaluated.
type slot struct {
	path  string
	kind  settingType
	parts []*bound // several where a map is merged name by name
	// constant says that no experiment changes it; value is then what it is.
	constant bool
	value    cty.Value
	template *template // nil where only cty will do
	memo     memo[slotValue]
}

// slotValue is a result that is kept.
type slotValue struct {
	value cty.Value
	ctx   *hcl2.EvalContext
}

// placeNames are the names under run that are known once an experiment has its
// place.
var placeNames = []string{"run_name", "jobid", "round", "working_dir", "data_dir", "output_dir"}

// settingDefaults are what attributes that are not written read as.
var settingDefaults = map[string]cty.Value{
	"run.gpus":                           cty.NumberIntVal(0),
	"run.retries":                        cty.NumberIntVal(0),
	"run.env":                            cty.EmptyObjectVal,
	"run.inputs":                         cty.EmptyTupleVal,
	"run.no_retry_exit_codes":            cty.EmptyTupleVal,
	"run.reads_hp":                       cty.False,
	"resources.host.working_dir":         cty.StringVal("."),
	"resources.host.data_dir":            cty.StringVal("."),
	"resources.host.output_dir":          cty.StringVal(".lxsweep/runs"),
	"resources.k8.container_working_dir": cty.StringVal("/project"),
	"resources.k8.container_data_dir":    cty.StringVal("/data"),
	"resources.k8.container_output_dir":  cty.StringVal("/output"),
}

// laySettings lays the attributes of one config over its ancestors'. Maps keep
// every layer; null takes an attribute away.
func (p *program) laySettings(settings []setting) {
	for _, s := range settings {
		kind, _ := typeOfSetting(s.path)
		switch {
		case isNull(s.expr):
			delete(p.settings, s.path)
		case kind == textMapSetting:
			p.settings[s.path] = append(slices.Clone(p.settings[s.path]), s)
		default:
			p.settings[s.path] = []setting{s}
		}
	}
}

// resolveSetting finds run.cmd or resources.host.data_dir.
func (p *program) resolveSetting(r reference) (path string, used int, wrong *hcl2.Diagnostic) {
	path = r.root
	for _, s := range r.steps {
		path = join(path, s.name)
		used++
		if r.root == "run" && used == 1 && slices.Contains(placeNames, s.name) {
			return s.name, 1, nil
		}
		if _, known := typeOfSetting(path); known {
			_, standard := settingDefaults[path]
			standard = standard || path == "run.experiment_name" // the config's label
			if p.settings[path] == nil && !standard {
				return "", 0, problem(r.at, "Attribute without a value", "%s is not set in config.%s or what it derives from.", path, p.config.name)
			}
			return strings.TrimPrefix(path, r.root+"."), used, nil
		}
	}
	return "", 0, p.unknownSetting(r)
}

func (p *program) unknownSetting(r reference) *hcl2.Diagnostic {
	known := []string{}
	for path := range settingTypes {
		if strings.HasPrefix(path, r.root+".") {
			known = append(known, path)
		}
	}
	if r.root == "run" {
		for _, n := range placeNames {
			known = append(known, "run."+n)
		}
	}
	text := r.text(len(r.steps))
	hint := didYouMean(text, known)
	if hint == "" {
		hint = " Name one of its attributes."
	}
	return problem(r.at, "Unknown attribute", "%s has no value.%s", text, hint)
}

// prepareJobs binds the settings and evaluates those that never change.
func (p *program) prepareJobs() {
	p.jobs.slots = map[string]*slot{}
	for _, path := range p.sortedPaths() {
		p.bindSlot(path)
	}
	p.breakSettingCycles()
	for path, v := range settingDefaults {
		if p.jobs.slots[path] == nil {
			kind, _ := typeOfSetting(path)
			p.jobs.slots[path] = &slot{path: path, kind: kind, constant: true, value: v}
		}
	}
	p.prepareName()
	p.prepareCommand()
}

func (p *program) bindSlot(path string) {
	kind, _ := typeOfSetting(path)
	s := &slot{path: path, kind: kind}
	for _, one := range p.settings[path] {
		b, ok := p.loader.bind(one.expr, p.loader.inExperiment, p)
		if !ok {
			return
		}
		s.parts = append(s.parts, b)
	}
	p.jobs.slots[path] = s
}

// breakSettingCycles reports attributes of run and resources that need
// themselves.
func (p *program) breakSettingCycles() {
	known := map[*slot]*thunk{}
	for _, path := range p.sortedPaths() {
		if s := p.jobs.slots[path]; s != nil {
			p.loader.pull(p.slotThunk(s, known))
		}
	}
}

// slotThunk pulls what a setting needs; a constant one is evaluated on the way.
func (p *program) slotThunk(s *slot, known map[*slot]*thunk) *thunk {
	if t := known[s]; t != nil {
		return t
	}
	t := &thunk{name: s.path, at: p.settings[s.path][0].at}
	known[s] = t
	t.eval = func() (cty.Value, bool) {
		ok, constant := true, true
		for _, part := range s.parts {
			for _, n := range part.needs {
				constant = false
				for _, needed := range p.settingsFor(n) {
					_, fine := p.loader.pull(p.slotThunk(needed, known))
					ok = ok && fine
				}
			}
		}
		if ok && constant {
			ok = p.fixSlot(s)
		}
		return cty.True, ok
	}
	return t
}

// settingsFor are the attributes that give the value of a need under run or
// resources.
func (p *program) settingsFor(n need) []*slot {
	var paths []string
	switch {
	case n.root == "run" && strings.HasSuffix(n.path, "_dir"): // whichever runner it will be
		paths = []string{"resources.host." + n.path, "resources.k8.container_" + n.path}
	case n.root == "run" || n.root == "resources":
		paths = []string{join(n.root, n.path)}
	}
	var found []*slot
	for _, path := range paths {
		if s := p.jobs.slots[path]; s != nil {
			found = append(found, s)
		}
	}
	return found
}

func (p *program) fixSlot(s *slot) bool {
	v, _, diags := s.evaluate(func(need) (cty.Value, hcl2.Diagnostics) { panic("hcl: a constant needs nothing") })
	p.loader.report(diags...)
	s.constant, s.value = !diags.HasErrors(), v
	return s.constant
}

// evaluate merges the parts. The context is the last part's, for messages.
func (s *slot) evaluate(get func(need) (cty.Value, hcl2.Diagnostics)) (cty.Value, *hcl2.EvalContext, hcl2.Diagnostics) {
	var merged cty.Value
	var ctx *hcl2.EvalContext
	for i, part := range s.parts {
		values := make([]cty.Value, len(part.needs))
		for k, n := range part.needs {
			v, diags := get(n)
			if diags.HasErrors() {
				return cty.DynamicVal, nil, diags
			}
			values[k] = v
		}
		v, at, diags := part.evaluate(values)
		if diags.HasErrors() {
			return v, at, diags
		}
		ctx = at
		if i == 0 {
			merged = v
			continue
		}
		if merged, diags = mergeMaps(merged, v, part, at); diags.HasErrors() {
			return merged, at, diags
		}
	}
	return merged, ctx, nil
}

// mergeMaps lays one map over another.
func mergeMaps(under, over cty.Value, b *bound, ctx *hcl2.EvalContext) (cty.Value, hcl2.Diagnostics) {
	for _, v := range []cty.Value{under, over} {
		if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
			return cty.DynamicVal, hcl2.Diagnostics{b.wrong(ctx, "Wrong type", "This takes names and texts, { NAME = \"text\" }, not %s.", describe(v))}
		}
	}
	attributes := map[string]cty.Value{}
	for _, v := range []cty.Value{under, over} {
		v, marks := v.Unmark()
		for name, text := range v.AsValueMap() {
			attributes[name] = text.WithMarks(marks)
		}
	}
	return cty.ObjectVal(attributes), nil
}
