package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
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

func fromJSON(raw any) (Value, error) {
	switch x := raw.(type) {
	case json.Number:
		b, _, err := big.ParseFloat(x.String(), 10, 256, big.ToNearestEven)
		if err != nil {
			return Value{}, err
		}
		return BigNumber(b)
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

// Object is an immutable set of named values, kept sorted by name. A nil
// *Object is the empty one. An experiment's hyperparameters are one Object,
// nested as the user nested them.
type Object struct {
	names  []string // sorted bytewise, unique
	values []Value  // values[i] belongs to names[i]
}

// NewObject copies m.
func NewObject(m map[string]Value) *Object {
	o := &Object{names: make([]string, 0, len(m)), values: make([]Value, len(m))}
	for name := range m {
		o.names = append(o.names, name)
	}
	slices.Sort(o.names)
	for i, name := range o.names {
		o.values[i] = m[name]
	}
	return o
}

// Len is the number of names.
func (o *Object) Len() int {
	if o == nil {
		return 0
	}
	return len(o.names)
}

// All yields names and values, sorted by name.
func (o *Object) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range o.Len() {
			if !yield(o.names[i], o.values[i]) {
				return
			}
		}
	}
}

// Get returns the value at a dotted path such as "optimizer.wd".
func (o *Object) Get(path string) (Value, bool) {
	name, rest, nested := strings.Cut(path, ".")
	i, ok := o.find(name)
	if !ok {
		return Value{}, false
	}
	if !nested {
		return o.values[i], true
	}
	inner, ok := o.values[i].AsObject()
	if !ok {
		return Value{}, false
	}
	return inner.Get(rest)
}

// With returns o with path set to v, making the objects on the way. o itself
// is unchanged.
func (o *Object) With(path string, v Value) *Object {
	name, rest, nested := strings.Cut(path, ".")
	i, found := o.find(name)
	if nested {
		var inner *Object
		if found {
			inner, _ = o.values[i].AsObject()
		}
		v = Obj(inner.With(rest, v))
	}
	if found {
		values := slices.Clone(o.values)
		values[i] = v
		return &Object{o.names, values}
	}
	if o == nil {
		return &Object{[]string{name}, []Value{v}}
	}
	return &Object{
		slices.Insert(slices.Clone(o.names), i, name),
		slices.Insert(slices.Clone(o.values), i, v),
	}
}

// Without returns o without path; an object that becomes empty on the way is
// left out too.
func (o *Object) Without(path string) *Object {
	name, rest, nested := strings.Cut(path, ".")
	i, found := o.find(name)
	if !found {
		return o
	}
	if nested {
		inner, ok := o.values[i].AsObject()
		if !ok {
			return o
		}
		smaller := inner.Without(rest)
		if smaller == inner {
			return o
		}
		if smaller.Len() > 0 {
			return o.With(name, Obj(smaller))
		}
	}
	return &Object{
		slices.Delete(slices.Clone(o.names), i, i+1),
		slices.Delete(slices.Clone(o.values), i, i+1),
	}
}

// Leaves yields every value that is not itself a non-empty object, with its
// dotted path, sorted by path element.
func (o *Object) Leaves() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) { o.leaves("", yield) }
}

func (o *Object) leaves(prefix string, yield func(string, Value) bool) bool {
	for name, v := range o.All() {
		if inner, ok := v.AsObject(); ok && inner.Len() > 0 {
			if !inner.leaves(prefix+name+".", yield) {
				return false
			}
		} else if !yield(prefix+name, v) {
			return false
		}
	}
	return true
}

// Equal reports whether both have the same names and values.
func (o *Object) Equal(p *Object) bool {
	if o.Len() != p.Len() {
		return false
	}
	return o.Len() == 0 || slices.Equal(o.names, p.names) && slices.EqualFunc(o.values, p.values, Value.Equal)
}

// String is the canonical JSON of o.
func (o *Object) String() string { return string(o.AppendJSON(nil)) }

// MarshalJSON writes the canonical JSON of o.
func (o *Object) MarshalJSON() ([]byte, error) { return o.AppendJSON(nil), nil }

// AppendJSON appends the canonical JSON of o.
func (o *Object) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	for i := range o.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, o.names[i])
		b = append(b, ':')
		b = o.values[i].AppendJSON(b)
	}
	return append(b, '}')
}

func (o *Object) find(name string) (int, bool) {
	if o == nil {
		return 0, false
	}
	return slices.BinarySearch(o.names, name)
}
