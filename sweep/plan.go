package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"iter"
)

// Sign says what a plan would do to an experiment; DESIGN's order of precedence
// is that of classify.
type Sign byte

// The signs.
const (
	SignLive      Sign = '>' // running or queued: apply adopts it
	SignNew       Sign = '+' // no finished attempt: apply runs it
	SignChanged   Sign = '~' // its work differs from the last attempt's
	SignFailed    Sign = '!' // ended without success: kept
	SignUnchanged Sign = '=' // succeeded: kept
	SignRemoved   Sign = '-' // asked for last time, and no longer
)

func (s Sign) String() string { return string(rune(s)) }

// Action is one row of a plan.
type Action struct {
	Sign Sign
	// Start says that apply will start it; what is live is adopted, not started.
	Start bool
	// Why is a short reason in words, empty where the sign says it all.
	Why string
	// Experiment is nil for SignRemoved.
	Experiment *Experiment
	// Record is nil where the ledger does not know the experiment.
	Record *Record
	// Live is the survey's word on Record.Last, nil if it said nothing.
	Live *Live
	// Elsewhere says that Record.Last is open at a place that is not ours to
	// judge.
	Elsewhere bool
	// Number is the run's number; Tentative says that it is only expected:
	// apply gives the numbers.
	Number    int
	Tentative bool
	// State is the verdict on the last attempt, empty without one.
	State State
	// Shared names the sweep of this plan that has the same experiment before
	// this one; such a row is only another membership.
	Shared string
	// Excluded says that the filter did not select it: it is neither counted
	// nor started.
	Excluded bool
}

// RunName is "ex-8", with a question mark while tentative.
func (a *Action) RunName() string {
	switch {
	case a.Experiment == nil:
		return a.Record.RunName()
	case a.Tentative:
		return RunName(a.Experiment.Name, a.Number) + "?"
	}
	return RunName(a.Experiment.Name, a.Number)
}

// Rerun says what `apply --rerun` asks to run again.
type Rerun struct {
	Failed, Changed, Lost, Cancelled bool
	RunNames                         map[string]bool
}

// PlanOptions are what a plan is made against.
type PlanOptions struct {
	Past Past
	// Live is what the runner's survey found.
	Live []Live
	// Gone is the state of an open attempt that Live does not tell of; ours is
	// false if it is at a place that Live does not speak of. nil means that
	// every such attempt is ours, and was interrupted.
	Gone func(*Tried) (state State, ours bool)
	// Source names the files, as memberships are recorded by.
	Source string
	Round  string
	Rerun  Rerun
	// AcceptChanged makes `=` of a success whose work differs.
	AcceptChanged bool
	// Select is the filter, nil for everything.
	Select func(*Action) (bool, error)
}

// Plan compares what sweeps want with what is known. Actions computes it, lazily
// and in flat memory; the other fields are filled in as it goes and complete
// after it.
type Plan struct {
	Sweeps []*Sweep
	// Stages is aligned with Sweeps.
	Stages []Stages
	// Counts by sign; an experiment that several sweeps share counts once.
	Counts map[Sign]int
	// Starts is how many would be started; Kept those of `~` and `!` that would
	// not.
	Starts int
	Kept   map[Sign]int
	// Failed counts errors that Actions yielded.
	Failed int
	// Most is the largest request among the starts, of each resource by itself.
	Most Resources
	// GPUHours is what the starts' timeouts allow at most; Unbounded says that
	// one with a GPU has no timeout.
	GPUHours  float64
	Unbounded bool
	// First is the first experiment that would be started, nil for none.
	First *Action

	opts   PlanOptions
	live   map[int64]*Live
	next   map[string]numbering
	seen   map[[16]byte]twin
	ids    bitset
	digest hash.Hash
	hint   assumption
}

// twin is what a plan remembers of an experiment that another sweep may share.
type twin struct {
	work   uint64
	number int32
	sweep  uint16
	// excluded says that the filter has left it out of every sweep so far.
	excluded bool
}

// numbering is the next numbers of an experiment_name: of everything that is
// new, and of what the filter selects.
type numbering struct{ all, selected int }

// NewPlan prepares a plan; nothing is read before Actions is pulled.
func NewPlan(sweeps []*Sweep, opts PlanOptions) *Plan {
	p := &Plan{Sweeps: sweeps, opts: opts, live: map[int64]*Live{}}
	for i := range opts.Live {
		p.live[opts.Live[i].AttemptID] = &opts.Live[i]
	}
	return p
}

// lookupBatch is how many keys one query to the past asks for.
const lookupBatch = 1024

// Actions yields the plan's rows: each sweep's experiments in plan order, then
// what was asked for last time and no longer is. A row that could not be
// evaluated yields its error and the sequence goes on; an error of the past or
// of ctx ends it.
func (p *Plan) Actions(ctx context.Context) iter.Seq2[*Action, error] {
	return func(yield func(*Action, error) bool) {
		p.reset()
		w := &walk{ctx: ctx, plan: p, yield: yield}
		for i, s := range p.Sweeps {
			for e, err := range s.Expand(&p.Stages[i]) {
				if err != nil {
					p.Failed++
				}
				if !w.add(pending{i, e, err}) {
					return
				}
			}
			if !w.flush() {
				return
			}
		}
		w.removed()
	}
}

func (p *Plan) reset() {
	p.Stages = make([]Stages, len(p.Sweeps))
	p.Counts, p.Kept = map[Sign]int{}, map[Sign]int{}
	p.Starts, p.Failed, p.Most, p.GPUHours, p.Unbounded, p.First = 0, 0, Resources{}, 0, false, nil
	p.next, p.ids, p.hint = map[string]numbering{}, nil, assumption{}
	p.digest = sha256.New()
	p.seen = nil
	if p.mayShare() {
		p.seen = map[[16]byte]twin{}
	}
}

// mayShare reports whether two experiments of the plan could have one key. A
// single config under a single sweep gives each point once.
func (p *Plan) mayShare() bool {
	if len(p.Sweeps) != 1 || len(p.Sweeps[0].Bases) != 1 {
		return true
	}
	rules := p.Sweeps[0].Bases[0].Identity
	return len(rules.Ignore) > 0 || len(rules.Assume) > 0
}

// Digest identifies what the plan would start, in order.
func (p *Plan) Digest() string { return hex.EncodeToString(p.digest.Sum(nil)) }

// count takes a row into the plan's totals.
func (p *Plan) count(a *Action) {
	p.Counts[a.Sign]++
	if !a.Start {
		if a.Sign == SignChanged || a.Sign == SignFailed {
			p.Kept[a.Sign]++
		}
		return
	}
	p.Starts++
	if p.First == nil {
		p.First = a
	}
	p.digest.Write(a.Experiment.Key[:])
	p.digest.Write(a.Experiment.WorkHash[:])
	r, c := a.Experiment.Command.Resources, &a.Experiment.Command
	p.Most = Resources{max(p.Most.MilliCPU, r.MilliCPU), max(p.Most.Memory, r.Memory), max(p.Most.GPUs, r.GPUs)}
	p.GPUHours += float64(float64(r.GPUs) * c.Timeout.Hours())
	p.Unbounded = p.Unbounded || r.GPUs > 0 && c.Timeout == 0
}

// bitset is a set of ledger ids, which are dense.
type bitset []uint64

func (b *bitset) add(id int64) {
	for int(id/64) >= len(*b) {
		*b = append(*b, make([]uint64, max(64, len(*b)))...)
	}
	(*b)[id/64] |= 1 << (id % 64)
}

func (b bitset) has(id int64) bool {
	return int(id/64) < len(b) && b[id/64]&(1<<(id%64)) != 0
}
