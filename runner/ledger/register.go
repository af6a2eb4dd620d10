package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/lxsweep/lxsweep/sweep"
)

// Registration is what an apply of some files asks for in a round.
type Registration struct {
	// Source stands for the files; Ledger.Wanted is asked by it.
	Source string
	Round  string
	// Partial says that the items are only some of what the source asks for
	// (a filter): the others stay wanted.
	Partial bool
}

// Item is an experiment that is asked for, under Experiment.Sweep.
type Item struct {
	Experiment *sweep.Experiment
	// Record is what the ledger has of it, nil if that is not known. One that
	// was read before the session began is good enough.
	Record *sweep.Record
}

// Ref is an experiment's row.
type Ref struct {
	ID     int64 // sweep.Record.ID
	Number int
	New    bool // numbered by this call
}

// chunkSize is how many rows are read or looked up with one statement.
const chunkSize = 512

// Register records what is asked for and numbers, in the order of items, what
// the ledger has not seen: all of it or, with an error, nothing. What the source
// asked for before in this round and no longer does is marked unwanted, unless
// it still lives. each, if not nil, is told the row of every item in order;
// before Register has returned nil, those are promises only. Where a connection
// is lost, items is ranged over again from the start, and each told again. Memory
// does not grow with the number of items. It may read the ledger meanwhile, but
// must not write to it.
func (s *Session) Register(ctx context.Context, r Registration, items iter.Seq2[Item, error], each func(Item, Ref) error) error {
	if each == nil {
		each = func(Item, Ref) error { return nil }
	}
	var applyID int64
	err := s.write(ctx, func(t *tx) error {
		g := &registering{
			s: s, t: t, Registration: r, each: each,
			now: s.ledger.now(), sweeps: map[string]*wants{}, next: map[string]int{}, ids: map[sweep.Hash]Ref{},
		}
		if err := g.begin(); err != nil {
			return err
		}
		applyID = g.applyID
		if err := g.take(ctx, items); err != nil {
			return err
		}
		return g.finish()
	})
	if err == nil {
		s.mu.Lock()
		s.applyID = applyID
		s.mu.Unlock()
	}
	return err
}

// registering is one Register under way.
type registering struct {
	Registration
	s       *Session
	t       *tx
	each    func(Item, Ref) error
	now     string
	applyID int64
	lastID  int64             // of the newest experiment
	sweeps  map[string]*wants // by label
	next    map[string]int    // next free number, by experiment name
	// ids are the rows of the chunk at hand.
	ids   map[sweep.Hash]Ref
	chunk []Item
}

// wants is what one sweep asks for.
type wants struct {
	id          int64 // of its row in sweeps
	told        bool  // that row has its objective and time
	before, now idSet // experiments
}

func (g *registering) begin() error {
	if err := g.t.row(`SELECT coalesce(max(id), 0) FROM experiments`, nil, &g.lastID); err != nil {
		return err
	}
	info := g.s.info
	err := g.t.row(`INSERT INTO applies
		(source, round, started, session, command, host, pid, username, version, git_commit, git_dirty)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id`,
		[]any{
			clean(g.Source), clean(g.Round), g.now, g.s.token, clean(info.Command), clean(info.Host), g.s.pid,
			clean(info.User), clean(info.Version), clean(info.GitCommit), flag(info.GitDirty),
		}, &g.applyID)
	if err != nil {
		return err
	}
	return g.readSweeps()
}

// readSweeps finds what the source asked for before.
func (g *registering) readSweeps() error {
	args := []any{clean(g.Source), clean(g.Round)}
	byID := map[int64]*wants{}
	err := g.t.rows(`SELECT id, name FROM sweeps WHERE source = $1 AND round = $2`, args, func(r *sql.Rows) error {
		var name string
		w := &wants{}
		err := r.Scan(&w.id, &name)
		g.sweeps[name], byID[w.id] = w, w
		return err
	})
	if err != nil {
		return err
	}
	return g.t.rows(`SELECT m.sweep_id, m.experiment_id FROM memberships m JOIN sweeps s ON s.id = m.sweep_id
		WHERE s.source = $1 AND s.round = $2 AND m.wanted = 1`, args, func(r *sql.Rows) error {
		var id, experiment int64
		err := r.Scan(&id, &experiment)
		byID[id].before.add(experiment)
		return err
	})
}

// take registers the items, a chunk at a time.
func (g *registering) take(ctx context.Context, items iter.Seq2[Item, error]) error {
	for item, err := range items {
		if err != nil {
			return err
		}
		if err := g.check(item); err != nil {
			return err
		}
		g.chunk = append(g.chunk, item)
		if len(g.chunk) == chunkSize {
			if err := g.takeChunk(); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return g.takeChunk()
}

func (g *registering) check(item Item) error {
	e, r := item.Experiment, item.Record
	switch {
	case !g.s.names[e.Name]:
		return fmt.Errorf("the experiment name %q is not locked by this session", e.Name)
	case e.Round != g.Round:
		return fmt.Errorf("an experiment of round %q in an apply of round %q", e.Round, g.Round)
	case r != nil && r.Key != e.Key:
		return fmt.Errorf("%s is recorded with another key", r.RunName())
	}
	return nil
}

func (g *registering) takeChunk() error {
	if err := g.lookUp(); err != nil {
		return err
	}
	for _, item := range g.chunk {
		ref, known := g.ids[item.Experiment.Key]
		if !known {
			var err error
			if ref, err = g.number(item.Experiment); err != nil {
				return err
			}
			g.ids[item.Experiment.Key] = Ref{ref.ID, ref.Number, false}
		}
		if err := g.want(item.Experiment, ref.ID); err != nil {
			return err
		}
		if err := g.each(item, ref); err != nil {
			return err
		}
	}
	g.chunk = g.chunk[:0]
	return nil
}

// lookUp finds the rows of the chunk's items in g.ids.
func (g *registering) lookUp() error {
	clear(g.ids)
	var unknown []sweep.Hash
	for _, item := range g.chunk {
		if r := item.Record; r != nil {
			g.ids[r.Key] = Ref{r.ID, r.Number, false}
		} else if g.lastID > 0 {
			unknown = append(unknown, item.Experiment.Key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return g.t.rows(`SELECT id, number, key FROM experiments WHERE `+g.t.w.dialect.keyIn, []any{keyList(unknown)}, func(r *sql.Rows) error {
		var ref Ref
		var text string
		if err := r.Scan(&ref.ID, &ref.Number, &text); err != nil {
			return err
		}
		key, err := sweep.ParseHash(text)
		g.ids[key] = ref
		return err
	})
}

// insertExperiment lets the database choose the id, for none is given again when
// rows are pruned.
const insertExperiment = `INSERT INTO experiments (experiment_name, number, round, point, key, hp, created)
	VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`

// number inserts an experiment under the next free number of its name.
func (g *registering) number(e *sweep.Experiment) (Ref, error) {
	number, ok := g.next[e.Name]
	if !ok {
		err := g.t.row(`SELECT next_number FROM epochs WHERE experiment_name = $1`, []any{e.Name}, &number)
		if err != nil {
			return Ref{}, err
		}
	}
	g.next[e.Name] = number + 1
	err := g.t.row(insertExperiment,
		[]any{e.Name, number, e.Round, e.Point.String(), e.Key.String(), e.HP.String(), g.now}, &g.lastID)
	return Ref{g.lastID, number, true}, err
}

// want records that a sweep asks for an experiment, if that is news.
func (g *registering) want(e *sweep.Experiment, experiment int64) error {
	w := g.sweeps[e.Sweep]
	if w == nil {
		w = &wants{}
		g.sweeps[e.Sweep] = w
	}
	if !w.told {
		if err := g.tell(w, e); err != nil {
			return err
		}
	}
	if w.now.has(experiment) {
		return nil
	}
	w.now.add(experiment)
	if w.before.has(experiment) {
		return nil
	}
	_, err := g.t.exec(`INSERT INTO memberships (sweep_id, experiment_id, wanted, apply_id) VALUES ($1, $2, 1, $3)
		ON CONFLICT (sweep_id, experiment_id) DO UPDATE SET wanted = 1, apply_id = excluded.apply_id`,
		w.id, experiment, g.applyID)
	return err
}

// tell keeps what e's sweep is for.
func (g *registering) tell(w *wants, e *sweep.Experiment) error {
	w.told = true
	objective, err := purposeText(e)
	if err != nil {
		return err
	}
	return g.t.row(`INSERT INTO sweeps (source, round, name, objective, asked) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (source, round, name) DO UPDATE SET objective = excluded.objective, asked = excluded.asked RETURNING id`,
		[]any{clean(g.Source), clean(g.Round), clean(e.Sweep), objective, g.now}, &w.id)
}

// finish keeps the high-water marks and drops what is no longer asked for.
func (g *registering) finish() error {
	for name, number := range g.next {
		if _, err := g.t.exec(`UPDATE epochs SET next_number = $1 WHERE experiment_name = $2`, number, name); err != nil {
			return err
		}
	}
	if g.Partial {
		return nil
	}
	var live idSet
	err := g.t.rows(`SELECT experiment_id FROM attempts WHERE `+isOpen, nil, func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		live.add(id)
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range g.sweeps {
		if err := g.unwant(w, live); err != nil {
			return err
		}
	}
	return nil
}

func (g *registering) unwant(w *wants, live idSet) error {
	for id := range w.before.without(w.now) {
		if live.has(id) {
			continue
		}
		_, err := g.t.exec(`UPDATE memberships SET wanted = 0, apply_id = $1 WHERE sweep_id = $2 AND experiment_id = $3`,
			g.applyID, w.id, id)
		if err != nil {
			return err
		}
	}
	return nil
}
