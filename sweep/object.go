package sweep

import (
	"iter"
	"slices"
	"strings"
)

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
