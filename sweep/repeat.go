package sweep

import "slices"

// repeated returns the paths in which the repeats of one point differ, sorted:
// those that Repeat sets, and those whose expressions see these. The latter show
// where the first two rows of an axis give a config's own point two values.
func (s *Sweep) repeated() []string {
	if s.Repeat == nil {
		return nil
	}
	var paths []string
	for _, axis := range s.Repeat.Axes {
		paths = append(paths, axis.Paths...)
		for i := range s.Bases {
			if len(axis.Rows) > 1 {
				paths = append(paths, s.Bases[i].differing(axis.Rows[0], axis.Rows[1])...)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// differing returns the paths that have different values at two assignments. It
// is none where one cannot be evaluated: the points say what is wrong.
func (b *Base) differing(one, other Assignment) (paths []string) {
	x, err := b.HP(one)
	if err != nil {
		return nil
	}
	y, err := b.HP(other)
	if err != nil {
		return nil
	}
	for path, v := range x.Leaves() {
		if w, ok := y.Get(path); !ok || !w.Equal(v) {
			paths = append(paths, path)
		}
	}
	return paths
}
