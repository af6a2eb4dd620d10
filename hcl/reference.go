package hcl

import (
	"maps"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// expression is what a file gives a name for a value, with the names that it
// refers to itself.
type expression struct {
	hclsyntax.Expression
	refs  []reference
	calls []*hclsyntax.FunctionCallExpr
	loops bool // it has a for expression
	// unsound says that it refers to what is not there, which is reported.
	unsound bool
}

// reference is one use of a name: hp.optimizer.wd.
type reference struct {
	root  string // "hp"
	whole bool   // it is what flags() or args() is given
	// steps are the names after the root, as far as they are written out.
	steps []step
	at    hcl2.Range
}

type step struct {
	name string
	at   hcl2.Range
}

func newExpression(expr hclsyntax.Expression) *expression {
	e := &expression{Expression: expr}
	for _, t := range expr.Variables() {
		e.refs = append(e.refs, newReference(t))
	}
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl2.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.ForExpr:
			e.loops = true
		case *hclsyntax.FunctionCallExpr:
			if n.Name != textCall {
				e.calls = append(e.calls, n)
			}
		}
		return nil
	})
	return e
}

// constantExpression is an expression that was not written as one.
func constantExpression(v cty.Value, at hcl2.Range) *expression {
	return &expression{Expression: &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}}
}

func newReference(t hcl2.Traversal) reference {
	r := reference{root: t.RootName(), at: t.SourceRange()}
	if r.root == wholeHP {
		r.root, r.whole = "hp", true
	}
	for _, s := range t[1:] {
		switch s := s.(type) {
		case hcl2.TraverseAttr:
			r.steps = append(r.steps, step{s.Name, s.SrcRange})
			continue
		case hcl2.TraverseIndex:
			if k, marks := s.Key.Unmark(); len(marks) == 0 && k.Type() == cty.String && !k.IsNull() && k.IsKnown() {
				r.steps = append(r.steps, step{k.AsString(), s.SrcRange})
				continue
			}
		}
		break
	}
	return r
}

// text is the reference as it is written, up to n steps.
func (r reference) text(n int) string {
	var b strings.Builder
	b.WriteString(r.root)
	for _, s := range r.steps[:n] {
		b.WriteString("." + s.name)
	}
	return b.String()
}

// availability says which names can be used in a place.
type availability struct {
	where string // "locals", "a grid": for messages
	hp    bool
	round bool // run.round, and nothing else of run
	run   bool // run and resources
	// samples says that distributions can be called.
	samples bool
}

// names are those that a module's files declare.
type names struct {
	vars, locals, configs []string
	hp                    []string // of any config, for suggestions
	functions             functionSet
}

// check reports the uses of names that do not exist, or not here. What hp, run
// and resources hold depends on the config: see resolve.
func (n *names) check(e *expression, here availability) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	for _, r := range e.refs {
		if d := n.checkReference(r, here); d != nil {
			diags = append(diags, d)
		}
	}
	for _, call := range e.calls {
		if d := n.checkCall(call, here); d != nil {
			diags = append(diags, d)
		}
	}
	return append(diags, foreignBraces(e.Expression)...)
}

func (n *names) checkReference(r reference, here availability) *hcl2.Diagnostic {
	switch r.root {
	case "var":
		return n.declared(r, "variable", n.vars, `Declare it: variable "%s" { ... }.`)
	case "local":
		return n.declared(r, "local", n.locals, `Declare it: locals { %s = ... }.`)
	case "config":
		return n.checkConfig(r)
	case "hp":
		if !here.hp {
			return problem(r.at, "Name not available here",
				"hp.* differs between experiments: it is available in hp, run and resources of a config and in skip, not in %s. A config's own value is config.NAME.%s.", here.where, r.text(len(r.steps)))
		}
		return nil
	case "run", "resources":
		return checkRun(r, here)
	}
	return n.unknownRoot(r, here)
}

func (n *names) declared(r reference, what string, known []string, declare string) *hcl2.Diagnostic {
	if len(r.steps) == 0 {
		return problem(r.at, "Incomplete reference", "%s alone has no value: write %s.NAME, with the name written out.", r.root, r.root)
	}
	name := r.steps[0].name
	if slices.Contains(known, name) {
		return nil
	}
	hint := didYouMean(name, known)
	if hint == "" {
		hint = " " + strings.ReplaceAll(declare, "%s", name)
	}
	return problem(r.at, "Undeclared "+what, "There is no %s %q.%s", what, name, hint)
}

func (n *names) checkConfig(r reference) *hcl2.Diagnostic {
	if d := n.declared(r, "config", n.configs, `Declare it: config "%s" { ... }.`); d != nil {
		return d
	}
	if len(r.steps) < 2 || r.steps[1].name != "hp" {
		return problem(r.at, "Incomplete reference", "Of a config only its hyperparameters can be read: write %s.hp.NAME.", r.text(1))
	}
	return nil
}

func checkRun(r reference, here availability) *hcl2.Diagnostic {
	if here.run || here.round && r.root == "run" && len(r.steps) > 0 && r.steps[0].name == "round" {
		return nil
	}
	but := ""
	if here.round {
		but = "; only hp.* and run.round are available there"
	}
	return problem(r.at, "Name not available here",
		"%s.* is known once an experiment has its name and number: it is available in run and resources of a config, not in %s%s.", r.root, here.where, but)
}

// pythonWords are constants as Python writes them.
var pythonWords = map[string]string{"True": "true", "False": "false", "None": "null"}

func (n *names) unknownRoot(r reference, here availability) *hcl2.Diagnostic {
	if word := pythonWords[r.root]; word != "" {
		return problem(r.at, "Unknown name", "There is no name %s. In HCL it is written %s.", r.root, word)
	}
	if r.root == strings.ToUpper(r.root) && len(r.steps) == 0 {
		return problem(r.at, "Unknown name", "There is no name %s. To leave ${%s} to the shell write $${%s} or $%s.", r.root, r.root, r.root, r.root)
	}
	roots := []string{"var", "local", "config"}
	if here.hp {
		roots = append(roots, "hp")
	}
	if here.run {
		roots = append(roots, "run", "resources")
	}
	if prefix := n.missingRoot(r.root, here); prefix != "" {
		return problem(r.at, "Unknown name", "There is no name %s. Did you mean %s%s?", r.root, prefix, r.text(len(r.steps)))
	}
	hint := didYouMean(r.root, roots)
	if hint == "" && len(r.steps) == 0 {
		hint = ` To mean the text, write "` + r.root + `".`
	}
	if hint == "" {
		hint = " Names begin with " + listed(roots, "or") + "."
	}
	return problem(r.at, "Unknown name", "There is no name %s.%s", r.root, hint)
}

// missingRoot is what was left out before a name that is declared.
func (n *names) missingRoot(name string, here availability) string {
	switch {
	case here.hp && slices.Contains(n.hp, name):
		return "hp."
	case slices.Contains(n.locals, name):
		return "local."
	case slices.Contains(n.vars, name):
		return "var."
	case here.run && slices.Contains(placeNames, name):
		return "run."
	}
	return ""
}

func (n *names) checkCall(call *hclsyntax.FunctionCallExpr, here availability) *hcl2.Diagnostic {
	f := n.functions
	if _, ok := f.everywhere[call.Name]; ok {
		return nil
	}
	if _, ok := f.fileScope[call.Name]; ok {
		if !here.hp {
			return nil
		}
		return problem(call.NameRange, "Function not available here",
			"%s() is evaluated once for all experiments: use it in locals or in a sweep and refer to that, not in %s.", call.Name, here.where)
	}
	if _, ok := f.samples[call.Name]; ok {
		if here.samples {
			return nil
		}
		return problem(call.NameRange, "Function not available here",
			"%s() is a distribution: it is drawn from in the hp of a sample block, and is not available in %s.", call.Name, here.where)
	}
	if call.Name == "any" {
		return problem(call.NameRange, "Function not available here",
			"any() says of a hyperparameter that it takes values of every type: it stands around its whole default in the hp of a config, as in note = any(null).")
	}
	if call.Name == "env" {
		return problem(call.NameRange, "Function not available here",
			"env() is available in the default of a variable only, so that a plan can show what came from the environment. Declare a variable and refer to it.")
	}
	known := slices.Concat(slices.Collect(maps.Keys(f.everywhere)), slices.Collect(maps.Keys(f.fileScope)), slices.Collect(maps.Keys(f.samples)))
	return problem(call.NameRange, "Unknown function", "There is no function %q.%s", call.Name, didYouMean(call.Name, known))
}
