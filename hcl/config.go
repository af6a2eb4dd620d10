package hcl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// config is a config block: what it writes itself, unevaluated.
type config struct {
	name string
	at   hcl2.Range // the label
	from []named
	hp   []*entry
	// settings are the attributes of run and resources.
	settings []setting
	assume   []*entry
	ignore   []named // dotted paths
}

// named is a name at a place.
type named struct {
	name string
	at   hcl2.Range
}

// setting is an attribute of run or resources.
type setting struct {
	path string     // "run.cmd", "resources.k8.volume.data.mount_path"
	at   hcl2.Range // the name
	expr *expression
}

var configSchema = &hcl2.BodySchema{
	Attributes: attributesOf("from"),
	Blocks:     blocksOf("hp", "run", "resources", "identity"),
}

func decodeConfig(block *hcl2.Block) (*config, hcl2.Diagnostics) {
	c := &config{name: block.Labels[0], at: block.LabelRanges[0]}
	body, diags := content(syntaxBody(block), "a config", configSchema)
	diags = append(diags, once(body.Blocks, "hp", "run", "resources", "identity")...)
	if !hclsyntax.ValidIdentifier(c.name) {
		diags = append(diags, problem(c.at, "Label that is no name", "config.%s could not be written: a config's label is made of letters, digits, _ and -.", c.name))
	}
	if from := body.Attributes["from"]; from != nil {
		var more hcl2.Diagnostics
		c.from, more = configNames(from.Expr, "from")
		diags = append(diags, more...)
	}
	for _, b := range body.Blocks {
		diags = append(diags, c.decodeBlock(b)...)
	}
	return c, diags
}

func (c *config) decodeBlock(b *hcl2.Block) (diags hcl2.Diagnostics) {
	switch b.Type {
	case "hp":
		c.hp, diags = readTree(syntaxBody(b), "")
	case "run":
		c.settings, diags = appendSettings(c.settings, syntaxBody(b), "run")
	case "resources":
		c.settings, diags = appendSettings(c.settings, syntaxBody(b), "resources")
	case "identity":
		diags = c.decodeIdentity(b)
	default:
		panic("hcl: a config has no block " + b.Type)
	}
	return diags
}

var identitySchema = &hcl2.BodySchema{
	Attributes: attributesOf("assume", "ignore"),
	Blocks:     blocksOf("assume"),
}

func (c *config) decodeIdentity(block *hcl2.Block) hcl2.Diagnostics {
	body, diags := content(syntaxBody(block), "identity", identitySchema)
	if a := body.Attributes["assume"]; a != nil {
		e := newEntry("assume", a.NameRange, a.Expr.(hclsyntax.Expression))
		if !e.isBlock() {
			diags = append(diags, problem(a.Expr.Range(), "Unreadable assumption", "assume is an object of hyperparameters that is written out: assume = { dropout = 0 }."))
		}
		c.assume = append(c.assume, e.kids...)
	}
	for _, b := range body.Blocks {
		kids, more := readTree(syntaxBody(b), "")
		c.assume = append(c.assume, kids...)
		diags = append(diags, more...)
	}
	if a := body.Attributes["ignore"]; a != nil {
		ignore, more := hpPaths(a.Expr)
		c.ignore = ignore
		diags = append(diags, more...)
	}
	return diags
}

// configNames reads config.base or a list of such, which are names and no
// values.
func configNames(expr hcl2.Expression, attribute string) ([]named, hcl2.Diagnostics) {
	return static(expr, "config", func(t hcl2.Traversal) (named, bool) {
		r := newReference(t)
		if r.root != "config" || len(r.steps) != 1 || len(t) != 2 {
			return named{}, false
		}
		return named{r.steps[0].name, r.at}, true
	}, "Not a config", attribute+" takes a config or a list of them: "+attribute+" = config.NAME.")
}

// hpPaths reads [hp.num_workers, hp.optimizer.fused].
func hpPaths(expr hcl2.Expression) ([]named, hcl2.Diagnostics) {
	return static(expr, "hp", func(t hcl2.Traversal) (named, bool) {
		r := newReference(t)
		if r.root != "hp" || len(r.steps) == 0 || len(r.steps) != len(t)-1 {
			return named{}, false
		}
		path := ""
		for _, s := range r.steps {
			path = join(path, s.name)
		}
		return named{path, r.at}, true
	}, "Not a hyperparameter", "ignore takes a list of hyperparameters: ignore = [hp.num_workers].")
}

// prefixHint offers a reference for a name that was written bare or in quotes.
func prefixHint(root string, expr hcl2.Expression) string {
	name := hcl2.ExprAsKeyword(expr)
	if v, diags := expr.Value(nil); name == "" && !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		name = v.AsString()
	}
	if !hclsyntax.ValidIdentifier(name) {
		return ""
	}
	return fmt.Sprintf(" Did you mean %s.%s?", root, name)
}

// static reads one reference or a list of them without evaluating anything.
func static(expr hcl2.Expression, root string, read func(hcl2.Traversal) (named, bool), summary, detail string) ([]named, hcl2.Diagnostics) {
	var diags hcl2.Diagnostics
	list := []hcl2.Expression{expr}
	if tuple, ok := expr.(*hclsyntax.TupleConsExpr); ok {
		list, _ = hcl2.ExprList(tuple) // a tuple is a list
	}
	var found []named
	for _, e := range list {
		t, more := hcl2.AbsTraversalForExpr(e)
		n, ok := named{}, false
		if !more.HasErrors() {
			n, ok = read(t)
		}
		if !ok {
			diags = append(diags, problem(e.Range(), summary, "%s%s", detail, prefixHint(root, e)))
			continue
		}
		found = append(found, n)
	}
	return found, diags
}

// appendSettings reads the attributes of run, or of resources and the blocks in
// it, in source order.
func appendSettings(settings []setting, body *hclsyntax.Body, path string) ([]setting, hcl2.Diagnostics) {
	known, diags := content(body, path, settingSchemas[path])
	attributes := make([]*hcl2.Attribute, 0, len(known.Attributes))
	for _, a := range known.Attributes {
		attributes = append(attributes, a)
	}
	slices.SortFunc(attributes, func(a, b *hcl2.Attribute) int { return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte) })
	for _, a := range attributes {
		settings = append(settings, setting{join(path, a.Name), a.NameRange, newExpression(a.Expr.(hclsyntax.Expression))})
	}
	volumes := map[string]hcl2.Range{}
	for _, b := range known.Blocks {
		inner := join(path, b.Type)
		within, more := appendSettings(nil, syntaxBody(b), inner)
		diags = append(diags, more...)
		if len(b.Labels) > 0 {
			name, at := b.Labels[0], b.LabelRanges[0]
			if was, ok := volumes[name]; ok {
				diags = append(diags, problem(at, "Volume given twice", "There is a volume %q at %s already.", name, placed(was)))
			}
			volumes[name] = at
			if !more.HasErrors() {
				diags = append(diags, volumeProblems(name, at, within)...)
			}
			for i, s := range within {
				within[i].path = join(inner, name) + strings.TrimPrefix(s.path, inner)
			}
		}
		settings = append(settings, within...)
	}
	return settings, append(diags, once(known.Blocks, "metrics", "build", "host", "k8")...)
}
