package hcl

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// collectionFunctions mean what Terraform's of the same name mean; cty's
// library has them otherwise or not at all.
func collectionFunctions() map[string]function.Function {
	return map[string]function.Function{
		"length":     lengthFunction(),
		"index":      indexFunction(),
		"alltrue":    everyFunction(true),
		"anytrue":    everyFunction(false),
		"startswith": readable(affixFunction(strings.HasPrefix)),
		"endswith":   readable(affixFunction(strings.HasSuffix)),
	}
}

// lengthFunction makes length() of a collection or of a string.
func lengthFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			switch v := args[0]; {
			case v.Type() == cty.String:
				return stdlib.Strlen(v)
			case v.CanIterateElements():
				return cty.NumberIntVal(int64(v.LengthInt())), nil
			default:
				return cty.NilVal, function.NewArgErrorf(0, "%s has no length", withArticle(typeName(v.Type())))
			}
		},
	})
}

// indexFunction makes index(list, value): where value stands in list.
func indexFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "list", Type: cty.DynamicPseudoType},
			{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true},
		},
		Type: function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if t := args[0].Type(); !t.IsListType() && !t.IsTupleType() {
				return cty.NilVal, function.NewArgErrorf(0, "it searches a list, not %s", withArticle(typeName(t)))
			}
			for key, e := range args[0].Elements() {
				if equal := e.Equals(args[1]); equal.IsKnown() && equal.True() {
					return key, nil
				}
			}
			return cty.NilVal, function.NewArgErrorf(1, "the list does not hold %s", described(args[1]))
		},
	})
}

// everyFunction makes alltrue() and anytrue() of a list of bools; untilNot is
// the result when no element decides otherwise.
func everyFunction(untilNot bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, e := range args[0].Elements() {
				if holds := !e.IsNull() && e.True(); holds != untilNot {
					return cty.BoolVal(!untilNot), nil
				}
			}
			return cty.BoolVal(untilNot), nil
		},
	})
}

// affixFunction makes startswith() and endswith().
func affixFunction(has func(s, affix string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "affix", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(has(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// formatFunction wraps format() or formatlist() so that the numbers that %s, %v
// and %q take read as an hp does. %d, %f and the like are left to the format.
// formatlist() takes the elements of its lists one by one.
func formatFunction(f function.Function, eachOfList bool) function.Function {
	return function.New(&function.Spec{
		Params:   f.Params(),
		VarParam: f.VarParam(),
		Type:     f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			args = slices.Clone(args)
			for _, i := range textArguments(args[0].AsString()) {
				if i+1 < len(args) {
					var err error
					if args[i+1], err = readableArgument(args[i+1], eachOfList); err != nil {
						return cty.NilVal, function.NewArgError(i+1, err)
					}
				}
			}
			return f.Call(args)
		},
	})
}

// formatVerb is a verb of format(): its flags, the argument's number, the verb.
var formatVerb = regexp.MustCompile(`%([#0\-+ ]*)\d*(?:\.\d+)?(?:\[(\d+)\])?([a-zA-Z%])`)

// textArguments lists the arguments, from 0, that a format writes as text.
func textArguments(format string) []int {
	var text, other []int
	next := 0
	for _, m := range formatVerb.FindAllStringSubmatch(format, -1) {
		if m[3] == "%" {
			continue
		}
		argument := next
		if m[2] != "" {
			n, _ := strconv.Atoi(m[2])
			argument = n - 1
		}
		next = argument + 1
		if strings.Contains("svq", m[3]) && !strings.Contains(m[1], "#") {
			text = append(text, argument)
		} else if m[3] == "v" {
			other = append(other, argument)
		}
	}
	return slices.DeleteFunc(text, func(i int) bool { return i < 0 || slices.Contains(other, i) })
}

// readableArgument turns a number, or each number of a list, into its text.
func readableArgument(v cty.Value, eachOfList bool) (cty.Value, error) {
	if !v.IsKnown() || v.IsNull() {
		return v, nil
	}
	t := v.Type()
	if t == cty.Number {
		return textVal(v)
	}
	if !eachOfList || !t.IsTupleType() && !t.IsListType() || v.LengthInt() == 0 {
		return v, nil
	}
	list := make([]cty.Value, 0, v.LengthInt())
	for _, e := range v.Elements() {
		text, err := readableArgument(e, false)
		if err != nil {
			return cty.NilVal, err
		}
		list = append(list, text)
	}
	return cty.TupleVal(list), nil
}
