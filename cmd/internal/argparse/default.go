package argparse

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	stated = regexp.MustCompile(`(?i)[\[(;,]\s*defaults?(?:\s+to|\s+is)?(?:\s*[:=]|\s)\s*`)
	plain  = regexp.MustCompile(`(?i)\b(?:defaults? to|default is|default:)\s+("[^"]*"|'[^']*'|[^\s,;]+)`)
)

// readDefault finds the default in the help, and a type in the default.
func (o *Option) readDefault() {
	text, ok := defaultText(o.Help)
	if !ok {
		return
	}
	switch {
	case text == "None" || text == "==SUPPRESS==" || strings.HasPrefix(text, "None "):
		o.State = None
		return
	case strings.EqualFold(text, "none") || !o.List && unquoted(text) == text && strings.Contains(text, " "):
		return // that is prose
	case o.Kind == Switch || o.Kind == Count:
		return
	case o.Kind == Toggle:
		o.toggled(text)
		return
	case o.List:
		o.Default, ok = listed(text)
		o.State = Given
		if !ok {
			o.State = Unstated
		}
	default:
		o.State, o.Default = Given, []string{unquoted(text)}
	}
	o.guess()
	if o.Type != Bool && len(o.Choices) == 0 && (text == "True" || text == "False") {
		o.Type, o.Trouble = Bool, "its type may be bool, which takes any text for True"
	}
}

// toggled reads the default of --x/--no-x, which click names by its flag.
func (o *Option) toggled(text string) {
	switch strings.ToLower(text) {
	case "true", strings.TrimLeft(o.Flags[0], "-"):
		o.State, o.Default = Given, []string{"true"}
	case "false", strings.TrimLeft(o.Negative[0], "-"):
		o.State, o.Default = Given, []string{"false"}
	}
}

// guess takes a type from the default where there is no other. A whole number
// may stand for any number: the type stays a guess, and passing the same text
// on is right in any case.
func (o *Option) guess() {
	if o.Type != Unknown || o.State != Given || len(o.Default) == 0 {
		return
	}
	o.Type = Int
	for _, word := range o.Default {
		if _, err := strconv.ParseInt(word, 10, 64); err == nil {
			continue
		}
		if _, err := strconv.ParseFloat(word, 64); err != nil {
			o.Type = Text
			return
		}
		o.Type = Float
	}
}

// defaultText is the default as a help text has it: (default: 0.1), [default:
// 0.1; required], default is 0.1.
func defaultText(help string) (string, bool) {
	if at := stated.FindStringIndex(help); at != nil {
		text := strings.TrimSpace(closed(help[at[1]:]))
		if text != "" {
			return text, true
		}
	}
	if m := plain.FindStringSubmatch(help); m != nil {
		return strings.TrimRight(m[1], ".)]"), true
	}
	return "", false
}

// closed is a text up to the bracket that closes before one opens, or to click's
// semicolon.
func closed(text string) string {
	depth := 0
	for i, c := range text {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ';':
			if depth == 0 {
				return text[:i]
			}
		}
		if depth < 0 {
			return text[:i]
		}
	}
	return text
}

// listed reads a list as Python or click writes it: [1, 2], ('a', 'b'), 1, 2.
func listed(text string) ([]string, bool) {
	inner := text
	if len(text) >= 2 && (text[0] == '[' || text[0] == '(') {
		inner = text[1 : len(text)-1]
	} else if !strings.Contains(text, ",") {
		return nil, false
	}
	var words []string
	for word := range strings.SplitSeq(inner, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, unquoted(word))
		}
	}
	return words, true
}

func unquoted(text string) string {
	if n := len(text); n >= 2 && (text[0] == '\'' || text[0] == '"') && text[n-1] == text[0] {
		return text[1 : n-1]
	}
	return text
}
