package draft

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/lxsweep/lxsweep/cmd/internal/argparse"
	"github.com/lxsweep/lxsweep/sweep"
)

// given takes the arguments that belong to a level: they become defaults. What
// is left is for the next level.
func (d *decider) given(h *argparse.Help, words []string) (rest []string) {
	h.Options, h.Positionals = slices.Clone(h.Options), slices.Clone(h.Positionals)
	positionals := h.Positionals
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case h.Sub != nil && word == h.Chosen:
			return words
		case strings.HasPrefix(word, "-") && len(word) > 1:
			var known bool
			if words, known = give(h.Options, word, words); !known {
				d.after = append(d.after, quoteAll([]string{word})...)
			}
		case len(positionals) > 0:
			positionals[0].State, positionals[0].Default, positionals[0].Trouble = argparse.Given, append(positionals[0].Default, word), ""
			if !positionals[0].List {
				positionals = positionals[1:]
			}
		default:
			rest = append(rest, word)
		}
	}
	return rest
}

// give gives an option the value that was typed.
func give(options []argparse.Option, word string, words []string) (rest []string, known bool) {
	name, value, joined := strings.Cut(word, "=")
	for i := range options {
		o := &options[i]
		off := slices.Contains(o.Negative, name)
		if !off && !slices.Contains(o.Flags, name) {
			continue
		}
		values := []string{strconv.FormatBool(!off)}
		if joined {
			values = []string{value}
		} else if o.Kind == argparse.Value || o.Kind == argparse.Repeat {
			n := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "--") })
			if n < 0 {
				n = len(words)
			}
			if !o.List {
				n = min(n, 1)
			}
			values, words = words[:n], words[n:]
		}
		o.State, o.Default, o.Trouble = argparse.Given, values, ""
		return words, true
	}
	return words, false
}

// literal is a default as HCL.
func (d *decider) literal(o *argparse.Option) (text, why string) {
	switch {
	case o.Kind == argparse.Switch:
		return strconv.FormatBool(on(o)), ""
	case o.Kind == argparse.Toggle && d.noPrefix:
		return strconv.FormatBool(on(o)), ""
	case o.Kind == argparse.Toggle:
		return "false", "" // the flag is the one that changes something
	case o.State == argparse.Given:
	case o.Required && o.List:
		return list(o.Type, []string{d.standIn(o)}), ""
	case o.Required:
		return scalar(o.Type, d.standIn(o)), ""
	default:
		return "null", ""
	}
	if o.List {
		return list(o.Type, o.Default), ""
	}
	if len(o.Default) != 1 {
		return "", "its default is not one value"
	}
	return scalar(o.Type, o.Default[0]), ""
}

func list(t argparse.Type, words []string) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = scalar(t, w)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// scalar writes a number where the program takes one, else the text itself.
func scalar(t argparse.Type, word string) string {
	if t == argparse.Int || t == argparse.Float {
		if i, err := strconv.ParseInt(word, 10, 64); err == nil {
			return strconv.FormatInt(i, 10)
		}
		if f, err := strconv.ParseFloat(word, 64); err == nil {
			return number(f, word)
		}
	}
	return literalText(word)
}

// number is a float as HCL; infinities, which are none, stay texts.
func number(f float64, word string) string {
	v, err := sweep.Number(f)
	if err != nil || math.IsInf(f, 0) {
		return literalText(word)
	}
	return v.String()
}

// literalText is a text as an HCL string.
func literalText(text string) string {
	return `"` + quote(text) + `"`
}

// quote is a text within an HCL string.
func quote(text string) string {
	var b strings.Builder
	for i, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\r':
			b.WriteString(`\r`)
		case (c == '$' || c == '%') && strings.HasPrefix(text[i+1:], "{"):
			b.WriteRune(c)
			b.WriteRune(c)
		case !unicode.IsPrint(c):
			b.WriteString(`\u` + leftPad(strconv.FormatInt(int64(c), 16)))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func leftPad(hex string) string { return strings.Repeat("0", max(0, 4-len(hex))) + hex }

// quoteAll quotes words for the shell within an HCL string.
func quoteAll(words []string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = quote(sweep.ShellQuote(w))
	}
	return all
}

var (
	saysDefault = regexp.MustCompile(`(?i)\s*[\[(](defaults?\b|required\b)[^\])]*[\])]\s*`)
	percent     = regexp.MustCompile(`%%|%\([a-z]+\)s`)
)

// remark is a hyperparameter's comment: its choices, else its help; and its type
// where the value does not show it.
func remark(o *argparse.Option) string {
	text := clean(o.Help)
	if len(o.Choices) > 0 {
		text = "one of " + strings.Join(o.Choices, ", ")
	}
	if len(o.Default) == 1 && o.Kind == argparse.Value && (o.Default[0] == "True" || o.Default[0] == "False") {
		text = strings.TrimSuffix(`"True" or "False": `+text, ": ")
	}
	if o.Kind == argparse.Value && o.State == argparse.None && !o.Required {
		word := "not passed"
		if o.Type == argparse.Int || o.Type == argparse.Float {
			word = string(o.Type) + ", not passed"
		}
		text = strings.TrimSuffix(word+": "+text, ": ")
	}
	if o.Required && o.State != argparse.Given {
		text = strings.TrimSuffix("CHANGE_ME, it has no default: "+text, ": ")
	}
	return short(text)
}

// clean is a help text less what the value says already.
func clean(help string) string {
	text := percent.ReplaceAllStringFunc(saysDefault.ReplaceAllString(help, " "), func(s string) string {
		if s == "%%" {
			return "%"
		}
		return ""
	})
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), " ,", ",")
	return strings.Trim(text, " ;,")
}

// short fits a comment's line.
func short(text string) string {
	const longest = 90
	runes := []rune(strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, text))
	if len(runes) <= longest {
		return string(runes)
	}
	return strings.TrimRight(string(runes[:longest-3]), " ,;") + "..."
}
