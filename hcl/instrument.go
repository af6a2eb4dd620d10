package hcl

import (
	"slices"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Names that no file can write: what the parser made is wrapped in them.
const (
	// textCall is called on every interpolated part of a template.
	textCall = "(text)"
	// wholeHP is the root of the hp that a call of a writer is given. It can
	// lack hyperparameters that hp has: those that identity leaves out.
	wholeHP = "hp (whole)"
)

// writers are the functions that write whatever hyperparameters there are.
var writers = []string{"flags", "args", "jsonencode"}

// instrument changes parsed expressions so that templates write numbers our
// way, and flags(hp) can be told from hp.
func instrument(node hclsyntax.Node) {
	// The walker gives no diagnostics.
	_ = hclsyntax.Walk(node, instrumenter{})
}

type instrumenter struct{}

func (instrumenter) Enter(hclsyntax.Node) hcl2.Diagnostics { return nil }

// Exit works from the leaves up, so that nothing it made is visited.
func (instrumenter) Exit(node hclsyntax.Node) hcl2.Diagnostics {
	switch e := node.(type) {
	case *hclsyntax.TemplateExpr:
		for i, part := range e.Parts {
			if literal, ok := part.(*hclsyntax.LiteralValueExpr); !ok || literal.Val.Type() != cty.String {
				e.Parts[i] = interpolated(part)
			}
		}
	case *hclsyntax.ForExpr:
		if e.CondExpr != nil {
			e.CondExpr = newPass(e.CondExpr) // a pass that makes nothing is one too
		}
		e.ValExpr = newPass(e.ValExpr)
	case *hclsyntax.FunctionCallExpr:
		if !slices.Contains(writers, e.Name) || len(e.Args) == 0 {
			return nil
		}
		if t, ok := e.Args[0].(*hclsyntax.ScopeTraversalExpr); ok && t.Traversal.RootName() == "hp" {
			renamed := append(hcl2.Traversal{hcl2.TraverseRoot{Name: wholeHP, SrcRange: t.Traversal[0].SourceRange()}}, t.Traversal[1:]...)
			e.Args[0] = &hclsyntax.ScopeTraversalExpr{Traversal: renamed, SrcRange: t.SrcRange}
		}
	}
	return nil
}

// interpolated is a call, and not a node of our own, because references are found by
// walking the parser's own nodes.
func interpolated(part hclsyntax.Expression) hclsyntax.Expression {
	r := part.Range()
	end := hcl2.Range{Filename: r.Filename, Start: r.End, End: r.End}
	return &hclsyntax.FunctionCallExpr{
		Name: textCall, Args: []hclsyntax.Expression{part},
		NameRange: r, OpenParenRange: end, CloseParenRange: end,
	}
}

// textFunction writes numbers as commands and people read them, and leaves
// everything else to the template.
var textFunction = function.New(&function.Spec{
	Params: []function.Parameter{{
		Name: "value", Type: cty.DynamicPseudoType,
		AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true,
	}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if args[0].Type() == cty.Number {
			return cty.String, nil
		}
		return args[0].Type(), nil
	},
	Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) { return textOf(args[0]) },
})

// textOf is v, or its text if it is a number. Marks stay.
func textOf(v cty.Value) (cty.Value, error) {
	plain, marks := v.Unmark()
	switch {
	case plain.Type() != cty.Number:
		return v, nil
	case plain.IsNull():
		return cty.NullVal(cty.String).WithMarks(marks), nil
	case !plain.IsKnown():
		return cty.UnknownVal(cty.String).WithMarks(marks), nil
	}
	text, err := textVal(plain)
	if err != nil {
		return cty.NilVal, err
	}
	return text.WithMarks(marks), nil
}
