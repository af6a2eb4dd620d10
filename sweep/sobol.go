package sweep

import (
	_ "embed"
	"fmt"
	"math/bits"
	"strings"
)

// joeKuo holds the parameters of Sobol dimensions 2, 3, ...: a line has the
// dimension, the degree s of its primitive polynomial over GF(2), the polynomial's
// inner coefficients as the bits of a, and the initial direction numbers m_1 to
// m_s. They are the first lines of new-joe-kuo-6.21201, published with S. Joe,
// F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional
// projections", SIAM J. Sci. Comput. 30, 2635-2654 (2008).
//
//go:embed joe-kuo.txt
var joeKuo string

// sobolDimensions is how many dimensions joeKuo serves: its lines, and the
// first dimension, which needs none.
const sobolDimensions = 256

// sobolDimension makes coordinates of one dimension of Sobol's sequence
// (I. M. Sobol, 1967): its 32 direction numbers, in units of 2^-32.
type sobolDimension [32]uint32

// newSobolDimension derives the direction numbers of a dimension, counted from
// 0; it must be below sobolDimensions.
func newSobolDimension(dimension int) *sobolDimension {
	v := new(sobolDimension)
	if dimension == 0 {
		for k := range v {
			v[k] = 1 << (31 - k)
		}
		return v
	}
	degree, inner, initial := joeKuoLine(dimension)
	for k := range v {
		if k < degree {
			v[k] = initial[k] << (31 - k)
			continue
		}
		v[k] = v[k-degree] ^ v[k-degree]>>degree
		for j := 1; j < degree; j++ {
			v[k] ^= (inner >> (degree - 1 - j) & 1) * v[k-j]
		}
	}
	return v
}

// joeKuoLine reads the parameters of a dimension from 1 on.
func joeKuoLine(dimension int) (degree int, inner uint32, initial []uint32) {
	rest := joeKuo
	var line string
	for range dimension {
		line, rest, _ = strings.Cut(rest, "\n")
	}
	numbers := make([]uint32, strings.Count(line, " ")+1)
	for i, field := range strings.Fields(line) {
		if _, err := fmt.Sscan(field, &numbers[i]); err != nil {
			panic(fmt.Sprintf("sweep: joe-kuo.txt, dimension %d: %v", dimension+1, err))
		}
	}
	return int(numbers[1]), numbers[2], numbers[3:]
}

// at is coordinate d in units of 2^-32, in the natural order of the sequence,
// which begins with 0.
func (v *sobolDimension) at(d uint32) uint32 {
	x := uint32(0)
	for ; d != 0; d &= d - 1 {
		x ^= v[bits.TrailingZeros32(d)]
	}
	return x
}
