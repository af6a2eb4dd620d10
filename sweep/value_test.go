package sweep_test

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

// values generates any Value, nested at most depth times.
func values(depth int) *rapid.Generator[sweep.Value] {
	kinds := []*rapid.Generator[sweep.Value]{
		rapid.Just(sweep.Value{}),
		rapid.Map(rapid.Bool(), sweep.Bool),
		rapid.Map(rapid.Int64(), sweep.Int),
		rapid.Map(rapid.Float64Range(-1e300, 1e300), num),
		rapid.Map(rapid.String().Filter(validUTF8), sweep.String),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.Map(rapid.SliceOfN(values(depth-1), 0, 4), sweep.List),
			rapid.Map(objects(depth-1), sweep.Obj))
	}
	return rapid.OneOf(kinds...)
}

func validUTF8(s string) bool { return strings.ToValidUTF8(s, "") == s }

// names are few, so that paths meet.
func names() *rapid.Generator[string] { return rapid.StringMatching(`[a-d]`) }

func objects(depth int) *rapid.Generator[*sweep.Object] {
	return rapid.Map(rapid.MapOfN(names(), values(depth), 0, 4), sweep.NewObject)
}

func paths() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(names(), 1, 3), func(p []string) string { return strings.Join(p, ".") })
}

func TestNumberTextRoundTrip(t *testing.T) {
	t.Parallel()
	bits := rand.New(rand.NewPCG(1, 2))
	for range 1_000_000 {
		f := math.Float64frombits(bits.Uint64())
		v, err := sweep.Number(f)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			if err == nil {
				t.Fatalf("Number(%v) has no error", f)
			}
			continue
		}
		back, err := strconv.ParseFloat(v.String(), 64)
		if err != nil || back != f {
			t.Fatalf("%b is written as %s, which reads back as %b (%v)", f, v, back, err)
		}
	}
}

func TestNumberText(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", math.Copysign(0, -1): "0", 1: "1", -1: "-1", 1e6: "1000000", 1e15: "1000000000000000",
		1e16: "10000000000000000", 1 << 62: "4611686018427387904", 1 << 63: "9.223372036854776e+18",
		math.MinInt64: "-9223372036854775808", 1e20: "1e+20", 0.1: "0.1", 1e-4: "0.0001", 1e-5: "1e-05",
		0.00012: "0.00012", 1.5e-7: "1.5e-07", 123456.789: "123456.789", 5e-324: "5e-324", 1e300: "1e+300",
	} {
		if got := num(f).String(); got != want {
			t.Errorf("%v is written as %s, want %s", f, got, want)
		}
	}
}

func TestWholeNumbersInPlainDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64().Draw(t, "i")
		if got := sweep.Int(i).String(); got != strconv.FormatInt(i, 10) {
			t.Fatalf("%d is written as %s", i, got)
		}
		if f := float64(i); f < math.MaxInt64 {
			if v := num(f); v.Kind() != sweep.KindInt || strings.ContainsAny(v.String(), ".e") {
				t.Fatalf("%v is written as %s", f, v)
			}
		}
		v, err := sweep.BigNumber(new(big.Float).SetInt64(i))
		if err != nil || !v.Equal(sweep.Int(i)) {
			t.Fatalf("BigNumber(%d) = %s, %v", i, v, err)
		}
	})
}

func TestValueJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values(3).Draw(t, "v")
		text := v.AppendJSON(nil)
		if !json.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		}
		back, err := sweep.ParseJSON(text)
		if err != nil || !back.Equal(v) || back.String() != string(text) {
			t.Fatalf("%s reads back as %s (%v)", text, back, err)
		}
	})
}

func TestEqualIsEqualText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, w := values(2).Draw(t, "v"), values(2).Draw(t, "w")
		if v.Equal(w) != (v.String() == w.String()) || v.Equal(w) != w.Equal(v) || !v.Equal(v) {
			t.Fatalf("%s and %s: Equal is %v", v, w, v.Equal(w))
		}
	})
}

func TestParseJSONRefuses(t *testing.T) {
	for _, text := range []string{"", "1 2", "1 ]", "{} }", "[1", "nul", "1e400", "\"\xff\"", "{'a': 1}", "NaN"} {
		if v, err := sweep.ParseJSON([]byte(text)); err == nil {
			t.Errorf("ParseJSON(%q) = %s", text, v)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"a": [1, 2.5e-7, "x", null, true], "b": {"c": 1e20}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := sweep.ParseJSON(text)
		if err != nil {
			return
		}
		back, err := sweep.ParseJSON(v.AppendJSON(nil))
		if err != nil || !back.Equal(v) {
			t.Fatalf("%q is %s, which reads back as %s (%v)", text, v, back, err)
		}
	})
}

func TestObjectWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, path, v := objects(2).Draw(t, "o"), paths().Draw(t, "path"), values(1).Draw(t, "v")
		before := o.String()
		with := o.With(path, v)
		if got, ok := with.Get(path); !ok || !got.Equal(v) {
			t.Fatalf("With(%s, %s) of %s has %s there", path, v, o, got)
		}
		if again := with.With(path, v); !again.Equal(with) {
			t.Fatalf("setting twice makes %s of %s", again, with)
		}
		checkSorted(t, with)
		if o.String() != before {
			t.Fatalf("With changed %s to %s", before, o)
		}
	})
}

func TestObjectWithout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, path := objects(2).Draw(t, "o"), paths().Draw(t, "path")
		before := o.String()
		without := o.Without(path)
		if v, ok := without.Get(path); ok {
			t.Fatalf("%s without %s has %s there", o, path, v)
		}
		if _, had := o.Get(path); !had && !without.Equal(o) {
			t.Fatalf("%s without %s is %s", o, path, without)
		}
		checkSorted(t, without)
		if o.String() != before {
			t.Fatalf("Without changed %s to %s", before, o)
		}
	})
}

func TestObjectWithThenWithout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, v := objects(2).Draw(t, "o"), values(1).Draw(t, "v")
		path := "new." + paths().Draw(t, "path")
		if back := o.With(path, v).Without(path); !back.Equal(o) {
			t.Fatalf("%s with and without %s is %s", o, path, back)
		}
	})
}

func TestObjectLeavesRebuildIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := objects(3).Draw(t, "o")
		var back *sweep.Object
		for path, v := range o.Leaves() {
			if inner, ok := v.AsObject(); ok && inner.Len() > 0 {
				t.Fatalf("%s is no leaf of %s", path, o)
			}
			if got, ok := o.Get(path); !ok || !got.Equal(v) {
				t.Fatalf("leaf %s of %s is %s, Get gives %s", path, o, v, got)
			}
			back = back.With(path, v)
		}
		if !back.Equal(o) {
			t.Fatalf("the leaves of %s make %s", o, back)
		}
	})
}

func checkSorted(t *rapid.T, o *sweep.Object) {
	var names []string
	for name, v := range o.All() {
		names = append(names, name)
		if inner, ok := v.AsObject(); ok {
			checkSorted(t, inner)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != o.Len() {
		t.Fatalf("names of %s are not sorted and unique", o)
	}
}

func TestNilObjectIsEmpty(t *testing.T) {
	var o *sweep.Object
	if o.Len() != 0 || o.String() != "{}" || !o.Equal(sweep.NewObject(nil)) || o.Without("a").Len() != 0 {
		t.Errorf("the nil object is %s", o)
	}
	if got := o.With("a.b", sweep.Int(1)).String(); got != `{"a":{"b":1}}` {
		t.Errorf("With made %s", got)
	}
}
