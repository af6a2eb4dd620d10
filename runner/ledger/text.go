package ledger

import (
	"database/sql"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lxsweep/lxsweep/sweep"
)

// timeLayout is RFC 3339 in UTC with milliseconds: its texts sort by time.
const timeLayout = "2006-01-02T15:04:05.000Z"

func timeText(t time.Time) string { return t.UTC().Format(timeLayout) }

// timeOrNull is NULL for the zero time.
func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return timeText(t)
}

// readTime is the zero time for an empty text.
func readTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(timeLayout, text)
}

// clean makes s a text that every database takes: valid UTF-8 without NUL.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// textOrBytes keeps every byte, as a text where it is one, so that people can
// read it.
func textOrBytes(b []byte) any {
	if utf8.Valid(b) {
		return string(b)
	}
	return b
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// number is NULL for NaN, which SQLite cannot hold.
func number(f float64) any {
	if math.IsNaN(f) {
		return nil
	}
	return f
}

func readNumber(n sql.NullFloat64) float64 {
	if !n.Valid {
		return math.NaN()
	}
	return n.Float64
}

// keyList is a JSON list of keys.
func keyList(keys []sweep.Hash) string {
	b := make([]byte, 0, 67*len(keys)+2)
	b = append(b, '[')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, k.String()...)
		b = append(b, '"')
	}
	return string(append(b, ']'))
}
