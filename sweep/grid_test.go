package sweep_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

// grids generates grids whose axes have paths of their own and 1 to 4 rows, of
// few different values; rows of several paths may leave some out.
func grids() *rapid.Generator[*sweep.Grid] {
	return rapid.Custom(func(t *rapid.T) *sweep.Grid {
		g := new(sweep.Grid)
		for k := range rapid.IntRange(0, 5).Draw(t, "axes") {
			var a sweep.Axis
			for p := range rapid.IntRange(1, 3).Draw(t, "paths") {
				a.Paths = append(a.Paths, fmt.Sprintf("axis%d.p%d", k, p))
			}
			for range rapid.IntRange(1, 4).Draw(t, "rows") {
				a.Rows = append(a.Rows, drawRow(t, a.Paths))
			}
			g.Axes = append(g.Axes, a)
		}
		return g
	})
}

func drawRow(t *rapid.T, paths []string) sweep.Assignment {
	var row sweep.Assignment
	for _, path := range paths {
		if len(paths) == 1 || rapid.Bool().Draw(t, "set") {
			row = append(row, sweep.Setting{Path: path, Value: sweep.Int(rapid.Int64Range(0, 2).Draw(t, "value"))})
		}
	}
	return row
}

func text(a sweep.Assignment) string { return fmt.Sprint(a) }

// apply sets the assignment over defaults that every path of grids has.
func apply(a sweep.Assignment) *sweep.Object {
	hp := new(sweep.Object)
	for k := range 5 {
		for p := range 3 {
			hp = hp.With(fmt.Sprintf("axis%d.p%d", k, p), sweep.Int(0))
		}
	}
	for _, s := range a {
		hp = hp.With(s.Path, s.Value)
	}
	return hp
}

func TestGridPointsAreAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := grids().Draw(t, "grid")
		i := uint64(0)
		for point := range g.Points() {
			if at := g.At(i); text(at) != text(point) {
				t.Fatalf("point %d is %v, At gives %v", i, point, at)
			}
			i++
		}
		if !g.Count().IsUint64() || g.Count().Uint64() != i {
			t.Fatalf("%d points, Count is %v", i, g.Count())
		}
	})
}

func TestGridMatchesAreThePoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := grids().Draw(t, "grid")
		n := g.Count().Uint64()
		hp := apply(g.At(rapid.Uint64Range(0, n-1).Draw(t, "i")))
		var want []uint64
		for i := range n {
			if agrees(g.At(i), hp) {
				want = append(want, i)
			}
		}
		if got := slices.Collect(g.Index().Matches(hp)); !slices.Equal(got, want) {
			t.Fatalf("%s matches %v, want %v", hp, got, want)
		}
	})
}

func agrees(a sweep.Assignment, hp *sweep.Object) bool {
	for _, s := range a {
		if v, ok := hp.Get(s.Path); !ok || !v.Equal(s.Value) {
			return false
		}
	}
	return true
}

func TestGridMatchesNothingElse(t *testing.T) {
	g := &sweep.Grid{Axes: []sweep.Axis{axis("a", ints(1, 2)...), axis("b", ints(3, 4)...)}}
	for _, hp := range []*sweep.Object{
		nil, object("a", sweep.Int(1)), object("a", sweep.Int(3), "b", sweep.Int(3)),
		object("a", sweep.String("1"), "b", sweep.Int(3)),
	} {
		for i := range g.Index().Matches(hp) {
			t.Errorf("%s matches point %d", hp, i)
		}
	}
}

func TestGridLastAxisFastest(t *testing.T) {
	g := &sweep.Grid{Axes: []sweep.Axis{axis("a", ints(1, 2)...), axis("b", ints(3, 4, 5)...)}}
	if got, want := fmt.Sprint(slices.Collect(g.Points())),
		"[[{a 1} {b 3}] [{a 1} {b 4}] [{a 1} {b 5}] [{a 2} {b 3}] [{a 2} {b 4}] [{a 2} {b 5}]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGridEdges(t *testing.T) {
	if got := slices.Collect(new(sweep.Grid).Points()); len(got) != 1 || len(got[0]) != 0 {
		t.Errorf("a grid without axes has the points %v, want an empty one", got)
	}
	none := &sweep.Grid{Axes: []sweep.Axis{axis("a", ints(1)...), axis("b")}}
	if got := slices.Collect(none.Points()); len(got) != 0 || none.Count().Sign() != 0 {
		t.Errorf("an axis without rows gives %v, Count %v", got, none.Count())
	}
	if got := wide(40).Count().String(); got != "10000000000000000000000000000000000000000" {
		t.Errorf("Count of 40 axes of 10 is %s", got)
	}
	last := slices.Collect(seq(wide(19).At(9_999_999_999_999_999_999)))
	if slices.ContainsFunc(last, func(s sweep.Setting) bool { return s.Value.String() != "9" }) {
		t.Errorf("the last of 10^19 points is %v", last)
	}
}

func seq(a sweep.Assignment) iter.Seq[sweep.Setting] { return slices.Values(a) }

// wide is a grid of n axes of ten values.
func wide(n int) *sweep.Grid {
	g := new(sweep.Grid)
	for k := range n {
		g.Axes = append(g.Axes, axis(fmt.Sprintf("x%d", k), ints(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)...))
	}
	return g
}

func TestGridAtAllocatesOnce(t *testing.T) {
	g := wide(6)
	if n := testing.AllocsPerRun(100, func() { _ = g.At(123456) }); n > 1 {
		t.Errorf("At allocates %v times", n)
	}
}

func BenchmarkGridAt(b *testing.B) {
	g := wide(6)
	for i := range uint64(b.N) {
		_ = g.At(i % 1_000_000)
	}
}

func BenchmarkGridPoints(b *testing.B) {
	n := 0
	for n < b.N {
		for range wide(6).Points() {
			if n++; n == b.N {
				break
			}
		}
	}
}

func BenchmarkGridMatches(b *testing.B) {
	g := wide(6)
	index, hp := g.Index(), new(sweep.Object)
	for _, s := range g.At(123456) {
		hp = hp.With(s.Path, s.Value)
	}
	b.ResetTimer()
	for range b.N {
		for range index.Matches(hp) {
		}
	}
}
