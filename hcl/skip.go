package hcl

import (
	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

type skipBlock struct {
	at           hcl2.Range
	when, reason *expression
}

var skipSchema = &hcl2.BodySchema{
	Attributes: []hcl2.AttributeSchema{{Name: "when", Required: true}, {Name: "reason"}},
}

func decodeSkip(b *hcl2.Block) (*skipBlock, hcl2.Diagnostics) {
	body, diags := content(syntaxBody(b), "skip", skipSchema)
	attributes := expressionsOf(body.Attributes, "")
	return &skipBlock{at: b.TypeRange, when: attributes["when"], reason: attributes["reason"]}, diags
}

// skip binds a rule. It is bound to the first config and must be right for all.
func (l *loader) skip(b *skipBlock, programs []*program) sweep.Skip {
	rule := sweep.Skip{Pos: position(b.at)}
	if b.reason != nil {
		rule.Reason, _ = l.fileText(b.reason)
	}
	var when *bound
	for i, p := range programs {
		if bound, ok := l.bind(b.when, l.inExperiment, p); ok && i == 0 {
			when = bound
		}
	}
	known := &memo[bool]{}
	rule.When = func(hp *sweep.Object) (bool, error) {
		var buffer [128]byte
		key, keyed := appendKey(buffer[:0], when, hp)
		if keyed {
			if drop, ok := known.get(key); ok {
				return drop, nil
			}
		}
		drop, err := when.holds(hp)
		if keyed && err == nil {
			known.put(key, drop)
		}
		return drop, err
	}
	return rule
}

// holds evaluates a condition on hp.
func (b *bound) holds(hp *sweep.Object) (bool, error) {
	v, ctx, diags := b.evaluate(hpValues(b, hp))
	if diags.HasErrors() {
		return false, failed(diags)
	}
	v, _ = v.Unmark()
	if v.Type() != cty.Bool || v.IsNull() || !v.IsKnown() {
		return false, failed(hcl2.Diagnostics{b.wrong(ctx, "Condition without an answer", "when is true or false, not %s.", describe(v))})
	}
	return v.True(), nil
}
