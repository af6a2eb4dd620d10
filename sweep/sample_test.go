package sweep_test

import (
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

func dist(path string, d sweep.Distribution, err error) sweep.Axis {
	if err != nil {
		panic(err)
	}
	return sweep.Axis{Label: path, Paths: []string{path}, Dist: d}
}

func uniform(path string, a, b, step float64) sweep.Axis {
	d, err := sweep.Uniform(a, b, step)
	return dist(path, d, err)
}

func logUniform(path string, a, b, step float64) sweep.Axis {
	d, err := sweep.LogUniform(a, b, step)
	return dist(path, d, err)
}

func normal(path string, mean, sd float64) sweep.Axis {
	d, err := sweep.Normal(mean, sd)
	return dist(path, d, err)
}

func logNormal(path string, mean, sd float64) sweep.Axis {
	d, err := sweep.LogNormal(mean, sd)
	return dist(path, d, err)
}

func weighted(a sweep.Axis, weights ...float64) sweep.Axis {
	a.Weights = weights
	return a
}

// every has an axis of every sort.
func every(method string) *sweep.Sample {
	return &sweep.Sample{Method: method, Count: 64, Seed: 7, Axes: []sweep.Axis{
		logUniform("lr", 1e-5, 1e-2, 0),
		axis("batch_size", ints(16, 32, 64)...),
		uniform("dropout", 0, 0.5, 0),
		uniform("warmup", 0, 1, 0.1),
		logUniform("width", 64, 4096, 64),
		normal("bias", 0, 1),
		logNormal("scale", -2, 0.5),
		weighted(axis("optimizer.name", sweep.String("adamw"), sweep.String("lion"), sweep.String("sgd")), 3, 1, 0),
		{
			Label: "depth,heads", Paths: []string{"depth", "heads"},
			Rows: []sweep.Assignment{
				{{Path: "depth", Value: sweep.Int(2)}, {Path: "heads", Value: sweep.Int(4)}},
				{{Path: "depth", Value: sweep.Int(4)}, {Path: "heads", Value: sweep.Int(8)}},
			},
		},
	}}
}

// finite is a sample of six points.
func finite(method string) *sweep.Sample {
	return &sweep.Sample{Method: method, Count: 6, Seed: 1, Axes: []sweep.Axis{
		axis("a", ints(1, 2, 3)...), axis("b", ints(1, 2)...),
	}}
}

var methods = []string{sweep.MethodRandom, sweep.MethodSobol}

func first(n int, points iter.Seq[sweep.Assignment]) []sweep.Assignment {
	var out []sweep.Assignment
	for p := range points {
		if out = append(out, p); len(out) == n {
			break
		}
	}
	return out
}

// written is a point as a golden file has it.
func written(a sweep.Assignment) string {
	fields := make([]string, len(a))
	for i, s := range a {
		fields[i] = s.Path + "=" + s.Value.Text()
	}
	return strings.Join(fields, " ")
}

// The points of a seed never change.
func TestSampleGolden(t *testing.T) {
	for _, method := range methods {
		var got strings.Builder
		for _, p := range first(20, every(method).Draws()) {
			fmt.Fprintln(&got, written(p))
		}
		name := filepath.Join("testdata", "sampler-"+method+".golden")
		if os.Getenv("LXSWEEP_UPDATE") != "" {
			if err := os.WriteFile(name, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: got\n%swant\n%s", name, got.String(), want)
		}
	}
}

func TestSampleLargerCountAppends(t *testing.T) {
	for _, method := range methods {
		for _, make := range []func(string) *sweep.Sample{every, finite} {
			small, large := make(method), make(method)
			small.Count, large.Count = 64, 128
			a, b := first(small.Count, small.Draws()), first(large.Count, large.Draws())
			if text(slices.Concat(a...)) != text(slices.Concat(b[:len(a)]...)) {
				t.Errorf("%s: count 128 does not begin with the points of count 64", method)
			}
		}
	}
}

func TestSampleNewAxisLeavesTheOthers(t *testing.T) {
	for _, method := range methods {
		narrow, wide := every(method), every(method)
		wide.Axes = append(wide.Axes, uniform("new", 0, 1, 0))
		a, b := first(100, narrow.Draws()), first(100, wide.Draws())
		for i := range a {
			if got := b[i][:len(a[i])]; text(got) != text(a[i]) {
				t.Fatalf("%s: point %d was %v and is %v", method, i, a[i], got)
			}
		}
	}
}

func TestSampleSeedsAndBlocksDiffer(t *testing.T) {
	for _, method := range methods {
		one, seed, block := every(method), every(method), every(method)
		seed.Seed, block.Ordinal = 8, 1
		a, b, c := first(1, one.Draws())[0], first(1, seed.Draws())[0], first(1, block.Draws())[0]
		if a[0] == b[0] || a[0] == c[0] {
			t.Errorf("%s: %v, another seed %v, another block %v", method, a, b, c)
		}
	}
}

func TestSampleOfLargeSpaces(t *testing.T) {
	for _, method := range methods {
		for _, axes := range []int{15, 40} {
			s := &sweep.Sample{Method: method, Count: 20_000, Axes: wide(axes).Axes}
			if size, ok := s.Size(); !ok || size.String() != "1"+strings.Repeat("0", axes) {
				t.Errorf("%d axes of 10: size %v, %v", axes, size, ok)
			}
			seen := map[string]bool{}
			for _, p := range first(s.Count, s.Draws()) {
				seen[written(p)] = true
			}
			if len(seen) != s.Count {
				t.Errorf("%s, 10^%d points: %d of %d are different", method, axes, len(seen), s.Count)
			}
		}
	}
}

func TestSampleExhaustsFiniteSpaces(t *testing.T) {
	for _, method := range methods {
		rapid.Check(t, func(t *rapid.T) {
			s := &sweep.Sample{Method: method, Count: 1, Seed: rapid.Int64().Draw(t, "seed"), Axes: grids().Draw(t, "grid").Axes}
			if s.Axes = s.Axes[:min(len(s.Axes), 2)]; len(s.Axes) == 0 {
				return
			}
			for i := range s.Axes {
				s.Axes[i] = drawWeights(t, s.Axes[i])
			}
			if rapid.Bool().Draw(t, "steps") {
				s.Axes = append(s.Axes, uniform("u", 0, 1, 0.25), logUniform("l", 1, 8, 1))
			}
			want := map[string]bool{}
			enumerate(s.Axes, nil, want)
			got := map[string]bool{}
			for p := range s.Draws() {
				if got[written(p)] || !want[written(p)] {
					t.Fatalf("%v comes twice or is no point", p)
				}
				got[written(p)] = true
			}
			if size, ok := s.Size(); len(got) != len(want) || !ok || size.Cmp(bigInt(len(want))) != 0 {
				t.Fatalf("%d of %d points; Size is %v, %v", len(got), len(want), size, ok)
			}
		})
	}
}

// drawWeights may give an axis weights: some 0, some so small that chance never
// meets them.
func drawWeights(t *rapid.T, a sweep.Axis) sweep.Axis {
	if rapid.Bool().Draw(t, "weighted") {
		a.Weights = rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1e-9, 1, 3}), len(a.Rows), len(a.Rows)).Draw(t, "weights")
		a.Weights[0] = 1
	}
	return a
}

// enumerate puts the line of every point of positive weight that begins with
// prefix into out.
func enumerate(axes []sweep.Axis, prefix sweep.Assignment, out map[string]bool) {
	if len(axes) == 0 {
		out[written(prefix)] = true
		return
	}
	a := axes[0]
	rows := a.Rows
	if a.Dist != nil {
		rows = nil
		for k := range 1000 {
			rows = append(rows, sweep.Assignment{{Path: a.Paths[0], Value: a.Dist.Quantile(float64(k) / 1000)}})
		}
		rows = slices.CompactFunc(rows, func(a, b sweep.Assignment) bool { return written(a) == written(b) })
	}
	for i, row := range rows {
		if a.Weights == nil || a.Weights[i] > 0 {
			enumerate(axes[1:], slices.Concat(prefix, row), out)
		}
	}
}

func TestSampleEndsOnRepeatsOnly(t *testing.T) {
	for _, method := range methods {
		s := &sweep.Sample{Method: method, Count: 9, Axes: []sweep.Axis{uniform("u", 1, 1, 0), axis("a", ints(1, 2)...)}}
		if got := first(9, s.Draws()); len(got) != 2 {
			t.Errorf("%s: %v", method, got)
		}
	}
}

func TestSampleWeights(t *testing.T) {
	const draws = 40_000
	for _, method := range methods {
		s := &sweep.Sample{Method: method, Count: draws, Axes: []sweep.Axis{
			uniform("u", 0, 1, 0),
			weighted(axis("a", ints(0, 1, 2, 3, 1)...), 0, 1, 5, 0, 4),
		}}
		var hits [4]float64
		for _, p := range first(draws, s.Draws()) {
			i, _ := p[1].Value.AsInt()
			hits[i]++
		}
		for i, share := range []float64{0, 0.5, 0.5, 0} {
			if math.Abs(hits[i]/draws-share) > 0.015 || share == 0 && hits[i] > 0 {
				t.Errorf("%s: value %d has %v of %d draws, want the share %v", method, i, hits[i], draws, share)
			}
		}
	}
}

// Equal counts in a list mean equal shares; sobol gives them nearly exactly.
func TestSampleSobolSharesAreExact(t *testing.T) {
	s := every(sweep.MethodSobol)
	hits := map[string]int{}
	for _, p := range first(256, s.Draws()) {
		hits[p[len(p)-2].Value.String()]++
	}
	if hits["2"] != 128 || hits["4"] != 128 {
		t.Errorf("shares of a choice of two in 256 points: %v", hits)
	}
}

func TestSampleValidate(t *testing.T) {
	for want, change := range map[string]func(*sweep.Sample){
		`there is no sample method "halton"; there are "random" and "sobol"`:           func(s *sweep.Sample) { s.Method = "halton" },
		"count must be at least 1; got 0":                                              func(s *sweep.Sample) { s.Count = 0 },
		"a sample needs at least one axis in hp":                                       func(s *sweep.Sample) { s.Axes = nil },
		"a: it has no values":                                                          func(s *sweep.Sample) { s.Axes[0].Rows = nil },
		"a: 1 weights for 3 values":                                                    func(s *sweep.Sample) { s.Axes[0].Weights = []float64{1} },
		"a: a weight is a finite number from 0 up; got -1":                             func(s *sweep.Sample) { s.Axes[0].Weights = []float64{1, -1, 1} },
		"a: a weight is a finite number from 0 up; got NaN":                            func(s *sweep.Sample) { s.Axes[0].Weights = []float64{1, math.NaN(), 1} },
		"a: the weights' sum must be a finite number above 0; got 0":                   func(s *sweep.Sample) { s.Axes[0].Weights = []float64{0, 0, 0} },
		"a: weights belong to a list, not to a distribution":                           func(s *sweep.Sample) { s.Axes[0] = weighted(uniform("a", 0, 1, 0), 1) },
		`sobol has direction numbers for 256 axes; got 257; "random" takes any number`: func(s *sweep.Sample) { s.Method, s.Axes = "sobol", wide(257).Axes },
		"count must be at least 1; got -1\na sample needs at least one axis in hp":     func(s *sweep.Sample) { s.Count, s.Axes = -1, nil },
	} {
		s := finite(sweep.MethodRandom)
		change(s)
		if err := s.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, method := range methods {
		if err := every(method).Validate(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkSampleDraws(b *testing.B) {
	for _, method := range methods {
		for name, s := range map[string]*sweep.Sample{
			"lists":      {Method: method, Axes: wide(6).Axes},
			"continuous": {Method: method, Axes: []sweep.Axis{logUniform("lr", 1e-5, 1e-2, 0)}},
			"every":      every(method),
		} {
			b.Run(method+"/"+name, func(b *testing.B) {
				n := 0
				for n < b.N {
					for range s.Draws() {
						if n++; n == b.N || n%100_000 == 0 {
							break
						}
					}
				}
			})
		}
	}
}
