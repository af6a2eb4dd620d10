package hcl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// variable is a declared input.
type variable struct {
	name string
	rng  hcl2.Range // of the block's header
	// wanted is the declared type; anything where none is declared and the
	// default does not say.
	wanted      cty.Type
	standards   *typeexpr.Defaults // of optional attributes, nil for none
	standard    cty.Value          // the default, cty.NilVal for none
	sensitive   bool
	validations []validation
}

// validation is a rule that a variable's value must keep.
type validation struct {
	condition, message hcl2.Expression
	rng                hcl2.Range
}

var variableSchema = &hcl2.BodySchema{
	Attributes: attributesOf("type", "default", "description", "sensitive"),
	Blocks:     blocksOf("validation"),
}

var validationSchema = &hcl2.BodySchema{Attributes: []hcl2.AttributeSchema{
	{Name: "condition", Required: true},
	{Name: "error_message", Required: true},
}}

// resolveInputs declares the variables and gives each its value: the default,
// LXSWEEP_VAR_name, the --var-file in order, the --var in order, the last one
// counting. The result holds every declared variable whatever went wrong.
func resolveInputs(in inputs) (inputValues, hcl2.Diagnostics) {
	declared, diags := declareVariables(in)
	r := resolver{in: in, declared: declared, given: map[string]given{}}
	r.fromEnvironment()
	for _, path := range in.opts.VarFiles {
		r.fromFile(path)
	}
	for _, assignment := range in.opts.Vars {
		r.fromAssignment(assignment)
	}
	values := r.values()
	r.validate(values)
	return inputValues{values: values, shown: r.shown(values), files: r.files}, append(diags, r.diags...)
}

func declareVariables(in inputs) (map[string]*variable, hcl2.Diagnostics) {
	var diags hcl2.Diagnostics
	declared := map[string]*variable{}
	ctx := &hcl2.EvalContext{Functions: variableFunctions()}
	ctx.Functions["env"] = envFunction(in.opts.Environ)
	for _, block := range in.blocks {
		v, more := decodeVariable(block, ctx)
		diags = append(diags, more...)
		if was := declared[v.name]; was != nil {
			diags = append(diags, problem(v.rng, "Variable declared twice", "There is a variable %q at %s already.", v.name, placed(was.rng)))
			continue
		}
		declared[v.name] = v
	}
	return declared, diags
}

func variableFunctions() map[string]function.Function {
	all := maps.Clone(pureFunctions())
	all[textCall] = textFunction
	return all
}

// decodeVariable reads a variable block. The result can be used whatever the
// diagnostics say.
func decodeVariable(block *hclsyntax.Block, ctx *hcl2.EvalContext) (*variable, hcl2.Diagnostics) {
	v := &variable{rng: block.DefRange(), wanted: cty.DynamicPseudoType, standard: cty.NilVal}
	var diags hcl2.Diagnostics
	if len(block.Labels) > 0 {
		v.name = block.Labels[0]
		if !hclsyntax.ValidIdentifier(v.name) {
			diags = append(diags, problem(block.LabelRanges[0], "Impossible name", "%q cannot be written as var.NAME: use letters, digits and underscores.", v.name))
		}
	}
	where := fmt.Sprintf("variable %q", v.name)
	body, more := content(block.Body, where, variableSchema)
	diags = append(diags, more...)
	if a := body.Attributes["type"]; a != nil {
		v.wanted, v.standards, more = typeexpr.TypeConstraintWithDefaults(a.Expr)
		diags = append(diags, more...)
	}
	if a := body.Attributes["default"]; a != nil {
		diags = append(diags, v.decodeDefault(a, body.Attributes["type"] != nil, ctx)...)
	}
	if a := body.Attributes["sensitive"]; a != nil {
		value, more := a.Expr.Value(nil)
		diags = append(diags, more...)
		if !more.HasErrors() && (value.Type() != cty.Bool || value.IsNull()) {
			diags = append(diags, problem(a.Expr.Range(), "Wrong type", "sensitive is true or false, not %s.", described(value)))
		} else if !more.HasErrors() {
			v.sensitive = value.True()
		}
	}
	diags = append(diags, checkDescription(body.Attributes["description"])...)
	for _, b := range body.Blocks {
		diags = append(diags, v.decodeValidation(b)...)
	}
	return v, diags
}

func checkDescription(a *hcl2.Attribute) hcl2.Diagnostics {
	if a == nil {
		return nil
	}
	value, diags := a.Expr.Value(nil)
	if !diags.HasErrors() && value.Type() != cty.String {
		diags = append(diags, problem(a.Expr.Range(), "Wrong type", "description is a string, not %s.", described(value)))
	}
	return diags
}

// decodeDefault evaluates the default. Where no type is declared, one that is a
// bool, a number or a string says what --var is to be read as.
func (v *variable) decodeDefault(a *hcl2.Attribute, typed bool, ctx *hcl2.EvalContext) hcl2.Diagnostics {
	if diags := onlyRoots(a.Expr, "A default can only call functions, env() among them: what depends on other names belongs in locals."); diags.HasErrors() {
		v.standard = cty.DynamicVal
		return diags
	}
	value, diags := a.Expr.Value(ctx)
	if diags.HasErrors() {
		v.standard = cty.DynamicVal
		return diags
	}
	if !typed && value.Type().IsPrimitiveType() {
		v.wanted = value.Type()
	}
	converted, err := v.convert(value)
	if err != nil {
		v.standard = cty.DynamicVal
		return append(diags, problem(a.Expr.Range(), "Wrong type", "The default of variable %q is not %s%s.", v.name, withArticle(v.typeName()), v.why(err)))
	}
	v.standard = converted
	return diags
}

// onlyRoots reports every name that is used outside the given roots.
func onlyRoots(expr hcl2.Expression, otherwise string, roots ...string) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	for _, t := range expr.Variables() {
		if !slices.Contains(roots, t.RootName()) {
			diags = append(diags, problem(t.SourceRange(), "Name out of scope", "%s is not available here. %s", t.RootName(), otherwise))
		}
	}
	return diags
}

func (v *variable) decodeValidation(b *hcl2.Block) hcl2.Diagnostics {
	body, diags := content(syntaxBody(b), "validation", validationSchema)
	if diags.HasErrors() {
		return diags
	}
	rule := validation{body.Attributes["condition"].Expr, body.Attributes["error_message"].Expr, b.DefRange}
	for _, expr := range []hcl2.Expression{rule.condition, rule.message} {
		diags = append(diags, onlyRoots(expr, "A validation sees variables only, as var.NAME.", "var")...)
	}
	if !diags.HasErrors() {
		v.validations = append(v.validations, rule)
	}
	return diags
}

// convert makes a value of the variable's type.
func (v *variable) convert(value cty.Value) (cty.Value, error) {
	if v.standards != nil && !value.IsNull() {
		value = v.standards.Apply(value)
	}
	return convert.Convert(value, v.wanted)
}

// why is what a failed conversion adds to the names of both types: for a list or
// an object, which part of it is wrong.
func (v *variable) why(err error) string {
	if v.wanted.IsPrimitiveType() {
		return ""
	}
	return ": " + err.Error()
}

func (v *variable) typeName() string { return v.wanted.FriendlyNameForConstraint() }

// parse reads text that came from outside the files. A string is taken as it
// is; everything else is an expression.
func (v *variable) parse(text string) (cty.Value, error) {
	if !utf8.ValidString(text) {
		return cty.NilVal, fmt.Errorf("it is not UTF-8 text")
	}
	if v.wanted == cty.String || v.wanted == cty.DynamicPseudoType {
		return cty.StringVal(text), nil
	}
	wanted := fmt.Errorf("it is not %s%s", withArticle(v.typeName()), exampleOf(v.wanted))
	if tooDeep("", []byte(text)) != nil {
		return cty.NilVal, wanted
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), "", hcl2.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, wanted
	}
	value, diags := expr.Value(nil)
	if diags.HasErrors() {
		return cty.NilVal, wanted
	}
	if value, err := v.convert(value); err == nil {
		return value, nil
	}
	return cty.NilVal, wanted
}

// exampleOf shows how a value of a type is written on a command line.
func exampleOf(t cty.Type) string {
	switch {
	case t == cty.Number:
		return ", such as 0.1"
	case t == cty.Bool:
		return ": write true or false"
	case t.IsListType() || t.IsSetType() || t.IsTupleType():
		if t.IsListType() && t.ElementType() == cty.String {
			return `, such as '["a", "b"]'`
		}
		return `, such as '[1, 2]'`
	case t.IsMapType() || t.IsObjectType():
		return `, such as '{ name = "value" }'`
	}
	return ""
}

// valueText is a value as a plan shows it and as --var reads it back.
func valueText(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	if v.Type() == cty.String {
		return v.AsString()
	}
	text := ""
	if value, err := fromCty(v); err == nil {
		text = value.String()
	} else if encoded, err := stdlib.JSONEncode(v); err == nil {
		text = encoded.AsString()
	}
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text)
}
