package ui

import (
	"bufio"
	"io"
	"unicode/utf8"
)

// SafeWriter passes on text of unknown origin to a terminal: colours and line
// ends stay, every other control character is made visible.
type SafeWriter struct {
	out *bufio.Writer
	// held is an escape sequence or a rune that has only begun.
	held []byte
}

// NewSafeWriter makes one. Flush must be called at the end.
func NewSafeWriter(w io.Writer) *SafeWriter { return &SafeWriter{out: bufio.NewWriter(w)} }

// maxSequence is how long a colour sequence can be.
const maxSequence = 32

// Write passes b on.
func (s *SafeWriter) Write(b []byte) (int, error) {
	text := append(s.held, b...)
	s.held = nil
	for len(text) > 0 {
		n := s.next(text, false)
		if n == 0 {
			s.held = append([]byte(nil), text...)
			break
		}
		text = text[n:]
	}
	return len(b), s.out.Flush()
}

// Flush writes what has only begun.
func (s *SafeWriter) Flush() error {
	for text := s.held; len(text) > 0; {
		text = text[s.next(text, true):]
	}
	s.held = nil
	return s.out.Flush()
}

// next writes the first character of text and returns its length, 0 if it needs
// more text to tell.
func (s *SafeWriter) next(text []byte, last bool) int {
	switch c := text[0]; {
	case c == '\n' || c == '\r' || c == '\t':
		s.out.WriteByte(c)
		return 1
	case c == 0x1b:
		n, whole := colorSequence(text)
		if !whole && !last && len(text) < maxSequence {
			return 0
		}
		if n > 0 {
			s.out.Write(text[:n])
			return n
		}
	case c >= utf8.RuneSelf && !utf8.FullRune(text) && !last:
		return 0
	}
	_, n := utf8.DecodeRune(text)
	s.out.WriteString(Clean(string(text[:n])))
	return n
}

// colorSequence returns the length of the colour sequence at the beginning of
// text, 0 if there is none; whole is false where more text could make one.
func colorSequence(text []byte) (n int, whole bool) {
	for i, c := range text {
		switch {
		case i == 0:
		case i == 1 && c == '[':
		case i > 1 && (c >= '0' && c <= '9' || c == ';' || c == ':'):
		case i > 1 && c == 'm':
			return i + 1, true
		default:
			return 0, true
		}
	}
	return 0, false
}
