package sweep

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/big"
	"slices"
)

// The methods of a Sample.
const (
	// MethodRandom draws independent points.
	MethodRandom = "random"
	// MethodSobol draws the points of a scrambled Sobol sequence, one dimension
	// an axis: they fill the space more evenly than chance does, at any count
	// and best at powers of two.
	MethodSobol = "sobol"
)

// Validate reports, in words fit for the user, why s cannot be drawn from: its
// method, its count, an axis without rows, weights that do not fit, or more axes
// than there are Sobol dimensions. It joins every reason.
func (s *Sample) Validate() error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Method != MethodRandom && s.Method != MethodSobol {
		complain("there is no sample method %q; there are %q and %q", s.Method, MethodRandom, MethodSobol)
	}
	if s.Count < 1 {
		complain("count must be at least 1; got %d", s.Count)
	}
	if len(s.Axes) == 0 {
		complain("a sample needs at least one axis in hp")
	}
	if s.Method == MethodSobol && len(s.Axes) > sobolDimensions {
		complain("sobol has direction numbers for %d axes; got %d; %q takes any number", sobolDimensions, len(s.Axes), MethodRandom)
	}
	for i := range s.Axes {
		if err := s.Axes[i].validate(); err != nil {
			complain("%s: %w", s.Axes[i].Label, err)
		}
	}
	return errors.Join(errs...)
}

// validate reports why a sample cannot draw from the axis.
func (a *Axis) validate() error {
	switch {
	case a.Dist != nil && a.Weights != nil:
		return errors.New("weights belong to a list, not to a distribution")
	case a.Dist != nil:
		return nil
	case len(a.Rows) == 0:
		return errors.New("it has no values")
	case a.Weights == nil:
		return nil
	case len(a.Weights) != len(a.Rows):
		return fmt.Errorf("%d weights for %d values", len(a.Weights), len(a.Rows))
	}
	sum := 0.0
	for _, w := range a.Weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("a weight is a finite number from 0 up; got %v", w)
		}
		sum += w
	}
	if sum == 0 || math.IsInf(sum, 0) {
		return fmt.Errorf("the weights' sum must be a finite number above 0; got %v", sum)
	}
	return nil
}

// Size is the number of different points that can be drawn, and whether it is
// finite. Equal rows count once, rows of weight 0 not at all. s must be valid.
func (s *Sample) Size() (*big.Int, bool) {
	size := big.NewInt(1)
	for _, f := range s.factors() {
		c, ok := f.(choices)
		if !ok {
			return nil, false
		}
		size.Mul(size, new(big.Int).SetUint64(c.count()))
	}
	return size, true
}

// Draws yields points without end and never the same point twice; whatever
// Count says, so that a larger one only appends. s must be valid.
//
// Draw d, from 0, gives each axis a number u in [0, 1) of its own: with "random"
// word d of the axis' stream, with "sobol" coordinate d of the axis' dimension
// scrambled by that stream. A list takes its value at u, cut into parts as long
// as the weights, a distribution its quantile. So an axis that is added, below
// the others for "sobol", leaves the others' values as they were; only the draws
// that would repeat a point differ, for they are passed over.
//
// A finite space ends after Size points. When 100 draws for every point so far,
// and 10,000 more, in a row, have given nothing new, a finite space yields the
// points that are left in the order of a grid's, and any other ends, as does
// "sobol" after 2^32 draws.
func (s *Sample) Draws() iter.Seq[Assignment] {
	return func(yield func(Assignment) bool) {
		d := s.start()
		uniforms := s.uniforms()
		for n, fruitless := uint64(0), 0; n < s.period() && fruitless < 100*(len(d.seen)+100); n++ {
			for i, f := range d.factors {
				d.picks[i] = f.pick(uniforms[i](n))
			}
			fruitless++
			if d.isNew() {
				fruitless = 0
				if !yield(d.point()) || d.isComplete() {
					return
				}
			}
		}
		d.rest(yield)
	}
}

// period is the number of draws that the method has.
func (s *Sample) period() uint64 {
	if s.Method == MethodSobol {
		return 1 << 32
	}
	return math.MaxUint64
}

// uniforms are functions from a draw to a number in [0, 1), one for each axis.
func (s *Sample) uniforms() []func(uint64) float64 {
	fs := make([]func(uint64) float64, len(s.Axes))
	for i, axis := range s.Axes {
		random := newStream(s.Seed, s.Ordinal, axis.Label)
		fs[i] = random.uniform
		if s.Method == MethodSobol {
			v := newSobolDimension(i)
			fs[i] = func(d uint64) float64 { return random.scramble(v.at(uint32(d))) }
		}
	}
	return fs
}

func (s *Sample) factors() []factor {
	fs := make([]factor, len(s.Axes))
	for i := range s.Axes {
		fs[i] = s.Axes[i].factor()
	}
	return fs
}

// drawing is a sequence of draws under way.
type drawing struct {
	factors []factor
	size    uint64 // of the space, where finite and in range; else 0
	picks   []pick // the draw at hand, one of each factor
	// seen holds the first half of the SHA-256 sum of every point yielded.
	seen map[[16]byte]struct{}
	buf  []byte
}

func (s *Sample) start() *drawing {
	d := &drawing{factors: s.factors(), picks: make([]pick, len(s.Axes)), seen: make(map[[16]byte]struct{})}
	if size, ok := s.Size(); ok && size.IsUint64() {
		d.size = size.Uint64()
	}
	return d
}

// isComplete reports whether every point of a finite space was yielded.
func (d *drawing) isComplete() bool { return d.size == uint64(len(d.seen)) }

// isNew reports whether the draw at hand is the first of its kind, and notes it.
func (d *drawing) isNew() bool {
	d.buf = d.buf[:0]
	for _, p := range d.picks {
		d.buf = binary.LittleEndian.AppendUint64(d.buf, p.index)
		if p.index == valued {
			d.buf = append(p.value.AppendJSON(d.buf), '\n')
		}
	}
	sum := sha256.Sum256(d.buf)
	key := [16]byte(sum[:16])
	if _, known := d.seen[key]; known {
		return false
	}
	d.seen[key] = struct{}{}
	return true
}

// point is the Assignment of the draw at hand.
func (d *drawing) point() Assignment {
	point := make(Assignment, 0, len(d.factors))
	for i, f := range d.factors {
		point = f.appendTo(point, d.picks[i])
	}
	return point
}

// rest yields what a finite space has left, the last axis fastest.
func (d *drawing) rest(yield func(Assignment) bool) {
	clear(d.picks)
	for {
		for i, f := range d.factors {
			if c, ok := f.(choices); !ok || d.picks[i].index >= c.count() {
				return
			}
		}
		if d.isNew() && !yield(d.point()) || !d.advance() {
			return
		}
	}
}

// advance counts the picks of a finite space up by one and reports whether
// there was a next.
func (d *drawing) advance() bool {
	for i, f := range slices.Backward(d.factors) {
		if d.picks[i].index++; d.picks[i].index < f.(choices).count() {
			return true
		}
		d.picks[i].index = 0
	}
	return false
}

// factor is an axis as a sample draws from it.
type factor interface {
	// pick is what the axis has at u, 0 <= u < 1.
	pick(u float64) pick
	// appendTo appends the settings that p stands for.
	appendTo(point Assignment, p pick) Assignment
}

// choices is a factor with finitely many values; its picks have an index below
// count.
type choices interface {
	factor
	count() uint64
}

// pick is one value of a factor: an index, or, if index is valued, the value.
type pick struct {
	index uint64
	value Value
}

// valued is the index of a pick that has none; no list is as long.
const valued = math.MaxUint64

func (a *Axis) factor() factor {
	if l, ok := a.Dist.(*steps); ok {
		return &stepFactor{a.Paths[0], l}
	}
	if a.Dist != nil {
		return &distFactor{a.Paths[0], a.Dist}
	}
	return newRowFactor(a)
}

// distFactor draws from a distribution.
type distFactor struct {
	path string
	dist Distribution
}

func (f *distFactor) pick(u float64) pick { return pick{valued, f.dist.Quantile(u)} }

func (f *distFactor) appendTo(point Assignment, p pick) Assignment {
	return append(point, Setting{f.path, p.value})
}

// stepFactor draws from a distribution over finitely many values.
type stepFactor struct {
	path  string
	steps *steps
}

func (f *stepFactor) count() uint64       { return f.steps.count }
func (f *stepFactor) pick(u float64) pick { return pick{index: f.steps.index(u)} }

func (f *stepFactor) appendTo(point Assignment, p pick) Assignment {
	return append(point, Setting{f.path, f.steps.ladder.at(p.index)})
}

// rowFactor draws from a list.
type rowFactor struct {
	rows []Assignment // different ones, of positive weight
	// class[i] is the index in rows of the list's i-th row of positive weight.
	class []uint64
	// cuts[i] is the sum of the weights of class[:i+1]; nil for equal weights.
	cuts []float64
}

func newRowFactor(a *Axis) *rowFactor {
	f := new(rowFactor)
	known := make(map[string]uint64)
	sum := 0.0
	for i, row := range a.Rows {
		if a.Weights != nil {
			if a.Weights[i] == 0 {
				continue
			}
			sum += a.Weights[i]
			f.cuts = append(f.cuts, sum)
		}
		key := row.signature() + "\n" + string(row.appendValues(nil))
		class, ok := known[key]
		if !ok {
			class = uint64(len(f.rows))
			known[key] = class
			f.rows = append(f.rows, row)
		}
		f.class = append(f.class, class)
	}
	return f
}

func (f *rowFactor) count() uint64 { return uint64(len(f.rows)) }

func (f *rowFactor) pick(u float64) pick {
	if f.cuts == nil {
		return pick{index: f.class[cut(u, uint64(len(f.class)))]}
	}
	at := u * f.cuts[len(f.cuts)-1]
	i, exact := slices.BinarySearch(f.cuts, at)
	if exact {
		i++
	}
	return pick{index: f.class[min(i, len(f.class)-1)]}
}

func (f *rowFactor) appendTo(point Assignment, p pick) Assignment {
	return append(point, f.rows[p.index]...)
}

// cut is which of n equal parts of [0, 1) u is in; n is at most 2^53.
func cut(u float64, n uint64) uint64 { return min(uint64(int64(u*float64(n))), n-1) }
