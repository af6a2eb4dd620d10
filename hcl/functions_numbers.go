package hcl

import (
	"math"
	"math/big"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// numberFunctions are those whose results are float64 in cty's library, with
// the long fractions of a binary number. Ours are the decimals that they round
// to, so that pow(10, -1) == 0.1.
func numberFunctions() map[string]function.Function {
	return map[string]function.Function{
		"pow":  numberFunction(powArguments, power),
		"sqrt": numberFunction([]string{"number"}, func(x []float64) float64 { return math.Sqrt(x[0]) }),
		"exp":  numberFunction([]string{"number"}, func(x []float64) float64 { return portable(math.Exp(x[0])) }),
		"log":  logFunction(),
		"sum":  sumFunction(),
	}
}

var powArguments = []string{"number", "exponent"}

// numberFunction makes a function of finite numbers, whose result must be
// finite.
func numberFunction(names []string, compute func([]float64) float64) function.Function {
	return numbersFunction(names, "", len(names), cty.Number, func(x []float64) (cty.Value, error) {
		return numberVal(compute(x))
	})
}

// numbersFunction makes a function of finite numbers, at most so many: those
// beyond the names may be left out.
func numbersFunction(names []string, optional string, most int, result cty.Type, compute func([]float64) (cty.Value, error)) function.Function {
	spec := &function.Spec{Type: function.StaticReturnType(result)}
	for _, name := range names {
		spec.Params = append(spec.Params, function.Parameter{Name: name, Type: cty.Number})
	}
	if optional != "" {
		spec.VarParam = &function.Parameter{Name: optional, Type: cty.Number}
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if len(args) > most {
			return cty.NilVal, function.NewArgErrorf(most, "it takes %d numbers at most", most)
		}
		x := make([]float64, len(args))
		for i := range args {
			var err error
			if x[i], err = floatArgument(args, i); err != nil {
				return cty.NilVal, err
			}
		}
		return compute(x)
	}
	return function.New(spec)
}

// portable rounds to 14 significant digits: the last bits of exp, log and pow
// differ between processors, and with them the names of experiments would.
func portable(f float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 13, 64), 64)
	if err != nil {
		return f
	}
	return rounded
}

// power is x^y, exact where both are whole and the result is below 2^53.
func power(x []float64) float64 {
	if x[0] == math.Trunc(x[0]) && x[1] == math.Trunc(x[1]) && x[1] >= 0 && x[1] < 64 && math.Abs(x[0]) < 1<<53 {
		exact := new(big.Int).Exp(big.NewInt(int64(x[0])), big.NewInt(int64(x[1])), nil)
		f, _ := new(big.Float).SetInt(exact).Float64()
		return f
	}
	return portable(math.Pow(x[0], x[1]))
}

// logFunction makes log(number, base), as Terraform's, with e where no base is
// given.
func logFunction() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "number", Type: cty.Number}},
		VarParam: &function.Parameter{Name: "base", Type: cty.Number},
		Type:     function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 2 {
				return cty.NilVal, function.NewArgErrorf(2, "it takes a number and at most one base")
			}
			divisor := 1.0
			x, err := positiveArgument(args, 0)
			if err != nil {
				return cty.NilVal, err
			}
			if len(args) == 2 {
				base, err := positiveArgument(args, 1)
				if err != nil {
					return cty.NilVal, err
				}
				if divisor = math.Log(base); divisor == 0 {
					return cty.NilVal, function.NewArgErrorf(1, "there is no logarithm to the base 1")
				}
			}
			return numberVal(portable(math.Log(x) / divisor))
		},
	})
}

func positiveArgument(args []cty.Value, i int) (float64, error) {
	f, err := floatArgument(args, i)
	if err == nil && f <= 0 {
		return 0, function.NewArgErrorf(i, "there is no logarithm of %s: it must be above zero", numberText(args[i].AsBigFloat()))
	}
	return f, err
}

// sumFunction makes sum(list).
func sumFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].CanIterateElements() {
				return cty.NilVal, function.NewArgErrorf(0, "it adds up a list of numbers, not %s", withArticle(typeName(args[0].Type())))
			}
			total := cty.Zero
			for _, e := range args[0].Elements() {
				if e.Type() != cty.Number || e.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "%s is not a number", described(e))
				}
				total = total.Add(e)
			}
			return total, nil
		},
	})
}

// digits is a finite number in a message.
func digits(f float64) string { return numberText(big.NewFloat(f)) }
