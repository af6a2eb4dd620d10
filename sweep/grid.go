package sweep

import (
	"iter"
	"math/big"
	"slices"
	"strings"
)

// Count is the exact number of points: the product of the axes' lengths, 1
// without axes.
func (g *Grid) Count() *big.Int {
	n := big.NewInt(1)
	for _, axis := range g.Axes {
		n.Mul(n, big.NewInt(int64(len(axis.Rows))))
	}
	return n
}

// At decodes point i, 0 <= i < Count: its mixed-radix digits, the last axis
// being the least, are one row of every axis. The Assignment is the caller's.
// A grid of more than 2^64 points has no index for those beyond; Points has no
// such bound.
func (g *Grid) At(i uint64) Assignment {
	size, rest := 0, i
	for k := len(g.Axes) - 1; k >= 0; k-- {
		rows := g.Axes[k].Rows
		size += len(rows[rest%uint64(len(rows))])
		rest /= uint64(len(rows))
	}
	point := make(Assignment, size)
	for k := len(g.Axes) - 1; k >= 0; k-- {
		rows := g.Axes[k].Rows
		row := rows[i%uint64(len(rows))]
		i /= uint64(len(rows))
		size -= len(row)
		copy(point[size:], row)
	}
	return point
}

// Points yields every point, in the order of At. Each Assignment is the
// caller's.
func (g *Grid) Points() iter.Seq[Assignment] {
	return func(yield func(Assignment) bool) {
		if slices.ContainsFunc(g.Axes, func(a Axis) bool { return len(a.Rows) == 0 }) {
			return
		}
		for digits := make([]int, len(g.Axes)); yield(g.rowsAt(digits)); {
			if !g.advance(digits) {
				return
			}
		}
	}
}

// rowsAt joins the rows that digits choose, one of each axis.
func (g *Grid) rowsAt(digits []int) Assignment {
	size := 0
	for k, d := range digits {
		size += len(g.Axes[k].Rows[d])
	}
	point := make(Assignment, 0, size)
	for k, d := range digits {
		point = append(point, g.Axes[k].Rows[d]...)
	}
	return point
}

// advance counts digits up by one and reports whether there was a next.
func (g *Grid) advance(digits []int) bool {
	for k := len(digits) - 1; k >= 0; k-- {
		if digits[k]++; digits[k] < len(g.Axes[k].Rows) {
			return true
		}
		digits[k] = 0
	}
	return false
}

// GridIndex answers which points of a grid a set of hyperparameters could be:
// the way back from At. It is immutable and safe for concurrent use.
type GridIndex struct {
	axes []axisIndex
}

// axisIndex finds the rows of one axis. Rows of an object-valued axis need not
// set the same paths; each set of paths has a shape of its own.
type axisIndex struct {
	rows   uint64
	shapes []rowShape
}

type rowShape struct {
	paths []string
	// rows maps the values of paths, as canonical JSON a line, to the rows that
	// set them, ascending.
	rows map[string][]uint64
}

// Index builds the index: time and memory go with the sum of the axes' lengths,
// not with their product.
func (g *Grid) Index() *GridIndex {
	x := &GridIndex{axes: make([]axisIndex, len(g.Axes))}
	for k, axis := range g.Axes {
		x.axes[k] = indexRows(axis.Rows)
	}
	return x
}

func indexRows(rows []Assignment) axisIndex {
	x := axisIndex{rows: uint64(len(rows))}
	byPaths := make(map[string]int)
	for i, row := range rows {
		signature := row.signature()
		at, known := byPaths[signature]
		if !known {
			at = len(x.shapes)
			byPaths[signature] = at
			x.shapes = append(x.shapes, rowShape{row.paths(), make(map[string][]uint64)})
		}
		key := string(row.appendValues(nil))
		x.shapes[at].rows[key] = append(x.shapes[at].rows[key], uint64(i))
	}
	return x
}

// Matches yields, ascending, the index of every point whose settings all equal
// hp's values at their paths. There can be several: rows that are equal, and
// rows of object-valued axes that leave different things unsaid. The grid must
// have at most 2^64 points.
func (x *GridIndex) Matches(hp *Object) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		var buf [8][]uint64
		candidates, scratch := buf[:0], make([]byte, 0, 128)
		for i := range x.axes {
			rows := x.axes[i].find(hp, scratch)
			if len(rows) == 0 {
				return
			}
			candidates = append(candidates, rows)
		}
		x.combine(candidates, 0, yield)
	}
}

// combine yields every index that begins with prefix and goes on with one
// candidate of each axis left.
func (x *GridIndex) combine(candidates [][]uint64, prefix uint64, yield func(uint64) bool) bool {
	if len(candidates) == 0 {
		return yield(prefix)
	}
	radix := x.axes[len(x.axes)-len(candidates)].rows
	for _, row := range candidates[0] {
		if !x.combine(candidates[1:], prefix*radix+row, yield) {
			return false
		}
	}
	return true
}

// find returns the rows whose settings all equal hp's, ascending. It may write
// to scratch.
func (x *axisIndex) find(hp *Object, scratch []byte) []uint64 {
	var found []uint64
	for i := range x.shapes {
		rows := x.shapes[i].find(hp, scratch)
		if found == nil {
			found = rows
		} else if len(rows) > 0 {
			found = slices.Concat(found, rows)
			slices.Sort(found)
		}
	}
	return found
}

func (s *rowShape) find(hp *Object, scratch []byte) []uint64 {
	key := scratch[:0]
	for _, path := range s.paths {
		v, ok := hp.Get(path)
		if !ok {
			return nil
		}
		key = append(v.AppendJSON(key), '\n')
	}
	return s.rows[string(key)]
}

// distinct reports whether no two points can be the same: each axis sets the
// same paths in every row, and no row twice.
func (x *GridIndex) distinct() bool {
	for _, axis := range x.axes {
		if len(axis.shapes) != 1 || uint64(len(axis.shapes[0].rows)) != axis.rows {
			return false
		}
	}
	return true
}

func (a Assignment) paths() []string {
	paths := make([]string, len(a))
	for i, s := range a {
		paths[i] = s.Path
	}
	return paths
}

// signature tells sets of paths apart. Order counts: it costs a shape, never a
// match.
func (a Assignment) signature() string { return strings.Join(a.paths(), "\n") }

// appendValues appends the values as canonical JSON, which has no newline of
// its own, one a line.
func (a Assignment) appendValues(b []byte) []byte {
	for _, s := range a {
		b = append(s.Value.AppendJSON(b), '\n')
	}
	return b
}
