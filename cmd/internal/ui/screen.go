package ui

import (
	"cmp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How lxsweep talks to people. These rules hold for every command:
//
//   - stdout is data: plans, tables, logs, JSON. A script may read it.
//   - stderr is everything else: diagnostics, questions, progress, what to do
//     next. It never holds anything that a script would need.
//   - A question is asked only if both stdin and stderr are terminals, its safe
//     answer is the default, and there is a flag that answers it.
//   - The cursor moves only on a terminal, and only inside the last line.
//   - Messages are lower-case, without a full stop, "error: " or "warning: "
//     first; the way out follows on a line of its own, as a command to type.
//   - Colour repeats what the text says, and is never needed to understand it.
//   - What came from files, programs or people is cleaned of control characters
//     before it is printed. Only data (json, csv, yaml, logs, a command) has its
//     bytes as they are, and not on a terminal.
//   - Where the locale is not UTF-8, text for people is ASCII; data stays UTF-8.
//   - A line of a table that does not fit is cut with an ellipsis, or columns are
//     left out and said to be; tables are never wrapped. Sentences are wrapped.
//     What is to be copied or searched for is neither cut nor wrapped: commands,
//     paths, errors, warnings.

// Screen is what a renderer knows of where its text goes.
type Screen struct {
	Width int // columns; 0 for no limit
	Color bool
	// ASCII says that it shows no UTF-8: what is left out is marked by "...", and
	// other characters are escaped.
	ASCII bool
}

// Color is a way to paint a piece of text.
type Color uint8

// The colours.
const (
	Plain Color = iota
	Bold
	Dim
	Red
	Green
	Yellow
	Cyan
)

// Paint returns text in c, if the screen shows colour.
func (s Screen) Paint(c Color, text string) string {
	if !s.Color || c == Plain || text == "" {
		return text
	}
	code := [...]int{Bold: 1, Dim: 2, Red: 31, Green: 32, Yellow: 33, Cyan: 36}[c]
	return "\x1b[" + strconv.Itoa(code) + "m" + text + resetColor
}

// proseWidth is the room for sentences behind an indent; 0 for no limit.
func (s Screen) proseWidth(indent int) int {
	if s.Width == 0 {
		return 0
	}
	return max(s.Width-indent, 20)
}

// Fit is Fit with the screen's own ellipsis.
func (s Screen) Fit(text string, columns int) string {
	if !s.ASCII {
		return Fit(text, columns)
	}
	text = s.Clean(text)
	switch {
	case columns <= 0 || Width(text) <= columns:
		return text
	case columns < len(asciiEllipsis):
		return asciiEllipsis[:columns]
	}
	return s.Clean(Fit(text, columns-len(asciiEllipsis)+1))
}

// fitTail keeps the end of a clean text that is too long.
func (s Screen) fitTail(text string, columns int) string {
	if Width(text) <= columns {
		return text
	}
	mark := s.Clean(ellipsis)
	for i := range text {
		if Width(mark)+Width(text[i:]) <= columns {
			return mark + text[i:]
		}
	}
	return mark
}

// Clean is Clean with what the screen cannot show written as Go writes it, too,
// and with the screen's own ellipsis.
func (s Screen) Clean(text string) string {
	if !s.ASCII {
		return Clean(text)
	}
	text = strings.ReplaceAll(text, ellipsis, asciiEllipsis)
	return escaped(text, func(r rune) bool { return r >= utf8.RuneSelf || hostile(r) })
}

// WantASCII reports whether the locale names a character set that is not UTF-8.
// Where there is no locale, as in many containers, UTF-8 is the better guess.
func WantASCII(getenv func(string) string) bool {
	locale := strings.ToLower(cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")))
	return locale != "" && !strings.Contains(locale, "utf-8") && !strings.Contains(locale, "utf8")
}

// WantColor decides by the flag (nil if it was not given), the environment and
// whether the stream is a terminal, in this order.
func WantColor(noColor *bool, getenv func(string) string, terminal bool) bool {
	force := getenv("CLICOLOR_FORCE")
	switch {
	case noColor != nil:
		return !*noColor
	case getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && getenv("TERM") != "dumb"
}
