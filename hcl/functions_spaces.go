package hcl

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/lxsweep/lxsweep/sweep"
)

// distribution is what a distribution function returns: something to draw from.
type distribution struct {
	// dist is nil for a choice.
	dist    sweep.Distribution
	values  []cty.Value
	weights []float64 // nil for equal ones
}

func (d *distribution) String() string {
	if d.dist == nil {
		return "choice()"
	}
	return d.dist.String()
}

// distributionType is the type of a distribution within expressions.
var distributionType = cty.Capsule("distribution", reflect.TypeFor[distribution]())

// asDistribution returns the distribution that v is, if it is one that has
// quantiles.
func asDistribution(v cty.Value) (sweep.Distribution, bool) {
	d, ok := drawable(v)
	if !ok || d.dist == nil {
		return nil, false
	}
	return d.dist, true
}

// asChoice returns what a call of choice() chooses from; weights are nil where
// none were given.
func asChoice(v cty.Value) (values []cty.Value, weights []float64, ok bool) {
	d, ok := drawable(v)
	if !ok || d.dist != nil {
		return nil, nil, false
	}
	return d.values, d.weights, true
}

func drawable(v cty.Value) (*distribution, bool) {
	v, _ = v.Unmark()
	if !v.Type().Equals(distributionType) || !v.IsKnown() || v.IsNull() {
		return nil, false
	}
	return v.EncapsulatedValue().(*distribution), true
}

// anyDefault returns the argument of any(default), and whether expr is such a
// call. It is told from the source, since what any() means is about the
// declaration and not about a value.
func anyDefault(expr hcl2.Expression) (hcl2.Expression, bool) {
	call, diags := hcl2.ExprCall(expr)
	if diags.HasErrors() || call.Name != "any" || len(call.Arguments) != 1 {
		return nil, false
	}
	return call.Arguments[0], true
}

// distributionFunctions can be called where a sample draws from what they
// return.
func distributionFunctions() map[string]function.Function {
	return map[string]function.Function{
		"uniform":    boundsFunction(sweep.Uniform),
		"loguniform": boundsFunction(sweep.LogUniform),
		"normal":     spreadFunction(sweep.Normal),
		"lognormal":  spreadFunction(sweep.LogNormal),
		"choice":     choiceFunction(),
	}
}

func boundsFunction(of func(a, b, step float64) (sweep.Distribution, error)) function.Function {
	return numbersFunction([]string{"from", "to"}, "step", 3, distributionType, func(x []float64) (cty.Value, error) {
		step := 0.0
		if len(x) == 3 {
			if step = x[2]; step <= 0 {
				return cty.NilVal, function.NewArgErrorf(2, "the step must be above 0")
			}
		}
		d, err := of(x[0], x[1], step)
		return distributionVal(d), err
	})
}

func spreadFunction(of func(mean, sd float64) (sweep.Distribution, error)) function.Function {
	return numbersFunction([]string{"mean", "sd"}, "", 2, distributionType, func(x []float64) (cty.Value, error) {
		d, err := of(x[0], x[1])
		return distributionVal(d), err
	})
}

func distributionVal(d sweep.Distribution) cty.Value {
	return cty.CapsuleVal(distributionType, &distribution{dist: d})
}

// choiceFunction makes choice(list, weights?).
func choiceFunction() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "values", Type: cty.DynamicPseudoType}},
		VarParam: &function.Parameter{Name: "weights", Type: cty.List(cty.Number)},
		Type:     function.StaticReturnType(distributionType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if t := args[0].Type(); !t.IsListType() && !t.IsTupleType() {
				return cty.NilVal, function.NewArgErrorf(0, "it chooses from a list such as [16, 32], not from %s", withArticle(typeName(t)))
			}
			d := &distribution{values: args[0].AsValueSlice()}
			if len(d.values) == 0 {
				return cty.NilVal, function.NewArgErrorf(0, "the list is empty: there is nothing to choose")
			}
			if len(args) > 2 {
				return cty.NilVal, function.NewArgErrorf(2, "it takes a list and at most one list of weights: write choice([16, 32], [0.9, 0.1])")
			}
			if len(args) == 2 {
				var err error
				if d.weights, err = weights(args[1], len(d.values)); err != nil {
					return cty.NilVal, function.NewArgError(1, err)
				}
			}
			return cty.CapsuleVal(distributionType, d), nil
		},
	})
}

// weights reads the weights of n values: as many, none negative, some above 0.
func weights(v cty.Value, n int) ([]float64, error) {
	list := make([]float64, 0, n)
	for _, e := range v.Elements() {
		if e.IsNull() {
			return nil, fmt.Errorf("weight %d is null", len(list)+1)
		}
		f, _ := e.AsBigFloat().Float64()
		if f < 0 || math.IsInf(f, 0) {
			return nil, fmt.Errorf("weight %d is %s: a weight is a finite number from 0", len(list)+1, numberText(e.AsBigFloat()))
		}
		list = append(list, f)
	}
	if len(list) != n {
		return nil, fmt.Errorf("there are %d weights for %d values", len(list), n)
	}
	if slices.Max(list) == 0 {
		return nil, fmt.Errorf("every weight is 0: nothing could be chosen")
	}
	return list, nil
}

// rangeFunctions make lists of numbers.
func rangeFunctions() map[string]function.Function {
	return map[string]function.Function{
		"linspace": spacedFunction(sweep.Linspace),
		"logspace": spacedFunction(sweep.Logspace),
		"range":    rangeFunction(),
	}
}

func spacedFunction(of func(a, b float64, n int) ([]sweep.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "from", Type: cty.Number}, {Name: "to", Type: cty.Number}, {Name: "count", Type: cty.Number},
		},
		Type: function.StaticReturnType(cty.List(cty.Number)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			a, err := floatArgument(args, 0)
			if err != nil {
				return cty.NilVal, err
			}
			b, err := floatArgument(args, 1)
			if err != nil {
				return cty.NilVal, err
			}
			n, err := wholeArgument(args, 2)
			if err != nil {
				return cty.NilVal, err
			}
			return numberList(of(a, b, n))
		},
	})
}

// rangeFunction makes range(n), range(from, to) and range(from, to, step), to
// being left out as in Python. Without a step it counts down where to is below
// from, as Terraform's does.
func rangeFunction() function.Function {
	names := []string{"number"}
	return numbersFunction(names, "numbers", 3, cty.List(cty.Number), func(x []float64) (cty.Value, error) {
		from, to, step := 0.0, x[0], 1.0
		if len(x) > 1 {
			from, to = x[0], x[1]
		}
		if len(x) > 2 {
			step = x[2]
		} else if to < from {
			step = -1
		}
		if (to-from)*step < 0 {
			return cty.NilVal, function.NewArgErrorf(2, "a step of %s never gets from %s to %s", digits(step), digits(from), digits(to))
		}
		return numberList(sweep.Range(from, to, step))
	})
}

func numberList(numbers []sweep.Value, err error) (cty.Value, error) {
	if err != nil {
		return cty.NilVal, err
	}
	if len(numbers) == 0 {
		return cty.ListValEmpty(cty.Number), nil
	}
	list := make([]cty.Value, len(numbers))
	for i, n := range numbers {
		list[i] = toCty(n)
	}
	return cty.ListVal(list), nil
}
