package hcl

import (
	"fmt"
	"slices"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// fileSchema is what a file holds.
var fileSchema = &hcl2.BodySchema{
	Blocks: []hcl2.BlockHeaderSchema{
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "locals"},
		{Type: "config", LabelNames: []string{"name"}},
		{Type: "sweep", LabelNames: []string{"name"}},
	},
}

// content reads a body by its schema. Unlike the parser's own reading it knows
// what a wrong name was probably meant to be, and says what there is.
func content(body *hclsyntax.Body, where string, schema *hcl2.BodySchema) (*hcl2.BodyContent, hcl2.Diagnostics) {
	diags := unknownNames(body, where, schema)
	known, _, more := body.PartialContent(schema)
	return known, append(diags, more...)
}

func unknownNames(body *hclsyntax.Body, where string, schema *hcl2.BodySchema) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	attributes, blocks := schemaNames(schema)
	for name, a := range body.Attributes {
		switch {
		case slices.Contains(attributes, name):
		case slices.Contains(blocks, name):
			diags = append(diags, problem(a.NameRange, "Block written as an attribute", "In %s, %s is a block: write %s { ... }, without the equals sign.", where, name, name))
		default:
			diags = append(diags, unknownName(a.NameRange, "Unknown attribute", name, where, attributes, blocks))
		}
	}
	for _, b := range body.Blocks {
		switch {
		case slices.Contains(blocks, b.Type):
		case slices.Contains(attributes, b.Type):
			diags = append(diags, problem(b.TypeRange, "Attribute written as a block", "In %s, %s is an attribute: write %s = ...", where, b.Type, b.Type))
		default:
			diags = append(diags, unknownName(b.TypeRange, "Unknown block", b.Type, where, blocks, attributes))
		}
	}
	return diags
}

// elsewhere says of names that are the user's own where they are written.
var elsewhere = map[string]string{
	"a config": " Hyperparameters stand in its hp: hp { %s = ... }.",
	"a sweep":  " Axes stand in a grid: grid { %s = [...] }.",
	"a sample": " Axes stand in its hp: hp { %s = ... }.",
}

// unknownName suggests among names of the same form first.
func unknownName(at hcl2.Range, summary, name, where string, same, other []string) *hcl2.Diagnostic {
	hint := didYouMean(name, same)
	if hint == "" {
		hint = didYouMean(name, other)
	}
	if hint == "" && summary == "Unknown attribute" && elsewhere[where] != "" {
		hint = fmt.Sprintf(elsewhere[where], name)
	}
	if hint == "" {
		hint = " It takes " + listed(append(slices.Clone(same), other...), "and") + "."
	}
	return problem(at, summary, "There is no %s in %s.%s", name, where, hint)
}

func schemaNames(schema *hcl2.BodySchema) (attributes, blocks []string) {
	for _, a := range schema.Attributes {
		attributes = append(attributes, a.Name)
	}
	for _, b := range schema.Blocks {
		blocks = append(blocks, b.Type)
	}
	return attributes, blocks
}

// once reports blocks that may be written only once.
func once(blocks hcl2.Blocks, types ...string) hcl2.Diagnostics {
	var diags hcl2.Diagnostics
	first := map[string]*hcl2.Block{}
	for _, b := range blocks {
		if !slices.Contains(types, b.Type) {
			continue
		}
		if was := first[b.Type]; was != nil {
			diags = append(diags, problem(b.TypeRange, "Block given twice", "There is a block %s at %s already. Write both as one.", b.Type, placed(was.TypeRange)))
		}
		first[b.Type] = b
	}
	return diags
}

// attributesOf makes a schema of attribute names.
func attributesOf(names ...string) []hcl2.AttributeSchema {
	list := make([]hcl2.AttributeSchema, len(names))
	for i, n := range names {
		list[i] = hcl2.AttributeSchema{Name: n}
	}
	return list
}

func blocksOf(types ...string) []hcl2.BlockHeaderSchema {
	list := make([]hcl2.BlockHeaderSchema, len(types))
	for i, t := range types {
		list[i] = hcl2.BlockHeaderSchema{Type: t}
	}
	return list
}

// syntaxBody is the body of a block as the parser made it.
func syntaxBody(b *hcl2.Block) *hclsyntax.Body { return b.Body.(*hclsyntax.Body) }
