package hcl

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"path/filepath"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/lxsweep/lxsweep/sweep"
)

// functions returns what expressions may call. None of them knows the time, a
// clock or chance: the same files make the same experiments. file() reads with
// read, from paths relative to dir.
func functions(dir string, read func(string) ([]byte, error)) functionSet {
	return functionSet{
		everywhere: pureFunctions(),
		fileScope: map[string]function.Function{
			"file":       fileFunction(dir, read),
			"csvdecode":  readable(stdlib.CSVDecodeFunc),
			"jsondecode": readable(stdlib.JSONDecodeFunc),
		},
		samples: distributionFunctions(),
	}
}

func pureFunctions() map[string]function.Function {
	all := map[string]function.Function{
		"can":        tryfunc.CanFunc,
		"try":        tryfunc.TryFunc,
		"flags":      flagsFunction(nil),
		"args":       argsFunction(nil),
		"shellquote": readable(shellQuoteFunction()),
		"jsonencode": jsonEncodeFunction(),
		"tostring":   readable(toTypeFunction(cty.String)),
		"tonumber":   toTypeFunction(cty.Number),
		"tobool":     toTypeFunction(cty.Bool),
		"tolist":     toTypeFunction(cty.List(cty.DynamicPseudoType)),
	}
	for name, f := range borrowedFunctions() {
		all[name] = readable(f)
	}
	maps.Copy(all, numberFunctions())
	maps.Copy(all, rangeFunctions())
	maps.Copy(all, collectionFunctions())
	return all
}

// borrowedFunctions are those of cty's library that are pure and mean what
// Terraform's of the same name mean.
func borrowedFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abs":          stdlib.AbsoluteFunc,
		"ceil":         stdlib.CeilFunc,
		"chomp":        stdlib.ChompFunc,
		"chunklist":    stdlib.ChunklistFunc,
		"coalesce":     stdlib.CoalesceFunc,
		"coalescelist": stdlib.CoalesceListFunc,
		"compact":      stdlib.CompactFunc,
		"concat":       stdlib.ConcatFunc,
		"contains":     stdlib.ContainsFunc,
		"distinct":     stdlib.DistinctFunc,
		"element":      stdlib.ElementFunc,
		"flatten":      stdlib.FlattenFunc,
		"floor":        stdlib.FloorFunc,
		"format":       formatFunction(stdlib.FormatFunc, false),
		"formatlist":   formatFunction(stdlib.FormatListFunc, true),
		"indent":       stdlib.IndentFunc,
		"join":         stdlib.JoinFunc,
		"keys":         stdlib.KeysFunc,
		"lookup":       stdlib.LookupFunc,
		"lower":        stdlib.LowerFunc,
		"max":          stdlib.MaxFunc,
		"merge":        stdlib.MergeFunc,
		"min":          stdlib.MinFunc,
		"parseint":     stdlib.ParseIntFunc,
		"regex":        stdlib.RegexFunc,
		"regexall":     stdlib.RegexAllFunc,
		"regexreplace": stdlib.RegexReplaceFunc,
		"replace":      stdlib.ReplaceFunc,
		"reverse":      stdlib.ReverseListFunc,
		"setproduct":   stdlib.SetProductFunc,
		"signum":       stdlib.SignumFunc,
		"slice":        stdlib.SliceFunc,
		"sort":         stdlib.SortFunc,
		"split":        stdlib.SplitFunc,
		"strlen":       stdlib.StrlenFunc,
		"strrev":       stdlib.ReverseFunc,
		"substr":       stdlib.SubstrFunc,
		"title":        stdlib.TitleFunc,
		"trim":         stdlib.TrimFunc,
		"trimprefix":   stdlib.TrimPrefixFunc,
		"trimspace":    stdlib.TrimSpaceFunc,
		"trimsuffix":   stdlib.TrimSuffixFunc,
		"upper":        stdlib.UpperFunc,
		"values":       stdlib.ValuesFunc,
		"zipmap":       stdlib.ZipmapFunc,
	}
}

// readable wraps a function so that a number that it takes as text reads as an
// hp does (1e-05), where HCL alone would write all its digits.
func readable(f function.Function) function.Function {
	params := f.Params()
	wanted := make([]cty.Type, len(params))
	textual := false
	for i := range params {
		wanted[i] = params[i].Type
		if isText(wanted[i]) {
			params[i].Type, textual = cty.DynamicPseudoType, true
		}
	}
	rest := f.VarParam()
	restWanted := cty.DynamicPseudoType
	if rest != nil {
		restWanted = rest.Type
		if isText(restWanted) {
			rest.Type, textual = cty.DynamicPseudoType, true
		}
	}
	if !textual {
		return f
	}
	texts := func(args []cty.Value) ([]cty.Value, error) {
		out := make([]cty.Value, len(args))
		for i, arg := range args {
			want := restWanted
			if i < len(wanted) {
				want = wanted[i]
			}
			var err error
			if out[i], err = asText(arg, want); err != nil {
				return nil, function.NewArgError(i, err)
			}
		}
		return out, nil
	}
	return function.New(&function.Spec{
		Description: f.Description(),
		Params:      params,
		VarParam:    rest,
		Type: func(args []cty.Value) (cty.Type, error) {
			args, err := texts(args)
			if err != nil {
				return cty.NilType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			args, err := texts(args)
			if err != nil {
				return cty.NilVal, err
			}
			return f.Call(args)
		},
	})
}

func isText(t cty.Type) bool {
	return t == cty.String || t.IsListType() && t.ElementType() == cty.String
}

// asText converts v to want, a number in a text's place by numberText.
func asText(v cty.Value, want cty.Type) (cty.Value, error) {
	switch {
	case !isText(want) || !v.IsKnown() || v.IsNull():
	case want == cty.String && v.Type() == cty.Number:
		return textVal(v)
	case want != cty.String && v.CanIterateElements() && !v.Type().IsObjectType() && !v.Type().IsMapType():
		return elementsAsText(v)
	}
	return convert.Convert(v, want)
}

func elementsAsText(v cty.Value) (cty.Value, error) {
	list := make([]cty.Value, 0, v.LengthInt())
	for _, element := range v.Elements() {
		e, err := asText(element, cty.String)
		if err != nil {
			return cty.NilVal, err
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return cty.ListValEmpty(cty.String), nil
	}
	return cty.ListVal(list), nil
}

// toTypeFunction makes tostring(), tonumber() and their like.
func toTypeFunction(t cty.Type) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: argumentType(t), AllowNull: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := convert.Convert(args[0], t)
			if err != nil {
				return cty.NilType, function.NewArgErrorf(0, "%s cannot become %s", described(args[0]), withArticle(t.FriendlyNameForConstraint()))
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, result cty.Type) (cty.Value, error) {
			return convert.Convert(args[0], result)
		},
	})
}

// argumentType lets readable see that tostring() makes a text of its argument.
func argumentType(t cty.Type) cty.Type {
	if t == cty.String {
		return cty.String
	}
	return cty.DynamicPseudoType
}

// described is a value in a message: itself where it is short, else its type.
func described(v cty.Value) string {
	if value, err := fromCty(v); err == nil {
		if text := value.String(); len(text) <= 40 {
			return text
		}
	}
	return withArticle(typeName(v.Type()))
}

// jsonEncodeFunction makes jsonencode(), which writes a value as the canonical
// JSON that LXSWEEP_HP has.
func jsonEncodeFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := fromCty(args[0])
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.StringVal(v.String()), nil
		},
	})
}

// fileFunction makes file(), the text of a file beside the .hcl file.
func fileFunction(dir string, read func(string) ([]byte, error)) function.Function {
	return readable(function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := args[0].AsString()
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			data, err := read(path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return cty.NilVal, function.NewArgErrorf(0, "there is no file %s; paths are relative to the folder of the first .hcl file", path)
			case err != nil:
				return cty.NilVal, function.NewArgError(0, err)
			case !utf8.Valid(data):
				return cty.NilVal, function.NewArgErrorf(0, "%s is not UTF-8 text", path)
			}
			return cty.StringVal(string(data)), nil
		},
	}))
}

// envFunction makes env(), an environment variable or "", which only the
// default of a variable may call: elsewhere a plan would depend on the shell
// that it was made in and not say so.
func envFunction(environ func(string) (string, bool)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if environ == nil {
				return cty.StringVal(""), nil
			}
			value, _ := environ(args[0].AsString())
			return cty.StringVal(value), nil
		},
	})
}

// wholeArgument is an argument that must be a whole number within int.
func wholeArgument(args []cty.Value, i int) (int, error) {
	n, acc := args[i].AsBigFloat().Int64()
	if acc != big.Exact || int64(int(n)) != n {
		return 0, function.NewArgErrorf(i, "%s is not a whole number", numberText(args[i].AsBigFloat()))
	}
	return int(n), nil
}

// floatArgument is an argument that must be a finite number.
func floatArgument(args []cty.Value, i int) (float64, error) {
	n, err := sweep.BigNumber(args[i].AsBigFloat())
	if errors.Is(err, sweep.ErrNotFinite) {
		return 0, function.NewArgErrorf(i, "%s is not a finite number", args[i].AsBigFloat().Text('g', 6))
	}
	if err != nil {
		return 0, function.NewArgError(i, fmt.Errorf("%w", err))
	}
	f, _ := n.AsFloat()
	return f, nil
}
