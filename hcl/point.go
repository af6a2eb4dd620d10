package hcl

import (
	"fmt"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

var _ sweep.Program = (*program)(nil)

// HP evaluates again what depends on the assignment, and nothing else.
func (p *program) HP(a sweep.Assignment) (*sweep.Object, error) {
	hp := p.base
	var set [8]*parameter
	assigned := set[:0]
	for _, s := range a {
		q := p.byPath[s.Path]
		if q == nil {
			return nil, fmt.Errorf("config.%s has no hyperparameter %q", p.config.name, s.Path)
		}
		hp = hp.With(s.Path, s.Value)
		assigned = append(assigned, q)
	}
	for _, q := range p.dependent {
		if slices.Contains(assigned, q) || !dependsOn(q, assigned) {
			continue
		}
		v, err := p.again(q, hp)
		if err != nil {
			return nil, err
		}
		hp = hp.With(q.path, v)
		assigned = append(assigned, q)
	}
	for _, q := range p.failing {
		if !slices.Contains(assigned, q) {
			return nil, failed(q.leaf.wrong)
		}
	}
	return hp, nil
}

// again evaluates a hyperparameter at a point.
func (p *program) again(q *parameter, hp *sweep.Object) (sweep.Value, error) {
	b := q.leaf.bound
	var buffer [128]byte
	key, keyed := appendKey(buffer[:0], b, hp)
	if keyed {
		if v, ok := q.leaf.memo.get(key); ok {
			return v, nil
		}
	}
	v, diags := b.hyperparameter(q, hpValues(b, hp))
	if !diags.HasErrors() {
		diags = append(diags, p.typeProblems(q, v, q.given.expr.Range())...)
	}
	if keyed && !diags.HasErrors() {
		q.leaf.memo.put(key, v)
	}
	return v, failed(diags)
}

func dependsOn(q *parameter, assigned []*parameter) bool {
	return slices.ContainsFunc(assigned, func(a *parameter) bool { return q.leaf.needs[a] })
}

// hpValues are the values of an expression's needs, where all are of hp.
func hpValues(b *bound, hp *sweep.Object) []cty.Value {
	values := make([]cty.Value, len(b.needs))
	for i, n := range b.needs {
		values[i] = hpValue(hp, n.path)
	}
	return values
}

func hpValue(hp *sweep.Object, path string) cty.Value {
	if path == "" {
		return objectToCty(hp)
	}
	v, _ := hp.Get(path) // resolve has found it
	return toCty(v)
}

// prepareIdentity reads identity blocks: what is left out of the hashes.
func (p *program) prepareIdentity() {
	rules := sweep.IdentityRules{Assume: map[string]sweep.Value{}}
	p.assumeAll(rules.Assume, p.hp, p.assume)
	for _, n := range p.ignore {
		if p.hp.find(n.name) == nil {
			p.loader.report(p.undeclared(n.at, n.name))
			continue
		}
		if !slices.Contains(rules.Ignore, n.name) {
			rules.Ignore = append(rules.Ignore, n.name)
		}
	}
	p.identity = rules
}

func (p *program) assumeAll(into map[string]sweep.Value, group *parameter, entries []*entry) {
	for _, e := range entries {
		q := group.find(e.name)
		switch {
		case q == nil:
			p.loader.report(p.undeclared(e.at, join(group.path, e.name)))
		case e.isBlock():
			p.assumeAll(into, q, e.kids)
		case q.isGroup():
			p.loader.report(problem(e.at, "Value for a group", "%s is a group of hyperparameters: write %s = { %s = ... }.", q.path, q.name, q.kids[0].name))
		default:
			v, ok := p.loader.value(e.expr)
			if ok {
				p.loader.report(p.typeProblems(q, v, e.expr.Range())...)
				into[q.path] = v
			}
		}
	}
}

// value evaluates an expression of file scope to a value that an experiment can
// have.
func (l *loader) value(e *expression) (sweep.Value, bool) {
	v, ok := l.fileValue(e, l.atFile)
	if !ok {
		return sweep.Value{}, false
	}
	value, err := fromCty(v)
	if err != nil {
		l.report(problem(e.Range(), "Unusable value", "%s", sentence(err.Error())))
		return sweep.Value{}, false
	}
	return value, true
}

// sortedPaths are the paths of settings, sorted.
func (p *program) sortedPaths() []string { return slices.Sorted(maps.Keys(p.settings)) }
