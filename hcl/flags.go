package hcl

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

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
	w := flagWriter{flagOptions: o}
	w.object(hp)
	args, begin := make([]string, len(w.ends)), 0
	for i, end := range w.ends {
		args[i] = string(w.buf[begin:end])
		begin = end
	}
	return args
}

// appendFlags appends the arguments as a line for a POSIX shell.
func appendFlags(b []byte, hp *sweep.Object, o flagOptions) []byte {
	w := flagWriter{flagOptions: o, buf: b, line: true, begin: len(b)}
	w.object(hp)
	return w.buf
}

// flagWriter writes one word after the other into one buffer: a plan writes
// the commands of a million experiments.
type flagWriter struct {
	flagOptions
	buf  []byte
	path []byte // of the value that is written
	// line says that words are quoted and set apart by spaces; otherwise ends
	// says where each ends.
	line  bool
	ends  []int
	begin int // of the line, then of the word that is written
	words int
}

func (w *flagWriter) object(o *sweep.Object) {
	for name, v := range o.All() {
		outer := len(w.path)
		w.path = append(w.path, name...)
		if inner, ok := v.AsObject(); ok {
			w.path = append(w.path, '.')
			w.object(inner)
		} else {
			w.leaf(v)
		}
		w.path = w.path[:outer]
	}
}

func (w *flagWriter) leaf(v sweep.Value) {
	switch v.Kind() {
	case sweep.KindNull:
	case sweep.KindBool:
		b, _ := v.AsBool()
		w.bool(v, b)
	case sweep.KindList:
		list, _ := v.AsList()
		w.list(list)
	default:
		w.option(v)
	}
}

func (w *flagWriter) bool(v sweep.Value, b bool) {
	switch {
	case w.bools == "value":
		w.option(v)
	case b:
		w.name("--")
		w.end()
	case w.bools == "no-prefix":
		w.name("--no-")
		w.end()
	}
}

func (w *flagWriter) list(list []sweep.Value) {
	switch {
	case w.lists == "repeat":
		for _, v := range list {
			w.option(v)
		}
	case w.lists == "comma":
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = v.Text()
		}
		w.option(sweep.String(strings.Join(texts, ",")))
	case len(list) == 1:
		w.option(list[0])
	default:
		w.name("--")
		w.end()
		for _, v := range list {
			w.start()
			w.value(v)
			w.end()
		}
	}
}

// option writes a name with its value. A value that begins with a dash is
// joined to the name in either style, since argparse and getopt take it for an
// option otherwise (-1e-05, too).
func (w *flagWriter) option(v sweep.Value) {
	w.name("--")
	between := len(w.buf)
	w.buf = append(w.buf, '=')
	w.value(v)
	text := w.buf[between+1:]
	if w.style == "equals" || len(text) > 0 && text[0] == '-' {
		w.end()
		return
	}
	w.buf = w.buf[:between]
	w.end()
	w.start()
	w.value(v)
	w.end()
}

func (w *flagWriter) name(dashes string) {
	w.start()
	w.buf = append(append(w.buf, dashes...), w.path...)
	if w.casing == "kebab" {
		for i, c := range w.buf[w.begin:] {
			if c == '_' {
				w.buf[w.begin+i] = '-'
			}
		}
	}
}

func (w *flagWriter) value(v sweep.Value) {
	if s, ok := v.AsString(); ok {
		w.buf = append(w.buf, s...)
		return
	}
	w.buf = v.AppendJSON(w.buf)
}

func (w *flagWriter) start() {
	if w.line && w.words > 0 {
		w.buf = append(w.buf, ' ')
	}
	w.begin = len(w.buf)
}

func (w *flagWriter) end() {
	w.words++
	if !w.line {
		w.ends = append(w.ends, len(w.buf))
		return
	}
	word := w.buf[w.begin:]
	for _, c := range word {
		if !shellSafe[c] {
			w.buf = append(w.buf[:w.begin], sweep.ShellQuote(string(word))...)
			return
		}
	}
	if len(word) == 0 {
		w.buf = append(w.buf, sweep.ShellQuote("")...)
	}
}

// shellSafe is the bytes that sweep.ShellQuote leaves alone.
var shellSafe = func() (safe [256]bool) {
	for c := range safe[:utf8.RuneSelf] {
		safe[c] = sweep.ShellQuote(string(rune(c))) == string(rune(c))
	}
	return safe
}()

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
	return flagsOf(cty.String, prepare, func(hp *sweep.Object, o flagOptions) cty.Value {
		return cty.StringVal(string(appendFlags(nil, hp, o)))
	})
}

// argsFunction makes args(), the options as a list for a cmd that is a list.
func argsFunction(prepare func(*sweep.Object) *sweep.Object) function.Function {
	return flagsOf(cty.List(cty.String), prepare, func(hp *sweep.Object, o flagOptions) cty.Value {
		return stringList(writeFlags(hp, o))
	})
}

func flagsOf(result cty.Type, prepare func(*sweep.Object) *sweep.Object, write func(*sweep.Object, flagOptions) cty.Value) function.Function {
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
			return write(object, options), nil
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
