package hcl

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// parameter is a hyperparameter of a derived config, or a group of them.
type parameter struct {
	name, path string
	kids       []*parameter // in source order; a group has no more
	declared   []source     // by whom; the first fixes the type
	given      source       // whose value counts
	leaf       *leaf        // how it is evaluated
}

// source is an expression and the name it was written for.
type source struct {
	at   hcl2.Range
	expr *expression
	free bool // any(...)
}

func (p *parameter) isGroup() bool { return p.leaf == nil }

func (p *parameter) kid(name string) *parameter {
	for _, k := range p.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (p *parameter) kidNames() []string {
	names := make([]string, len(p.kids))
	for i, k := range p.kids {
		names[i] = k.name
	}
	return names
}

// find returns the parameter at a dotted path, nil if there is none.
func (p *parameter) find(path string) *parameter {
	for name := range strings.SplitSeq(path, ".") {
		if p = p.kid(name); p == nil {
			return nil
		}
	}
	return p
}

// leaves appends the parameters that have values, in source order.
func (p *parameter) leaves(list []*parameter) []*parameter {
	if !p.isGroup() {
		return append(list, p)
	}
	for _, k := range p.kids {
		list = k.leaves(list)
	}
	return list
}

// checkAncestors reports from lists that name nothing, themselves or each other
// in a ring, or contradict each other. It takes bad ones away, so that what
// follows can rely on them.
func (l *loader) checkAncestors(order []*config) {
	for _, c := range order {
		seen := map[string]bool{}
		c.from = slices.DeleteFunc(c.from, func(n named) bool {
			switch {
			case l.configs[n.name] == nil:
				l.report(problem(n.at, "Undeclared config", "There is no config %q.%s", n.name, didYouMean(n.name, l.names.configs)))
			case seen[n.name]:
				l.report(problem(n.at, "Config given twice", "config.%s is in this list already.", n.name))
			default:
				seen[n.name] = true
				return false
			}
			return true
		})
	}
	state := map[string]thunkState{}
	for _, c := range order {
		l.breakRings(c, state, nil)
	}
	for _, c := range order {
		var wrong *inconsistentError
		if _, err := linearise(c.name, l.parents); errors.As(err, &wrong) && !l.hasInconsistentAncestor(c) {
			l.report(problem(c.fromRange(), "Inconsistent ancestors",
				"Ancestors apply in the order of from lists, and these contradict each other: %s by one of them, %s by another. Write the lists in one order.",
				strings.Join(wrong.first, " before "), strings.Join(wrong.second, " before ")))
		}
	}
}

func (l *loader) hasInconsistentAncestor(c *config) bool {
	return slices.ContainsFunc(c.from, func(n named) bool {
		_, err := linearise(n.name, l.parents)
		return err != nil
	})
}

func (c *config) fromRange() hcl2.Range {
	if len(c.from) == 0 {
		return c.at
	}
	return hcl2.RangeBetween(c.from[0].at, c.from[len(c.from)-1].at)
}

func (l *loader) parents(name string) []string {
	from := l.configs[name].from
	names := make([]string, len(from))
	for i, n := range from {
		names[i] = n.name
	}
	return names
}

// breakRings follows from lists; a step back onto the way is a ring.
func (l *loader) breakRings(c *config, state map[string]thunkState, way []named) {
	state[c.name] = busy
	c.from = slices.DeleteFunc(c.from, func(n named) bool {
		switch state[n.name] {
		case unasked:
			l.breakRings(l.configs[n.name], state, append(way, named{c.name, n.at}))
		case busy:
			l.report(ringProblem(append(way, named{c.name, n.at}), n))
			return true
		}
		return false
	})
	state[c.name] = good
}

func ringProblem(way []named, last named) *hcl2.Diagnostic {
	start := slices.IndexFunc(way, func(n named) bool { return n.name == last.name })
	path := ""
	for _, n := range way[start:] {
		path += fmt.Sprintf("config.%s (%s) -> ", n.name, placed(n.at))
	}
	return problem(last.at, "Cycle", "config.%s derives from itself: %sconfig.%s. Take one of them out of its from.", last.name, path, last.name)
}

// derive lays the config over its ancestors, and --set over it. What is wrong
// with one name leaves the others, so that all mistakes are found at once.
func (p *program) derive() bool {
	l := p.loader
	line, err := linearise(p.config.name, l.parents)
	if err != nil {
		return false // checkAncestors has reported it
	}
	for _, name := range line {
		layer := l.configs[name]
		p.lay(p.hp, layer.hp, l.declares(name))
		p.laySettings(layer.settings)
		p.assume = append(p.assume, layer.assume...)
		p.ignore = append(p.ignore, layer.ignore...)
	}
	p.laySets(l.sets)
	p.prepareLeaves()
	return true
}

// declares reports whether a config may name new hyperparameters: one that
// derives from a config with hyperparameters gives values only.
func (l *loader) declares(name string) bool {
	line, _ := linearise(name, l.parents) // checked by derive
	return !slices.ContainsFunc(line[:len(line)-1], func(ancestor string) bool {
		return len(l.configs[ancestor].hp) > 0
	})
}

// lay puts the entries of one config over a group.
func (p *program) lay(group *parameter, entries []*entry, declares bool) {
	for _, e := range entries {
		e, ok := p.opened(e)
		kid := group.kid(e.name)
		switch {
		case !ok:
		case kid == nil && !declares:
			p.loader.report(p.undeclared(e.at, join(group.path, e.name)))
		case kid == nil:
			p.declare(group, e)
		default:
			p.give(kid, e, declares)
		}
	}
}

func (p *program) declare(group *parameter, e *entry) {
	if !hclsyntax.ValidIdentifier(e.name) {
		p.loader.report(problem(e.at, "Name that is no name", "hp.%s could not be written: the name of a hyperparameter is made of letters, digits, _ and -, and a group is written name { ... }.", e.name))
		return
	}
	kid := &parameter{name: e.name, path: join(group.path, e.name)}
	if e.isBlock() {
		if p.lay(kid, e.kids, true); len(kid.kids) > 0 { // an empty block declares nothing
			group.kids = append(group.kids, kid)
		}
		return
	}
	group.kids = append(group.kids, kid)
	kid.given = source{e.at, e.expr, e.free}
	kid.declared = []source{kid.given}
	kid.leaf = &leaf{}
}

// give lays an entry over what ancestors have declared.
func (p *program) give(kid *parameter, e *entry, declares bool) {
	switch {
	case kid.isGroup() && e.isBlock():
		p.lay(kid, e.kids, declares)
		return
	case kid.isGroup():
		p.loader.report(problem(e.expr.Range(), "Value for a group",
			"%s is a group of hyperparameters: write %s { ... } with %s.", kid.path, kid.name, listed(kid.kidNames(), "or")))
		return
	case e.isBlock():
		e = &entry{name: e.name, at: e.at, expr: objectExpression(e)}
	}
	kid.given = source{e.at, e.expr, e.free}
	if declares {
		kid.declared = append(kid.declared, kid.given)
	}
}

// objectExpression makes one value of a block, for a hyperparameter that takes
// anything.
func objectExpression(e *entry) *expression {
	object := &hclsyntax.ObjectConsExpr{SrcRange: e.at, OpenRange: e.at}
	for _, k := range e.kids {
		value := k.expr
		if k.isBlock() {
			value = objectExpression(k)
		}
		key := &hclsyntax.LiteralValueExpr{Val: cty.StringVal(k.name), SrcRange: k.at}
		object.Items = append(object.Items, hclsyntax.ObjectConsItem{KeyExpr: key, ValueExpr: value.Expression})
	}
	return newExpression(object)
}

// opened turns an expression whose value is an object into a block, if it can
// be evaluated once for all experiments: an object as a default, or over one,
// behaves like a block.
func (p *program) opened(e *entry) (*entry, bool) {
	if e.isBlock() || e.free || !mayBeObject(e.expr) {
		return e, true
	}
	for _, r := range e.expr.refs {
		if r.root == "hp" {
			return e, true
		}
	}
	if p.loader.reachesBusy(e.expr, map[string]bool{}) {
		return e, true // a value of this config, or a cycle: its thunk will tell
	}
	v, ok := p.loader.fileValue(e.expr, p.loader.inExperiment)
	if !ok {
		return e, false
	}
	if v.IsMarked() || v.IsNull() || !v.Type().IsObjectType() || v.LengthInt() == 0 {
		return e, true
	}
	return openedValue(e.name, e.at, e.expr.Range(), v), true
}

// reachesBusy reports whether an expression refers, through locals and other
// configs too, to a config that is being derived.
func (l *loader) reachesBusy(e *expression, seen map[string]bool) bool {
	for _, r := range e.refs {
		if len(r.steps) == 0 || seen[r.text(1)] {
			continue
		}
		seen[r.text(1)] = true
		name := r.steps[0].name
		switch {
		case r.root == "local" && l.locals[name] != nil && l.reachesBusy(l.locals[name].expr, seen):
			return true
		case r.root == "config" && l.configs[name] != nil && l.configReachesBusy(name, seen):
			return true
		}
	}
	return false
}

func (l *loader) configReachesBusy(name string, seen map[string]bool) bool {
	if p := l.programs[name]; p != nil {
		return p.thunk.state == busy
	}
	line, err := linearise(name, l.parents)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(line, func(ancestor string) bool {
		return l.entriesReachBusy(l.configs[ancestor].hp, seen)
	})
}

func (l *loader) entriesReachBusy(entries []*entry, seen map[string]bool) bool {
	return slices.ContainsFunc(entries, func(e *entry) bool {
		return !e.isBlock() && l.reachesBusy(e.expr, seen) || l.entriesReachBusy(e.kids, seen)
	})
}

func openedValue(name string, at, exprRange hcl2.Range, v cty.Value) *entry {
	e := &entry{name: name, at: at}
	for key, value := range v.Elements() {
		if !value.IsMarked() && !value.IsNull() && value.Type().IsObjectType() && value.LengthInt() > 0 {
			e.kids = append(e.kids, openedValue(key.AsString(), at, exprRange, value))
			continue
		}
		e.kids = append(e.kids, &entry{name: key.AsString(), at: at, expr: constantExpression(value, exprRange)})
	}
	return e
}

// mayBeObject spares what cannot be one from being evaluated early.
func mayBeObject(e *expression) bool {
	switch e.Expression.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr, *hclsyntax.TupleConsExpr, *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr:
		return false
	}
	return true
}

// undeclared is the problem of a name that no config declares.
func (p *program) undeclared(at hcl2.Range, path string) *hcl2.Diagnostic {
	if path == "hp" {
		return problem(at, "Undeclared hyperparameter", "Hyperparameters are named without hp here: write lr = ..., not hp { lr = ... }.")
	}
	known := make([]string, 0, 16)
	for _, leaf := range p.hp.leaves(nil) {
		known = append(known, leaf.path)
	}
	if len(known) == 0 {
		return problem(at, "Undeclared hyperparameter", "config.%s declares no hyperparameters. Write hp { %s = ... } in it or in a config it derives from.", p.config.name, path)
	}
	hint := didYouMean(path, known)
	if hint == "" {
		hint = didYouMean(path, p.hp.kidNames())
	}
	if hint == "" {
		hint = " Declare it, with its default, in the config that declares the others."
	}
	return problem(at, "Undeclared hyperparameter", "There is no hyperparameter %q in config.%s.%s", path, p.config.name, hint)
}
