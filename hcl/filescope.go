package hcl

import (
	"fmt"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// loader makes a module of parsed files. It is used once, by one goroutine.
type loader struct {
	pulling
	opts    Options
	dir     string
	src     *sources
	names   names
	vars    map[string]cty.Value
	locals  map[string]*thunk
	configs map[string]*config
	// programs are the configs that something uses, derived and bound.
	programs map[string]*program
	sets     []set
	inputs   *inputFiles
	varFiles []File
	// Contexts that hold functions only.
	atFile, inSample, inExperiment *hcl2.EvalContext
}

// functionContexts makes the three sets of functions that there are.
func (l *loader) functionContexts(f functionSet) {
	l.names.functions = f
	l.inExperiment = &hcl2.EvalContext{Functions: map[string]function.Function{textCall: textFunction}}
	for name, one := range f.everywhere {
		l.inExperiment.Functions[name] = limited(name, one)
	}
	l.atFile = l.inExperiment.NewChild()
	l.atFile.Functions = f.fileScope
	l.inSample = l.atFile.NewChild()
	l.inSample.Functions = f.samples
}

// addLocal declares one name of a locals block.
func (l *loader) addLocal(name string, at hcl2.Range, e *expression) {
	t := &thunk{name: "local." + name, at: at, expr: e}
	t.eval = func() (cty.Value, bool) { return l.fileValue(e, l.atFile) }
	l.locals[name] = t
}

// fileValue evaluates an expression of file scope, and reports what is wrong
// with it. Its names must have been checked.
func (l *loader) fileValue(e *expression, functions *hcl2.EvalContext) (cty.Value, bool) {
	b, ok := l.bind(e, functions, nil)
	if !ok {
		return cty.DynamicVal, false
	}
	v, _, diags := b.evaluate(nil)
	l.report(diags...)
	return v, !diags.HasErrors()
}

// bind fixes what an expression takes from file scope. where resolves the rest;
// it is nil where there is no rest. ok is false where a name has no value, or
// none that could be evaluated; that is reported.
func (l *loader) bind(e *expression, functions *hcl2.EvalContext, where lookup) (b *bound, ok bool) {
	b = &bound{expression: e}
	// Fixed values are placed like needs, in a tree of their own.
	fixed := &bound{}
	var values []cty.Value
	ok, room := !e.unsound, 4*maxValue
	for _, r := range e.refs {
		switch r.root {
		case "var", "local", "config":
			v, n, good := l.lookUp(r)
			ok = ok && good
			room = shrink(room, v)
			before := len(fixed.needs)
			if fixed.place(need{r.root, r.text(n)}, r.steps[:n]); len(fixed.needs) > before {
				values = append(values, v)
			}
		default:
			ok = l.resolve(b, r, where) && ok
		}
	}
	if room <= 0 {
		l.report(problem(e.Range(), "Too large a value", "What this expression refers to takes more than %d MiB in all.", 4*maxValue>>20))
		ok = false
	}
	fixed.fixed = functions
	b.fixed = fixed.context(values)
	return b, ok
}

// lookup finds what differs between experiments: the hyperparameters of a
// config, its run and resources. used is how many steps name the value.
type lookup interface {
	resolve(r reference) (path string, used int, wrong *hcl2.Diagnostic)
}

func (l *loader) resolve(b *bound, r reference, where lookup) bool {
	if where == nil {
		return false // check has reported a name that is not available
	}
	path, used, wrong := where.resolve(r)
	if wrong != nil {
		l.report(wrong)
		return false
	}
	root := r.root
	if r.whole {
		root = wholeHP
	}
	b.place(need{root, path}, r.steps[:used])
	return true
}

// lookUp pulls a value of file scope; used is how many steps name it.
func (l *loader) lookUp(r reference) (v cty.Value, used int, ok bool) {
	if len(r.steps) == 0 {
		return cty.DynamicVal, 0, false
	}
	name := r.steps[0].name
	switch r.root {
	case "var":
		v, ok = l.vars[name]
		return v, 1, ok && v.IsKnown()
	case "local":
		if t := l.locals[name]; t != nil {
			v, ok = l.pull(t)
		}
		return v, 1, ok
	}
	return l.lookUpConfig(r)
}

// lookUpConfig reads config.NAME.hp.PATH: the config's own value.
func (l *loader) lookUpConfig(r reference) (v cty.Value, used int, ok bool) {
	if len(r.steps) < 2 || l.configs[r.steps[0].name] == nil {
		return cty.DynamicVal, 0, false
	}
	p, ok := l.program(r.steps[0].name)
	if !ok {
		return cty.DynamicVal, 0, false
	}
	inner := reference{root: "config." + p.config.name + ".hp", steps: r.steps[2:], at: r.at}
	path, used, wrong := p.resolve(inner)
	if wrong != nil {
		l.report(wrong)
		return cty.DynamicVal, 0, false
	}
	if v, ok = p.baseValue(path); !ok {
		l.report(p.why(path)...)
	}
	return v, used + 2, ok
}

// describe says what a value is, for messages.
func describe(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	if plain, marks := v.Unmark(); len(marks) == 0 && plain.IsKnown() {
		switch plain.Type() {
		case cty.String:
			return fmt.Sprintf("%q", plain.AsString())
		case cty.Number:
			return numberText(plain.AsBigFloat())
		case cty.Bool:
			return fmt.Sprint(plain.True())
		}
	}
	return withArticle(typeName(v.Type()))
}
