package sweep_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lxsweep/lxsweep/sweep"
)

// nightly is the sweep of DESIGN: 18 points, two skips of two, one include,
// three repeats.
func nightly() *sweep.Sweep {
	get := func(hp *sweep.Object, path string) float64 {
		v, _ := hp.Get(path)
		f, _ := v.AsFloat()
		return f
	}
	zip := sweep.Axis{Label: "depth,width", Paths: []string{"depth", "width"}}
	for i, depth := range []int64{2, 4, 8} {
		zip.Rows = append(zip.Rows, sweep.Assignment{
			{Path: "depth", Value: sweep.Int(depth)}, {Path: "width", Value: sweep.Int(1024 >> i)},
		})
	}
	return &sweep.Sweep{
		Name: "nightly",
		Bases: []sweep.Base{base("ex", object("lr", num(3e-4), "depth", sweep.Int(4), "width", sweep.Int(1024),
			"seed", sweep.Int(1), "optimizer", sweep.Obj(object("wd", num(0.01)))))},
		Spaces: []sweep.Space{&sweep.Grid{Axes: []sweep.Axis{
			axis("lr", num(1e-4), num(1e-3), num(1e-2)),
			axis("optimizer.wd", sweep.Int(0), num(0.01)),
			zip,
		}}},
		Skips: []sweep.Skip{
			{Reason: "diverges", When: func(hp *sweep.Object) (bool, error) {
				return get(hp, "lr")*get(hp, "depth") >= 0.05, nil
			}},
			{Reason: "overfits", When: func(hp *sweep.Object) (bool, error) {
				return get(hp, "depth") == 8 && get(hp, "optimizer.wd") == 0, nil
			}},
		},
		Includes: []sweep.Include{{Assignment: sweep.Assignment{{Path: "lr", Value: num(5e-5)}, {Path: "depth", Value: sweep.Int(16)}}}},
		Repeat:   &sweep.Grid{Axes: []sweep.Axis{axis("seed", ints(1, 2, 3)...)}},
	}
}

func TestStages(t *testing.T) {
	var st sweep.Stages
	names := map[sweep.Hash]bool{}
	for e, err := range nightly().Expand(&st) {
		if err != nil {
			t.Fatal(err)
		}
		names[e.Key] = true
	}
	want := sweep.Stages{Points: 18, BySpace: []int{18}, Skipped: []int{2, 2}, Included: 1, Repeats: 3, Experiments: 45}
	if d := cmp.Diff(want, st); d != "" {
		t.Error(d)
	}
	if len(names) != 45 {
		t.Errorf("%d different keys among 45 experiments", len(names))
	}
}

func TestUnionsAreDeduped(t *testing.T) {
	a := &sweep.Grid{Axes: []sweep.Axis{axis("lr", ints(1, 2, 3)...)}}
	b := &sweep.Grid{Axes: []sweep.Axis{axis("lr", ints(2, 3, 4)...), axis("depth", ints(4, 5)...)}}
	s := &sweep.Sweep{
		Bases:    []sweep.Base{base("ex", object("lr", sweep.Int(1), "depth", sweep.Int(4)))},
		Spaces:   []sweep.Space{a, b},
		Includes: []sweep.Include{{Assignment: sweep.Assignment{{Path: "lr", Value: sweep.Int(4)}}}, {Assignment: sweep.Assignment{{Path: "lr", Value: sweep.Int(9)}}}},
	}
	var st sweep.Stages
	keys := map[sweep.Hash]int{}
	for e, err := range s.Expand(&st) {
		if err != nil {
			t.Fatal(err)
		}
		keys[e.Key]++
	}
	if !slices.Equal(st.KnownIncludes, []int{0}) {
		t.Errorf("includes %v add nothing; want the first", st.KnownIncludes)
	}
	// lr 2 and 3 at depth 4 come again in b; lr 4 at depth 4 again as include.
	if st.Duplicates != 3 || st.Experiments != 8 || len(keys) != 8 {
		t.Errorf("duplicates %d, experiments %d, keys %d; want 3, 8, 8", st.Duplicates, st.Experiments, len(keys))
	}
}

func TestObjectRowsThatMeanTheSameAreDeduped(t *testing.T) {
	optimizer := sweep.Axis{Label: "optimizer", Paths: []string{"optimizer.name", "optimizer.wd"}, Rows: []sweep.Assignment{
		{{Path: "optimizer.name", Value: sweep.String("sgd")}},
		{{Path: "optimizer.name", Value: sweep.String("sgd")}, {Path: "optimizer.wd", Value: sweep.Int(0)}},
		{{Path: "optimizer.wd", Value: sweep.Int(1)}},
	}}
	s := &sweep.Sweep{
		Bases:  []sweep.Base{base("ex", object("optimizer", sweep.Obj(object("name", sweep.String("adam"), "wd", sweep.Int(0)))))},
		Spaces: []sweep.Space{&sweep.Grid{Axes: []sweep.Axis{optimizer}}},
	}
	var st sweep.Stages
	for _, err := range s.Expand(&st) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if st.Points != 3 || st.Duplicates != 1 || st.Experiments != 2 {
		t.Errorf("%+v; want 3 points, 1 duplicate, 2 experiments", st)
	}
}

// following is a toy in which warmup follows seed until it is set.
type following struct{ toy }

func (p following) HP(a sweep.Assignment) (*sweep.Object, error) {
	hp, err := p.toy.HP(a)
	if v, _ := hp.Get("warmup"); v.IsNull() {
		seed, _ := hp.Get("seed")
		hp = hp.With("warmup", seed)
	}
	return hp, err
}

// TestRepeatsSayWhereTheyDiffer has an hp that follows the one that is repeated.
func TestRepeatsSayWhereTheyDiffer(t *testing.T) {
	p := following{toy{defaults: object("seed", sweep.Int(1), "warmup", sweep.Value{}, "lr", sweep.Int(1)), name: "ex"}}
	s := &sweep.Sweep{
		Bases:  []sweep.Base{{Config: "ex", Program: p}},
		Spaces: []sweep.Space{&sweep.Grid{Axes: []sweep.Axis{axis("lr", ints(1, 2)...)}}},
		Repeat: &sweep.Grid{Axes: []sweep.Axis{axis("seed", ints(1, 2)...), axis("fold", ints(0)...)}},
	}
	for _, e := range experiments(s) {
		if d := cmp.Diff([]string{"fold", "seed", "warmup"}, e.Repeated); d != "" {
			t.Fatal(d)
		}
	}
	s.Repeat = nil
	if e := experiments(s)[0]; e.Repeated != nil {
		t.Errorf("without repeats there is %v", e.Repeated)
	}
}

func TestRepeatsThatMeanTheSameAreDeduped(t *testing.T) {
	repeat := func(seeds ...int64) *sweep.Sweep {
		p := following{toy{defaults: object("seed", sweep.Int(1), "warmup", sweep.Value{}), name: "ex"}}
		return &sweep.Sweep{
			Bases:  []sweep.Base{{Config: "ex", Program: p}},
			Repeat: &sweep.Grid{Axes: []sweep.Axis{axis("seed", ints(seeds...)...)}},
		}
	}
	twice := repeat(1, 2, 1)
	derived := repeat(1, 2)
	// warmup 2 differs from the config's 1, and is what seed 2 makes of that.
	derived.Includes = []sweep.Include{{Assignment: sweep.Assignment{{Path: "warmup", Value: sweep.Int(2)}}}}
	for name, c := range map[string]struct {
		sweep *sweep.Sweep
		want  int
	}{"a value given twice": {twice, 2}, "derived in one, set in the other": {derived, 3}} {
		var st sweep.Stages
		keys := map[sweep.Hash]bool{}
		for e, err := range c.sweep.Expand(&st) {
			if err != nil {
				t.Fatal(err)
			}
			keys[e.Key] = true
		}
		if len(keys) != c.want || st.Experiments != c.want || st.Duplicates != 1 {
			t.Errorf("%s: %d keys, %d experiments, %d duplicates; want %d of each and one", name, len(keys), st.Experiments, st.Duplicates, c.want)
		}
	}
}

func TestASampleSaysWhyItIsShort(t *testing.T) {
	dropAll := sweep.Skip{When: func(*sweep.Object) (bool, error) { return true, nil }}
	endless, err := sweep.Uniform(0, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	drawn := sweep.Axis{Label: "x", Paths: []string{"x"}, Dist: endless}
	for want, s := range map[string]*sweep.Sweep{
		"0 of the 4 points asked for: skip has dropped the others of 400 draws": {Spaces: []sweep.Space{&sweep.Sample{Method: "random", Count: 4, Axes: []sweep.Axis{drawn}}}, Skips: []sweep.Skip{dropAll}},
		"2 of the 4 points asked for: its space has no more":                    {Spaces: []sweep.Space{&sweep.Sample{Method: "random", Count: 4, Axes: []sweep.Axis{axis("x", ints(1, 2)...)}}}},
		"0 of the 4 points asked for: its space has no more that skip leaves":   {Spaces: []sweep.Space{&sweep.Sample{Method: "random", Count: 4, Axes: []sweep.Axis{axis("x", ints(1, 2)...)}}}, Skips: []sweep.Skip{dropAll}},
	} {
		s.Bases = []sweep.Base{base("ex", object("x", sweep.Int(0)))}
		var st sweep.Stages
		for range s.Expand(&st) {
		}
		if len(st.Short) != 1 || !strings.HasSuffix(st.Short[0], want) {
			t.Errorf("%q, want %q", st.Short, want)
		}
	}
}

func TestAFailingPointIsNoEnd(t *testing.T) {
	s := &sweep.Sweep{
		Bases:  []sweep.Base{base("ex", object("x", sweep.String("")))},
		Spaces: []sweep.Space{&sweep.Grid{Axes: []sweep.Axis{axis("x", sweep.String("a"), sweep.String("boom"), sweep.String("b"))}}},
	}
	var st sweep.Stages
	failures := 0
	for _, err := range s.Expand(&st) {
		if err != nil {
			failures++
		}
	}
	if failures != 1 || st.Failed != 1 || st.Experiments != 2 {
		t.Errorf("failures %d, stages %+v", failures, st)
	}
}

func TestASweepWithoutSpacesIsItsConfig(t *testing.T) {
	s := &sweep.Sweep{Bases: []sweep.Base{base("ex", object("lr", sweep.Int(1)))}}
	if got := experiments(s); len(got) != 1 || got[0].HP.String() != `{"lr":1}` {
		t.Errorf("got %v", got)
	}
}

func TestASampleCountsWhatSkipLeaves(t *testing.T) {
	odd := sweep.Skip{When: func(hp *sweep.Object) (bool, error) {
		v, _ := hp.Get("x")
		i, _ := v.AsInt()
		return i%2 == 1, nil
	}}
	var values []int64
	for i := range 40 {
		values = append(values, int64(i))
	}
	s := &sweep.Sweep{
		Bases:  []sweep.Base{base("ex", object("x", sweep.Int(0)))},
		Spaces: []sweep.Space{&sweep.Sample{Method: "random", Count: 12, Axes: []sweep.Axis{axis("x", ints(values...)...)}}},
		Skips:  []sweep.Skip{odd},
	}
	if got := len(experiments(s)); got != 12 {
		t.Errorf("%d experiments, want the 12 asked for", got)
	}
	s.Spaces[0].(*sweep.Sample).Count = 30
	var st sweep.Stages
	for range s.Expand(&st) {
	}
	if st.Experiments != 20 || len(st.Short) != 1 {
		t.Errorf("%d experiments and %q; want 20 and a word of why", st.Experiments, st.Short)
	}
}

func TestExperimentNames(t *testing.T) {
	for name, hint := range map[string]string{
		"find_hp":               `did you mean "find-hp"?`,
		"Ex":                    `did you mean "ex"?`,
		strings.Repeat("a", 51): `did you mean`,
		"":                      `got ""`,
		"-":                     `got "-"`,
	} {
		err := sweep.CheckExperimentName(name)
		if err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v; want %s", name, err, hint)
		}
	}
	if err := sweep.CheckExperimentName("find-hp2"); err != nil {
		t.Error(err)
	}
}
