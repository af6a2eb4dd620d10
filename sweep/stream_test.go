package sweep

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The words of SplitMix64 from seed 1234567, as its authors' program prints
// them.
func TestStreamIsSplitMix64(t *testing.T) {
	for i, want := range []uint64{
		6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
	} {
		if got := stream(1234567).word(uint64(i)); got != want {
			t.Errorf("word %d is %d, want %d", i, got, want)
		}
	}
}

// These keys never change: every sample of every user hangs on them.
func TestStreamKeys(t *testing.T) {
	for _, c := range []struct {
		seed    int64
		ordinal int
		label   string
		want    string
	}{
		{0, 0, "lr", "409d337865475242"},
		{7, 0, "lr", "215dbc6bb6141ab1"},
		{7, 1, "lr", "e665285274a49c4c"},
		{-7, 0, "depth,width", "77e2bfc6c924f557"},
	} {
		if got := fmt.Sprintf("%016x", uint64(newStream(c.seed, c.ordinal, c.label))); got != c.want {
			t.Errorf("the key of (%d, %d, %q) is %s, want %s", c.seed, c.ordinal, c.label, got, c.want)
		}
	}
}

func TestStreamIsUniform(t *testing.T) {
	const draws, cells = 64_000, 64
	rapid.Check(t, func(t *rapid.T) {
		s := newStream(rapid.Int64().Draw(t, "seed"), 0, "lr")
		var hits [cells]float64
		for i := range uint64(draws) {
			hits[int(s.uniform(i)*cells)]++
		}
		chi2 := 0.0
		for _, n := range hits {
			chi2 += (n - draws/cells) * (n - draws/cells) / (draws / cells)
		}
		// 63 degrees of freedom: beyond these by chance once in 10^7.
		if chi2 < 15 || chi2 > 140 {
			t.Fatalf("chi-square is %.1f", chi2)
		}
	})
}

func TestStreamsAreUncorrelated(t *testing.T) {
	const draws = 10_000
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Int64().Draw(t, "seed")
		a, b := newStream(seed, 0, "a"), newStream(seed, 0, "b")
		same := newStream(seed, 0, "a")
		sum := 0.0
		for i := range uint64(draws) {
			if a.uniform(i) != same.uniform(i) {
				t.Fatal("one axis has two streams")
			}
			sum += (a.uniform(i) - 0.5) * (b.uniform(i) - 0.5) * 12
		}
		// The sum's standard deviation is the square root of draws.
		if math.Abs(sum) > 6*math.Sqrt(draws) {
			t.Fatalf("correlation of two axes is %.3f", sum/draws)
		}
	})
}
