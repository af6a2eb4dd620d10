package ledger

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestARunFromRegistrationToResult(t *testing.T) {
	if both(t, TestARunFromRegistrationToResult) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	refs := register(t, s, "grid.hcl", "", items("ex", "", 0, 3))
	if want := []Ref{{1, 0, true}, {2, 1, true}, {3, 2, true}}; !reflect.DeepEqual(refs, want) {
		t.Fatalf("rows %v, want %v", refs, want)
	}
	ids := intend(t, s, refs...)
	s.Changed(ids[0], runner.Change{State: sweep.Queued, Time: noon, Waiting: "room"})
	s.Changed(ids[0], runner.Change{State: sweep.Running, Time: noon.Add(time.Second), Ref: "slot 3", Log: "/l"})
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	open, err := l.OpenAttempts(t.Context(), []string{"ex"})
	if err != nil || len(open) != 3 {
		t.Fatalf("%d open attempts, want 3 (%v)", len(open), err)
	}
	if a := open[0].Last; a.State != sweep.Running || a.Ref != "slot 3" || a.Log != "/l" || !a.Started.Equal(noon.Add(time.Second)) {
		t.Fatalf("the change was not recorded: %+v", a)
	}
	o := succeeded(math.Inf(1))
	o.Started = time.Time{}
	o.Metrics = append(o.Metrics, sweep.Metric{Name: "acc", Last: math.NaN(), Min: 0.25, Max: 0.5, Count: 2})
	settleNow(t, s, ids[0], o)
	settleNow(t, s, ids[1], sweep.Outcome{State: sweep.Failed, Class: sweep.User, Reason: "exit code 3", Tail: "a\x00b\xff", Code: 3, Result: []byte("\xff\x00")})

	r, err := l.FindRun(t.Context(), "ex-0")
	if err != nil {
		t.Fatal(err)
	}
	e := experiment("ex", "", 0)
	if r.Key != e.Key || r.Point != e.Point || !r.HP.Equal(e.HP) || !reflect.DeepEqual(r.Sweeps, []string{"s"}) {
		t.Errorf("experiment came back as %+v", r)
	}
	a := r.Last
	if a.State != sweep.Succeeded || a.Number != 1 || a.Work != hash(1) || a.Why != "new" || a.GitCommit != "abc" ||
		!a.Intended.Equal(noon) || !a.Started.Equal(noon.Add(time.Second)) || !a.Ended.Equal(o.Ended) || string(a.Result) != string(o.Result) {
		t.Errorf("attempt came back as %+v", a)
	}
	if len(a.Metrics) != 2 || !math.IsNaN(a.Metrics[0].Last) || a.Metrics[0].Steps || !reflect.DeepEqual(a.Metrics[1], o.Metrics[0]) {
		t.Errorf("metrics came back as %+v", a.Metrics)
	}
	failed, err := l.FindRun(t.Context(), "ex-1")
	if err != nil || failed.Last.Tail != "a\uFFFDb\uFFFD" || string(failed.Last.Result) != "\xff\x00" || failed.Last.Code != 3 {
		t.Errorf("failure came back as %+v (%v)", failed.Last, err)
	}
	if _, err := l.FindRun(t.Context(), "ex-9"); !errors.Is(err, ErrUnknownRun) {
		t.Errorf("ex-9: %v", err)
	}
}
