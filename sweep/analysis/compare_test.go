package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

// ran is an experiment at a point of lr and seed that ended in a state, with a
// loss if that is a success.
func ran(lr, seed, number int, state sweep.State, metrics ...sweep.Metric) *sweep.Record {
	hp := map[string]sweep.Value{"lr": sweep.Int(int64(lr)), "seed": sweep.Int(int64(seed))}
	r := record(number, state, hp, metrics...)
	r.Point = sweep.PointOf(r.Name, r.HP)
	if state == sweep.Pending {
		r.Last = nil
	}
	return r
}

// losses are the repeats of a point.
func losses(lr, number int, values ...float64) (list []*sweep.Record) {
	for i, v := range values {
		list = append(list, ran(lr, i, number+i, sweep.Succeeded, metric("loss", v)))
	}
	return list
}

func minimize(metrics ...string) *sweep.Objective {
	o := &sweep.Objective{}
	for _, m := range metrics {
		o.Goals = append(o.Goals, sweep.Goal{Metric: m})
	}
	return o
}

// rule compares losses over seeds.
func rule(tolerance string) Rule {
	r := Rule{Objective: minimize("loss"), Repeated: []string{"seed"}}
	if err := r.Tolerance.UnmarshalText([]byte(tolerance)); err != nil {
		panic(err)
	}
	return r
}

func TestCompareJudgesValues(t *testing.T) {
	maximize := rule("1%")
	maximize.Objective = &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss", Maximize: true}}}
	least := rule("1%")
	least.Objective = &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss"}}, Pick: sweep.PickMin} // one less, see metric
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		rule      Rule
		then, now []float64
		want      Verdict
	}{
		"within 1 %":                      {rule("1%"), []float64{1}, []float64{1.0099}, Same},
		"beyond 1 %":                      {rule("1%"), []float64{1}, []float64{1.0111}, Worse},
		"less is better":                  {rule("1%"), []float64{1}, []float64{0.98}, Better},
		"within an amount":                {rule("0.5"), []float64{1}, []float64{1.5}, Same},
		"beyond an amount":                {rule("0.5"), []float64{1}, []float64{1.51}, Worse},
		"no tolerance, no change":         {rule("0"), []float64{1}, []float64{1}, Same},
		"rounding of a mean":              {rule("0%"), []float64{0.1, 0.1}, []float64{0.1, 0.1, 0.1}, Same},
		"no tolerance":                    {rule("0%"), []float64{1}, []float64{1.0000001}, Worse},
		"maximize":                        {maximize, []float64{1}, []float64{2}, Better},
		"maximize, and less":              {maximize, []float64{2}, []float64{1}, Worse},
		"the least counts, 0 to 0.02":     {least, []float64{1}, []float64{1.02}, Worse},
		"negative, and further from 0":    {rule("1%"), []float64{-1}, []float64{-1.2}, Better},
		"negative, and nearer to 0":       {rule("1%"), []float64{-1}, []float64{-0.9}, Worse},
		"through 0":                       {rule("1%"), []float64{-0.1}, []float64{0.1}, Worse},
		"0 has no per cent":               {rule("99%"), []float64{0}, []float64{1e-9}, Worse},
		"0 and an amount":                 {rule("0.01"), []float64{0}, []float64{1e-9}, Same},
		"both 0":                          {rule("0%"), []float64{0, 0}, []float64{0, 0}, Same},
		"diverged":                        {rule("1%"), []float64{1}, []float64{inf}, Worse},
		"diverged in both":                {rule("1%"), []float64{inf}, []float64{inf}, Same},
		"diverged among repeats":          {rule("1%"), []float64{1, 1.1}, []float64{1, inf}, Worse},
		"no longer diverges":              {rule("1%"), []float64{inf, inf}, []float64{1, 1.1}, Better},
		"no scatter at all":               {rule("1%"), []float64{1, 1, 1}, []float64{1.02, 1.02, 1.02}, Worse},
		"scatter explains it":             {rule("1%"), []float64{1, 2, 3}, []float64{2, 3, 4}, Same},
		"scatter does not explain it":     {rule("1%"), []float64{1, 1.1, 1.2}, []float64{2, 2.1, 2.2}, Worse},
		"clear, but tolerated":            {rule("50%"), []float64{1, 1.01, 1.02}, []float64{1.5, 1.51, 1.52}, Same},
		"scatter of one round only":       {rule("1%"), []float64{1, 2, 3}, []float64{4}, Same},
		"scatter of one, and far outside": {rule("1%"), []float64{9}, []float64{1, 1.1, 1.2}, Better},
		"one side has none":               {rule("1%"), []float64{1, 1, 1}, []float64{1.1, 1.2, 1.3}, Same},
		"one side has none, and far":      {rule("1%"), []float64{1, 1, 1}, []float64{2.1, 2.2, 2.3}, Worse},
	} {
		got := c.rule.Compare(losses(1, 0, c.then...), losses(1, 10, c.now...))
		if len(got) != 1 || got[0].Verdict != c.want || got[0].Goals[0].Verdict != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}

func TestCompareJudgesEnds(t *testing.T) {
	ok, no, open, cut := sweep.Succeeded, sweep.Failed, sweep.Running, sweep.Interrupted
	for name, c := range map[string]struct {
		then, now []sweep.State // of seeds 0, 1, ...
		want      Verdict
	}{
		"succeeded then":             {[]sweep.State{ok}, []sweep.State{no}, FailedNow},
		"cancelled now":              {[]sweep.State{ok}, []sweep.State{sweep.Cancelled}, FailedNow},
		"one of the repeats":         {[]sweep.State{ok, ok}, []sweep.State{ok, no}, FailedNow},
		"another of the repeats":     {[]sweep.State{ok, no}, []sweep.State{no, ok}, FailedNow},
		"the same of the repeats":    {[]sweep.State{ok, no}, []sweep.State{ok, no}, Same},
		"a repeat is mended":         {[]sweep.State{ok, no}, []sweep.State{ok, ok}, Same},
		"a repeat more, which fails": {[]sweep.State{ok}, []sweep.State{ok, no}, Same},
		"failed in both":             {[]sweep.State{no}, []sweep.State{sweep.OOM}, Failed},
		"mended":                     {[]sweep.State{no}, []sweep.State{ok}, Mended},
		"new":                        {nil, []sweep.State{ok}, New},
		"new, and fails":             {nil, []sweep.State{no}, New},
		"missing":                    {[]sweep.State{ok}, nil, Missing},
		"still runs":                 {[]sweep.State{ok}, []sweep.State{open}, Missing},
		"was interrupted":            {[]sweep.State{ok}, []sweep.State{cut}, Missing},
		"not started":                {[]sweep.State{ok}, []sweep.State{sweep.Pending}, Missing},
		"one repeat still runs":      {[]sweep.State{ok, ok}, []sweep.State{ok, open}, Same},
		"never ended then":           {[]sweep.State{cut}, []sweep.State{ok}, New},
		"not ended in both":          {[]sweep.State{open}, []sweep.State{open}, Missing},
	} {
		side := func(number int, states []sweep.State) (list []*sweep.Record) {
			for i, s := range states {
				list = append(list, ran(1, i, number+i, s, metric("loss", 1)))
			}
			return list
		}
		got := rule("1%").Compare(side(0, c.then), side(10, c.now))
		if len(got) != 1 || got[0].Verdict != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
	if got := rule("1%").Compare(losses(1, 0, 1), losses(1, 1, math.NaN())); got[0].Verdict != FailedNow {
		t.Errorf("NaN is %s; it is no result", got[0].Verdict)
	}
}

func TestCompareJudgesEachGoal(t *testing.T) {
	r := Rule{Objective: minimize("loss", "size"), Tolerance: DefaultTolerance}
	point := func(number int, loss, size float64) []*sweep.Record {
		return []*sweep.Record{ran(1, 1, number, sweep.Succeeded, metric("loss", loss), metric("size", size))}
	}
	for name, c := range map[string]struct {
		loss, size float64
		want       []Verdict // of the point, the loss, the size
	}{
		"one of each":     {2, 0.5, []Verdict{Worse, Worse, Better}},
		"the other way":   {0.5, 2, []Verdict{Worse, Better, Worse}},
		"one is better":   {1, 0.5, []Verdict{Better, Same, Better}},
		"nothing changed": {1, 1, []Verdict{Same, Same, Same}},
	} {
		got := r.Compare(point(0, 1, 1), point(1, c.loss, c.size))[0]
		if d := cmp.Diff(c.want, []Verdict{got.Verdict, got.Goals[0].Verdict, got.Goals[1].Verdict}); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	r.Objective = nil
	if got := r.Compare(point(0, 1, 1), point(1, 9, 9))[0]; got.Verdict != Same || got.Goals != nil {
		t.Errorf("without an objective: %+v", got)
	}
}

// TestCompareJoins has an hp that no longer matters, so that points are equal
// whose hyperparameters are not.
func TestCompareJoins(t *testing.T) {
	workers := func(r *sweep.Record, n int64) *sweep.Record {
		r.HP = r.HP.With("workers", sweep.Int(n)) // r.Point is without
		return r
	}
	then := []*sweep.Record{workers(ran(1, 0, 0, sweep.Succeeded), 2), workers(ran(1, 7, 1, sweep.Succeeded), 2), workers(ran(2, 0, 2, sweep.Succeeded), 2)}
	now := []*sweep.Record{workers(ran(1, 0, 3, sweep.Succeeded), 4), workers(ran(1, 1, 4, sweep.Succeeded), 4), workers(ran(3, 0, 5, sweep.Succeeded), 4)}
	var got []string
	for _, c := range (Rule{Repeated: []string{"seed"}}).Compare(then, now) {
		got = append(got, fmt.Sprint(c.Verdict, " ", c.HP, " ", len(c.Then), " ", len(c.Now)))
	}
	want := []string{`missing {"lr":2,"workers":2} 1 0`, `new {"lr":3,"workers":4} 0 1`, `same {"lr":1,"workers":4} 2 2`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestCompareSorts puts the worst first and the best last.
func TestCompareSorts(t *testing.T) {
	all := func(number int, values ...float64) (list []*sweep.Record) {
		for i, v := range values {
			list = append(list, losses(i, number+i, v)...)
		}
		return list
	}
	then, now := all(0, 1, 1, 10, 1, 1, 1), all(10, 1.5, 3, 12, 0.8, 0.1, 1)
	var got []int
	for _, c := range rule("1%").Compare(then, append(now, ran(9, 0, 20, sweep.Failed))) {
		got = append(got, c.Shown().Record.Number)
	}
	if d := cmp.Diff([]int{11, 10, 12, 20, 15, 13, 14}, got); d != "" {
		t.Error(d)
	}
}

func TestToleranceTexts(t *testing.T) {
	for text, want := range map[string]string{"1%": "1%", " 0.5 % ": "0.5%", "0.01": "0.01", "0": "0", "1e-3": "0.001", "7%": "7%"} {
		var got Tolerance
		if err := got.UnmarshalText([]byte(text)); err != nil || got.String() != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "-1", "NaN", "inf", "1%%", "1 percent"} {
		if err := new(Tolerance).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a tolerance", text)
		}
	}
}

// TestUnlikely goes by the quantiles of Student's t at 99 %, as the NIST/SEMATECH
// e-Handbook of Statistical Methods, 1.3.6.7.2, lists them, and for 1e9 the
// normal distribution's.
func TestUnlikely(t *testing.T) {
	for df, q := range map[float64]float64{1: 31.821, 2: 6.965, 3: 4.541, 4: 3.747, 10: 2.764, 30: 2.457, 100: 2.364, 1e9: 2.326} {
		if unlikely(q-0.002, df) || !unlikely(q+0.002, df) {
			t.Errorf("with %v degrees of freedom the limit is not %v", df, q)
		}
	}
	if !unlikely(math.Inf(1), 1.5) || unlikely(math.NaN(), 3) {
		t.Error("infinite or undefined")
	}
}

// rounds draws two rounds over the same space, of equal and unequal repeats.
func rounds(t *rapid.T) (then, now []*sweep.Record) {
	state := rapid.SampledFrom([]sweep.State{sweep.Succeeded, sweep.Succeeded, sweep.Succeeded, sweep.Failed, sweep.Running, sweep.Pending})
	value := rapid.OneOf(rapid.Float64Range(-2, 2), rapid.SampledFrom([]float64{0, 1, 1.01, math.Inf(1), math.NaN(), math.MaxFloat64}))
	draw := func(number int, label string) (list []*sweep.Record) {
		for lr := range 3 {
			for seed := range rapid.IntRange(0, 3).Draw(t, label+" repeats") {
				list = append(list, ran(lr, seed, number+len(list), state.Draw(t, "state"), metric("loss", value.Draw(t, "loss"))))
			}
		}
		return list
	}
	return draw(0, "then"), draw(100, "now")
}

// summary is what a comparison says of each point.
func summary(changes []Change) map[string]Change {
	m := map[string]Change{}
	for _, c := range changes {
		m[c.HP.String()] = c
	}
	return m
}

func TestCompareIsAntisymmetric(t *testing.T) {
	turned := map[Verdict]Verdict{Worse: Better, Better: Worse, Same: Same, Failed: Failed, Mended: FailedNow, New: Missing}
	rapid.Check(t, func(t *rapid.T) {
		then, now := rounds(t)
		r := rule(rapid.SampledFrom([]string{"0", "1%", "0.5"}).Draw(t, "tolerance"))
		there, back := r.Compare(then, now), summary(r.Compare(now, then))
		if len(there) != len(back) {
			t.Fatalf("%d points, and %d", len(there), len(back))
		}
		for _, c := range there {
			other := back[c.HP.String()]
			want, ok := turned[c.Verdict]
			if c.Verdict == FailedNow && c.Now.Succeeded() == 0 {
				want, ok = Mended, true
			}
			// A repeat that fails outweighs values, in whatever direction; what has
			// ended in neither round is missing from either side.
			if ok && other.Verdict != want && !(other.Verdict == FailedNow && other.failing() != nil) {
				t.Fatalf("%s is %s, and %s the other way round", c.HP, c.Verdict, other.Verdict)
			}
			for i, d := range c.Goals {
				if turned[d.Verdict] != other.Goals[i].Verdict {
					t.Fatalf("%+v, and %+v the other way round", d, other.Goals[i])
				}
			}
		}
	})
}

func TestCompareIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		then, now := rounds(t)
		a := rule("1%").Compare(then, now)
		b := rule("1%").Compare(rapid.Permutation(then).Draw(t, "then"), rapid.Permutation(now).Draw(t, "now"))
		if x, y := fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b); x != y {
			t.Fatalf("%s\nand in another order\n%s", x, y)
		}
	})
}

// TestCompareFindsAShift shifts repeats that scatter by 1 %, by 5 to 50 %.
func TestCompareFindsAShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Float64Range(0.1, 1e6).Draw(t, "base") * rapid.SampledFrom([]float64{1, -1}).Draw(t, "sign")
		shift := math.Abs(base) * rapid.Float64Range(0.05, 0.5).Draw(t, "shift")
		n := rapid.SampledFrom([]int{1, 5, 9}).Draw(t, "repeats")
		side := func(by float64) (values []float64) {
			for i := range n {
				values = append(values, base*(1+0.01*float64(i%3-1)*min(1, float64(n-1)))+by)
			}
			return values
		}
		for by, want := range map[float64]Verdict{shift: Worse, -shift: Better, 0: Same} {
			if got := rule("1%").Compare(losses(1, 0, side(0)...), losses(1, 50, side(by)...)); got[0].Verdict != want {
				t.Fatalf("by %v: %s, want %s", by, got[0].Verdict, want)
			}
		}
	})
}

// TestCompareBelievesChance draws both rounds from one distribution, or from two
// of one mean: about one point in a hundred is to be called worse, never none.
// Welch's approximation gives away most where the few scatter more. The seed is
// fixed.
func TestCompareBelievesChance(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	for _, c := range []struct {
		n, m int
		sd   float64 // of the second, where that of the first is 1
		most float64
	}{{3, 3, 1, 0.012}, {5, 5, 1, 0.013}, {10, 4, 3, 0.02}, {5, 1, 1, 0.014}, {1, 3, 1, 0.014}} {
		const points = 4_000
		var then, now []*sweep.Record
		for lr := range points {
			draw := func(n int, sd float64) (values []float64) {
				for range n {
					values = append(values, 10+sd*random.NormFloat64())
				}
				return values
			}
			then = append(then, losses(lr, len(then), draw(c.n, 1)...)...)
			now = append(now, losses(lr, len(now), draw(c.m, c.sd)...)...)
		}
		n := Count(rule("0").Compare(then, now))
		for _, v := range []Verdict{Worse, Better} {
			if share := float64(n[v]) / points; share < 0.003 || share > c.most {
				t.Errorf("%+v: %.2f %% are %s", c, 100*share, v)
			}
		}
	}
}
