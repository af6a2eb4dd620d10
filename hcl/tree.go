package hcl

import (
	"cmp"
	"slices"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// entry is one name in a body whose names are the user's own: hp, grid,
// include and the like. It has an expression or entries of its own.
type entry struct {
	name string
	at   hcl2.Range // the name
	expr *expression
	kids []*entry // in source order; nil for an expression
	free bool     // any(default): expr is the default
}

// isBlock reports whether e was written as a block or as an object.
func (e *entry) isBlock() bool { return e.expr == nil }

// readTree reads a free-form body in source order. A name is given once, unless it
// is that of several blocks.
func readTree(body *hclsyntax.Body, several string) ([]*entry, hcl2.Diagnostics) {
	var diags hcl2.Diagnostics
	entries := make([]*entry, 0, len(body.Attributes)+len(body.Blocks))
	for _, a := range body.Attributes {
		entries = append(entries, newEntry(a.Name, a.NameRange, a.Expr))
	}
	for _, b := range body.Blocks {
		if len(b.Labels) > 0 {
			diags = append(diags, problem(b.LabelRanges[0], "Label on a group of names",
				"A group of hyperparameters is written %s { ... }, without a label.", b.Type))
		}
		kids, more := readTree(b.Body, several)
		diags = append(diags, more...)
		entries = append(entries, &entry{name: b.Type, at: b.TypeRange, kids: kids})
	}
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.at.Start.Byte, b.at.Start.Byte) })
	return entries, append(diags, repeatedNames(entries, several)...)
}

// newEntry takes an object that is written out for a block.
func newEntry(name string, at hcl2.Range, expr hclsyntax.Expression) *entry {
	if inner, ok := anyDefault(expr); ok {
		return &entry{name: name, at: at, expr: newExpression(inner.(hclsyntax.Expression)), free: true}
	}
	e := &entry{name: name, at: at, expr: newExpression(expr)}
	object, ok := expr.(*hclsyntax.ObjectConsExpr)
	if !ok || len(object.Items) == 0 {
		return e
	}
	var kids []*entry
	for _, item := range object.Items {
		key, ok := staticKey(item.KeyExpr)
		if !ok {
			return e
		}
		kids = append(kids, newEntry(key, item.KeyExpr.Range(), item.ValueExpr))
	}
	return &entry{name: name, at: at, kids: kids}
}

// staticKey is the key of an object's item where it is written out.
func staticKey(expr hclsyntax.Expression) (string, bool) {
	if name := hcl2.ExprAsKeyword(expr); name != "" {
		return name, true
	}
	if len(expr.Variables()) > 0 {
		return "", false
	}
	v, diags := expr.Value(nil)
	if diags.HasErrors() || v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return "", false
	}
	return v.AsString(), true
}

// repeatedNames reports names that are given twice: attributes of one body
// cannot be, but blocks and the items of an object can.
func repeatedNames(entries []*entry, several string) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	first := map[string]*entry{}
	for _, e := range entries {
		if was := first[e.name]; was != nil && (e.name != several || !e.isBlock() || !was.isBlock()) {
			diags = append(diags, problem(e.at, "Name given twice", "%s is given at %s already. Write it once.", e.name, placed(was.at)))
			continue
		}
		first[e.name] = e
		diags = append(diags, repeatedNames(e.kids, several)...)
	}
	return diags
}

// join makes a dotted path.
func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
