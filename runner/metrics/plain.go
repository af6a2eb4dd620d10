package metrics

import (
	"bytes"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

const escape = 0x1b

// appendPlain appends line without terminal escape sequences.
func appendPlain(to, line []byte) []byte {
	for len(line) > 0 {
		i := bytes.IndexByte(line, escape)
		if i < 0 {
			return append(to, line...)
		}
		to = append(to, line[:i]...)
		line = line[i+escapeLength(line[i:]):]
	}
	return to
}

// escapeLength is how many bytes the escape sequence at the start of b has
// (ECMA-48: control sequences, strings, and two-byte escapes).
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return len(b)
	}
	switch b[1] {
	case '[': // parameters, then a final byte
		for i := 2; i < len(b); i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return i + 1
			}
		}
		return len(b)
	case ']', 'P', 'X', '^', '_': // up to BEL or ESC \
		for i := 2; i < len(b); i++ {
			if b[i] == 0x07 {
				return i + 1
			}
			if b[i] == escape {
				return min(i+2, len(b))
			}
		}
		return len(b)
	}
	return 2
}

// Tail returns the last lines of text as a terminal may safely show them:
// without escape sequences and control characters, of a line that was drawn
// over only its last state, each line and the whole bounded.
func Tail(text []byte, lines int) string {
	const maxShown = 200 // bytes of a line
	var kept []string
	for len(text) > 0 && len(kept) < lines {
		text = bytes.TrimRight(text, "\r\n")
		i := bytes.LastIndexByte(text, '\n')
		last := bytes.LastIndexByte(text, '\r')
		if line := shown(text[max(i, last)+1:]); line != "" {
			kept = append([]string{cut(line, maxShown)}, kept...)
		}
		text = text[:i+1]
	}
	return strings.Join(kept, "\n")
}

func shown(line []byte) string {
	plain := strings.ToValidUTF8(string(appendPlain(nil, line)), "?")
	plain = strings.Map(func(r rune) rune {
		if r == '\t' || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, plain)
	return strings.TrimRight(plain, " ")
}

// cut shortens s to about n bytes, between runes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// FileTail is the Tail of a file's last 8 KiB, empty if it cannot be read.
func FileTail(path string, lines int) string {
	const looked = 8 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	text := make([]byte, min(size, looked))
	n, _ := f.ReadAt(text, size-int64(len(text)))
	return Tail(text[:n], lines)
}
