package hcl

import (
	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The parser and the evaluator recurse, and a Go stack that overflows cannot be
// recovered: so what they would descend into is counted first, by the scanner,
// which does not recurse.
const (
	// maxNesting bounds brackets and template directives within each other.
	maxNesting = 200
	// maxChain bounds the operators of one expression: a + b + c is a tree as
	// deep as it is long.
	maxChain = 2000
)

// tooDeep returns a diagnostic at the first token that passes a bound.
func tooDeep(name string, data []byte) *hcl2.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(data, name, hcl2.InitialPos) // the parser reports its errors
	d := depth{chains: make([]chain, 1)}
	for i, t := range tokens {
		d.count(t.Type)
		if t.Type == hclsyntax.TokenTemplateControl && i+1 < len(tokens) {
			d.directive(string(tokens[i+1].Bytes))
		}
		switch {
		case len(d.chains)+d.directives > maxNesting:
			return problem(t.Range, "Too deeply nested", "More than %d brackets or template directives within each other. Name parts of it in locals.", maxNesting)
		case d.top().length > maxChain:
			return problem(t.Range, "Too long an expression", "More than %d operators in one expression. Name parts of it in locals.", maxChain)
		}
	}
	return nil
}

// depth is what is open at a token: one chain for each bracket.
type depth struct {
	chains     []chain
	directives int
}

type chain struct {
	open   hclsyntax.TokenType
	length int
}

func (d *depth) top() *chain { return &d.chains[len(d.chains)-1] }

func (d *depth) count(t hclsyntax.TokenType) {
	switch t {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
		hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		d.top().length++
		d.chains = append(d.chains, chain{open: t})
		if t == hclsyntax.TokenTemplateInterp || t == hclsyntax.TokenTemplateControl {
			d.chains[len(d.chains)-2].length = 0 // a template's parts are side by side
		}
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc,
		hclsyntax.TokenTemplateSeqEnd:
		if len(d.chains) > 1 {
			d.chains = d.chains[:len(d.chains)-1]
		}
	case hclsyntax.TokenComma:
		d.top().length = 0
	case hclsyntax.TokenNewline, hclsyntax.TokenComment: // a comment takes its line's end with it
		// Within ( and [ an expression goes on in the next line.
		if open := d.top().open; open == 0 || open == hclsyntax.TokenOBrace {
			d.top().length = 0
		}
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenStringLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenEOF:
	default:
		d.top().length++
	}
}

func (d *depth) directive(keyword string) {
	switch keyword {
	case "if", "for":
		d.directives++
	case "endif", "endfor":
		d.directives = max(0, d.directives-1)
	}
}
