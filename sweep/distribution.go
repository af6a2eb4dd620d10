package sweep

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// MaxSpaced bounds the length of what Linspace, Logspace and Range make.
const MaxSpaced = 1_000_000

// continuous is a distribution whose quantiles are rounded to 8 significant
// digits and kept within its bounds.
type continuous struct {
	text     string
	a, b     float64 // bounds, inclusive; infinite for none
	quantile func(u float64) float64
}

var _ Distribution = (*continuous)(nil)

func (c *continuous) String() string { return c.text }

// Quantile implements Distribution.
func (c *continuous) Quantile(u float64) Value {
	return number(min(max(round8(c.quantile(u)), c.a), c.b))
}

// steps is a distribution over the values of a ladder.
type steps struct {
	text   string
	ladder ladder
	count  uint64                 // of values, at least 1, at most 2^53
	index  func(u float64) uint64 // below count
}

var _ Distribution = (*steps)(nil)

func (s *steps) String() string { return s.text }

// Quantile implements Distribution.
func (s *steps) Quantile(u float64) Value { return s.ladder.at(s.index(u)) }

// Uniform has every number from a to b, both inclusive, with the same
// probability, rounded to 8 significant digits. With a step above 0 it has the
// values a, a + step, ... up to b instead, exact in decimal, each with the same
// probability. The error is in words for the user.
func Uniform(a, b, step float64) (Distribution, error) {
	if err := checkBounds("uniform", a, b, step); err != nil {
		return nil, err
	}
	text := call("uniform", a, b, step)
	if step == 0 {
		return &continuous{text, a, b, func(u float64) float64 { return between(a, b, u) }}, nil
	}
	l := newLadder(a, step)
	count, err := l.countTo(b, text)
	if err != nil {
		return nil, err
	}
	return &steps{text, l, count, func(u float64) uint64 { return cut(u, count) }}, nil
}

// LogUniform has the exponential of a Uniform from log a to log b: every order
// of magnitude has the same probability. Both bounds are inclusive and above 0;
// values are rounded to 8 significant digits. With a step above 0 each is
// rounded to the nearest multiple of step within the bounds instead. The error
// is in words for the user.
func LogUniform(a, b, step float64) (Distribution, error) {
	if err := checkBounds("loguniform", a, b, step); err != nil {
		return nil, err
	}
	if a <= 0 {
		return nil, fmt.Errorf("loguniform needs bounds above 0; got %s and %s", digits(a), digits(b))
	}
	text := call("loguniform", a, b, step)
	logA, logB := log(a), log(b)
	draw := func(u float64) float64 { return exp(between(logA, logB, u)) }
	if step == 0 {
		return &continuous{text, a, b, draw}, nil
	}
	l := newLadder(0, step)
	l.from.Mul(l.step, l.stepsTo(a, ceil))
	count, err := l.countTo(b, text)
	if err != nil {
		return nil, err
	}
	first, _ := new(big.Float).SetInt(new(big.Int).Quo(l.from, l.step)).Float64()
	return &steps{text, l, count, func(u float64) uint64 {
		k := math.RoundToEven(draw(u)/step) - first
		return uint64(min(max(k, 0), float64(count-1)))
	}}, nil
}

// Normal is the normal distribution of this mean and standard deviation, which
// must be above 0. Values are rounded to 8 significant digits. The error is in
// words for the user.
func Normal(mean, sd float64) (Distribution, error) {
	if err := checkSpread("normal", mean, sd); err != nil {
		return nil, err
	}
	return &continuous{
		call("normal", mean, sd, 0), math.Inf(-1), math.Inf(1),
		func(u float64) float64 { return finite(mean + float64(sd*normalQuantile(u))) },
	}, nil
}

// LogNormal has the exponential of a Normal: mean and sd are those of the
// logarithm, as NumPy's lognormal has them. Values are rounded to 8 significant
// digits. The error is in words for the user.
func LogNormal(mean, sd float64) (Distribution, error) {
	if err := checkSpread("lognormal", mean, sd); err != nil {
		return nil, err
	}
	return &continuous{
		call("lognormal", mean, sd, 0), 0, math.Inf(1),
		func(u float64) float64 { return finite(exp(mean + float64(sd*normalQuantile(u)))) },
	}, nil
}

func checkBounds(name string, a, b, step float64) error {
	switch {
	case !isFinite(a) || !isFinite(b) || !isFinite(step):
		return fmt.Errorf("%s needs finite numbers", name)
	case a > b:
		return fmt.Errorf("%s needs its lower bound first; got %s and %s", name, digits(a), digits(b))
	case step < 0:
		return fmt.Errorf("%s needs a step above 0; got %s", name, digits(step))
	}
	return nil
}

func checkSpread(name string, mean, sd float64) error {
	switch {
	case !isFinite(mean) || !isFinite(sd):
		return fmt.Errorf("%s needs finite numbers", name)
	case sd <= 0:
		return fmt.Errorf("%s needs a standard deviation above 0; got %s", name, digits(sd))
	}
	return nil
}

// call writes a distribution as the file does.
func call(name string, a, b, step float64) string {
	if step == 0 {
		return fmt.Sprintf("%s(%s, %s)", name, digits(a), digits(b))
	}
	return fmt.Sprintf("%s(%s, %s, %s)", name, digits(a), digits(b), digits(step))
}

// Linspace returns n numbers from a to b at equal distances. The end points are
// exact, those between are rounded to 8 significant digits. It is an error if n
// is below 1 or above MaxSpaced; a single number is a.
func Linspace(a, b float64, n int) ([]Value, error) {
	if !isFinite(a) || !isFinite(b) {
		return nil, fmt.Errorf("linspace needs finite numbers")
	}
	return spaced("linspace", a, b, n, func(u float64) float64 { return between(a, b, u) })
}

// Logspace returns n numbers from a to b at equal ratios: Logspace(1e-4, 1e-2, 3)
// is 0.0001, 0.001, 0.01. Both must be above 0. End points and errors are as
// Linspace's.
func Logspace(a, b float64, n int) ([]Value, error) {
	if !isFinite(a) || !isFinite(b) || a <= 0 || b <= 0 {
		return nil, fmt.Errorf("logspace needs finite numbers above 0; got %s and %s", digits(a), digits(b))
	}
	logA, logB := log(a), log(b)
	return spaced("logspace", a, b, n, func(u float64) float64 { return exp(between(logA, logB, u)) })
}

func spaced(name string, a, b float64, n int, at func(u float64) float64) ([]Value, error) {
	if n < 1 || n > MaxSpaced {
		return nil, fmt.Errorf("%s makes from 1 to %d numbers; asked for %d", name, MaxSpaced, n)
	}
	values := make([]Value, n)
	values[n-1], values[0] = number(b), number(a)
	for i := 1; i < n-1; i++ {
		values[i] = number(min(max(round8(at(float64(i)/float64(n-1))), min(a, b)), max(a, b)))
	}
	return values, nil
}

// Range returns from, from + step, ... up to but without to, computed in decimal:
// Range(0, 1, 0.1) is 0, 0.1, ... 0.9. It is an error if step is 0 or the result
// longer than MaxSpaced; it is empty where step leads away from to.
func Range(from, to, step float64) ([]Value, error) {
	if !isFinite(from) || !isFinite(to) || !isFinite(step) {
		return nil, fmt.Errorf("range needs finite numbers")
	}
	if step == 0 {
		return nil, fmt.Errorf("range needs a step that is not 0")
	}
	if (to-from)/step > 2*MaxSpaced {
		return nil, tooLong(from, to, step)
	}
	l := newLadder(from, step)
	n := l.stepsTo(to, ceil)
	if n.Sign() <= 0 {
		return nil, nil
	}
	if n.Cmp(big.NewInt(MaxSpaced)) > 0 {
		return nil, tooLong(from, to, step)
	}
	values := make([]Value, n.Int64())
	for k := range values {
		values[k] = l.at(uint64(k))
	}
	return values, nil
}

func tooLong(from, to, step float64) error {
	return fmt.Errorf("%s has more than %d numbers", call("range", from, to, step), MaxSpaced)
}

// ladder is the numbers from + k*step, all in units of 10^exp: exact where
// float64 sums would drift.
type ladder struct {
	from, step *big.Int
	exp        int
}

func newLadder(from, step float64) ladder {
	f, fexp := decimal(from)
	s, sexp := decimal(step)
	exp := min(fexp, sexp)
	return ladder{scale(f, fexp-exp), scale(s, sexp-exp), exp}
}

// decimal is the shortest decimal that reads back as f, as m*10^exp.
func decimal(f float64) (m *big.Int, exp int) {
	mantissa, power, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	exp, _ = strconv.Atoi(power)
	whole, fraction, _ := strings.Cut(mantissa, ".")
	m, _ = new(big.Int).SetString(whole+fraction, 10)
	return m, exp - len(fraction)
}

// scale is m*10^power.
func scale(m *big.Int, power int) *big.Int {
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(power)), nil)
	return ten.Mul(ten, m)
}

// at is the number at k.
func (l ladder) at(k uint64) Value {
	n := new(big.Int).SetUint64(k)
	n.Add(n.Mul(n, l.step), l.from)
	f, _ := strconv.ParseFloat(n.String()+"e"+strconv.Itoa(l.exp), 64)
	return number(f)
}

// floor and ceil are the roundings of stepsTo.
const (
	floor = false
	ceil  = true
)

// stepsTo is how many steps lead to f, rounded up or down.
func (l ladder) stepsTo(f float64, up bool) *big.Int {
	m, exp := decimal(f)
	from, step := l.from, l.step
	if exp >= l.exp {
		m = scale(m, exp-l.exp)
	} else {
		from, step = scale(from, l.exp-exp), scale(step, l.exp-exp)
	}
	n, rest := new(big.Int), new(big.Int)
	n.DivMod(m.Sub(m, from), step, rest) // Euclidean: 0 <= rest < |step|
	switch {
	case rest.Sign() != 0 && up && step.Sign() > 0:
		n.Add(n, big.NewInt(1))
	case rest.Sign() != 0 && !up && step.Sign() < 0:
		n.Sub(n, big.NewInt(1))
	}
	return n
}

// countTo is how many numbers the ladder has up to b, inclusive. It is an error
// if there are none, or so many that float64 cannot tell them apart.
func (l ladder) countTo(b float64, text string) (uint64, error) {
	n := l.stepsTo(b, floor)
	if n.Sign() < 0 {
		return 0, fmt.Errorf("%s has no multiple of its step within its bounds", text)
	}
	count := n.Uint64() + 1
	tooMany := n.BitLen() > 53 || count > 1 &&
		(l.at(0).Equal(l.at(1)) || l.at(count-2).Equal(l.at(count-1)))
	if tooMany {
		return 0, fmt.Errorf("%s has a step too small for its bounds", text)
	}
	return count, nil
}

// number makes a Value of a float that is known to be finite.
func number(f float64) Value {
	v, err := Number(f)
	if err != nil {
		panic(fmt.Sprintf("sweep: %v", f))
	}
	return v
}

// round8 rounds f to 8 significant decimal digits.
func round8(f float64) float64 {
	var buf [32]byte
	rounded, _ := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], f, 'e', 7, 64)), 64)
	return rounded
}

// digits is f as a Value writes it.
func digits(f float64) string { return string(appendFloat(nil, f)) }

func isFinite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// finite moves an infinity to the largest number of 8 digits below it.
func finite(f float64) float64 { return min(max(f, -1.7976931e308), 1.7976931e308) }
