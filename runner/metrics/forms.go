package metrics

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// maxGap bounds the blanks between a name, its sign and its value.
const maxGap = 16

// scanForms finds name=value and name: value.
func scanForms(line []byte, s *Scanner) {
	for i := 0; i < len(line); i++ {
		if c := line[i]; c != '=' && c != ':' {
			continue
		}
		name, quoted := nameBefore(line, i)
		if name == nil || line[i] == ':' && !quoted && !blankAt(line, i+1) {
			continue
		}
		v, end, ok := numberAt(line, skipBlanks(line, i+1))
		if !ok || !endsValue(line, end) && !(isStep(name) && end < len(line) && line[end] == '/') {
			continue
		}
		s.value(name, v)
		i = end - 1
	}
}

func isStep(name []byte) bool {
	return bytes.EqualFold(name, []byte("step")) || bytes.EqualFold(name, []byte("epoch"))
}

// nameBefore returns the name that ends before the sign at i, nil for none.
func nameBefore(line []byte, i int) (name []byte, quoted bool) {
	end := i
	for end > 0 && i-end < maxGap && isBlank(line[end-1]) {
		end--
	}
	if end > 0 && (line[end-1] == '"' || line[end-1] == '\'') {
		quoted = true
		end--
	}
	start := end
	for start > 0 && end-start <= maxName && isNameByte(line[start-1]) {
		start--
	}
	if start == end || end-start > maxName || !startsName(line[start]) {
		return nil, false
	}
	if start > 0 && goesOn(line[start-1]) {
		return nil, false
	}
	return line[start:end], quoted && start > 0 && line[start-1] == line[end]
}

// goesOn reports whether what follows c is not a name of its own but the tail of
// a query (?a=1&b=2), a variable, or another alphabet's word.
func goesOn(c byte) bool {
	return c >= 0x80 || strings.IndexByte("&?$#%+=\\", c) >= 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func blankAt(line []byte, i int) bool { return i < len(line) && isBlank(line[i]) }

func skipBlanks(line []byte, i int) int {
	for n := 0; n < maxGap && blankAt(line, i); n++ {
		i++
	}
	return i
}

func startsName(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isNameByte(c byte) bool {
	return startsName(c) || isDigit(c) || c == '/' || c == '.' || c == '-' || c == '@'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// numberAt reads a decimal number, nan or inf at i and returns where it ends.
func numberAt(line []byte, i int) (v float64, end int, ok bool) {
	end = i
	if end < len(line) && (line[end] == '-' || line[end] == '+') {
		end++
	}
	if end < len(line) && (line[end]|0x20 == 'n' || line[end]|0x20 == 'i') {
		return notFinite(line, end, line[i] == '-')
	}
	whole := skipDigits(line, end)
	digits := whole - end
	end = whole
	if end < len(line) && line[end] == '.' {
		fraction := skipDigits(line, end+1)
		digits += fraction - end - 1
		end = fraction
	}
	if digits == 0 {
		return 0, i, false
	}
	end = skipExponent(line, end)
	if end-i > maxName {
		return 0, i, false
	}
	v, _ = strconv.ParseFloat(string(line[i:end]), 64) // out of range is infinite
	return v, end, true
}

func skipDigits(line []byte, i int) int {
	for i < len(line) && isDigit(line[i]) {
		i++
	}
	return i
}

func skipExponent(line []byte, i int) int {
	if i >= len(line) || line[i]|0x20 != 'e' {
		return i
	}
	start := i + 1
	if start < len(line) && (line[start] == '-' || line[start] == '+') {
		start++
	}
	if end := skipDigits(line, start); end > start {
		return end
	}
	return i
}

func notFinite(line []byte, i int, negative bool) (v float64, end int, ok bool) {
	for _, word := range []string{"nan", "infinity", "inf"} {
		end := i + len(word)
		if end > len(line) || !bytes.EqualFold(line[i:end], []byte(word)) {
			continue
		}
		switch {
		case word == "nan":
			return math.NaN(), end, true
		case negative:
			return math.Inf(-1), end, true
		}
		return math.Inf(1), end, true
	}
	return 0, i, false
}

// endsValue reports whether a number that ends before i is a whole value.
func endsValue(line []byte, i int) bool {
	if i >= len(line) || line[i] <= ' ' {
		return true
	}
	next := byte(' ')
	if i+1 < len(line) {
		next = line[i+1]
	}
	switch line[i] {
	case ';', ')', ']', '}', '|', '\'', '"':
		return true
	case ',':
		return !isDigit(next)
	case '.':
		return next <= ' '
	case '%': // a progress bar goes on with its bar
		after := skipBlanks(line, i+1)
		return after >= len(line) || line[after] != '|' && !isNameByte(line[i+1])
	}
	return false
}
