package runner_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// program is what an attempt does in these tests.
type program func(ctx context.Context, a runner.Attempt) (sweep.Outcome, error)

// place is a Runner whose programs are functions. It watches the bounds.
type place struct {
	record   *memory
	program  program
	parallel int
	limits   map[string]runner.Limits

	mu       sync.Mutex
	live     map[string]bool
	bySweep  map[string]int
	stood    []int64 // the ids of bystanders
	adopted  int     // live ones that may exceed the bounds
	most     int
	breaches []string
	release  func(runner.Attempt) error
	works    func(runner.Attempt) bool // false: attempts fail before they run
	gather   func(runner.Attempt)      // what is done once the place is free
}

func (*place) Name() string                                 { return "here" }
func (*place) Host() (host, boot string)                    { return "host", "boot" }
func (*place) Survey(context.Context) ([]sweep.Live, error) { return nil, nil }
func (*place) Gone(*sweep.Tried) sweep.Outcome              { return sweep.Outcome{State: sweep.Lost} }
func (*place) Fits(sweep.Resources) error                   { return nil }

func (p *place) Run(ctx context.Context, a runner.Attempt, changed func(runner.Change)) (sweep.Outcome, error) {
	p.record.begin(a)
	p.arrive(a)
	depart := sync.OnceFunc(func() { p.depart(a) })
	defer depart()
	changed(runner.Change{State: sweep.Queued, Waiting: "a slot"})
	if p.works == nil || p.works(a) {
		changed(runner.Change{State: sweep.Running, Log: a.RunName + ".log"})
	}
	o, err := p.program(ctx, a)
	if p.gather != nil {
		depart()
		changed(runner.Change{State: o.State})
		p.gather(a)
	}
	return o, err
}

func (p *place) Release(_ context.Context, a runner.Attempt) error {
	p.record.release(a)
	if p.release != nil {
		return p.release(a)
	}
	return nil
}

func (p *place) arrive(a runner.Attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	label := a.Experiment.Sweep
	if p.live[a.RunName] {
		p.breaches = append(p.breaches, a.RunName+" lives twice")
	}
	p.live[a.RunName] = true
	p.bySweep[label]++
	p.most = max(p.most, len(p.live))
	if a.Bystander {
		p.stood = append(p.stood, a.ID)
	}
	if a.Adopt {
		p.adopted++
		return
	}
	if len(p.live) > max(p.parallel, p.adopted+1) || len(p.live) > p.parallel && p.adopted >= p.parallel {
		p.breaches = append(p.breaches, fmt.Sprintf("%d live, the bound is %d", len(p.live), p.parallel))
	}
	if bound := p.limits[label].MaxParallel; bound > 0 && p.bySweep[label] > bound {
		p.breaches = append(p.breaches, fmt.Sprintf("%d of %s live, the bound is %d", p.bySweep[label], label, bound))
	}
}

func (p *place) depart(a runner.Attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, a.RunName)
	p.bySweep[a.Experiment.Sweep]--
	if a.Adopt {
		p.adopted--
	}
}

// rig is a dispatcher with everything around it, watched.
type rig struct {
	runner.Dispatcher
	record *memory
	place  *place
	clock  *jumps
	events []runner.Event
}

func newRig(parallel int, p program) *rig {
	g := &rig{record: newMemory(), clock: &jumps{now: time.Unix(1e9, 0)}}
	g.place = &place{record: g.record, program: p, parallel: parallel, live: map[string]bool{}, bySweep: map[string]int{}}
	g.Dispatcher = runner.Dispatcher{
		Runner:   g.place,
		Recorder: g.record,
		Parallel: parallel,
		Clock:    g.clock,
		Events:   func(e runner.Event) { g.events = append(g.events, e) },
	}
	return g
}

// run runs the tasks and checks what always holds.
func (g *rig) run(ctx context.Context, t reporter, tasks ...runner.Task) (runner.Summary, error) {
	t.Helper()
	return g.runSeq(ctx, t, seq(tasks))
}

func (g *rig) runSeq(ctx context.Context, t reporter, tasks iter.Seq2[runner.Task, error]) (runner.Summary, error) {
	t.Helper()
	g.place.limits = g.Limits
	sum, err := g.Run(ctx, tasks)
	g.record.check(t, sum.Live+g.left())
	for _, b := range g.place.breaches {
		t.Error(b)
	}
	if sum.Succeeded+sum.Failed+sum.NotStarted+sum.Live != sum.Total {
		t.Errorf("the summary does not add up: %+v", sum)
	}
	if len(g.place.live) > 0 {
		t.Errorf("still live: %v", g.place.live)
	}
	if _, last := g.events[len(g.events)-1].(runner.Finished); !last {
		t.Errorf("the last event is %T", g.events[len(g.events)-1])
	}
	return sum, err
}

// left is how many bystanders were left running.
func (g *rig) left() (n int) {
	for _, id := range g.place.stood {
		if g.record.rows[id-1].outcome == nil {
			n++
		}
	}
	return n
}

// heard returns the events of one type.
func heard[E runner.Event](g *rig) (events []E) {
	for _, e := range g.events {
		if e, ok := e.(E); ok {
			events = append(events, e)
		}
	}
	return events
}

// jumps is a clock that goes on when somebody waits, at once.
type jumps struct {
	mu     sync.Mutex
	now    time.Time
	pauses []time.Duration
}

func (j *jumps) Now() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.now
}

func (j *jumps) After(d time.Duration) <-chan time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.now = j.now.Add(d)
	j.pauses = append(j.pauses, d)
	c := make(chan time.Time, 1)
	c <- j.now
	return c
}

// work is a Work that is ready.
type work struct {
	command sweep.Command
	err     error
}

func (w work) Resolve(p sweep.Place) (sweep.Command, error) {
	c := w.command
	c.OutputDir = "/out/" + p.OutputName
	return c, w.err
}

// task is experiment number n, ex-n, of a sweep.
func task(label string, n int, command sweep.Command) runner.Task {
	hp := sweep.NewObject(map[string]sweep.Value{"n": sweep.Int(int64(n))})
	name := "ex"
	return runner.Task{
		Experiment: &sweep.Experiment{
			Sweep: label, Config: "base", Name: name, HP: hp,
			Work: work{command: command}, Command: command,
		},
		RecordID:   int64(n),
		Number:     n,
		OutputName: sweep.RunName(name, n),
		Why:        "new",
	}
}

func tasksOf(label string, from, n int) (tasks []runner.Task) {
	for i := range n {
		tasks = append(tasks, task(label, from+i, sweep.Command{}))
	}
	return tasks
}

func seq(tasks []runner.Task) iter.Seq2[runner.Task, error] {
	return func(yield func(runner.Task, error) bool) {
		for _, t := range tasks {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func succeeds(context.Context, runner.Attempt) (sweep.Outcome, error) {
	return sweep.Outcome{State: sweep.Succeeded}, nil
}

func exits(code int) sweep.Outcome {
	if code == 0 {
		return sweep.Outcome{State: sweep.Succeeded}
	}
	return sweep.Outcome{State: sweep.Failed, Class: sweep.User, Code: code, Reason: fmt.Sprintf("exit code %d", code)}
}

// untilEnded waits for the end of ctx as a Runner does.
func untilEnded(ctx context.Context) (sweep.Outcome, error) {
	<-ctx.Done()
	end := new(runner.Ending)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, runner.ErrDetach):
		return sweep.Outcome{}, runner.ErrDetach
	case errors.As(cause, &end):
		return sweep.Outcome{State: end.State, Reason: end.Reason}, nil
	}
	return sweep.Outcome{State: sweep.Interrupted, Reason: "interrupted"}, nil
}
