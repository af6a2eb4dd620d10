package ui

import (
	"bytes"
	"context"
	"iter"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

// program is what a config makes of a point, without a language.
type program struct{ cmd string }

func (program) HP(a sweep.Assignment) (*sweep.Object, error) {
	hp := sweep.NewObject(map[string]sweep.Value{"lr": sweep.Int(0), "seed": sweep.Int(1), "学習": sweep.String("off")})
	for _, set := range a {
		hp = hp.With(set.Path, set.Value)
	}
	return hp, nil
}

func (program) ExperimentName(*sweep.Object) (string, error) { return "ex", nil }

func (p program) Work(hp *sweep.Object) (sweep.Work, []sweep.Digest, error) {
	lr, _ := hp.Get("lr")
	return work{sweep.Command{
		Shell:     p.cmd + " --lr " + lr.Text(),
		Resources: sweep.Resources{MilliCPU: 4000, Memory: 8 << 30, GPUs: 1}, Timeout: 4 * 3600e9,
	}}, nil, nil
}

type work struct{ sweep.Command }

func (w work) Resolve(sweep.Place) (sweep.Command, error) { return w.Command, nil }

// past knows some experiments, by the canonical text of their hyperparameters.
type past struct{ records []*sweep.Record }

func (p past) Lookup(_ context.Context, keys []sweep.Hash) ([]*sweep.Record, error) {
	found := make([]*sweep.Record, len(keys))
	for i, key := range keys {
		for _, r := range p.records {
			if r.Key == key {
				found[i] = r
			}
		}
	}
	return found, nil
}

func (p past) Wanted(context.Context, string, string) iter.Seq2[*sweep.Record, error] {
	return func(yield func(*sweep.Record, error) bool) {
		for _, r := range p.records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (p past) NextNumber(context.Context, string) (int, error) { return len(p.records), nil }

// sweepOf is a grid of so many learning rates, with a skip, an include and
// repeats.
func sweepOf(points int) *sweep.Sweep {
	at := func(line int) sweep.Pos { return sweep.Pos{File: "grid.hcl", Line: line} }
	set := func(path string, v sweep.Value) sweep.Assignment { return sweep.Assignment{{Path: path, Value: v}} }
	axis := sweep.Axis{Label: "lr", Paths: []string{"lr"}, Pos: at(12)}
	for i := range points {
		lr, _ := sweep.Number(float64(i+1) / 8)
		axis.Rows = append(axis.Rows, set("lr", lr))
	}
	kanji := sweep.Axis{Label: "学習", Paths: []string{"学習"}, Rows: []sweep.Assignment{
		set("学習", sweep.String("速い\x1b[2J")), set("学習", sweep.String("a value of more than twenty-four columns")),
	}}
	seeds := sweep.Axis{Label: "seed", Paths: []string{"seed"}, Rows: []sweep.Assignment{set("seed", sweep.Int(1)), set("seed", sweep.Int(2))}}
	return &sweep.Sweep{
		Name: "nightly", Pos: at(10), MaxParallel: 16, MaxExperiments: 1 << 30,
		Bases:  []sweep.Base{{Config: "wide", Pos: at(1), Program: program{"python train.py"}}},
		Spaces: []sweep.Space{&sweep.Grid{Axes: []sweep.Axis{axis, kanji}, Pos: at(11)}},
		Skips: []sweep.Skip{
			{Reason: "diverges in the first epoch", Pos: at(14), When: func(hp *sweep.Object) (bool, error) {
				lr, _ := hp.Get("lr")
				f, _ := lr.AsFloat()
				return f == 0.25, nil
			}},
			{Reason: "never", Pos: at(17), When: func(*sweep.Object) (bool, error) { return false, nil }},
		},
		Includes:  []sweep.Include{{Assignment: set("lr", sweep.Int(7)), Pos: at(20)}},
		Repeat:    &sweep.Grid{Axes: []sweep.Axis{seeds}, Pos: at(23)},
		Objective: &sweep.Objective{Goals: []sweep.Goal{{Metric: "val_loss"}}},
	}
}

// pastOf makes records of the first experiments of s: one of each kind.
func pastOf(t *testing.T, s *sweep.Sweep) past {
	t.Helper()
	var p past
	loss := []sweep.Metric{{Name: "val_loss", Last: 0.2}}
	outcomes := []sweep.Outcome{
		{State: sweep.Succeeded, Metrics: loss},
		{State: sweep.Running},
		{State: sweep.Succeeded, Metrics: loss},
		{State: sweep.Failed, Reason: "exit code 1"},
		{State: sweep.Interrupted},
		{State: sweep.Succeeded},
	}
	for e, err := range s.Experiments() {
		if err != nil {
			t.Fatal(err)
		}
		i := len(p.records)
		if i == len(outcomes) {
			break
		}
		r := &sweep.Record{ID: int64(i + 1), Name: "ex", Number: i, Key: e.Key, HP: e.HP, Last: &sweep.Tried{ID: int64(i + 1), Number: 1, Work: e.WorkHash, Outcome: outcomes[i]}}
		if i == 2 {
			r.Last.Work = sweep.Hash{1}
		}
		p.records = append(p.records, r)
	}
	gone := sweep.NewObject(map[string]sweep.Value{"lr": sweep.Int(99)})
	p.records = append(p.records, &sweep.Record{ID: 7, Name: "ex", Number: 6, Key: sweep.Hash{9}, HP: gone, Last: &sweep.Tried{ID: 7, Outcome: sweep.Outcome{State: sweep.Succeeded}}})
	return p
}

func header() PlanHeader {
	return PlanHeader{
		Version: "v1", Ledger: Ledger{Path: ".lxsweep/lxsweep.db", ID: "abc"}, Runner: "local", Round: "2026-01-31", Parallel: 4,
		Variables: []Variable{{"image", `"ghcr.io/acme/train:v12"`, "default"}, {"token", "(sensitive)", "LXSWEEP_VAR_token"}},
		Settings:  []string{"--set run.max_memory=8Gi"},
	}
}

// draw plans s with w.
func draw(t *testing.T, s *sweep.Sweep, p past, w PlanWriter) *sweep.Plan {
	t.Helper()
	plan := sweep.NewPlan([]*sweep.Sweep{s}, sweep.PlanOptions{Past: p, Live: []sweep.Live{{AttemptID: 2, State: sweep.Running}}})
	for a, err := range plan.Actions(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Row(a); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(plan, append(Warnings(plan), "the last thing\nto say")); err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestPlanTextInColor(t *testing.T) {
	var b bytes.Buffer
	s := sweepOf(1)
	draw(t, s, pastOf(t, s), NewPlanText(&b, Screen{Width: 80, Color: true}, header()))
	golden(t, "plan-color.golden", b.Bytes())
}

// TestPlanTextOfNothing says why there is nothing to do.
func TestPlanTextOfNothing(t *testing.T) {
	var b bytes.Buffer
	s := sweepOf(3)
	s.Skips, s.Includes, s.Repeat = nil, nil, nil
	p := pastOf(t, s)
	for _, r := range p.records {
		r.Last.Outcome = sweep.Outcome{State: sweep.Succeeded, Metrics: []sweep.Metric{{Name: "val_loss"}}}
	}
	p.records[2].Last.Work = p.records[1].Last.Work
	draw(t, s, past{p.records[:6]}, NewPlanText(&b, Screen{Width: 80}, header()))
	golden(t, "plan-nothing.golden", b.Bytes())
}

func TestPlanJSON(t *testing.T) {
	var b bytes.Buffer
	h := header()
	s := sweepOf(2)
	h.Sweeps = []*sweep.Sweep{s}
	j, err := NewPlanJSON(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	draw(t, s, pastOf(t, s), j)
	golden(t, "plan.jsonl.golden", b.Bytes())
}
