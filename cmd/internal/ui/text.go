package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v17/textseg"
	"golang.org/x/text/width"
)

// ellipsis stands for what was left out.
const (
	ellipsis      = "…"
	asciiEllipsis = "..."
)

// Clean returns s as one line that is safe to print: control characters,
// characters that turn the direction of writing, and bytes that are not UTF-8
// are written as Go writes them in a string.
func Clean(s string) string { return escaped(s, hostile) }

// escaped writes the runes that are so, and bytes that are not UTF-8, as Go
// writes them in a string.
func escaped(s string, so func(rune) bool) string {
	if !strings.ContainsFunc(s, so) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case so(r):
			quoted := fmt.Sprintf("%+q", r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// hostile reports whether r could move the cursor, or make text read otherwise
// than it is stored.
func hostile(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// Width is how many columns of a terminal s takes.
func Width(s string) int {
	if ascii(s) {
		return len(s)
	}
	columns := 0
	eachCluster(s, func(_ string, w int) bool { columns += w; return true })
	return columns
}

// Fit cuts s, with an ellipsis, to at most so many columns. A width of 0 or
// less leaves s alone.
func Fit(s string, columns int) string {
	if columns <= 0 || Width(s) <= columns {
		return s
	}
	end, used := 0, 0
	eachCluster(s, func(cluster string, w int) bool {
		if used+w > columns-1 {
			return false
		}
		end, used = end+len(cluster), used+w
		return true
	})
	return s[:end] + ellipsis
}

// Wrap breaks s at spaces into lines of at most so many columns; a longer word
// has a line of its own. A width of 0 or less gives one line.
func Wrap(s string, columns int) []string {
	if columns <= 0 {
		return []string{s}
	}
	var lines []string
	line, used := "", 0
	for _, word := range strings.Fields(s) {
		w := Width(word)
		if used > 0 && used+1+w > columns {
			lines, line, used = append(lines, line), "", 0
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+w
	}
	return append(lines, line)
}

// writeSentence writes text in lines that fit, each behind the indent.
func writeSentence(w io.Writer, s Screen, indent string, c Color, text string) {
	for _, line := range Wrap(s.Clean(text), s.proseWidth(len(indent))) {
		fmt.Fprintln(w, indent+s.Paint(c, line))
	}
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// eachCluster calls f with each user-perceived character and its columns until
// f returns false.
func eachCluster(s string, f func(cluster string, columns int) bool) {
	for rest := []byte(s); len(rest) > 0; {
		size, cluster, err := textseg.ScanGraphemeClusters(rest, true)
		if err != nil || size == 0 {
			return
		}
		if !f(string(cluster), clusterWidth(cluster)) {
			return
		}
		rest = rest[size:]
	}
}

// clusterWidth goes by a wide rune, with which the others combine; narrow ones,
// as in the conjuncts of Indic scripts, stand side by side in a terminal.
func clusterWidth(cluster []byte) int {
	columns := 0
	for _, r := range string(cluster) {
		w := runeWidth(r)
		if w == 2 {
			return 2
		}
		columns += w
	}
	return columns
}

const (
	emojiPresentation = '\ufe0f'
	flagA, flagZ      = '\U0001f1e6', '\U0001f1ff' // a pair of these is a flag
)

func runeWidth(r rune) int {
	if r == emojiPresentation || r >= flagA && r <= flagZ {
		return 2
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
