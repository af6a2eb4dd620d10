package runner_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// reporter is a test, or one case of a property.
type reporter interface {
	Helper()
	Error(...any)
	Errorf(string, ...any)
}

// memory is a Recorder that watches how it is used. Every outcome becomes
// durable on a goroutine of its own, some time after Settle.
type memory struct {
	mu       sync.Mutex
	rows     []*row
	byRecord map[int64][]*row
	breaches []string
	batches  []int
	pending  int
	saved    *sync.Cond

	// intend and settle, where set, fail what they return an error for.
	intend func(runner.Intent) error
	settle func(*row) error
}

// row is an attempt on record.
type row struct {
	runner.Intent
	id, number int64
	outcome    *sweep.Outcome
	durable    bool
	ran        bool
	released   bool
	changes    []sweep.State
}

func newMemory() *memory {
	m := &memory{byRecord: map[int64][]*row{}}
	m.saved = sync.NewCond(&m.mu)
	return m
}

func (m *memory) breach(format string, args ...any) {
	m.breaches = append(m.breaches, fmt.Sprintf(format, args...))
}

func (m *memory) insert(in runner.Intent) *row {
	r := &row{Intent: in, id: int64(len(m.rows) + 1), number: int64(len(m.byRecord[in.RecordID]) + 1)}
	m.rows = append(m.rows, r)
	m.byRecord[in.RecordID] = append(m.byRecord[in.RecordID], r)
	return r
}

// earlier records an attempt of another time, to be adopted.
func (m *memory) earlier(record int64) *sweep.Tried {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.insert(runner.Intent{RecordID: record, Why: "new", OutputDir: "/earlier"})
	return &sweep.Tried{ID: r.id, Number: int(r.number), Why: "new", OutputDir: "/earlier"}
}

func (m *memory) Intend(_ context.Context, intents []runner.Intent) ([]runner.Intended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, len(intents))
	for _, in := range intents {
		if m.intend != nil {
			if err := m.intend(in); err != nil {
				return nil, err
			}
		}
	}
	var made []runner.Intended
	for _, in := range intents {
		if before := m.byRecord[in.RecordID]; len(before) > 0 && !before[len(before)-1].durable {
			m.breach("record %d: intended beside an open attempt", in.RecordID)
		}
		r := m.insert(in)
		made = append(made, runner.Intended{ID: r.id, Number: int(r.number)})
	}
	return made, nil
}

func (m *memory) Changed(id int64, c runner.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[id-1].changes = append(m.rows[id-1].changes, c.State)
}

func (m *memory) Settle(id int64, o sweep.Outcome, done func(error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[id-1]
	if r.outcome != nil {
		m.breach("attempt %d: settled %s, then %s", id, r.outcome.State, o.State)
	}
	if !o.State.Final() {
		m.breach("attempt %d: settled as %q", id, o.State)
	}
	r.outcome = &o
	m.pending++
	go func() { done(m.commit(r)) }()
}

func (m *memory) commit(r *row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending--
	m.saved.Broadcast()
	if m.settle != nil {
		if err := m.settle(r); err != nil {
			return err
		}
	}
	r.durable = true
	return nil
}

func (m *memory) Flush(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.pending > 0 {
		m.saved.Wait()
	}
	return nil
}

// begin notes that the runner was given the attempt.
func (m *memory) begin(a runner.Attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.ID < 1 || a.ID > int64(len(m.rows)) {
		m.breach("%s: started without a record", a.RunName)
		return
	}
	r := m.rows[a.ID-1]
	if r.ran || r.outcome != nil || r.number != int64(a.Number) {
		m.breach("%s: attempt %d started twice, or after its end, or under a wrong number", a.RunName, a.ID)
	}
	r.ran = true
}

func (m *memory) release(a runner.Attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[a.ID-1]; !r.durable || r.released || !r.ran {
		m.breach("%s: attempt %d released before it was durable, twice, or without having run", a.RunName, a.ID)
	} else {
		r.released = true
	}
}

// check asserts what holds after every Run that left so many attempts live:
// they alone are open.
func (m *memory) check(t reporter, live int) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.breaches {
		t.Error(b)
	}
	for _, r := range m.rows {
		switch {
		case r.outcome == nil:
			if live--; !r.ran {
				t.Errorf("attempt %d never ran and has no final row", r.id)
			}
		case r.ran && r.durable && !r.released:
			t.Errorf("attempt %d is durable and was not released", r.id)
		}
	}
	if live != 0 {
		t.Errorf("too few open rows for what was left live: %d", live)
	}
}

// states are the outcomes of one experiment's attempts.
func (m *memory) states(record int64) (states []sweep.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.byRecord[record] {
		if r.outcome != nil {
			states = append(states, r.outcome.State)
		}
	}
	return states
}

// reasons are why one experiment's attempts were made.
func (m *memory) reasons(record int64) (reasons []runner.Reason) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.byRecord[record] {
		reasons = append(reasons, r.Why)
	}
	return reasons
}
