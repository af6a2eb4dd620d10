package hcl

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// template is a string that is made of plain pieces: a shorter way than cty for
// the commands of a million points, to the same bytes.
type template struct{ pieces []piece }

// piece is a text, or what is put in its place.
type piece struct {
	kind pieceKind
	// text is the literal, the path of a hyperparameter or of a group, or the
	// name under run.
	text  string
	flags flagOptions
}

type pieceKind uint8

const (
	literalPiece pieceKind = iota
	valuePiece
	flagsPiece
	runPiece
)

// compile returns nil for what is not made of plain pieces.
func compile(b *bound) *template {
	expr, ok := b.Expression.(*hclsyntax.TemplateExpr)
	if !ok {
		return nil
	}
	t := &template{}
	for _, part := range expr.Parts {
		p, ok := compilePart(b, part)
		if !ok {
			return nil
		}
		t.pieces = append(t.pieces, p)
	}
	return t
}

func compilePart(b *bound, part hclsyntax.Expression) (piece, bool) {
	e := newExpression(part)
	constant := !slices.ContainsFunc(e.refs, func(r reference) bool { return r.root == "hp" || r.root == "run" || r.root == "resources" })
	if constant {
		v, diags := e.bounded(b.fixed)
		if diags.HasErrors() || v.IsMarked() || v.IsNull() || !v.Type().IsPrimitiveType() {
			return piece{}, false
		}
		text, err := settingText(v)
		return piece{kind: literalPiece, text: text}, err == nil
	}
	if call, ok := part.(*hclsyntax.FunctionCallExpr); ok && call.Name == textCall {
		part = call.Args[0]
	}
	switch x := part.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return compileReference(b, e.refs[0], len(x.Traversal))
	case *hclsyntax.FunctionCallExpr:
		return compileFlags(b, x)
	}
	return piece{}, false
}

// compileReference takes a reference that names a value and nothing within it.
func compileReference(b *bound, r reference, length int) (piece, bool) {
	if len(r.steps) != length-1 {
		return piece{}, false
	}
	path := ""
	for _, s := range r.steps {
		path = join(path, s.name)
	}
	if !slices.Contains(b.needs, need{r.root, path}) {
		return piece{}, false
	}
	switch {
	case r.root == "hp":
		return piece{kind: valuePiece, text: path}, true
	case r.root == "run" && slices.Contains(placeNames, path):
		return piece{kind: runPiece, text: path}, true
	}
	return piece{}, false
}

// compileFlags takes flags(hp) and flags(hp.group), with options that are
// constant.
func compileFlags(b *bound, call *hclsyntax.FunctionCallExpr) (piece, bool) {
	if call.Name != "flags" || len(call.Args) < 1 || len(call.Args) > 2 || call.ExpandFinal {
		return piece{}, false
	}
	t, ok := call.Args[0].(*hclsyntax.ScopeTraversalExpr)
	if !ok {
		return piece{}, false
	}
	r := newReference(t.Traversal)
	path := strings.TrimPrefix(strings.TrimPrefix(r.text(len(r.steps)), "hp"), ".")
	if !r.whole || !slices.Contains(b.needs, need{wholeHP, path}) {
		return piece{}, false
	}
	p := piece{kind: flagsPiece, text: path}
	if len(call.Args) == 2 {
		if len(call.Args[1].Variables()) > 0 {
			return piece{}, false
		}
		options, diags := call.Args[1].Value(b.fixed)
		if diags.HasErrors() {
			return piece{}, false
		}
		var err error
		if p.flags, err = parseFlagOptions(options); err != nil {
			return piece{}, false
		}
	}
	return p, true
}

// render returns the text; ok is false where only cty knows what to make of it,
// an error included.
func (t *template) render(r *resolution) (text string, ok bool) {
	b := make([]byte, 0, 256)
	for i := range t.pieces {
		if b, ok = t.pieces[i].appendTo(b, r); !ok {
			return "", false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return "", false // cty normalizes across pieces
		}
	}
	return string(b), true
}

func (p *piece) appendTo(b []byte, r *resolution) ([]byte, bool) {
	switch p.kind {
	case valuePiece:
		return appendValue(b, r.hp, p.text)
	case flagsPiece:
		group := r.whole
		if p.text != "" {
			v, _ := group.Get(p.text)
			inner, ok := v.AsObject()
			if !ok {
				return b, false
			}
			group = inner
		}
		return appendFlags(b, group, p.flags), true
	case runPiece:
		v, err := r.placeValue(p.text)
		if err != nil {
			return b, false
		}
		if v.Type() == cty.Number {
			return append(b, numberText(v.AsBigFloat())...), true
		}
		return append(b, v.AsString()...), true
	}
	return append(b, p.text...), true
}

// appendValue takes what a template takes: no null, list or object.
func appendValue(b []byte, hp *sweep.Object, path string) ([]byte, bool) {
	v, ok := hp.Get(path)
	if !ok {
		return b, false
	}
	switch v.Kind() {
	case sweep.KindNull, sweep.KindList, sweep.KindObject:
		return b, false
	case sweep.KindString:
		s, _ := v.AsString()
		return append(b, s...), true
	}
	return v.AppendJSON(b), true
}
