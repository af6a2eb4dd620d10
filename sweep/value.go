package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Kind says which of the seven forms a Value has.
type Kind uint8

// The forms of a Value. Int and Float are two exact carriers of one thing, a
// number: 1, 1.0 and 1e0 are all the Int 1.
const (
	KindNull Kind = iota
	KindBool
	KindInt
	KindFloat
	KindString
	KindList
	KindObject
)

func (k Kind) String() string {
	return [...]string{"null", "bool", "number", "number", "string", "list", "object"}[k]
}

// Value is one hyperparameter value. It is immutable; the zero Value is null.
type Value struct {
	// v is nil, bool, int64, float64 (never whole within int64, NaN or
	// infinite), string, []Value or *Object.
	v any
}

// Bool, Int, String, List and Obj wrap a Go value. List keeps the slice: the
// caller must not change it afterwards.
func Bool(b bool) Value     { return Value{b} }
func Int(i int64) Value     { return Value{i} }
func String(s string) Value { return Value{s} }
func List(l []Value) Value  { return Value{l} }
func Obj(o *Object) Value   { return Value{o} }

// ErrNotFinite is the error of NaN and of infinities, which no hyperparameter
// can have.
var ErrNotFinite = errors.New("not a finite number")

// Number makes a value of f. A whole number within int64 becomes an Int. NaN
// and infinities are ErrNotFinite.
func Number(f float64) (Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}, ErrNotFinite
	}
	if f == math.Trunc(f) && f >= math.MinInt64 && f < math.MaxInt64 {
		return Value{int64(f)}, nil
	}
	return Value{f}, nil
}

// BigNumber makes a value of an exact number: an Int when it is whole and fits
// int64, else the nearest float64. What float64 cannot reach is ErrNotFinite.
func BigNumber(b *big.Float) (Value, error) {
	if b.IsInt() {
		if i, acc := b.Int64(); acc == big.Exact {
			return Value{i}, nil
		}
	}
	f, _ := b.Float64()
	return Number(f)
}

// Kind returns the form of v.
func (v Value) Kind() Kind {
	switch v.v.(type) {
	case nil:
		return KindNull
	case bool:
		return KindBool
	case int64:
		return KindInt
	case float64:
		return KindFloat
	case string:
		return KindString
	case []Value:
		return KindList
	case *Object:
		return KindObject
	}
	panic(fmt.Sprintf("sweep: impossible value %T", v.v))
}

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.v == nil }

// AsBool, AsInt, AsString, AsList and AsObject return what v wraps, and whether
// it has that form.
func (v Value) AsBool() (bool, bool)      { b, ok := v.v.(bool); return b, ok }
func (v Value) AsInt() (int64, bool)      { i, ok := v.v.(int64); return i, ok }
func (v Value) AsString() (string, bool)  { s, ok := v.v.(string); return s, ok }
func (v Value) AsList() ([]Value, bool)   { l, ok := v.v.([]Value); return l, ok }
func (v Value) AsObject() (*Object, bool) { o, ok := v.v.(*Object); return o, ok }

// AsFloat returns the nearest float64 of a number, and whether v is one.
func (v Value) AsFloat() (float64, bool) {
	switch n := v.v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// Equal reports whether v and w are the same value.
func (v Value) Equal(w Value) bool {
	switch a := v.v.(type) {
	case []Value:
		b, ok := w.v.([]Value)
		return ok && slices.EqualFunc(a, b, Value.Equal)
	case *Object:
		b, ok := w.v.(*Object)
		return ok && a.Equal(b)
	}
	switch w.v.(type) {
	case []Value, *Object:
		return false
	}
	return v.v == w.v
}

// Text is the value as a program's argument or a person reads it: a string
// bare, everything else as its canonical JSON.
func (v Value) Text() string {
	if s, ok := v.v.(string); ok {
		return s
	}
	return v.String()
}

// String is the canonical JSON of v.
func (v Value) String() string { return string(v.AppendJSON(nil)) }

// MarshalJSON writes the canonical JSON of v.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// AppendJSON appends the canonical JSON of v, as the package comment defines it.
func (v Value) AppendJSON(b []byte) []byte {
	switch x := v.v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, x)
	case int64:
		return strconv.AppendInt(b, x, 10)
	case float64:
		return appendFloat(b, x)
	case string:
		return appendQuoted(b, x)
	case *Object:
		return x.AppendJSON(b)
	}
	b = append(b, '[')
	for i, e := range v.v.([]Value) {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.AppendJSON(b)
	}
	return append(b, ']')
}

// appendFloat writes the shortest decimal that reads back as f: plain digits
// for exponents from -4 to 15, else d.ddde±XX; Python's repr, to the byte.
func appendFloat(b []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// appendQuoted writes s as a JSON string in which only the quote, the backslash
// and the control characters below 0x20 are escaped, the latter as \u00xx.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// ParseJSON reads any JSON document as a Value; numbers become exact Ints or
// the nearest float64.
func ParseJSON(data []byte) (Value, error) {
	if !utf8.Valid(data) {
		return Value{}, errors.New("JSON is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var raw any
	if err := d.Decode(&raw); err != nil {
		return Value{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return Value{}, errors.New("more than one JSON value")
	}
	return fromJSON(raw)
}

// exactDigits is how many characters of a decimal float64 surely takes exactly.
const exactDigits = 15

func parseNumber(text string) (Value, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Int(i), nil
	}
	if len(text) <= exactDigits {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return Value{}, ErrNotFinite
		}
		return Number(f)
	}
	b, _, err := big.ParseFloat(text, 10, 256, big.ToNearestEven)
	if err != nil {
		return Value{}, err
	}
	return BigNumber(b)
}

func fromJSON(raw any) (Value, error) {
	switch x := raw.(type) {
	case json.Number:
		return parseNumber(x.String())
	case []any:
		list := make([]Value, len(x))
		for i, e := range x {
			v, err := fromJSON(e)
			if err != nil {
				return Value{}, err
			}
			list[i] = v
		}
		return List(list), nil
	case map[string]any:
		m := make(map[string]Value, len(x))
		for name, e := range x {
			v, err := fromJSON(e)
			if err != nil {
				return Value{}, err
			}
			m[name] = v
		}
		return Obj(NewObject(m)), nil
	case string:
		return String(x), nil
	case bool:
		return Bool(x), nil
	}
	return Value{}, nil
}
