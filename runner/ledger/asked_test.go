package ledger

import (
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestAskedKeepsWhatSweepsAreFor(t *testing.T) {
	if both(t, TestAskedKeepsWhatSweepsAreFor) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	target := 0.1
	first := experiment("ex", "", 0)
	first.Sweep, first.Objective = "a", &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss"}}}
	other := experiment("ex", "", 1)
	other.Sweep, other.Repeated = "b", []string{"seed"}
	both := func(yield func(Item, error) bool) {
		_ = yield(Item{Experiment: first}, nil) && yield(Item{Experiment: other}, nil)
	}
	register(t, s, "src", "", both)
	mended := *first
	mended.Objective = &sweep.Objective{Goals: []sweep.Goal{{Metric: "acc", Maximize: true}}, Pick: sweep.PickMax, Target: &target}
	register(t, s, "src", "", func(yield func(Item, error) bool) { yield(Item{Experiment: &mended}, nil) })

	got := must(l.Asked(t.Context()))
	want := []sweep.Asked{{Source: "src", Sweep: "a", Objective: mended.Objective, Apply: 2}} // b asks for nothing any more
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(sweep.Asked{}, "When", "Began")); d != "" {
		t.Error(d)
	}
	if got[0].When.IsZero() || got[0].Began.IsZero() {
		t.Error("it does not say when")
	}
}

// TestAskedKnowsRepeatsAndOrder applies one round after the other, and the first
// one again.
func TestAskedKnowsRepeatsAndOrder(t *testing.T) {
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	repeats := func(round string, o *sweep.Objective) iter.Seq2[Item, error] {
		e := experiment("ex", round, 0)
		e.Objective, e.Repeated = o, []string{"data.seed", "seed"}
		return func(yield func(Item, error) bool) { yield(Item{Experiment: e}, nil) }
	}
	register(t, s, "src", "z", repeats("z", nil))
	register(t, s, "src", "a", repeats("a", &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss"}}}))
	register(t, s, "other", "a", items("ex", "a", 1, 2))
	register(t, s, "src", "z", repeats("z", nil))
	want := []sweep.Asked{
		{Source: "src", Sweep: "s", Round: "z", Repeated: []string{"data.seed", "seed"}, Apply: 4},
		{Source: "src", Sweep: "s", Round: "a", Repeated: []string{"data.seed", "seed"}, Apply: 2, Objective: &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss"}}}},
		{Source: "other", Sweep: "s", Round: "a", Apply: 3},
	}
	if d := cmp.Diff(want, must(l.Asked(t.Context())), cmpopts.IgnoreFields(sweep.Asked{}, "When", "Began")); d != "" {
		t.Error(d)
	}
}
