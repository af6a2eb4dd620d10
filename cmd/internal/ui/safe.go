package ui

import (
	"bufio"
	"io"
	"sync"
	"unicode/utf8"
)

// SafeWriter passes on text of unknown origin to people: colours and line ends
// stay, a carriage return ends a line as it does for metrics, and what else
// Screen.Clean replaces is made visible. It may be used by several goroutines.
type SafeWriter struct {
	screen Screen

	mu  sync.Mutex // guards what follows
	out *bufio.Writer
	// held is an escape sequence, a line end or a rune that has only begun.
	held []byte
	// painted says that a colour is on.
	painted bool
}

// NewSafeWriter makes one. Flush must be called at the end.
func NewSafeWriter(w io.Writer, s Screen) *SafeWriter {
	return &SafeWriter{screen: s, out: bufio.NewWriter(w)}
}

// maxSequence is how long a colour sequence can be.
const maxSequence = 32

// Write passes b on.
func (s *SafeWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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

// Flush writes what has only begun, and turns off a colour that is still on.
func (s *SafeWriter) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text := s.held; len(text) > 0; {
		text = text[s.next(text, true):]
	}
	s.held = nil
	if s.painted {
		s.out.WriteString(resetColor)
		s.painted = false
	}
	return s.out.Flush()
}

// resetColor turns colours off.
const resetColor = "\x1b[0m"

// next writes the first character of text and returns its length, 0 if it needs
// more text to tell.
func (s *SafeWriter) next(text []byte, last bool) int {
	switch c := text[0]; {
	case c == '\n' || c == '\t':
		s.out.WriteByte(c)
		return 1
	case c == '\r':
		if len(text) == 1 && !last {
			return 0
		}
		s.out.WriteByte('\n')
		if len(text) > 1 && text[1] == '\n' {
			return 2
		}
		return 1
	case c == 0x1b:
		n, whole := colorSequence(text)
		if !whole && !last && len(text) < maxSequence {
			return 0
		}
		if n > 0 {
			s.out.Write(text[:n])
			s.painted = string(text[:n]) != resetColor && string(text[:n]) != "\x1b[m"
			return n
		}
	case c >= ' ' && c <= '~':
		n := 1
		for n < len(text) && text[n] >= ' ' && text[n] <= '~' {
			n++
		}
		s.out.Write(text[:n])
		return n
	case c >= utf8.RuneSelf && !utf8.FullRune(text) && !last:
		return 0
	}
	_, n := utf8.DecodeRune(text)
	s.out.WriteString(s.screen.Clean(string(text[:n])))
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
