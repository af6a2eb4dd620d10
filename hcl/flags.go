package hcl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/lxsweep/lxsweep/sweep"
)

// flagOptions is how hyperparameters are written as a program's options. The
// zero value is what argparse takes:
//
//	--lr 0.01 --nesterov --optimizer.wd 0.1 --widths 64 64
type flagOptions struct {
	style  string // "space" (default) or "equals"
	bools  string // "switch" (default), "value" or "no-prefix"
	lists  string // "space" (default), "repeat" or "comma"
	casing string // "keep" (default) or "kebab"
}

// flagChoices are the options of flags() and args(); the first value of each is
// its default.
var flagChoices = map[string][]string{
	"style": {"space", "equals"},
	"bool":  {"switch", "value", "no-prefix"},
	"list":  {"space", "repeat", "comma"},
	"case":  {"keep", "kebab"},
}

// writeFlags returns the arguments, unquoted, in the order of the paths. null
// and empty objects are left out.
func writeFlags(hp *sweep.Object, o flagOptions) []string {
	args := make([]string, 0, 2*hp.Len())
	for path, v := range hp.Leaves() {
		if o.casing == "kebab" {
			path = strings.ReplaceAll(path, "_", "-")
		}
		args = o.appendOption(args, path, v)
	}
	return args
}

func (o flagOptions) appendOption(args []string, path string, v sweep.Value) []string {
	switch v.Kind() {
	case sweep.KindNull, sweep.KindObject:
		return args
	case sweep.KindBool:
		b, _ := v.AsBool()
		return o.appendBool(args, path, b)
	case sweep.KindList:
		list, _ := v.AsList()
		return o.appendList(args, path, list)
	}
	return o.appendText(args, path, v.Text())
}

// appendText writes one option with its value. A value that begins with a dash
// is joined to its option in either style, since argparse and getopt take it
// for an option otherwise (-1e-05, too).
func (o flagOptions) appendText(args []string, path, text string) []string {
	if o.style == "equals" || strings.HasPrefix(text, "-") {
		return append(args, "--"+path+"="+text)
	}
	return append(args, "--"+path, text)
}

func (o flagOptions) appendBool(args []string, path string, b bool) []string {
	switch {
	case o.bools == "value":
		return o.appendText(args, path, sweep.Bool(b).Text())
	case b:
		return append(args, "--"+path)
	case o.bools == "no-prefix":
		return append(args, "--no-"+path)
	}
	return args
}

func (o flagOptions) appendList(args []string, path string, list []sweep.Value) []string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.Text()
	}
	switch o.lists {
	case "repeat":
		for _, text := range texts {
			args = o.appendText(args, path, text)
		}
		return args
	case "comma":
		return o.appendText(args, path, strings.Join(texts, ","))
	}
	if len(texts) == 1 {
		return o.appendText(args, path, texts[0])
	}
	return append(append(args, "--"+path), texts...)
}

// shellLine joins arguments into a line for a POSIX shell.
func shellLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = sweep.ShellQuote(a)
	}
	return strings.Join(quoted, " ")
}

// parseFlagOptions reads the second argument of flags() and args().
func parseFlagOptions(v cty.Value) (flagOptions, error) {
	value, err := fromCty(v)
	if err != nil {
		return flagOptions{}, err
	}
	object, ok := value.AsObject()
	if !ok {
		return flagOptions{}, fmt.Errorf(`options are an object such as { style = "equals", bool = "value" }, not %s`, withArticle(value.Kind().String()))
	}
	chosen := map[string]string{}
	for name, v := range object.All() {
		if chosen[name], err = flagChoice(name, v); err != nil {
			return flagOptions{}, err
		}
	}
	return flagOptions{style: chosen["style"], bools: chosen["bool"], lists: chosen["list"], casing: chosen["case"]}, nil
}

func flagChoice(name string, v sweep.Value) (string, error) {
	choices, ok := flagChoices[name]
	if !ok {
		names := []string{"style", "bool", "list", "case"}
		return "", fmt.Errorf("there is no option %q: the options are %s.%s", name, listed(names, "and"), didYouMean(name, names))
	}
	text, _ := v.AsString()
	if !slices.Contains(choices, text) {
		return "", fmt.Errorf("%s is %s, not %s.%s", name, listed(choices, "or"), v, didYouMean(text, choices))
	}
	return text, nil
}

// flagsFunction makes flags(), the options as text for a shell. prepare may
// leave hyperparameters out; nil leaves all in.
func flagsFunction(prepare func(*sweep.Object) *sweep.Object) function.Function {
	return flagWriter(cty.String, prepare, func(args []string) cty.Value {
		return cty.StringVal(shellLine(args))
	})
}

// argsFunction makes args(), the options as a list for a cmd that is a list.
func argsFunction(prepare func(*sweep.Object) *sweep.Object) function.Function {
	return flagWriter(cty.List(cty.String), prepare, stringList)
}

func flagWriter(result cty.Type, prepare func(*sweep.Object) *sweep.Object, write func([]string) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "hp", Type: cty.DynamicPseudoType}},
		VarParam: &function.Parameter{Name: "options", Type: cty.DynamicPseudoType},
		Type:     function.StaticReturnType(result),
		Impl: func(in []cty.Value, _ cty.Type) (cty.Value, error) {
			hp, err := fromCty(in[0])
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			object, ok := hp.AsObject()
			if !ok {
				return cty.NilVal, function.NewArgErrorf(0, "hyperparameters are an object such as hp or hp.optimizer, not %s", withArticle(hp.Kind().String()))
			}
			var options flagOptions
			if len(in) > 2 {
				return cty.NilVal, function.NewArgErrorf(2, "it takes hyperparameters and at most one object of options")
			}
			if len(in) == 2 {
				if options, err = parseFlagOptions(in[1]); err != nil {
					return cty.NilVal, function.NewArgError(1, err)
				}
			}
			if prepare != nil {
				object = prepare(object)
			}
			return write(writeFlags(object, options)), nil
		},
	})
}

// shellQuoteFunction makes shellquote(): any text as one word for a shell.
func shellQuoteFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(in []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(sweep.ShellQuote(in[0].AsString())), nil
		},
	})
}

// stringList is a list(string), which may be empty.
func stringList(texts []string) cty.Value {
	if len(texts) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	list := make([]cty.Value, len(texts))
	for i, s := range texts {
		list[i] = cty.StringVal(s)
	}
	return cty.ListVal(list)
}
