package hcl

import (
	"math"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

// anyValue draws values as an experiment can have them.
func anyValue() *rapid.Generator[sweep.Value] {
	scalar := rapid.OneOf(
		rapid.Just(sweep.Value{}),
		rapid.Map(rapid.Bool(), sweep.Bool),
		rapid.Map(rapid.Int64(), sweep.Int),
		rapid.Map(rapid.StringMatching(`[ -~é]{0,8}`), sweep.String),
		rapid.Map(rapid.Float64(), func(f float64) sweep.Value {
			v, _ := sweep.Number(f) // null for NaN and infinities
			return v
		}),
	)
	list := rapid.Map(rapid.SliceOfN(scalar, 0, 4), sweep.List)
	object := rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z]{1,4}`), rapid.OneOf(scalar, list), 0, 4),
		func(m map[string]sweep.Value) sweep.Value { return sweep.Obj(sweep.NewObject(m)) })
	return rapid.OneOf(scalar, list, object)
}

func TestValuesSurviveTheLanguage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue().Draw(t, "v")
		back, err := fromCty(toCty(v))
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		if !back.Equal(v) {
			t.Fatalf("%s came back as %s", v, back)
		}
	})
}

func TestFromCtyRefuses(t *testing.T) {
	for _, c := range []struct {
		in   cty.Value
		want string
	}{
		{cty.StringVal("x").Mark(sensitive), "the value is sensitive: hand a secret to the program by reference, with secret_env"},
		{cty.TupleVal([]cty.Value{cty.StringVal("x").Mark(sensitive)}), "element 0: the value is sensitive: hand a secret to the program by reference, with secret_env"},
		{cty.UnknownVal(cty.String), "the value is not known"},
		{cty.PositiveInfinity, "the number is infinite: most likely something is divided by zero"},
		{cty.MustParseNumberVal("1e400"), "1e+400 is beyond the numbers that programs can hold, which end at 1.8e+308"},
		{cty.SetVal([]cty.Value{cty.Zero}), "a set of number is no hyperparameter value: use a list"},
		{cty.ObjectVal(map[string]cty.Value{"a": cty.SetValEmpty(cty.Bool)}), "a: a set of bool is no hyperparameter value: use a list"},
	} {
		if _, err := fromCty(c.in); err == nil || err.Error() != c.want {
			t.Errorf("%#v: got %v, want %s", c.in, err, c.want)
		}
	}
}

func TestNumberText(t *testing.T) {
	for in, want := range map[string]string{
		"0.1": "0.1", "0.00001": "1e-05", "1000000": "1000000", "1.0": "1", "1e20": "1e+20",
		"0.3333333333333333333333333333333333": "0.3333333333333333",
		"9007199254740993":                     "9007199254740993",
	} {
		if got := numberText(cty.MustParseNumberVal(in).AsBigFloat()); got != want {
			t.Errorf("%s reads %s, want %s", in, got, want)
		}
	}
}

func TestTypes(t *testing.T) {
	half, _ := sweep.Number(0.5)
	values := map[hpType]sweep.Value{
		boolType: sweep.Bool(true), stringType: sweep.String("x"), numberType: half,
		listType: sweep.List(nil), objectType: sweep.Obj(nil), anyType: {},
	}
	for of, v := range values {
		if typeOf(v) != of {
			t.Errorf("%s has the type %s, want %s", v, typeOf(v), of)
		}
		for other := range values {
			if got, want := other.accepts(v), other == of || other == anyType; got != want {
				t.Errorf("%s accepts %s: %v", other, v, got)
			}
		}
	}
}

func TestFractionOfWhole(t *testing.T) {
	half, _ := sweep.Number(2.5)
	for _, c := range []struct {
		standard, v sweep.Value
		want        bool
	}{
		{sweep.Int(64), half, true},
		{sweep.Int(64), sweep.Int(3), false},
		{sweep.Int(1), half, false},
		{half, half, false},
		{sweep.Int(64), sweep.String("x"), false},
	} {
		if got := fractionOfWhole(c.standard, c.v); got != c.want {
			t.Errorf("%s for %s: %v", c.v, c.standard, got)
		}
	}
}

func TestNumberValRefusesWhatIsNotFinite(t *testing.T) {
	if _, err := numberVal(math.NaN()); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Error(err)
	}
}
