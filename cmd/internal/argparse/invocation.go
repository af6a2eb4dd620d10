package argparse

import (
	"regexp"
	"slices"
	"strings"
)

var (
	requiredMark = regexp.MustCompile(`(?i)[\[(;]\s*required\s*[\]);]`)
	separators   = regexp.MustCompile(`, |\s{2,}`)
	slash        = regexp.MustCompile(`\s*/\s*(--?[A-Za-z])`)
)

// readOption reads an entry that begins with a flag.
func readOption(e entry) Option {
	o := Option{Kind: Switch, Help: e.help, Required: requiredMark.MatchString(e.help)}
	on, off := slashed(e.invocation)
	metavar := ""
	for i, piece := range append(pieces(on), pieces(off)...) {
		name, rest := named(piece)
		switch {
		case name == "":
		case i >= len(pieces(on)) || strings.HasPrefix(name, "--no-") && len(o.Flags) > 0:
			o.Negative = append(o.Negative, name)
		default:
			o.Flags = append(o.Flags, name)
		}
		if rest != "" {
			metavar = rest
		}
	}
	o.takes(metavar)
	if len(o.Negative) > 0 && o.Kind == Switch {
		o.Kind = Toggle
	}
	o.readDefault()
	return o
}

// slashed cuts click's --fast / --slow.
func slashed(invocation string) (on, off string) {
	at := slash.FindStringSubmatchIndex(invocation)
	if at == nil || within(invocation[:at[0]]) {
		return invocation, ""
	}
	return invocation[:at[0]], invocation[at[2]:]
}

// named divides a piece of an invocation into a flag and a metavar.
func named(piece string) (name, metavar string) {
	if !flag.MatchString(piece) {
		return "", piece
	}
	if i := strings.IndexAny(piece, " =["); i > 0 {
		return piece[:i], strings.TrimLeft(piece[i:], " =")
	}
	return piece, ""
}

// pieces cuts an invocation at commas and columns, though not within braces and
// brackets.
func pieces(invocation string) []string {
	var found []string
	begin := 0
	for _, at := range separators.FindAllStringIndex(invocation, -1) {
		if !within(invocation[:at[0]]) {
			found = append(found, invocation[begin:at[0]])
			begin = at[1]
		}
	}
	return append(found, invocation[begin:])
}

// within reports whether a text ends inside a bracket.
func within(text string) bool {
	depth := 0
	for _, c := range text {
		switch c {
		case '{', '[', '<', '(':
			depth++
		case '}', ']', '>', ')':
			depth--
		}
	}
	return depth > 0
}

// takes reads a metavar: how many values there are, and what they are.
func (o *Option) takes(metavar string) {
	if metavar == "" {
		return
	}
	o.Kind = Value
	names := strings.Fields(metavar)
	o.List = strings.HasSuffix(strings.TrimSuffix(metavar, "]"), "...") || strings.HasPrefix(metavar, "<") || slices.Contains(names[1:], names[0])
	metavar = strings.TrimSuffix(metavar, "...")
	if o.Choices = braced(metavar); o.Choices == nil {
		o.Choices = barred(metavar)
	}
	o.Type = typeOf(metavar)
}

// braced are argparse's choices: {a,b}.
func braced(metavar string) []string {
	begin, end := strings.IndexByte(metavar, '{'), strings.IndexByte(metavar, '}')
	if begin < 0 || end < begin {
		return nil
	}
	return strings.Split(metavar[begin+1:end], ",")
}

// barred are click's choices: [a|b].
func barred(metavar string) []string {
	text, ok := strings.CutPrefix(metavar, "[")
	text, closed := strings.CutSuffix(text, "]")
	if !ok || !closed || !strings.Contains(text, "|") {
		return nil
	}
	return strings.Split(text, "|")
}

// typeOf is by click's metavars, and by the names that people give theirs.
func typeOf(metavar string) Type {
	word := strings.Trim(strings.Fields(metavar + " ?")[0], "<[]>.")
	switch strings.ToUpper(word) {
	case "INTEGER", "INT":
		return Int
	case "FLOAT":
		return Float
	case "TEXT", "STR", "STRING":
		return Text
	case "PATH", "DIR", "DIRECTORY", "FILE", "FOLDER", "FILENAME":
		return Path
	case "BOOL", "BOOLEAN":
		return Bool
	}
	return Unknown
}

// readPositional reads an entry of the section of positional arguments.
func readPositional(e entry, u usage) Option {
	columns := gap.Split(e.invocation, -1)
	name := strings.Fields(columns[0])[0]
	o := Option{Name: name, Help: e.help, Choices: braced(name)}
	metavar := name
	if len(columns) > 1 {
		metavar = columns[len(columns)-1]
	}
	o.takes(metavar)
	o.Kind = Value
	o.List = strings.Contains(u.all, "["+name+" ...]") || strings.HasSuffix(metavar, "...")
	o.Required = !u.optional(name) || requiredMark.MatchString(e.help)
	o.Name = strings.Trim(name, "[]")
	if o.Choices != nil {
		o.Name = "choice"
	}
	o.readDefault()
	return o
}
