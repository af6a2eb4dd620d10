package hcl

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// mark labels the values of sensitive variables.
type mark string

// sensitive follows a value through every expression that it has a part in.
const sensitive mark = "sensitive"

// errSensitive is what becomes of a sensitive value where it would be written
// down.
var errSensitive = errors.New("the value is sensitive: hand a secret to the program by reference, with secret_env")

// errUnknown should not be seen: what cannot be evaluated is reported before.
var errUnknown = errors.New("the value is not known")

// toCty makes a value that expressions can work with. A float64 enters as the
// decimal that it is written as, so that a default of 0.1 equals the literal
// 0.1 and three of it are 0.3.
func toCty(v sweep.Value) cty.Value {
	switch v.Kind() {
	case sweep.KindBool:
		b, _ := v.AsBool()
		return cty.BoolVal(b)
	case sweep.KindInt:
		i, _ := v.AsInt()
		return cty.NumberIntVal(i)
	case sweep.KindFloat:
		return cty.MustParseNumberVal(v.Text())
	case sweep.KindString:
		s, _ := v.AsString()
		return cty.StringVal(s)
	case sweep.KindList:
		list, _ := v.AsList()
		elements := make([]cty.Value, len(list))
		for i, e := range list {
			elements[i] = toCty(e)
		}
		return cty.TupleVal(elements)
	case sweep.KindObject:
		o, _ := v.AsObject()
		return objectToCty(o)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

func objectToCty(o *sweep.Object) cty.Value {
	attributes := make(map[string]cty.Value, o.Len())
	for name, v := range o.All() {
		attributes[name] = toCty(v)
	}
	return cty.ObjectVal(attributes)
}

// fromCty makes a value that an experiment can have. Its errors are clauses
// that name the part that is wrong.
func fromCty(v cty.Value) (sweep.Value, error) {
	if v.HasMark(sensitive) {
		return sweep.Value{}, errSensitive
	}
	v, _ = v.Unmark()
	if !v.IsKnown() {
		return sweep.Value{}, errUnknown
	}
	if v.IsNull() {
		return sweep.Value{}, nil
	}
	switch t := v.Type(); {
	case t == cty.Bool:
		return sweep.Bool(v.True()), nil
	case t == cty.String:
		return sweep.String(v.AsString()), nil
	case t == cty.Number:
		return fromNumber(v)
	case t.IsListType() || t.IsTupleType():
		return fromList(v)
	case t.IsObjectType() || t.IsMapType():
		return fromObject(v)
	case t.IsCapsuleType() && t.Equals(distributionType):
		return sweep.Value{}, fmt.Errorf("%s is a distribution: it has no value until a sample draws one, so it belongs in the hp of a sample block", v.EncapsulatedValue())
	default:
		return sweep.Value{}, fmt.Errorf("a %s is no hyperparameter value: use a list", t.FriendlyName())
	}
}

func fromNumber(v cty.Value) (sweep.Value, error) {
	b := v.AsBigFloat()
	n, err := sweep.BigNumber(b)
	switch {
	case err == nil:
		return n, nil
	case b.IsInf():
		return n, errors.New("the number is infinite: most likely something is divided by zero")
	default:
		return n, fmt.Errorf("%s is beyond the numbers that programs can hold, which end at 1.8e+308", b.Text('g', 6))
	}
}

func fromList(v cty.Value) (sweep.Value, error) {
	list := make([]sweep.Value, 0, v.LengthInt())
	for _, element := range v.Elements() {
		e, err := fromCty(element)
		if err != nil {
			return sweep.Value{}, fmt.Errorf("element %d: %w", len(list), err)
		}
		list = append(list, e)
	}
	return sweep.List(list), nil
}

func fromObject(v cty.Value) (sweep.Value, error) {
	m := make(map[string]sweep.Value, v.LengthInt())
	for key, element := range v.Elements() {
		name := key.AsString()
		e, err := fromCty(element)
		if err != nil {
			return sweep.Value{}, fmt.Errorf("%s: %w", name, err)
		}
		m[name] = e
	}
	return sweep.Obj(sweep.NewObject(m)), nil
}

// typeName is a type in a message: HCL's tuples are lists to people.
func typeName(t cty.Type) string {
	if t.IsTupleType() {
		return "list"
	}
	return t.FriendlyName()
}

// numberVal makes a number of a computed float64, which stands for the decimal
// that it is written as.
func numberVal(f float64) (cty.Value, error) {
	n, err := sweep.Number(f)
	if err != nil {
		return cty.NilVal, fmt.Errorf("the result is %v: %w", f, err)
	}
	return toCty(n), nil
}

// numberText is a number as a message shows it: the shortest text of the value
// that an experiment would have.
func numberText(b *big.Float) string {
	n, err := sweep.BigNumber(b)
	if err != nil {
		return b.Text('g', 17)
	}
	return n.Text()
}

// textVal is a number as a text that an experiment can have; infinity has none.
func textVal(v cty.Value) (cty.Value, error) {
	n, err := fromNumber(v)
	if err != nil {
		return cty.NilVal, err
	}
	return cty.StringVal(n.Text()), nil
}

// hpType is what the default of a hyperparameter says about its values.
type hpType uint8

// The types. anyType is that of any(default) and of a null default.
const (
	anyType hpType = iota
	boolType
	stringType
	numberType
	listType
	objectType
)

func (t hpType) String() string {
	return [...]string{"any", "bool", "string", "number", "list", "object"}[t]
}

// typeOf is the type that v fixes as a default.
func typeOf(v sweep.Value) hpType {
	switch v.Kind() {
	case sweep.KindBool:
		return boolType
	case sweep.KindInt, sweep.KindFloat:
		return numberType
	case sweep.KindString:
		return stringType
	case sweep.KindList:
		return listType
	case sweep.KindObject:
		return objectType
	}
	return anyType
}

// accepts reports whether v is a value of the type. null is one of any only.
func (t hpType) accepts(v sweep.Value) bool {
	return t == anyType || !v.IsNull() && typeOf(v) == t
}

// fractionOfWhole reports whether v is a fraction where the default is a whole
// number above 1: most likely a count that no program takes a fraction for.
func fractionOfWhole(standard, v sweep.Value) bool {
	whole, ok := standard.AsInt()
	f, number := v.AsFloat()
	return ok && whole > 1 && number && f != math.Trunc(f)
}
