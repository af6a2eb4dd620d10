package sweep_test

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

func bigInt(n int) *big.Int { return big.NewInt(int64(n)) }

// quantiles are the values of d at n equally spaced u.
func quantiles(d sweep.Distribution, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i], _ = d.Quantile(float64(i) / float64(n)).AsFloat()
	}
	return out
}

func TestDistributionQuantiles(t *testing.T) {
	for _, c := range []struct {
		axis sweep.Axis
		text string
		want string // at u = 0, 0.25, 0.5, 0.75
	}{
		{uniform("x", 0, 1, 0), "uniform(0, 1)", "0 0.25 0.5 0.75"},
		{uniform("x", -4, 4, 0), "uniform(-4, 4)", "-4 -2 0 2"},
		{uniform("x", 0, 0.3, 0.1), "uniform(0, 0.3, 0.1)", "0 0.1 0.2 0.3"},
		{uniform("x", 1, 8.5, 2), "uniform(1, 8.5, 2)", "1 3 5 7"},
		{uniform("x", 1234567890, 1234567893, 1), "uniform(1234567890, 1234567893, 1)", "1234567890 1234567891 1234567892 1234567893"},
		{uniform("x", 0.123456789, 1, 0), "uniform(0.123456789, 1)", "0.12345679 0.34259259 0.56172839 0.7808642"},
		{logUniform("x", 1e-4, 1, 0), "loguniform(0.0001, 1)", "0.0001 0.001 0.01 0.1"},
		{logUniform("x", 16, 1024, 16), "loguniform(16, 1024, 16)", "16 48 128 368"},
		{logUniform("x", 1e-3, 1, 0.25), "loguniform(0.001, 1, 0.25)", "0.25 0.25 0.25 0.25"},
		{logUniform("x", 5, 5, 0), "loguniform(5, 5)", "5 5 5 5"},
		{normal("x", 0, 1), "normal(0, 1)", "-8.2923611 -0.67448975 0 0.67448975"},
		{normal("x", 100, 15), "normal(100, 15)", "-24.385416 89.882654 100 110.11735"},
		{logNormal("x", 0, 1), "lognormal(0, 1)", "0.0002504225 0.50941628 1 1.9630311"},
	} {
		var got []string
		for i := range 4 {
			got = append(got, c.axis.Dist.Quantile(float64(i)/4).String())
		}
		if s := strings.Join(got, " "); s != c.want || c.axis.Dist.String() != c.text {
			t.Errorf("%s has %s, want %s: %s", c.axis.Dist, s, c.text, c.want)
		}
	}
}

// Values ascend with u, stay within the bounds and have at most 8 digits, unless
// they are a bound.
func TestDistributionLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Float64Range(1e-9, 1e9).Draw(t, "a")
		b := a * rapid.Float64Range(1, 1e6).Draw(t, "ratio")
		for _, x := range []sweep.Axis{uniform("x", a, b, 0), uniform("x", -b, a, 0), logUniform("x", a, b, 0)} {
			lo, hi := a, b
			if strings.Contains(x.Dist.String(), "-") && strings.HasPrefix(x.Dist.String(), "uniform(-") {
				lo, hi = -b, a
			}
			last := math.Inf(-1)
			for _, f := range quantiles(x.Dist, 64) {
				if f < last || f < lo || f > hi {
					t.Fatalf("%s has %v after %v", x.Dist, f, last)
				}
				if rounded, _ := strconv.ParseFloat(fmt.Sprintf("%.7e", f), 64); f != rounded && f != lo && f != hi {
					t.Fatalf("%s has %v, of more than 8 digits", x.Dist, f)
				}
				last = f
			}
		}
	})
}

// Steps are exact multiples, as decimals are counted, and all of them come.
func TestSteppedUniform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, step := rapid.IntRange(-1000, 1000).Draw(t, "from"), rapid.IntRange(1, 50).Draw(t, "step")
		n, power := rapid.IntRange(1, 64).Draw(t, "n"), rapid.IntRange(-12, 6).Draw(t, "power")
		at := func(i int) float64 {
			f, _ := strconv.ParseFloat(fmt.Sprintf("%de%d", from+i*step, power), 64)
			return f
		}
		width, _ := strconv.ParseFloat(fmt.Sprintf("%de%d", step, power), 64)
		x := uniform("x", at(0), at(n-1), width)
		for i := range n {
			if got := x.Dist.Quantile((float64(i) + 0.5) / float64(n)); !got.Equal(num(at(i))) {
				t.Fatalf("%s: value %d of %d is %s, want %v", x.Dist, i, n, got, at(i))
			}
		}
	})
}

func TestDistributionErrors(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for want, make := range map[string]func() (sweep.Distribution, error){
		"loguniform needs bounds above 0; got 0 and 0.01":                   func() (sweep.Distribution, error) { return sweep.LogUniform(0, 0.01, 0) },
		"loguniform needs its lower bound first; got 1 and 0.01":            func() (sweep.Distribution, error) { return sweep.LogUniform(1, 0.01, 0) },
		"loguniform(1, 2, 5) has no multiple of its step within its bounds": func() (sweep.Distribution, error) { return sweep.LogUniform(1, 2, 5) },
		"uniform needs its lower bound first; got 1 and 0":                  func() (sweep.Distribution, error) { return sweep.Uniform(1, 0, 0) },
		"uniform needs finite numbers":                                      func() (sweep.Distribution, error) { return sweep.Uniform(0, inf, 0) },
		"uniform needs a step above 0; got -1":                              func() (sweep.Distribution, error) { return sweep.Uniform(0, 1, -1) },
		"uniform(0, 1, 1e-17) has a step too small for its bounds":          func() (sweep.Distribution, error) { return sweep.Uniform(0, 1, 1e-17) },
		"uniform(1000000, 1000001, 1e-12) has a step too small for its bounds": func() (sweep.Distribution, error) {
			return sweep.Uniform(1e6, 1e6+1, 1e-12)
		},
		"normal needs finite numbers":                          func() (sweep.Distribution, error) { return sweep.Normal(nan, 1) },
		"normal needs a standard deviation above 0; got 0":     func() (sweep.Distribution, error) { return sweep.Normal(1, 0) },
		"lognormal needs a standard deviation above 0; got -1": func() (sweep.Distribution, error) { return sweep.LogNormal(1, -1) },
	} {
		if d, err := make(); err == nil || err.Error() != want {
			t.Errorf("got %v, %v, want %s", d, err, want)
		}
	}
}

// What float64 cannot hold becomes the largest that it can.
func TestDistributionExtremes(t *testing.T) {
	for _, x := range []sweep.Axis{
		logNormal("x", 0, 1e6), logNormal("x", 1e308, 1e308), normal("x", 1e308, 1e308), uniform("x", -1e308, 1e308, 0),
		uniform("x", -math.MaxFloat64, math.MaxFloat64, 0), logUniform("x", 5e-324, math.MaxFloat64, 0),
	} {
		for _, u := range []float64{0, 0.5, 0x1.fffffffffffffp-1} {
			f, ok := x.Dist.Quantile(u).AsFloat()
			if !ok || math.IsInf(f, 0) {
				t.Errorf("%s at %v is %v", x.Dist, u, f)
			}
		}
	}
}

func TestSpaced(t *testing.T) {
	for _, c := range []struct {
		values []sweep.Value
		err    error
		want   string
	}{
		spaced(sweep.Linspace(0, 1, 5))("[0,0.25,0.5,0.75,1]"),
		spaced(sweep.Linspace(0, 1, 11))("[0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1]"),
		spaced(sweep.Linspace(1, 0, 3))("[1,0.5,0]"),
		spaced(sweep.Linspace(0.123456789012, 1, 2))("[0.123456789012,1]"),
		spaced(sweep.Linspace(3, 9, 1))("[3]"),
		spaced(sweep.Linspace(0, 1, 0))("linspace makes from 1 to 1000000 numbers; asked for 0"),
		spaced(sweep.Linspace(0, math.Inf(1), 2))("linspace needs finite numbers"),
		spaced(sweep.Logspace(1e-4, 1e-2, 3))("[0.0001,0.001,0.01]"),
		spaced(sweep.Logspace(1000, 1e-5, 9))("[1000,100,10,1,0.1,0.01,0.001,0.0001,1e-05]"),
		spaced(sweep.Logspace(0, 1, 3))("logspace needs finite numbers above 0; got 0 and 1"),
		spaced(sweep.Logspace(1, 2, 1e7))("logspace makes from 1 to 1000000 numbers; asked for 10000000"),
		spaced(sweep.Range(0, 1, 0.1))("[0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9]"),
		spaced(sweep.Range(0, 0.31, 0.1))("[0,0.1,0.2,0.3]"),
		spaced(sweep.Range(3, 0, -1))("[3,2,1]"),
		spaced(sweep.Range(1, -0.5, -0.5))("[1,0.5,0]"),
		spaced(sweep.Range(1, -0.6, -0.5))("[1,0.5,0,-0.5]"),
		spaced(sweep.Range(0, 3, -1))("[]"),
		spaced(sweep.Range(2, 2, 1))("[]"),
		spaced(sweep.Range(0, 1, 0))("range needs a step that is not 0"),
		spaced(sweep.Range(0, 1, 1e-9))("range(0, 1, 1e-09) has more than 1000000 numbers"),
		spaced(sweep.Range(0, 1000001, 1))("range(0, 1000001, 1) has more than 1000000 numbers"),
		spaced(sweep.Range(-1e308, 1e308, 1e-300))("range(-1e+308, 1e+308, 1e-300) has more than 1000000 numbers"),
	} {
		got := sweep.List(c.values).String()
		if c.err != nil {
			got = c.err.Error()
		}
		if got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

type spacedCase = struct {
	values []sweep.Value
	err    error
	want   string
}

func spaced(values []sweep.Value, err error) func(want string) spacedCase {
	return func(want string) spacedCase { return spacedCase{values, err, want} }
}

func TestSpacedAtFullLength(t *testing.T) {
	values, err := sweep.Range(0, 1000, 0.001)
	if err != nil || len(values) != sweep.MaxSpaced {
		t.Fatalf("%d values, %v", len(values), err)
	}
	if got := values[len(values)-1].String(); got != "999.999" {
		t.Errorf("the last is %s", got)
	}
}
