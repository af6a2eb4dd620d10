package analysis

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Tolerance is the change that is no news: so many per cent of the larger of
// both values, or so much. Written "1%" or "0.01".
type Tolerance struct {
	Value   float64
	Percent bool
}

// DefaultTolerance is 1 %.
var DefaultTolerance = Tolerance{1, true}

// MarshalText writes what UnmarshalText reads.
func (t Tolerance) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func (t Tolerance) String() string {
	text := strconv.FormatFloat(t.Value, 'g', -1, 64)
	if t.Percent {
		text += "%"
	}
	return text
}

// UnmarshalText reads "1%" or "0.01".
func (t *Tolerance) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || v < 0 || v-v != 0 {
		return fmt.Errorf("a tolerance is a share such as 1%%, or an amount such as 0.01, and not %q", text)
	}
	*t = Tolerance{v, percent}
	return nil
}

// size is how far a and b are apart, in the tolerance's unit. It is the same in
// both directions.
func (t Tolerance) size(a, b float64) float64 {
	d := math.Abs(difference(a, b))
	if t.Percent && d > 0 && !math.IsInf(d, 0) {
		d *= 100 / max(math.Abs(a), math.Abs(b))
	}
	return d
}

// difference is b-a, and 0 where that is but the rounding of means.
func difference(a, b float64) float64 {
	if a == b || math.Abs(b-a) <= 1e-13*max(math.Abs(a), math.Abs(b)) && !math.IsInf(b-a, 0) {
		return 0
	}
	return b - a
}

func (t Tolerance) exceeded(a, b float64) bool { return t.size(a, b) > t.Value }

// level is the probability at which chance is believed.
const level = 0.01

// explained reports whether the scatter of repeats explains the difference of
// two means: the one-sided test of B. L. Welch, Biometrika 34 (1947), 28, does
// not reject at the level. Where one side has no scatter of its own, the other's
// stands for both, and its degrees of freedom: Student's test.
func explained(a, b Stat) bool {
	switch {
	case a.N < 2 && b.N < 2:
		return false
	case a.N < 2:
		a.SD = b.SD
	case b.N < 2:
		b.SD = a.SD
	}
	va, vb := a.SD*a.SD/float64(a.N), b.SD*b.SD/float64(b.N)
	if va+vb == 0 {
		return false
	}
	t := math.Abs(b.Mean-a.Mean) / math.Sqrt(va+vb)
	return !unlikely(t, freedom(a.N, b.N, va/(va+vb)))
}

// freedom is the degrees of freedom by Welch and Satterthwaite; share is a's
// part of the variance of the difference.
func freedom(na, nb int, share float64) float64 {
	if na < 2 || nb < 2 {
		return float64(max(na, nb) - 1)
	}
	return 1 / (share*share/float64(na-1) + (1-share)*(1-share)/float64(nb-1))
}

// unlikely reports whether Student's t is so large with a probability of at most
// the level. The tail is half the incomplete beta function I(df/2, 1/2) at
// df/(df+t²), by its continued fraction (DLMF 8.17.22), which converges fast for
// the large t that is left.
func unlikely(t, df float64) bool {
	if t < 2.32 { // the normal distribution's quantile is 2.326, and Student's are greater
		return false
	}
	df = min(df, 1e4)                    // normal by then
	x, y := 1/(1+t*t/df), 1/(1+df/(t*t)) // y is 1-x
	a, b := df/2, 0.5
	fraction := 1.0
	for m := 200.0; m > 0; m-- {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		odd := -(a + m - 1) * (a + b + m - 1) * x / ((a + 2*m - 2) * (a + 2*m - 1))
		fraction = 1 + odd/(1+even/fraction)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	tail := math.Exp(a*math.Log(x)+b*math.Log(y)+lab-la-lb) / (a * fraction) / 2
	return tail <= level
}
