package hcl

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// environmentPrefix begins the names of environment variables that give a
// variable its value.
const environmentPrefix = "LXSWEEP_VAR_"

// given is a value from outside the files, and where it came from.
type given struct {
	value  cty.Value
	source string
}

// resolver gathers what is given for the declared variables.
type resolver struct {
	in       inputs
	declared map[string]*variable
	given    map[string]given // the last one counts
	files    []File
	diags    hcl2.Diagnostics
}

func (r *resolver) names() []string { return slices.Sorted(maps.Keys(r.declared)) }

// fromEnvironment asks for the declared names only: the environment is shared
// by many configurations, so that an unknown name in it is no mistake.
func (r *resolver) fromEnvironment() {
	if r.in.opts.Environ == nil {
		return
	}
	for _, name := range r.names() {
		if text, ok := r.in.opts.Environ(environmentPrefix + name); ok {
			r.take(r.declared[name], text, environmentPrefix+name)
		}
	}
}

// fromAssignment takes a --var.
func (r *resolver) fromAssignment(assignment string) {
	name, text, ok := strings.Cut(assignment, "=")
	name = strings.TrimSpace(name)
	if !ok {
		r.report(nil, "Incomplete --var", "--var %s gives no value: write --var %s=VALUE.", assignment, name)
		return
	}
	v := r.declared[name]
	if v == nil {
		r.report(nil, "Unknown variable", "--var %s: the files declare no variable %q.%s", assignment, name, r.hint(name))
		return
	}
	r.take(v, text, "--var")
}

// hint suggests a declared name, or says that there is none.
func (r *resolver) hint(name string) string {
	if len(r.declared) == 0 {
		return " They declare none at all."
	}
	if hint := didYouMean(name, r.names()); hint != "" {
		return hint
	}
	return " They declare " + listed(r.names(), "and") + "."
}

func (r *resolver) take(v *variable, text, source string) {
	value, err := v.parse(text)
	if err != nil {
		shown := " as " + text
		if v.sensitive {
			shown = "" // the text must not be seen
		}
		r.report(&v.rng, "Wrong value for a variable", "%s gives variable %q%s: %s.", source, v.name, shown, err)
		value = cty.DynamicVal
	}
	r.given[v.name] = given{value, source}
}

// fromFile takes a --var-file: a list of attributes.
func (r *resolver) fromFile(path string) {
	read := r.in.opts.ReadFile
	if read == nil {
		read = ReadFile
	}
	data, err := read(path)
	if err != nil {
		d := unreadable(path, err)
		if os.IsNotExist(err) {
			d.Detail = "--var-file names a file of lines such as tag = \"v13\"; its path is relative to the current folder."
		}
		r.diags = append(r.diags, d)
		return
	}
	r.files = append(r.files, File{path, data})
	if d := unfit(path, data); d != nil {
		r.diags = append(r.diags, d)
		return
	}
	file, diags := hclsyntax.ParseConfig(data, path, hcl2.InitialPos)
	r.diags = append(r.diags, diags...)
	if file == nil {
		return
	}
	body := file.Body.(*hclsyntax.Body)
	for _, b := range body.Blocks {
		r.report(ptr(b.TypeRange), "Block in a variable file", "A variable file holds lines such as tag = \"v13\" only. Blocks belong in .hcl files, which are named without --var-file.")
	}
	for name, a := range body.Attributes {
		r.fromAttribute(path, name, a)
	}
}

func (r *resolver) fromAttribute(path, name string, a *hclsyntax.Attribute) {
	source := "--var-file " + path
	v := r.declared[name]
	if v == nil {
		r.report(&a.NameRange, "Unknown variable", "The files declare no variable %q.%s", name, r.hint(name))
		return
	}
	at := a.Expr.Range()
	if v.sensitive {
		at = v.rng // the snippet would show it
	}
	value, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		r.given[name] = given{cty.DynamicVal, source}
		r.report(&at, "Not a plain value", "A variable file holds plain values, without names and functions: %s.", instead(a.Expr))
		return
	}
	converted, err := v.convert(value)
	if err != nil {
		converted = cty.DynamicVal
		r.report(&at, "Wrong value for a variable", "%s gives variable %q %s, and it is %s%s.", source, name, withArticle(typeName(value.Type())), withArticle(v.typeName()), v.why(err))
	}
	r.given[name] = given{converted, source}
}

// instead is what to write for an expression that is no plain value.
func instead(expr hcl2.Expression) string {
	if word := hcl2.ExprAsKeyword(expr); word != "" {
		return fmt.Sprintf("to mean the text, write %q", word)
	}
	return "compute in locals"
}

// values settles every variable, marking the sensitive ones.
func (r *resolver) values() map[string]cty.Value {
	values := make(map[string]cty.Value, len(r.declared))
	for _, name := range r.names() {
		v := r.declared[name]
		value := v.standard
		if g, ok := r.given[name]; ok {
			value = g.value
		}
		if value == cty.NilVal {
			r.report(&v.rng, "No value for a variable", "Variable %[1]q has no default. Give it with --var %[1]s=VALUE, with a --var-file, or in the environment as %[2]s%[1]s.", name, environmentPrefix)
			value = cty.DynamicVal
		}
		if v.sensitive {
			value = value.Mark(sensitive)
		}
		values[name] = value
	}
	return values
}

// shown is what a plan says about the variables.
func (r *resolver) shown(values map[string]cty.Value) []Variable {
	list := make([]Variable, 0, len(values))
	for _, name := range r.names() {
		one := Variable{Name: name, Source: "default", Sensitive: r.declared[name].sensitive}
		if g, ok := r.given[name]; ok {
			one.Source = g.source
		}
		switch value := values[name]; {
		case one.Sensitive:
			one.Text = "(sensitive)"
		case value.IsWhollyKnown():
			one.Text = valueText(value)
		}
		list = append(list, one)
	}
	return list
}

// validate holds every value against its rules.
func (r *resolver) validate(values map[string]cty.Value) {
	ctx := &hcl2.EvalContext{
		Variables: map[string]cty.Value{"var": cty.ObjectVal(values)},
		Functions: variableFunctions(),
	}
	for _, name := range r.names() {
		if !values[name].IsWhollyKnown() {
			continue // its problem is reported
		}
		for _, rule := range r.declared[name].validations {
			r.check(r.declared[name], rule, ctx)
		}
	}
}

func (r *resolver) check(v *variable, rule validation, ctx *hcl2.EvalContext) {
	if diags := r.undeclared(rule); diags.HasErrors() {
		r.diags = append(r.diags, diags...)
		return
	}
	verdict, diags := rule.condition.Value(ctx)
	r.diags = append(r.diags, diags...)
	if verdict, _ = verdict.Unmark(); diags.HasErrors() || !verdict.IsKnown() {
		return
	}
	if verdict.Type() != cty.Bool || verdict.IsNull() {
		r.report(ptr(rule.condition.Range()), "Wrong type", "A condition is true or false, not %s.", described(verdict))
		return
	}
	if verdict.True() {
		return
	}
	source := "the default"
	if g, ok := r.given[v.name]; ok {
		source = "from " + g.source
	}
	d := problem(rule.condition.Range(), "Invalid value for a variable", "%s The value of variable %q is %s.", sentence(r.message(rule, ctx)), v.name, source)
	d.Expression, d.EvalContext = rule.condition, ctx
	r.diags = append(r.diags, d)
}

// undeclared reports var.NAME of a rule that names no variable.
func (r *resolver) undeclared(rule validation) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	for _, t := range slices.Concat(rule.condition.Variables(), rule.message.Variables()) {
		if len(t) < 2 {
			continue
		}
		if a, ok := t[1].(hcl2.TraverseAttr); ok && r.declared[a.Name] == nil {
			diags = append(diags, problem(t.SourceRange(), "Unknown variable", "The files declare no variable %q.%s", a.Name, r.hint(a.Name)))
		}
	}
	return diags
}

func (r *resolver) message(rule validation, ctx *hcl2.EvalContext) string {
	value, diags := rule.message.Value(ctx)
	r.diags = append(r.diags, diags...)
	switch {
	case diags.HasErrors():
		return "The condition does not hold."
	case value.HasMark(sensitive):
		return "The condition does not hold; the message would show a sensitive value."
	case value.Type() != cty.String || !value.IsKnown() || value.IsNull():
		r.report(ptr(rule.message.Range()), "Wrong type", "error_message is a string.")
		return "The condition does not hold."
	}
	return value.AsString()
}

func (r *resolver) report(at *hcl2.Range, summary, detail string, args ...any) {
	d := problem(hcl2.Range{}, summary, detail, args...)
	d.Subject = at
	r.diags = append(r.diags, d)
}

func ptr[T any](v T) *T { return &v }
