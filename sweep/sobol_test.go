package sweep

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The table is sound by itself: in order, all primitive polynomials over GF(2),
// and initial numbers that are odd and in range.
func TestJoeKuoTable(t *testing.T) {
	if n := strings.Count(joeKuo, "\n"); n != sobolDimensions-1 {
		t.Fatalf("%d lines for %d dimensions", n, sobolDimensions)
	}
	degree, inner := 1, uint32(0)
	for dimension := 1; dimension < sobolDimensions; dimension++ {
		s, a, m := joeKuoLine(dimension)
		if s != degree || a != inner || len(m) != s {
			t.Fatalf("dimension %d: degree %d, polynomial %d, %d numbers; the next primitive one is %d, %d", dimension, s, a, len(m), degree, inner)
		}
		for k, n := range m {
			if n%2 == 0 || n >= 2<<k {
				t.Errorf("dimension %d: number %d is %d", dimension, k+1, n)
			}
		}
		degree, inner = nextPrimitive(degree, inner)
	}
}

// nextPrimitive is the primitive polynomial after this one.
func nextPrimitive(degree int, inner uint32) (int, uint32) {
	for {
		if inner++; inner >= 1<<(degree-1) {
			degree, inner = degree+1, 0
		}
		if isPrimitive(degree, 1<<degree|inner<<1|1) {
			return degree, inner
		}
	}
}

// isPrimitive reports whether the powers of x modulo the polynomial run through
// all 2^degree - 1 residues.
func isPrimitive(degree int, polynomial uint32) bool {
	order, x := 0, uint32(1)
	for {
		if x <<= 1; x>>degree == 1 {
			x ^= polynomial
		}
		if order++; x == 1 || order == 1<<degree {
			return order == 1<<degree-1
		}
	}
}

// Sobol's property A, which Joe and Kuo's numbers have for 1,111 dimensions:
// among the first 2^d points of d dimensions each of the 2^d halves-of-all has
// one. It is that the matrix of the leading bits is regular, for every d: that
// elimination without exchange of rows finds every pivot.
func TestSobolPropertyA(t *testing.T) {
	rows := make([]*big.Int, sobolDimensions)
	for d := range rows {
		rows[d] = leadingBits(d)
	}
	for i, pivot := range rows {
		if pivot.Bit(i) == 0 {
			t.Fatalf("property A fails at dimension %d", i)
		}
		for _, below := range rows[i+1:] {
			if below.Bit(i) == 1 {
				below.Xor(below, pivot)
			}
		}
	}
}

// leadingBits has the first binary digit of direction number k in bit k, beyond
// the 32 that a point needs.
func leadingBits(dimension int) *big.Int {
	bits := new(big.Int)
	if dimension == 0 {
		return bits.SetBit(bits, 0, 1)
	}
	degree, inner, initial := joeKuoLine(dimension)
	for k := range sobolDimensions {
		var bit uint
		if k < degree {
			bit = uint(initial[k] >> k)
		} else {
			bit = bits.Bit(k - degree)
			for j := 1; j < degree; j++ {
				bit ^= uint(inner>>(degree-1-j)) & 1 & bits.Bit(k-j)
			}
			// v[k-degree]>>degree has no first digit.
		}
		bits.SetBit(bits, k, bit)
	}
	return bits
}

// The first eight points of three dimensions, as printed wherever the sequence
// is.
func TestSobolFirstPoints(t *testing.T) {
	want := [][3]float64{
		{0, 0, 0},
		{.125, .625, .375},
		{.25, .75, .75},
		{.375, .375, .625},
		{.5, .5, .5},
		{.625, .125, .875},
		{.75, .25, .25},
		{.875, .875, .125},
	}
	var got [][3]float64
	for d := range uint32(8) {
		var p [3]float64
		for i := range p {
			p[i] = float64(newSobolDimension(i).at(d)) / (1 << 32)
		}
		got = append(got, p)
	}
	slices.SortFunc(got, func(a, b [3]float64) int { return slices.Compare(a[:], b[:]) })
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// Each dimension by itself is a (0,1)-sequence, scrambled or not: of any 2^m
// points from a multiple of 2^m on, each interval of length 2^-m has one.
func TestSobolIntervals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dimension := rapid.IntRange(0, sobolDimensions-1).Draw(t, "dimension")
		m := rapid.IntRange(0, 10).Draw(t, "m")
		first := rapid.Uint32Range(0, 1<<(32-m)-1).Draw(t, "block") << m
		v, s := newSobolDimension(dimension), newStream(rapid.Int64().Draw(t, "seed"), 0, "lr")
		plain, scrambled := make([]int, 1<<m), make([]int, 1<<m)
		for d := range uint32(1) << m {
			x := v.at(first + d)
			plain[int(float64(x)/(1<<32)*float64(int(1)<<m))]++
			scrambled[int(s.scramble(x)*float64(int(1)<<m))]++
		}
		if slices.ContainsFunc(append(plain, scrambled...), func(n int) bool { return n != 1 }) {
			t.Fatalf("not one in each interval: %v, scrambled %v", plain, scrambled)
		}
	})
}

// The first two dimensions are a (0,m,2)-net, scrambled or not: of the first 2^m
// points, each box of sides 2^-a and 2^(a-m) has one.
func TestSobolBoxes(t *testing.T) {
	const m = 8
	x, y := newSobolDimension(0), newSobolDimension(1)
	sx, sy := newStream(1, 0, "x"), newStream(1, 0, "y")
	for a := range m + 1 {
		plain, scrambled := map[[2]int]bool{}, map[[2]int]bool{}
		for d := range uint32(1 << m) {
			plain[[2]int{int(x.at(d) >> 1 >> (31 - a)), int(y.at(d) >> 1 >> (31 - m + a))}] = true
			scrambled[[2]int{
				int(sx.scramble(x.at(d)) * float64(int(1)<<a)), int(sy.scramble(y.at(d)) * float64(int(1)<<(m-a))),
			}] = true
		}
		if len(plain) != 1<<m || len(scrambled) != 1<<m {
			t.Errorf("a = %d: %d boxes, scrambled %d", a, len(plain), len(scrambled))
		}
	}
}

// Scrambled points are uniform one by one: the mean of a digit over seeds is 1/2.
func TestScrambleIsUniform(t *testing.T) {
	const seeds = 4096
	for _, x := range []uint32{0, 1, 0x80000000, 0xffffffff} {
		var ones [53]float64
		for seed := range int64(seeds) {
			digits := uint64(newStream(seed, 0, "lr").scramble(x) * (1 << 53))
			for l := range ones {
				ones[l] += float64(digits >> l & 1)
			}
		}
		for l, n := range ones {
			if math.Abs(n-seeds/2) > 6*math.Sqrt(seeds)/2 {
				t.Errorf("digit %d of scrambled %#x is 1 in %v of %d", l, x, n, seeds)
			}
		}
	}
}

// Evenness is what sobol is for: its discrepancy is well below chance's.
func TestSobolDiscrepancy(t *testing.T) {
	const n, dimensions = 256, 3
	for seed := range int64(8) {
		var even, chance [n][]float64
		for i := range dimensions {
			s, v := newStream(seed, 0, string(rune('a'+i))), newSobolDimension(i)
			for d := range uint64(n) {
				even[d] = append(even[d], s.scramble(v.at(uint32(d))))
				chance[d] = append(chance[d], s.uniform(d))
			}
		}
		if e, c := discrepancy(even[:]), discrepancy(chance[:]); e > c/3 {
			t.Errorf("seed %d: L2 star discrepancy %.4g, of random points %.4g", seed, e, c)
		}
	}
}

// discrepancy is the L2 star discrepancy by the formula of T. T. Warnock (1972).
func discrepancy(points [][]float64) float64 {
	n, dimensions := float64(len(points)), float64(len(points[0]))
	single, double := 0.0, 0.0
	for _, p := range points {
		product := 1.0
		for _, x := range p {
			product *= 1 - x*x
		}
		single += product
		for _, q := range points {
			product := 1.0
			for i, x := range p {
				product *= 1 - max(x, q[i])
			}
			double += product
		}
	}
	return math.Sqrt(math.Pow(3, -dimensions) - math.Pow(2, 1-dimensions)/n*single + double/n/n)
}
