package sweep_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lxsweep/lxsweep/sweep"
)

func line(axisValues ...int64) *sweep.Sweep {
	return &sweep.Sweep{
		Name:   "line",
		Bases:  []sweep.Base{base("ex", object("lr", sweep.Int(0)))},
		Spaces: []sweep.Space{&sweep.Grid{Axes: []sweep.Axis{axis("lr", ints(axisValues...)...)}}},
	}
}

// rows plans and returns each row as "sign name start".
func rows(t *testing.T, plan *sweep.Plan) []string {
	t.Helper()
	var out []string
	for a, err := range plan.Actions(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		row := a.Sign.String() + " " + a.RunName()
		if a.Start {
			row += " start"
		}
		if a.Shared != "" {
			row += " shared"
		}
		if a.Excluded {
			row += " excluded"
		}
		out = append(out, row)
	}
	return out
}

func TestSigns(t *testing.T) {
	s := line(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	all := experiments(s)
	ledger := &past{}
	known := func(state sweep.State) *sweep.Record { return ledger.record(all[len(ledger.records)], state) }
	known(sweep.Succeeded)
	known(sweep.Failed)
	known(sweep.Lost)
	known(sweep.Interrupted)
	known("") // numbered, never tried
	running := known(sweep.Running)
	dead := known(sweep.Running)
	changedOK, changedBad := known(sweep.Succeeded), known(sweep.Failed)
	changedOK.Last.Work, changedBad.Last.Work = sweep.Hash{1}, sweep.Hash{1}
	accepted := known(sweep.Succeeded)
	accepted.Last.Work, accepted.Equivalent = sweep.Hash{1}, []sweep.Hash{all[9].WorkHash}

	opts := sweep.PlanOptions{Past: ledger, Live: []sweep.Live{{AttemptID: running.Last.ID, State: sweep.Running}}}
	plan := sweep.NewPlan([]*sweep.Sweep{s}, opts)
	want := []string{
		"= ex-0", "! ex-1", "! ex-2", "+ ex-3 start", "+ ex-4 start", "> ex-5", "+ ex-6 start",
		"~ ex-7", "~ ex-8 start", "= ex-9", "+ ex-10? start",
	}
	if d := cmp.Diff(want, rows(t, plan)); d != "" {
		t.Error(d)
	}
	if plan.Starts != 5 || plan.Kept[sweep.SignFailed] != 2 || plan.Kept[sweep.SignChanged] != 1 {
		t.Errorf("starts %d, kept %v", plan.Starts, plan.Kept)
	}
	_ = dead

	opts.Rerun = sweep.Rerun{Failed: true, Changed: true, RunNames: map[string]bool{"ex-0": true}}
	again := rows(t, sweep.NewPlan([]*sweep.Sweep{s}, opts))
	want[0], want[1], want[7] = "= ex-0 start", "! ex-1 start", "~ ex-7 start"
	if d := cmp.Diff(want, again); d != "" {
		t.Error(d)
	}
}

func TestRerunTakesWhatHasChangedToo(t *testing.T) {
	s := line(0, 1)
	ledger := &past{}
	for i, state := range []sweep.State{sweep.Lost, sweep.Cancelled} {
		ledger.record(experiments(s)[i], state).Last.Work = sweep.Hash{1}
	}
	for _, c := range []struct {
		rerun sweep.Rerun
		want  []string
	}{
		{sweep.Rerun{Failed: true}, []string{"~ ex-0", "~ ex-1"}},
		{sweep.Rerun{Lost: true}, []string{"~ ex-0 start", "~ ex-1"}},
		{sweep.Rerun{Cancelled: true}, []string{"~ ex-0", "~ ex-1 start"}},
	} {
		plan := sweep.NewPlan([]*sweep.Sweep{s}, sweep.PlanOptions{Past: ledger, Rerun: c.rerun})
		if d := cmp.Diff(c.want, rows(t, plan)); d != "" {
			t.Errorf("%+v: %s", c.rerun, d)
		}
	}
}

func TestAnOpenAttemptElsewhereIsShownThere(t *testing.T) {
	s := line(0)
	ledger := &past{}
	ledger.record(experiments(s)[0], sweep.Running).Last.Host = "gpu7"
	plan := sweep.NewPlan([]*sweep.Sweep{s}, sweep.PlanOptions{Past: ledger, Gone: func(*sweep.Tried) (sweep.State, bool) { return "", false }})
	for a := range plan.Actions(context.Background()) {
		if a.Sign != sweep.SignLive || a.Why != "running on gpu7" || !a.Elsewhere {
			t.Errorf("%s %q elsewhere=%v", a.Sign, a.Why, a.Elsewhere)
		}
	}
}

func TestAnAttemptThatEndedUnobservedCounts(t *testing.T) {
	s := line(0)
	ledger := &past{}
	r := ledger.record(experiments(s)[0], sweep.Running)
	plan := sweep.NewPlan([]*sweep.Sweep{s}, sweep.PlanOptions{Past: ledger, Live: []sweep.Live{{AttemptID: r.Last.ID, State: sweep.Succeeded}}})
	if d := cmp.Diff([]string{"= ex-0"}, rows(t, plan)); d != "" {
		t.Error(d)
	}
}

func TestAValueInTheMiddleRenumbersNothing(t *testing.T) {
	ledger := &past{}
	for _, e := range experiments(line(1, 3)) {
		ledger.record(e, sweep.Succeeded)
	}
	got := rows(t, sweep.NewPlan([]*sweep.Sweep{line(1, 2, 3)}, sweep.PlanOptions{Past: ledger}))
	if d := cmp.Diff([]string{"= ex-0", "+ ex-2? start", "= ex-1"}, got); d != "" {
		t.Error(d)
	}
}

func TestRemovedAndAssumable(t *testing.T) {
	ledger := &past{}
	for _, e := range experiments(line(1, 2)) {
		ledger.record(e, sweep.Succeeded)
	}
	grown := line(1, 2)
	grown.Bases[0] = base("ex", object("lr", sweep.Int(0), "dropout", sweep.Int(0), "opt", sweep.Obj(object("m", sweep.String("${x}")))))
	plan := sweep.NewPlan([]*sweep.Sweep{grown}, sweep.PlanOptions{Past: ledger})
	if d := cmp.Diff([]string{"+ ex-2? start", "+ ex-3? start", "- ex-0", "- ex-1"}, rows(t, plan)); d != "" {
		t.Error(d)
	}
	want := "identity {\n  assume = { dropout = 0, opt = { m = \"$${x}\" } }\n}"
	if d := cmp.Diff(want, plan.Assumable()); d != "" {
		t.Error(d)
	}
	grown.Bases[0].Identity.Assume = map[string]sweep.Value{"dropout": sweep.Int(0), "opt.m": sweep.String("${x}")}
	got := rows(t, sweep.NewPlan([]*sweep.Sweep{grown}, sweep.PlanOptions{Past: ledger}))
	// The toy's command names the new hp, so the work differs; the key does not.
	if d := cmp.Diff([]string{"~ ex-0", "~ ex-1"}, got); d != "" {
		t.Error(d)
	}
}

func TestSweepsShareExperiments(t *testing.T) {
	a, b := line(1, 2), line(2, 3)
	b.Name = "other"
	plan := sweep.NewPlan([]*sweep.Sweep{a, b}, sweep.PlanOptions{Past: &past{}})
	if d := cmp.Diff([]string{"+ ex-0? start", "+ ex-1? start", "+ ex-1? shared", "+ ex-2? start"}, rows(t, plan)); d != "" {
		t.Error(d)
	}
	if plan.Counts[sweep.SignNew] != 3 {
		t.Errorf("%d new, want 3", plan.Counts[sweep.SignNew])
	}
}

func TestOneKeyWithDifferentWorkIsAnError(t *testing.T) {
	a, b := line(1), line(1)
	b.Name = "other"
	b.Bases[0].Program = toy{defaults: object("lr", sweep.Int(0)), name: "ex", command: "evaluate"}
	plan := sweep.NewPlan([]*sweep.Sweep{a, b}, sweep.PlanOptions{Past: &past{}})
	var clash *sweep.ClashError
	for _, err := range plan.Actions(context.Background()) {
		errors.As(err, &clash)
	}
	if clash == nil || plan.Failed != 1 || !strings.Contains(clash.Error(), "experiment_name") {
		t.Errorf("got %v, failed %d", clash, plan.Failed)
	}
}

func TestSelect(t *testing.T) {
	even := func(a *sweep.Action) (bool, error) { return a.Number%2 == 0, nil }
	plan := sweep.NewPlan([]*sweep.Sweep{line(1, 2, 3)}, sweep.PlanOptions{Past: &past{}, Select: even})
	if d := cmp.Diff([]string{"+ ex-0? start", "+ ex-1? excluded", "+ ex-1? start"}, rows(t, plan)); d != "" {
		t.Error(d)
	}
	if plan.Starts != 2 {
		t.Errorf("%d starts", plan.Starts)
	}
}

func TestWhatOneSweepIsFilteredOutOfAnotherStillStarts(t *testing.T) {
	a, b, c := line(1, 2), line(2, 3), line(2)
	b.Name, c.Name = "other", "third"
	later := func(a *sweep.Action) (bool, error) { return a.Experiment.Sweep != "line", nil }
	plan := sweep.NewPlan([]*sweep.Sweep{a, b, c}, sweep.PlanOptions{Past: &past{}, Select: later})
	want := []string{"+ ex-0? excluded", "+ ex-1? excluded", "+ ex-0? start", "+ ex-1? start", "+ ex-0? shared"}
	if d := cmp.Diff(want, rows(t, plan)); d != "" {
		t.Error(d)
	}
	if plan.Starts != 2 || plan.Counts[sweep.SignNew] != 2 {
		t.Errorf("%d starts, %d new, want 2", plan.Starts, plan.Counts[sweep.SignNew])
	}
}

func TestDigestIsOfTheStarts(t *testing.T) {
	ledger := &past{}
	all := experiments(line(1, 2))
	digest := func() string {
		plan := sweep.NewPlan([]*sweep.Sweep{line(1, 2)}, sweep.PlanOptions{Past: ledger})
		rows(t, plan)
		return plan.Digest()
	}
	r := ledger.record(all[0], sweep.Running)
	r.Last.Outcome.State = sweep.Succeeded
	finished := digest()
	r.Last.Outcome.State = sweep.Failed
	if digest() != finished {
		t.Error("how a run ended changed the digest of the starts")
	}
	r.Last.Outcome.State = sweep.Interrupted
	if digest() == finished {
		t.Error("one more start has the same digest")
	}
}

func TestManyKeysAreFewQueries(t *testing.T) {
	values := make([]int64, 5000)
	for i := range values {
		values[i] = int64(i)
	}
	ledger := &past{}
	rows(t, sweep.NewPlan([]*sweep.Sweep{line(values...)}, sweep.PlanOptions{Past: ledger}))
	if ledger.lookups != 5 {
		t.Errorf("%d queries for 5,000 keys, want 5", ledger.lookups)
	}
}

func TestOutputNames(t *testing.T) {
	e := experiments(line(1))[0]
	ledger := &past{}
	r := ledger.record(e, sweep.Interrupted)
	a := &sweep.Action{Sign: sweep.SignNew, Experiment: e, Record: r}
	if got := a.OutputName(); got != "ex-0" {
		t.Errorf("after an interrupt %q: checkpoints must go on", got)
	}
	a.Sign = sweep.SignLive
	if got := a.OutputName(); got != "ex-0" {
		t.Errorf("the retry of an adopted attempt writes to %q: checkpoints must go on", got)
	}
	a.Sign = sweep.SignFailed
	if got := a.OutputName(); got != "ex-0-r2" {
		t.Errorf("a re-run writes to %q", got)
	}
	a.Record = nil
	if got := a.OutputName(); got != "ex-0" {
		t.Errorf("the first run writes to %q", got)
	}
}

func TestAFailureNobodyWatchedIsAdoptedIfItHasRetries(t *testing.T) {
	s := line(0)
	s.Bases[0].Program = toy{defaults: object("lr", sweep.Int(0)), name: "ex", command: "train", retries: 2}
	ledger := &past{}
	r := ledger.record(experiments(s)[0], sweep.Running)
	opts := sweep.PlanOptions{Past: ledger, Live: []sweep.Live{{AttemptID: r.Last.ID, State: sweep.Failed}}}
	if d := cmp.Diff([]string{"> ex-0"}, rows(t, sweep.NewPlan([]*sweep.Sweep{s}, opts))); d != "" {
		t.Error(d)
	}
	r.Last.State = sweep.Failed // settled: the dispatcher has had its say
	if d := cmp.Diff([]string{"! ex-0"}, rows(t, sweep.NewPlan([]*sweep.Sweep{s}, opts))); d != "" {
		t.Error(d)
	}
}

func TestWhatTheMachineryNeverStartedIsNew(t *testing.T) {
	s := line(0)
	for class, reason := range map[sweep.Class]string{
		sweep.Infrastructure: "too many open files",
		sweep.Refused:        "not started: too many open files",
	} {
		ledger := &past{}
		r := ledger.record(experiments(s)[0], sweep.Failed)
		r.Last.Class, r.Last.Reason = class, reason
		for a := range sweep.NewPlan([]*sweep.Sweep{s}, sweep.PlanOptions{Past: ledger}).Actions(context.Background()) {
			if a.Sign != sweep.SignNew || !a.Start || a.Why != "was not started: too many open files" {
				t.Errorf("%s: %s %v %q", class, a.Sign, a.Start, a.Why)
			}
		}
	}
}
