package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

// toy is a Program without a language: defaults, and a command that names every
// hyperparameter.
type toy struct {
	defaults *sweep.Object
	name     string
	command  string // before the hyperparameters
	retries  int
}

func (p toy) HP(a sweep.Assignment) (*sweep.Object, error) {
	hp := p.defaults
	for _, set := range a {
		if s, ok := set.Value.AsString(); ok && s == "boom" {
			return nil, errors.New("boom at " + set.Path)
		}
		hp = hp.With(set.Path, set.Value)
	}
	return hp, nil
}

func (p toy) ExperimentName(*sweep.Object) (string, error) { return p.name, nil }

func (p toy) Work(hp *sweep.Object) (sweep.Work, []sweep.Digest, error) {
	return toyWork{p, hp}, nil, nil
}

type toyWork struct {
	toy
	hp *sweep.Object
}

func (w toyWork) Resolve(at sweep.Place) (sweep.Command, error) {
	var text strings.Builder
	text.WriteString(w.command)
	for path, v := range w.hp.Leaves() {
		fmt.Fprintf(&text, " --%s %s", path, v.Text())
	}
	return sweep.Command{Shell: text.String(), Retries: w.retries}, nil
}

func axis(path string, values ...sweep.Value) sweep.Axis {
	a := sweep.Axis{Label: path, Paths: []string{path}}
	for _, v := range values {
		a.Rows = append(a.Rows, sweep.Assignment{{Path: path, Value: v}})
	}
	return a
}

func ints(values ...int64) []sweep.Value {
	out := make([]sweep.Value, len(values))
	for i, v := range values {
		out[i] = sweep.Int(v)
	}
	return out
}

func num(f float64) sweep.Value {
	v, err := sweep.Number(f)
	if err != nil {
		panic(err)
	}
	return v
}

func object(pairs ...any) *sweep.Object {
	m := map[string]sweep.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1].(sweep.Value)
	}
	return sweep.NewObject(m)
}

func base(name string, defaults *sweep.Object) sweep.Base {
	return sweep.Base{Config: "base", Program: toy{defaults: defaults, name: name, command: "train"}}
}

// past is a ledger in memory.
type past struct {
	records []*sweep.Record
	lookups int
}

func (p *past) Lookup(_ context.Context, keys []sweep.Hash) ([]*sweep.Record, error) {
	p.lookups++
	out := make([]*sweep.Record, len(keys))
	for i, key := range keys {
		for _, r := range p.records {
			if r.Key == key {
				out[i] = r
			}
		}
	}
	return out, nil
}

func (p *past) Wanted(context.Context, string, string) iter.Seq2[*sweep.Record, error] {
	return func(yield func(*sweep.Record, error) bool) {
		for _, r := range p.records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (p *past) NextNumber(_ context.Context, name string) (int, error) {
	next := 0
	for _, r := range p.records {
		if r.Name == name {
			next = max(next, r.Number+1)
		}
	}
	return next, nil
}

// record makes e known, with a last attempt in the state.
func (p *past) record(e *sweep.Experiment, state sweep.State) *sweep.Record {
	r := &sweep.Record{ID: int64(len(p.records) + 1), Name: e.Name, Number: len(p.records), Point: e.Point, Key: e.Key, HP: e.HP}
	if state != "" {
		r.Last = &sweep.Tried{ID: r.ID * 10, Number: 1, Work: e.WorkHash, OutputDir: "/out/" + r.RunName(), Outcome: sweep.Outcome{State: state}}
	}
	p.records = append(p.records, r)
	return r
}

func experiments(s *sweep.Sweep) []*sweep.Experiment {
	var all []*sweep.Experiment
	for e, err := range s.Experiments() {
		if err != nil {
			panic(err)
		}
		all = append(all, e)
	}
	return all
}

func Example() {
	s := &sweep.Sweep{
		Name:  "nightly",
		Bases: []sweep.Base{base("ex", object("lr", num(0.1), "depth", sweep.Int(4)))},
		Spaces: []sweep.Space{&sweep.Grid{Axes: []sweep.Axis{
			axis("lr", num(0.01), num(0.1)),
			axis("depth", ints(2, 4)...),
		}}},
	}
	ledger := &past{}
	ledger.record(experiments(s)[0], sweep.Succeeded)

	plan := sweep.NewPlan([]*sweep.Sweep{s}, sweep.PlanOptions{Past: ledger})
	for a, err := range plan.Actions(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(a.Sign, a.RunName(), a.Experiment.Command.Line())
	}
	fmt.Println(plan.Starts, "to run,", plan.Counts[sweep.SignUnchanged], "unchanged")
	// Output:
	// = ex-0 train --depth 2 --lr 0.01
	// + ex-1? train --depth 4 --lr 0.01
	// + ex-2? train --depth 2 --lr 0.1
	// + ex-3? train --depth 4 --lr 0.1
	// 3 to run, 1 unchanged
}
