package hcl

import (
	"cmp"
	"math"
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// condition is an expression made of comparisons, computed without cty, where
// one comparison of fractions takes 50 µs. It answers as cty does or not at
// all: then the caller evaluates the expression.
type condition struct {
	refs []reference // what compute is given the values of, in this order
	root compute
}

// compute gives the value of an expression from those of the references.
type compute func(in []operand) operand

// operand is a value, or why there is none.
type operand struct {
	sweep.Value
	state operandState
}

type operandState uint8

const (
	known   operandState = iota
	unknown              // a name that the subject lacks
	unsure               // cty must say, or say what is wrong
)

// newCondition compiles an expression; nil if it holds more than references,
// constants, comparisons, !, && and ||.
func newCondition(expr hclsyntax.Expression) *condition {
	c := &condition{}
	if c.root = c.compile(expr); c.root == nil {
		return nil
	}
	return c
}

// holds computes the condition; ok is false where cty must.
func (c *condition) holds(in []operand) (holds, ok bool) {
	out := c.root(in)
	b, isBool := out.AsBool()
	switch {
	case out.state == unknown:
		return false, true
	case out.state == unsure || !isBool:
		return false, false
	}
	return b, true
}

func (c *condition) compile(expr hclsyntax.Expression) compute {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.compile(e.Expression)
	case *hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr:
		return constantOf(e)
	case *hclsyntax.ScopeTraversalExpr:
		return c.reference(e)
	case *hclsyntax.UnaryOpExpr:
		return c.unary(e)
	case *hclsyntax.BinaryOpExpr:
		return c.binary(e)
	}
	return nil
}

// constantOf is a literal that is exactly what an experiment can have: cty
// would tell 0.1 from a number that differs in the thirtieth digit.
func constantOf(expr hclsyntax.Expression) compute {
	if len(expr.Variables()) > 0 {
		return nil
	}
	if t, ok := expr.(*hclsyntax.TemplateExpr); ok && !t.IsStringLiteral() {
		return nil
	}
	literal, diags := expr.Value(nil)
	if diags.HasErrors() {
		return nil
	}
	v, err := fromCty(literal)
	if err != nil || !v.IsNull() && !toCty(v).RawEquals(literal) {
		return nil
	}
	return func([]operand) operand { return operand{Value: v} }
}

func (c *condition) reference(e *hclsyntax.ScopeTraversalExpr) compute {
	r := newReference(e.Traversal)
	if len(r.steps) != len(e.Traversal)-1 {
		return nil
	}
	for _, s := range r.steps {
		if strings.Contains(s.name, ".") {
			return nil
		}
	}
	i := len(c.refs)
	c.refs = append(c.refs, r)
	return func(in []operand) operand { return in[i] }
}

func (c *condition) unary(e *hclsyntax.UnaryOpExpr) compute {
	if e.Op == hclsyntax.OpNegate {
		if inner, ok := e.Val.(*hclsyntax.LiteralValueExpr); ok && inner.Val.Type() == cty.Number {
			return constantOf(&hclsyntax.LiteralValueExpr{Val: inner.Val.Negate(), SrcRange: e.SrcRange})
		}
		return nil
	}
	inner := c.compile(e.Val)
	if inner == nil || e.Op != hclsyntax.OpLogicalNot {
		return nil
	}
	return func(in []operand) operand {
		x := inner(in)
		if b, ok := x.AsBool(); ok && x.state == known {
			return truth(!b)
		}
		return operand{state: max(x.state, unsure*boolState(x))}
	}
}

func (c *condition) binary(e *hclsyntax.BinaryOpExpr) compute {
	left, right := c.compile(e.LHS), c.compile(e.RHS)
	if left == nil || right == nil {
		return nil
	}
	switch e.Op {
	case hclsyntax.OpLogicalAnd:
		return logical(left, right, false)
	case hclsyntax.OpLogicalOr:
		return logical(left, right, true)
	case hclsyntax.OpEqual:
		return equality(left, right, true)
	case hclsyntax.OpNotEqual:
		return equality(left, right, false)
	case hclsyntax.OpLessThan:
		return ordering(left, right, func(c int) bool { return c < 0 })
	case hclsyntax.OpLessThanOrEqual:
		return ordering(left, right, func(c int) bool { return c <= 0 })
	case hclsyntax.OpGreaterThan:
		return ordering(left, right, func(c int) bool { return c > 0 })
	case hclsyntax.OpGreaterThanOrEqual:
		return ordering(left, right, func(c int) bool { return c >= 0 })
	}
	return nil
}

func truth(b bool) operand { return operand{Value: sweep.Bool(b)} }

// boolState is 1 for a known value that is no bool.
func boolState(x operand) operandState {
	if _, ok := x.AsBool(); !ok && x.state == known {
		return 1
	}
	return 0
}

// logical is && where decisive is false, || where it is true: one operand of
// that value decides, whatever the other.
func logical(left, right compute, decisive bool) compute {
	return func(in []operand) operand {
		x, y := left(in), right(in)
		state := max(x.state, y.state, unsure*boolState(x), unsure*boolState(y))
		if state == unsure {
			return operand{state: unsure}
		}
		a, _ := x.AsBool()
		b, _ := y.AsBool()
		switch {
		case x.state == known && a == decisive || y.state == known && b == decisive:
			return truth(decisive)
		case state == unknown:
			return operand{state: unknown}
		}
		return truth(!decisive)
	}
}

func equality(left, right compute, want bool) compute {
	return func(in []operand) operand {
		x, y := left(in), right(in)
		if state := max(x.state, y.state); state != known {
			return operand{state: state}
		}
		return truth(x.Equal(y.Value) == want)
	}
}

func ordering(left, right compute, want func(int) bool) compute {
	return func(in []operand) operand {
		x, y := left(in), right(in)
		for _, o := range []operand{x, y} {
			if _, number := o.AsFloat(); o.state == unsure || o.state == known && !number {
				return operand{state: unsure}
			}
		}
		if x.state == unknown || y.state == unknown {
			return operand{state: unknown}
		}
		return truth(want(compareNumbers(x.Value, y.Value)))
	}
}

// compareNumbers orders two numbers exactly. Two floats have the order of the
// shortest decimals that they are written as.
func compareNumbers(a, b sweep.Value) int {
	i, iok := a.AsInt()
	j, jok := b.AsInt()
	if iok && jok {
		return cmp.Compare(i, j)
	}
	f, _ := a.AsFloat()
	g, _ := b.AsFloat()
	const exact = 1 << 53
	if math.Abs(f) <= exact || math.Abs(g) <= exact || !iok && !jok {
		return cmp.Compare(f, g)
	}
	return bigOf(a).Cmp(bigOf(b))
}

func bigOf(v sweep.Value) *big.Float { return toCty(v).AsBigFloat() }
