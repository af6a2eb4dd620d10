package hcl

import (
	"regexp"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// braces is a name of ours in the braces of Jinja, which LightEx took.
var braces = regexp.MustCompile(`\{\{\s*((?:hp|run|resources|config|var|local)\.[\w.-]+)\s*\}\}`)

// foreignBraces reports texts that would reach the shell as {{hp.lr}}.
func foreignBraces(expr hclsyntax.Expression) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl2.Diagnostics {
		literal, ok := n.(*hclsyntax.LiteralValueExpr)
		if !ok || literal.Val.Type() != cty.String || literal.Val.IsNull() {
			return nil
		}
		for _, m := range braces.FindAllStringSubmatch(literal.Val.AsString(), -1) {
			diags = append(diags, problem(literal.SrcRange, "Braces of another language",
				"%s would be handed on as it is. A value is put into a text by ${...}: write ${%s}.", m[0], m[1]))
		}
		return nil
	})
	return diags
}
