package hcl

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// An expression of a line can ask for more than a machine has: loops within
// loops, a product of long lists, a text replaced in itself. What follows stops
// it before the memory is taken and not after.

// allowance is the name, which no file can write, of what an evaluation may
// still take for its loops.
const allowance = "(allowance)"

var allowanceType = cty.Capsule("allowance", reflect.TypeFor[int]())

// pass is one pass of a for expression. It is made of a node of the parser's, so
// that references within it are found.
type pass struct{ *hclsyntax.ParenthesesExpr }

// exhausted is the panic of a pass too many: a for expression goes on after an
// error.
type exhausted struct{ at hcl2.Range }

func newPass(e hclsyntax.Expression) pass {
	return pass{&hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()}}
}

// Value takes what the pass makes off the allowance.
func (p pass) Value(ctx *hcl2.EvalContext) (cty.Value, hcl2.Diagnostics) {
	v, diags := p.Expression.Value(ctx)
	for at := ctx; at != nil; at = at.Parent() {
		if left, ok := at.Variables[allowance]; ok {
			room := left.EncapsulatedValue().(*int)
			if *room = shrink(*room-elementBytes, v); *room <= 0 {
				panic(exhausted{p.SrcRange})
			}
			break
		}
	}
	return v, diags
}

// bounded evaluates an expression that has loops.
func (e *expression) bounded(ctx *hcl2.EvalContext) (v cty.Value, diags hcl2.Diagnostics) {
	if !e.loops {
		return e.Value(ctx)
	}
	defer func() {
		switch stop := recover().(type) {
		case nil:
		case exhausted:
			v = cty.DynamicVal
			diags = hcl2.Diagnostics{problem(stop.at, "Too large a value", "The loop makes more than %d MiB. Nothing an experiment can be given is as large.", maxValue>>20)}
		default:
			panic(stop)
		}
	}()
	room := 2 * maxValue // what is made on the way, and what comes out
	within := ctx.NewChild()
	within.Variables = map[string]cty.Value{allowance: cty.CapsuleVal(allowanceType, &room)}
	return e.Value(within)
}

// maxCompared bounds lists whose elements are compared each with each.
const maxCompared = 10_000

// outputs are the functions whose result can be far larger than what they are
// given, with a bound on its size in bytes.
var outputs = map[string]func(args []cty.Value) int{
	"setproduct": func(args []cty.Value) int {
		n := elementBytes * len(args)
		for _, a := range args {
			n = times(n, lengthOf(a))
		}
		return n
	},
	"replace":      func(a []cty.Value) int { return times(strings.Count(textIn(a[0]), textIn(a[1])), len(textIn(a[2]))) },
	"regexreplace": func(a []cty.Value) int { return times(len(textIn(a[0]))+1, len(textIn(a[2]))) },
	"indent":       func(a []cty.Value) int { return times(strings.Count(textIn(a[1]), "\n"), numberIn(a[0])) },
	"join": func(a []cty.Value) int {
		n := 0
		for _, list := range a[1:] {
			n += lengthOf(list)
		}
		return times(n, len(textIn(a[0])))
	},
	"format": func(a []cty.Value) int { return widthsOf(textIn(a[0])) },
	"formatlist": func(a []cty.Value) int {
		n := 1
		for _, list := range a[1:] {
			n = max(n, lengthOf(list))
		}
		return times(n, len(textIn(a[0]))+widthsOf(textIn(a[0])))
	},
	"distinct": func(a []cty.Value) int {
		if lengthOf(a[0]) > maxCompared {
			return maxValue + 1
		}
		return 0
	},
}

// times multiplies sizes; what is beyond every bound stays so.
func times(a, b int) int {
	if a > maxValue || b > maxValue {
		return maxValue + 1
	}
	return a * b
}

func textIn(v cty.Value) string {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

func numberIn(v cty.Value) int {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.Number {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	return int(min(max(n, 0), maxValue+1))
}

func lengthOf(v cty.Value) int {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return 0
	}
	return v.LengthInt()
}

var formatWidth = regexp.MustCompile(`[0-9]+`)

// widthsOf bounds what the widths in a format add.
func widthsOf(format string) int {
	if !strings.Contains(format, "%") {
		return 0
	}
	sum := 0
	for _, digits := range formatWidth.FindAllString(format, -1) {
		if len(digits) > 8 {
			return maxValue + 1
		}
		n := 0
		for _, d := range digits {
			n = 10*n + int(d-'0')
		}
		if sum += n; sum > maxValue {
			return sum
		}
	}
	return sum
}

// limited refuses a call whose result would pass the bound on values.
func limited(name string, f function.Function) function.Function {
	size := outputs[name]
	if size == nil {
		return f
	}
	return function.New(&function.Spec{
		Params:   f.Params(),
		VarParam: f.VarParam(),
		Type:     f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if size(args) > maxValue {
				return cty.NilVal, fmt.Errorf("the result would be larger than any value may be, %d MiB", maxValue>>20)
			}
			return f.Call(args)
		},
	})
}
