package hcl

import (
	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// bound is an expression that is ready to be evaluated for any experiment: what
// it takes from file scope is fixed, what it needs of hp, run and resources is
// listed.
type bound struct {
	*expression
	fixed *hcl2.EvalContext
	needs []need
	shape map[string]*shape // by root
}

// need is one value that differs between experiments: a hyperparameter, a group
// of them, an attribute of run or resources.
type need struct {
	root string // "hp", wholeHP, "run", "resources"
	path string // below the root, dotted; empty for all of it
}

// shape is a tree of objects with needs at its leaves.
type shape struct {
	need int // -1: an object of kids
	kids map[string]*shape
}

// place puts a need into the tree of its root. What contains others takes their
// place.
func (b *bound) place(n need, steps []step) {
	for _, known := range b.needs {
		if known == n {
			return
		}
	}
	b.needs = append(b.needs, n)
	if b.shape == nil {
		b.shape = map[string]*shape{}
	}
	at := b.shape[n.root]
	if at == nil {
		at = &shape{need: -1}
		b.shape[n.root] = at
	}
	for _, s := range steps {
		if at.need >= 0 {
			return // a whole that contains it is there
		}
		if at.kids == nil {
			at.kids = map[string]*shape{}
		}
		kid := at.kids[s.name]
		if kid == nil {
			kid = &shape{need: -1}
			at.kids[s.name] = kid
		}
		at = kid
	}
	at.need, at.kids = len(b.needs)-1, nil
}

func (s *shape) value(values []cty.Value) cty.Value {
	if s.need >= 0 {
		return values[s.need]
	}
	attributes := make(map[string]cty.Value, len(s.kids))
	for name, kid := range s.kids {
		attributes[name] = kid.value(values)
	}
	return cty.ObjectVal(attributes)
}

// context is what the expression sees, with the values of its needs in their
// order.
func (b *bound) context(values []cty.Value) *hcl2.EvalContext {
	if len(b.needs) == 0 {
		return b.fixed
	}
	ctx := b.fixed.NewChild()
	ctx.Variables = make(map[string]cty.Value, len(b.shape))
	for root, s := range b.shape {
		ctx.Variables[root] = s.value(values)
	}
	return ctx
}

// evaluate returns the value and the context that it was evaluated in.
func (b *bound) evaluate(values []cty.Value) (cty.Value, *hcl2.EvalContext, hcl2.Diagnostics) {
	ctx := b.context(values)
	v, diags := b.bounded(ctx)
	if diags.HasErrors() {
		return cty.DynamicVal, ctx, diags
	}
	if d := tooLarge(b.expression, v); d != nil {
		return cty.DynamicVal, ctx, hcl2.Diagnostics{d}
	}
	return v, ctx, diags
}

// wrong is a problem with the value of b, shown with the values involved.
func (b *bound) wrong(ctx *hcl2.EvalContext, summary, detail string, args ...any) *hcl2.Diagnostic {
	d := problem(b.Range(), summary, detail, args...)
	d.Expression, d.EvalContext = b.Expression, ctx
	return d
}

// maxValue bounds one value, in bytes: a few locals that double each other
// would fill any memory. An element counts as much as it takes at least.
const (
	maxValue     = 16 << 20
	elementBytes = 16
)

func tooLarge(e *expression, v cty.Value) *hcl2.Diagnostic {
	if room := shrink(maxValue, v); room > 0 {
		return nil
	}
	return problem(e.Range(), "Too large a value", "The value takes more than %d MiB. Nothing an experiment can be given is as large.", maxValue>>20)
}

// shrink takes v's size from room, and stops where none is left.
func shrink(room int, v cty.Value) int {
	v, _ = v.Unmark()
	room -= elementBytes
	if room <= 0 || v.IsNull() || !v.IsKnown() {
		return room
	}
	switch t := v.Type(); {
	case t == cty.String:
		return room - len(v.AsString())
	case t.IsCollectionType() || t.IsTupleType() || t.IsObjectType():
		for _, element := range v.Elements() {
			if room = shrink(room, element); room <= 0 {
				return room
			}
		}
	}
	return room
}
