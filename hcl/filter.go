package hcl

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// Subject is what a filter judges: an experiment as far as it is known.
type Subject struct {
	HP      *sweep.Object
	RunName string // "ex-8"
	Sweep   string
	Config  string
	Round   string
	State   sweep.State // empty where nothing was tried
	Number  int
	// Attempts is how many there were.
	Attempts int
	Metrics  map[string]float64
	Sign     string // of a plan: "+", "="; empty elsewhere
}

// Filter selects experiments by an expression such as
//
//	hp.depth == 8 && state == "oom" || metric.val_loss < 0.1
//
// It can be used by several goroutines at once.
type Filter struct {
	expr      hcl2.Expression
	files     map[string]*hcl2.File // for the snippets
	functions *hcl2.EvalContext
	roots     map[string]bool // that the expression uses
	// hp and metrics are the paths that it uses; what a subject lacks of them is
	// unknown.
	hp, metrics [][]string
	// quick answers for simple filters, nil for others.
	quick *condition
}

// filterName is where diagnostics of filters are.
const filterName = "--filter"

// filterRoots are the names that a filter knows.
var filterRoots = []string{
	"attempts", "config", "hp", "metric", "metrics", "number", "round", "run_name", "sign", "state", "sweep",
}

// vocabularies are the names whose values are known beforehand: another text
// compared with them is a mistake.
var vocabularies = map[string][]string{
	"state": {
		string(sweep.Pending), string(sweep.Queued), string(sweep.Running), string(sweep.Succeeded), string(sweep.Failed),
		string(sweep.OOM), string(sweep.TimedOut), string(sweep.NoResult), string(sweep.Cancelled), string(sweep.Interrupted), string(sweep.Lost), "",
	},
	"sign": {
		sweep.SignLive.String(), sweep.SignNew.String(), sweep.SignChanged.String(), sweep.SignFailed.String(),
		sweep.SignUnchanged.String(), sweep.SignRemoved.String(), "",
	},
}

// ParseFilter reads a filter. Where the diagnostics hold errors the Filter is
// nil.
func ParseFilter(src string) (*Filter, Diagnostics) {
	data := []byte(src)
	files := map[string]*hcl2.File{filterName: {Bytes: data}}
	if d := unfit(filterName, data); d != nil {
		return nil, newDiagnostics(hcl2.Diagnostics{d}, files)
	}
	if strings.TrimSpace(src) == "" {
		d := problem(rangeAt(filterName, []byte(" "), 0), "Empty filter", `Write a condition, such as hp.depth == 8 && state == "oom".`)
		return nil, newDiagnostics(hcl2.Diagnostics{d}, files)
	}
	expr, diags := hclsyntax.ParseExpression(data, filterName, hcl2.InitialPos)
	if diags.HasErrors() {
		return nil, newDiagnostics(diags, files)
	}
	f := &Filter{expr: expr, files: files, roots: map[string]bool{}}
	diags = append(f.readNames(expr), misspelt(expr)...)
	f.quick = newCondition(expr)
	instrument(expr)
	f.functions = &hcl2.EvalContext{Functions: variableFunctions()}
	diags = append(diags, checkFilterCalls(expr, f.functions)...)
	if diags.HasErrors() {
		return nil, newDiagnostics(diags, files)
	}
	return f, newDiagnostics(diags, files)
}

// Reads reports whether the filter uses a name, such as round.
func (f *Filter) Reads(name string) bool { return f.roots[name] }

// HP returns the dotted paths of the hyperparameters that the filter uses, for
// a caller that finds that no experiment has one of them.
func (f *Filter) HP() []string {
	paths := make([]string, len(f.hp))
	for i, p := range f.hp {
		paths[i] = strings.Join(p, ".")
	}
	return paths
}

// readNames notes what the expression reads, and reports names that no filter
// knows.
func (f *Filter) readNames(expr hclsyntax.Expression) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	for _, t := range expr.Variables() {
		r := newReference(t)
		path := make([]string, len(r.steps))
		for i, s := range r.steps {
			path[i] = s.name
		}
		f.roots[r.root] = true
		switch {
		case !slices.Contains(filterRoots, r.root):
			diags = append(diags, unknownInFilter(r))
		case r.root == "hp" && len(path) > 0:
			f.hp = append(f.hp, path)
		case r.root == "metric" || r.root == "metrics":
			if len(path) > 0 {
				f.metrics = append(f.metrics, path[:1])
			}
		}
	}
	return diags
}

func unknownInFilter(r reference) *hcl2.Diagnostic {
	hint := didYouMean(r.root, filterRoots)
	if hint == "" {
		hint = fmt.Sprintf(" A hyperparameter is hp.%[1]s, a metric metric.%[1]s, a text %[1]q. The other names are %s.",
			r.root, strings.Join(slices.DeleteFunc(slices.Clone(filterRoots), func(s string) bool { return s == "hp" || s == "metric" }), ", "))
	}
	return problem(r.at, "Unknown name", "A filter knows no %s.%s", r.root, hint)
}

func checkFilterCalls(expr hclsyntax.Expression, ctx *hcl2.EvalContext) hcl2.Diagnostics {
	n := names{functions: functionSet{everywhere: ctx.Functions}}
	var diags hcl2.Diagnostics
	for _, call := range newExpression(expr).calls {
		if d := n.checkCall(call, availability{where: "a filter", hp: true}); d != nil {
			diags = append(diags, d)
		}
	}
	return diags
}

// misspelt reports a comparison of state or sign with a text that they never
// have.
func misspelt(expr hclsyntax.Expression) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl2.Diagnostics {
		op, ok := n.(*hclsyntax.BinaryOpExpr)
		if !ok || op.Op != hclsyntax.OpEqual && op.Op != hclsyntax.OpNotEqual {
			return nil
		}
		for _, sides := range [][2]hclsyntax.Expression{{op.LHS, op.RHS}, {op.RHS, op.LHS}} {
			if d := misspeltText(sides[0], sides[1]); d != nil {
				diags = append(diags, d)
			}
		}
		return nil
	})
	return diags
}

func misspeltText(name, text hclsyntax.Expression) *hcl2.Diagnostic {
	known := vocabularies[hcl2.ExprAsKeyword(name)]
	if known == nil || len(text.Variables()) > 0 {
		return nil
	}
	v, diags := text.Value(nil)
	if diags.HasErrors() || v.Type() != cty.String || slices.Contains(known, v.AsString()) {
		return nil
	}
	hint := didYouMean(v.AsString(), known)
	if hint == "" {
		hint = " There are " + listed(known[:len(known)-1], "and") + "."
	}
	return problem(text.Range(), "Unknown "+hcl2.ExprAsKeyword(name), "No experiment has the %s %q.%s", hcl2.ExprAsKeyword(name), v.AsString(), hint)
}

// Match reports whether the subject is selected. A hyperparameter or a metric
// that it lacks makes neither a comparison nor its opposite true. An error is
// Diagnostics that say where the filter cannot be evaluated.
func (f *Filter) Match(s Subject) (bool, error) {
	if f.quick != nil {
		var room [8]operand
		if match, ok := f.quick.holds(operands(room[:0], f.quick.refs, s)); ok {
			return match, nil
		}
	}
	return f.evaluate(s)
}

// operands appends the values of the references to in.
func operands(in []operand, refs []reference, s Subject) []operand {
	for _, r := range refs {
		in = append(in, operandOf(r, s))
	}
	return in
}

func operandOf(r reference, s Subject) operand {
	switch r.root {
	case "hp":
		if len(r.steps) == 0 {
			return operand{state: unsure}
		}
		if v, ok := s.HP.Get(strings.TrimPrefix(r.text(len(r.steps)), "hp.")); ok {
			return operand{Value: v}
		}
		return operand{state: unknown}
	case "metric", "metrics":
		if len(r.steps) != 1 {
			return operand{state: unsure}
		}
		if v, err := sweep.Number(metricOf(s, r.steps[0].name)); err == nil {
			return operand{Value: v}
		}
		return operand{state: unknown}
	}
	if len(r.steps) > 0 {
		return operand{state: unsure}
	}
	return operand{Value: s.attribute(r.root)}
}

// metricOf is NaN for a metric that the subject lacks.
func metricOf(s Subject, name string) float64 {
	if f, ok := s.Metrics[name]; ok {
		return f
	}
	return math.NaN()
}

// attribute is a name that every subject has.
func (s Subject) attribute(name string) sweep.Value {
	switch name {
	case "state":
		return sweep.String(string(s.State))
	case "run_name":
		return sweep.String(s.RunName)
	case "sweep":
		return sweep.String(s.Sweep)
	case "config":
		return sweep.String(s.Config)
	case "round":
		return sweep.String(s.Round)
	case "sign":
		return sweep.String(s.Sign)
	case "number":
		return sweep.Int(int64(s.Number))
	case "attempts":
		return sweep.Int(int64(s.Attempts))
	}
	panic("hcl: a subject has no " + name)
}

// evaluate is Match for any expression.
func (f *Filter) evaluate(s Subject) (bool, error) {
	ctx := f.functions.NewChild()
	ctx.Variables = f.variables(s)
	v, diags := f.expr.Value(ctx)
	if hp, ok := ctx.Variables["hp"]; ok && diags.HasErrors() {
		// hp.warmup > 10 where warmup is null is no more true than where there
		// is no warmup; hp.warmup == null has been answered above.
		ctx.Variables["hp"] = nullsUnknown(hp)
		if again, problems := f.expr.Value(ctx); !problems.HasErrors() {
			v, diags = again, nil
		}
	}
	if diags.HasErrors() {
		return false, newDiagnostics(diags, f.files)
	}
	if !v.IsKnown() {
		return false, nil
	}
	if v.Type() != cty.Bool || v.IsNull() {
		d := problem(f.expr.Range(), "Not a condition", "A filter is true or false, and this one is %s for %s.", described(v), s.RunName)
		return false, newDiagnostics(hcl2.Diagnostics{d}, f.files)
	}
	return v.True(), nil
}

// variables are the values of the names that the filter uses.
func (f *Filter) variables(s Subject) map[string]cty.Value {
	all := make(map[string]cty.Value, len(f.roots))
	for root := range f.roots {
		switch root {
		case "hp":
			all[root] = withUnknown(objectToCty(s.HP), f.hp)
		case "metric", "metrics":
			all[root] = withUnknown(metricValues(s.Metrics), f.metrics)
		default:
			all[root] = toCty(s.attribute(root))
		}
	}
	return all
}

// metricValues leaves out what is not finite: no comparison with it holds.
func metricValues(metrics map[string]float64) cty.Value {
	values := make(map[string]cty.Value, len(metrics))
	for name, f := range metrics {
		if v, err := numberVal(f); err == nil {
			values[name] = v
		}
	}
	return cty.ObjectVal(values)
}

// withUnknown returns an object in which every path leads somewhere: to an
// unknown value where there was none.
func withUnknown(object cty.Value, paths [][]string) cty.Value {
	for _, path := range paths {
		if !reaches(object, path) {
			object = extended(object, path)
		}
	}
	return object
}

func reaches(v cty.Value, path []string) bool {
	for _, name := range path {
		if !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
			return false
		}
		v = v.GetAttr(name)
	}
	return true
}

func extended(v cty.Value, path []string) cty.Value {
	if len(path) == 0 {
		return v
	}
	if !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() {
		return cty.DynamicVal
	}
	attributes := map[string]cty.Value{path[0]: cty.DynamicVal}
	maps.Copy(attributes, v.AsValueMap())
	if inner := attributes[path[0]]; inner.IsKnown() {
		attributes[path[0]] = extended(inner, path[1:])
	}
	return cty.ObjectVal(attributes)
}

// nullsUnknown makes null of hyperparameters unknown.
func nullsUnknown(v cty.Value) cty.Value {
	out, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.IsKnown() && v.IsNull() {
			return cty.DynamicVal, nil
		}
		return v, nil
	})
	if err != nil {
		panic(err) // the function above makes none
	}
	return out
}
