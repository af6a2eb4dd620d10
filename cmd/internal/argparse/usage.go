package argparse

import (
	"regexp"
	"slices"
	"strings"
)

// usage is the usage line, which alone says what is required.
type usage struct {
	all   string   // on one line
	bare  []string // the words outside brackets
	found bool
}

var usageLine = regexp.MustCompile(`(?i)^\s*usage:\s*(.*)$`)

// readUsage joins the lines of the usage up to the first blank one.
func readUsage(text string) usage {
	var parts []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if m := usageLine.FindStringSubmatch(line); m != nil && parts == nil {
			parts = []string{m[1]}
			continue
		}
		if parts == nil {
			continue
		}
		if strings.TrimSpace(line) == "" {
			break
		}
		parts = append(parts, strings.TrimSpace(line))
	}
	all := strings.Join(parts, " ")
	return usage{all, strings.Fields(outside(all)), parts != nil}
}

// outside drops what is in brackets, which nest.
func outside(text string) string {
	var b strings.Builder
	depth := 0
	for _, c := range text {
		switch c {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		default:
			if depth <= 0 {
				b.WriteRune(c)
			}
		}
	}
	return b.String()
}

// requires reports whether an option stands outside brackets.
func (u usage) requires(flags []string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return slices.Contains(u.bare, f) })
}

// subcommands reports whether {a,b} is followed by what its command takes.
func (u usage) subcommands(set string) bool {
	return strings.Contains(u.all, set+" ...")
}

// optional reports whether a positional argument can be left out.
func (u usage) optional(name string) bool {
	return u.found && !slices.Contains(u.bare, name)
}

// bracket is an option in a usage line: [--lr LR].
var bracket = regexp.MustCompile(`\[(--?[A-Za-z0-9][^\[\]]*(?:\[[^\[\]]*\])?)\]`)

// options are those of a usage line, where a text has nothing else.
func (u usage) options() []Option {
	var all []Option
	for _, m := range bracket.FindAllStringSubmatch(u.all, -1) {
		invocation := strings.ReplaceAll(m[1], " | ", ", ")
		if o := readOption(entry{invocation: invocation}); !usual(o) {
			all = append(all, o)
		}
	}
	return all
}

// clickArguments are the positional arguments of a usage line of click's, which
// names them nowhere else: train [OPTIONS] DATA [EXTRA]... COMMAND [ARGS]...
func (u usage) clickArguments() []Option {
	_, after, found := strings.Cut(u.all, "[OPTIONS]")
	if !found {
		return nil
	}
	var all []Option
	for _, word := range strings.Fields(after) {
		name, several := strings.CutSuffix(word, "...")
		bare := strings.Trim(name, "[]")
		if bare == "COMMAND" || bare == "COMMAND1" {
			break
		}
		o := Option{Name: strings.ToLower(bare), Kind: Value, List: several, Required: bare == name}
		if o.Choices = braced(name); o.Choices == nil {
			o.Choices = barred(strings.Trim(name, "{}"))
		}
		all = append(all, o)
	}
	return all
}
