package sweep

import "math"

// The functions of this file are math's, computed without fused multiply-add and
// without a platform's own assembly, so that every machine gets the same bits:
// Go fuses x*y + z on some platforms unless the product is converted explicitly,
// and math.Exp and math.Log differ in the last bit from one to the next. Their
// relative error is below 1e-14, far less than the 8 digits that are kept.

// between is a at u = 0 and b at u = 1, without overflow between.
func between(a, b, u float64) float64 {
	return float64(a*(1-u)) + float64(b*u)
}

// ln2 in two parts: the first has 32 trailing zero bits, so that its product
// with an exponent is exact.
const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
)

// log is the natural logarithm of x, which is finite and above 0: x = m*2^e with
// m within a factor of sqrt 2 of 1, and log m = 2 artanh((m-1)/(m+1)), a series
// in odd powers.
func log(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = float64(m*2), e-1
	}
	s := (m - 1) / (m + 1)
	square := float64(s * s)
	sum := 0.0
	for k := 21; k >= 1; k -= 2 {
		sum = float64(sum*square) + 1/float64(k)
	}
	lo := float64(2*float64(s*sum)) + float64(float64(e)*ln2Lo)
	return float64(float64(e)*ln2Hi) + lo
}

// exp is e to the power of x: x = k*ln 2 + r with r at most half of ln 2, and
// the Taylor series of r. It is +Inf or 0 where float64 ends.
func exp(x float64) float64 {
	if x > 710 {
		return math.Inf(1)
	} else if x < -746 {
		return 0
	}
	k := math.RoundToEven(x / math.Ln2)
	r := x - float64(k*ln2Hi) - float64(k*ln2Lo)
	sum := 1.0
	for n := 14.0; n >= 1; n-- {
		sum = 1 + float64(float64(sum*r)/n)
	}
	return math.Ldexp(sum, int(k))
}

// normalQuantile is the inverse of the standard normal distribution function at
// u, 0 <= u < 1; u = 0 counts as half of the smallest step of a stream. It is
// algorithm AS 241, PPND16, of M. J. Wichura, "The percentage points of the
// normal distribution", Applied Statistics 37, 477-484 (1988): a ratio of
// polynomials in each of three ranges.
func normalQuantile(u float64) float64 {
	u = max(u, 0x1p-54)
	q := u - 0.5
	if math.Abs(q) <= 0.425 {
		r := 0.180625 - float64(q*q)
		return q * wichuraCentre.ratio(r)
	}
	r := math.Sqrt(-log(min(u, 1-u)))
	var z float64
	if r <= 5 {
		z = wichuraMiddle.ratio(r - 1.6)
	} else {
		z = wichuraTail.ratio(r - 5)
	}
	return math.Copysign(z, q)
}

// rational is a ratio of two polynomials, coefficients from the constant up.
type rational struct{ above, below [8]float64 }

func (p *rational) ratio(x float64) float64 {
	above, below := 0.0, 0.0
	for i := 7; i >= 0; i-- {
		above = float64(above*x) + p.above[i]
		below = float64(below*x) + p.below[i]
	}
	return above / below
}

// The coefficients of AS 241.
var (
	wichuraCentre = rational{
		[8]float64{
			3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
			4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
		},
		[8]float64{
			1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
			2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
		},
	}
	wichuraMiddle = rational{
		[8]float64{
			1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
			1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
		},
		[8]float64{
			1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
			1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
		},
	}
	wichuraTail = rational{
		[8]float64{
			6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
			2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
		},
		[8]float64{
			1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
			7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
		},
	}
)
