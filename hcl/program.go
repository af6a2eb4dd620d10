package hcl

import (
	"errors"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// program is a config laid over its ancestors: what sweep calls a Program. Once
// prepare has succeeded it does not change and does not need its loader.
type program struct {
	loader *loader
	config *config
	thunk  *thunk

	hp       *parameter
	byPath   map[string]*parameter // those that are no groups
	settings map[string][]setting
	assume   []*entry
	ignore   []named
	identity sweep.IdentityRules

	// base is hp without any assignment. ordered are the leaves, each after
	// those that it needs; dependent are those of them that need others.
	base               *sweep.Object
	ordered, dependent []*parameter
	// failing have no value without an assignment.
	failing  []*parameter
	prepared bool

	name  string // the experiment_name where no experiment changes it
	round string // run.round in experiment_name
	dir   string // where relative paths start
	files *inputFiles
	jobs  jobs
}

// leaf is how a hyperparameter is evaluated.
type leaf struct {
	thunk *thunk
	bound *bound
	kind  hpType
	value sweep.Value // without any assignment
	// wrong is why it has no value without an assignment. It is reported only
	// if a point needs it.
	wrong hcl2.Diagnostics
	needs map[*parameter]bool // all that its value depends on
	memo  memo[sweep.Value]
}

// program derives a config when it is first asked for.
func (l *loader) program(name string) (*program, bool) {
	p := l.programs[name]
	if p == nil {
		c := l.configs[name]
		p = &program{
			loader: l, config: c, hp: &parameter{}, settings: map[string][]setting{},
			round: l.opts.Round, dir: l.dir, files: l.inputs,
		}
		p.thunk = &thunk{name: "config." + name, at: c.at, eval: func() (cty.Value, bool) { return cty.True, p.derive() }}
		l.programs[name] = p
	}
	_, ok := l.pull(p.thunk)
	return p, ok
}

// resolve is its lookup.
func (p *program) resolve(r reference) (path string, used int, wrong *hcl2.Diagnostic) {
	if r.root == "run" || r.root == "resources" {
		return p.resolveSetting(r)
	}
	at := p.hp
	for _, s := range r.steps {
		if !at.isGroup() {
			break // the rest is for the value
		}
		kid := at.kid(s.name)
		if kid == nil {
			return "", 0, p.undeclared(s.at, join(at.path, s.name))
		}
		at = kid
		used++
	}
	return at.path, used, nil
}

// baseValue is a hyperparameter's value, or a group's, without any assignment.
// What is wrong with it is in why.
func (p *program) baseValue(path string) (cty.Value, bool) {
	at := p.at(path)
	if !at.isGroup() {
		return p.loader.pull(at.leaf.thunk)
	}
	attributes := make(map[string]cty.Value, len(at.kids))
	ok := true
	for _, k := range at.kids {
		v, fine := p.baseValue(k.path)
		attributes[k.name], ok = v, ok && fine
	}
	return cty.ObjectVal(attributes), ok
}

// why collects what is wrong with the values at a path.
func (p *program) why(path string) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	for _, q := range p.at(path).leaves(nil) {
		diags = append(diags, q.leaf.wrong...)
	}
	return diags
}

func (p *program) prepareLeaves() {
	prefix := "config." + p.config.name + ".hp."
	for _, q := range p.hp.leaves(nil) {
		q.leaf.thunk = &thunk{name: prefix + q.path, at: q.given.at}
		q.leaf.thunk.eval = func() (cty.Value, bool) { return p.evaluateLeaf(q) }
	}
}

// evaluateLeaf is the thunk of a hyperparameter without any assignment.
func (p *program) evaluateLeaf(q *parameter) (cty.Value, bool) {
	b, ok := p.loader.bind(q.given.expr, p.loader.inExperiment, p)
	if !ok {
		return cty.DynamicVal, false
	}
	q.leaf.bound = b
	values, ok := p.baseValues(q, b)
	p.ordered = append(p.ordered, q)
	if !ok {
		return cty.DynamicVal, false
	}
	v, diags := b.hyperparameter(q, values)
	q.leaf.kind = anyType
	if !diags.HasErrors() && !isAny(q.declared[0]) && q.declared[0] == q.given {
		q.leaf.kind = typeOf(v)
	}
	if diags.HasErrors() {
		if len(b.needs) == 0 {
			p.loader.report(diags...)
		} else {
			q.leaf.wrong = diags
		}
		return cty.DynamicVal, false
	}
	q.leaf.value = v
	return toCty(v), true
}

// baseValues pulls what an expression needs, and notes the dependence.
func (p *program) baseValues(q *parameter, b *bound) ([]cty.Value, bool) {
	values, ok := make([]cty.Value, len(b.needs)), true
	q.leaf.needs = map[*parameter]bool{}
	for i, n := range b.needs {
		v, fine := p.baseValue(n.path)
		values[i], ok = v, ok && fine
		if !fine {
			q.leaf.wrong = append(q.leaf.wrong, p.why(n.path)...)
		}
		for _, other := range p.at(n.path).leaves(nil) {
			q.leaf.needs[other] = true
			for further := range other.leaf.needs {
				q.leaf.needs[further] = true
			}
		}
	}
	return values, ok
}

// hyperparameter evaluates to a value that an experiment can have.
func (b *bound) hyperparameter(q *parameter, values []cty.Value) (sweep.Value, hcl2.Diagnostics) {
	v, ctx, diags := b.evaluate(values)
	if diags.HasErrors() {
		return sweep.Value{}, diags
	}
	value, err := fromCty(v)
	switch {
	case errors.Is(err, errSensitive):
		return value, hcl2.Diagnostics{b.wrong(ctx, "Sensitive hyperparameter", "hp.%s: %s", q.path, punctuated(err.Error()))}
	case err != nil:
		return value, hcl2.Diagnostics{b.wrong(ctx, "Unusable value", "hp.%s: %s", q.path, punctuated(err.Error()))}
	}
	return value, nil
}

// isAny reports whether a default leaves the type open.
func isAny(s source) bool { return s.free || isNull(s.expr) }

// isNull reports whether null is written out.
func isNull(e *expression) bool {
	literal, ok := e.Expression.(*hclsyntax.LiteralValueExpr)
	return ok && literal.Val.IsNull()
}

// prepare makes the program complete, and reports what keeps it from being so.
func (p *program) prepare() {
	if p.prepared {
		return
	}
	p.prepared = true
	leaves := p.hp.leaves(nil)
	for _, q := range leaves {
		p.loader.pull(q.leaf.thunk)
	}
	p.checkTypes(leaves)
	p.byPath = make(map[string]*parameter, len(leaves))
	for _, q := range leaves {
		p.byPath[q.path] = q
	}
	for _, q := range leaves {
		if q.leaf.thunk.state == good {
			p.base = p.base.With(q.path, q.leaf.value)
		}
	}
	for _, q := range p.ordered {
		if len(q.leaf.needs) > 0 {
			p.dependent = append(p.dependent, q)
		}
		if q.leaf.wrong != nil {
			p.failing = append(p.failing, q)
		}
	}
	p.prepareIdentity()
	p.prepareJobs()
}

// checkTypes fixes every type by its declaration, and holds the value to it.
func (p *program) checkTypes(leaves []*parameter) {
	for _, q := range leaves {
		first, kind := source{}, anyType
		for _, d := range q.declared {
			k, ok := p.declaredType(q, d)
			switch {
			case !ok:
			case kind == anyType:
				first, kind = d, k
			case k != anyType && k != kind:
				p.loader.report(problem(d.expr.Range(), "Two types for one hyperparameter",
					"hp.%s is %s here and %s at %s. Its default fixes its type: give both the same, or write any(...).", q.path, withArticle(k.String()), withArticle(kind.String()), placed(first.at)))
			}
		}
		if isAny(q.declared[0]) {
			kind = anyType
		}
		q.leaf.kind = kind
		if q.leaf.thunk.state == good && q.given != q.declared[0] {
			p.loader.report(p.typeProblems(q, q.leaf.value, q.given.expr.Range())...)
		}
	}
}

// declaredType evaluates a default for the sake of its type.
func (p *program) declaredType(q *parameter, d source) (hpType, bool) {
	if isAny(d) {
		return anyType, true
	}
	if d == q.given {
		return typeOf(q.leaf.value), q.leaf.thunk.state == good
	}
	b, ok := p.loader.bind(d.expr, p.loader.inExperiment, p)
	if !ok {
		return anyType, false
	}
	values := make([]cty.Value, len(b.needs))
	for i, n := range b.needs {
		if values[i], ok = p.baseValue(n.path); !ok {
			return anyType, false
		}
	}
	v, diags := b.hyperparameter(q, values)
	return typeOf(v), !diags.HasErrors()
}

// typeProblems holds a value to its hyperparameter's type.
func (p *program) typeProblems(q *parameter, v sweep.Value, at hcl2.Range) hcl2.Diagnostics {
	declared := q.declared[0]
	if !q.leaf.kind.accepts(v) {
		got := withArticle(v.Kind().String())
		if v.IsNull() {
			got = "null"
		}
		return hcl2.Diagnostics{problem(at, "Wrong type", "hp.%s is %s by its default at %s, and this is %s%s.", q.path, withArticle(q.leaf.kind.String()), placed(declared.at), got, typeHint(q.leaf.kind, v))}
	}
	if q.leaf.thunk.state == good && fractionOfWhole(q.defaultValue(), v) {
		return hcl2.Diagnostics{doubt(at, "Fraction for a whole number", "hp.%s is the whole number %s by its default at %s, and this is %s. If fractions are meant, write any(%s) there.", q.path, q.defaultValue().Text(), placed(declared.at), v.Text(), q.defaultValue().Text())}
	}
	return nil
}

func typeHint(want hpType, v sweep.Value) string {
	switch {
	case v.IsNull():
		return ": null is a value of any(default) only"
	case want == numberType && v.Kind() == sweep.KindString:
		if text, _ := v.AsString(); looksNumeric(text) {
			return ": write " + text + " without quotes"
		}
	case want == stringType && v.Kind() != sweep.KindList && v.Kind() != sweep.KindObject:
		return `: write "` + v.Text() + `" with quotes`
	}
	return ""
}

func looksNumeric(s string) bool {
	_, err := cty.ParseNumberVal(s)
	return err == nil
}

// defaultValue is the value by the declaration where that is written out, else
// what the config gives.
func (q *parameter) defaultValue() sweep.Value {
	if literal, ok := q.declared[0].expr.Expression.(*hclsyntax.LiteralValueExpr); ok {
		if v, err := fromCty(literal.Val); err == nil {
			return v
		}
	}
	return q.leaf.value
}
