package sweep

import "math"

// origin says which points may have come before one.
type origin struct {
	// spaces is how many of the sweep's spaces are asked; own says that the last
	// of them is the point's own, to be asked below its index only.
	spaces int
	own    bool
	index  uint64
	// note says that the point cannot be asked for later and must be kept.
	note bool
}

// repeated reports whether hp came from one of the spaces before it, and notes
// it if asked to.
func (x *expansion) repeated(hp *Object, from origin) (bool, error) {
	for i, space := range x.sweep.Spaces[:from.spaces] {
		g, ok := space.(*Grid)
		if !ok {
			continue
		}
		limit := uint64(math.MaxUint64)
		if from.own && i == from.spaces-1 {
			limit = from.index
		}
		if in, err := x.inGrid(i, g, limit, hp); in || err != nil {
			return in, err
		}
	}
	if len(x.seen) == 0 && !from.note {
		return false, nil
	}
	if from.note {
		return noted(x.seen, hp), nil
	}
	_, again := x.seen[id128(PointOf("", hp))]
	return again, nil
}

// noted reports whether seen has hp, and notes it.
func noted(seen map[[16]byte]struct{}, hp *Object) bool {
	id := id128(PointOf("", hp))
	_, again := seen[id]
	seen[id] = struct{}{}
	return again
}

// inGrid decodes hp backwards: whether some index below limit gives it.
func (x *expansion) inGrid(i int, g *Grid, limit uint64, hp *Object) (bool, error) {
	for k := range x.index(i, g).Matches(hp) {
		if k >= limit {
			break
		}
		same, err := x.base.HP(g.At(k))
		if err != nil {
			return false, err
		}
		if same.Equal(hp) {
			return true, nil
		}
	}
	return false, nil
}

func (x *expansion) index(i int, g *Grid) *GridIndex {
	if x.grids[i] == nil {
		x.grids[i] = g.Index()
	}
	return x.grids[i]
}

// mayRepeatTwice reports whether two points that differ can be the same once
// they are repeated: hp that the repeat changes may be derived in one and set in
// the other, unless all of them set the same hp. Or the repeat has a row twice.
func (s *Sweep) mayRepeatTwice() bool {
	if s.Repeat == nil {
		return false
	}
	if max(len(s.Spaces), 1)+len(s.Includes) > 1 || !s.Repeat.Index().distinct() {
		return true
	}
	for _, space := range s.Spaces {
		g, ok := space.(*Grid)
		if !ok || !g.Index().distinct() {
			return true
		}
	}
	return false
}
