package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Pruning takes back what a sweep asked for in a round, in this order: what is
// about to go is marked (Session.MarkPruned), then the caller removes the files,
// then the rows go, a whole round in one transaction (Session.Forget). Nothing
// else deletes an experiment.

// SweepRound is a sweep of some files in one round.
type SweepRound struct {
	sweep.Asked
	ID int64
	// LastApply is the newest apply of these files in the round, which orders
	// rounds; Applied is when that ended, or began where its end is unknown.
	LastApply int64
	Applied   time.Time
	// Open are the runs with an attempt that has not ended.
	Open []string
}

// SweepRounds returns what every sweep was applied in, the oldest first.
func (l *Ledger) SweepRounds(ctx context.Context) ([]SweepRound, error) {
	if l.read == nil {
		return nil, nil
	}
	var all []SweepRound
	err := l.snapshot(ctx, func(q querier) error {
		all = nil
		rows, err := q.QueryContext(ctx, `SELECT s.id, s.source, s.round, s.name, s.objective, s.asked,
			coalesce(max(a.id), 0), coalesce(max(coalesce(a.ended, a.started)), s.asked)
			FROM sweeps s LEFT JOIN applies a ON a.source = s.source AND a.round = s.round
			GROUP BY s.id, s.source, s.round, s.name, s.objective, s.asked ORDER BY 7, 1`)
		err = eachRow(rows, err, func(rows *sql.Rows) error {
			s, err := scanSweepRound(rows)
			all = append(all, s)
			return err
		})
		if err != nil {
			return err
		}
		return attachOpen(ctx, q, all)
	})
	return all, err
}

func scanSweepRound(rows *sql.Rows) (SweepRound, error) {
	var s SweepRound
	var objective, asked, applied string
	err := rows.Scan(&s.ID, &s.Source, &s.Round, &s.Sweep, &objective, &asked, &s.LastApply, &applied)
	if err != nil {
		return s, err
	}
	p, err := readPurpose(objective)
	if err != nil {
		return s, err
	}
	s.Objective, s.Repeated = p.Objective, p.Repeated
	if s.When, err = readTime(asked); err != nil {
		return s, err
	}
	s.Applied, err = readTime(applied)
	return s, err
}

// attachOpen finds the runs that have not ended. The open attempts are few, and
// are read first, so that the partial index is used.
func attachOpen(ctx context.Context, q querier, all []SweepRound) error {
	var ids []int64
	rows, err := q.QueryContext(ctx, `SELECT experiment_id FROM attempts WHERE `+isOpen)
	err = eachRow(rows, err, func(rows *sql.Rows) error {
		ids = append(ids, 0)
		return rows.Scan(&ids[len(ids)-1])
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	byID := make(map[int64]*SweepRound, len(all))
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	rows, err = q.QueryContext(ctx, `SELECT m.sweep_id, e.experiment_name, e.number FROM memberships m
		JOIN experiments e ON e.id = m.experiment_id WHERE e.id IN `+idList(ids)+` ORDER BY e.id`)
	return eachRow(rows, err, func(rows *sql.Rows) error {
		var id int64
		var name string
		var number int
		err := rows.Scan(&id, &name, &number)
		if s := byID[id]; s != nil {
			s.Open = append(s.Open, sweep.RunName(name, number))
		}
		return err
	})
}

// WantedBy returns the sweeps (SweepRound.ID) that ask for each of the
// experiments.
func (l *Ledger) WantedBy(ctx context.Context, experiments []int64) (map[int64][]int64, error) {
	sweeps := map[int64][]int64{}
	query := `SELECT experiment_id, sweep_id FROM memberships WHERE wanted = 1 AND experiment_id IN ` + idList(experiments) + ` ORDER BY sweep_id`
	err := l.query(ctx, query, nil, func(rows *sql.Rows) error {
		var experiment, sweepRound int64
		err := rows.Scan(&experiment, &sweepRound)
		sweeps[experiment] = append(sweeps[experiment], sweepRound)
		return err
	})
	return sweeps, err
}

// Trace is an attempt as far as what it left in files goes.
type Trace struct {
	ID, ExperimentID int64
	RunName          string
	Number           int
	State            sweep.State
	Runner, Host     string
	OutputDir        string
}

// Traces returns the attempts of experiments, by experiment, the first first.
func (l *Ledger) Traces(ctx context.Context, experiments []int64) ([]Trace, error) {
	var all []Trace
	query := `SELECT a.id, a.experiment_id, e.experiment_name, e.number, a.number, a.state,
		a.runner, a.host, a.output_dir FROM attempts a JOIN experiments e ON e.id = a.experiment_id
		WHERE a.experiment_id IN ` + idList(experiments) + ` ORDER BY a.experiment_id, a.number`
	err := l.query(ctx, query, nil, func(rows *sql.Rows) error {
		var t Trace
		var name, state string
		var number int
		err := rows.Scan(&t.ID, &t.ExperimentID, &name, &number, &t.Number, &state, &t.Runner, &t.Host, &t.OutputDir)
		t.RunName, t.State = sweep.RunName(name, number), sweep.State(state)
		all = append(all, t)
		return err
	})
	return all, err
}

// EachOutputDir calls f with the output folder of every attempt.
func (l *Ledger) EachOutputDir(ctx context.Context, f func(dir string)) error {
	var dir sql.RawBytes
	return l.query(ctx, `SELECT output_dir FROM attempts WHERE output_dir <> ''`, nil, func(rows *sql.Rows) error {
		err := rows.Scan(&dir)
		f(string(dir))
		return err
	})
}

// MarkPruned records that what the attempts left is being removed: durably, so
// that it can be removed after that.
func (s *Session) MarkPruned(ctx context.Context, attempts []int64) error {
	return s.write(ctx, func(t *tx) error {
		for some := range slices.Chunk(attempts, chunkSize) {
			if err := t.run(`UPDATE attempts SET pruned_at = $1 WHERE id IN `+idList(some), s.ledger.now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Forget takes experiments out of a SweepRound, all or none, and deletes those
// that no other sweep asks for, with all that belongs to them. Their numbers are
// not given again. An experiment with an open attempt is an error.
func (s *Session) Forget(ctx context.Context, sweepRound int64, experiments []int64) error {
	return s.write(ctx, func(t *tx) error {
		for some := range slices.Chunk(experiments, chunkSize) {
			err := t.run(`DELETE FROM memberships WHERE sweep_id = $1 AND experiment_id IN `+idList(some), sweepRound)
			if err != nil {
				return err
			}
			if err := s.forget(t, some); err != nil {
				return err
			}
		}
		return t.run(`DELETE FROM sweeps WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.sweep_id = sweeps.id)`)
	})
}

// forget deletes those of the experiments that nobody asks for.
func (s *Session) forget(t *tx, experiments []int64) error {
	var gone []int64
	rows, err := t.w.conn.QueryContext(t.ctx, `SELECT e.id, e.experiment_name, e.number,
		(SELECT count(*) FROM attempts WHERE experiment_id = e.id AND `+isOpen+`) FROM experiments e WHERE e.id IN `+idList(experiments)+`
		AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.experiment_id = e.id AND m.wanted = 1)`)
	err = eachRow(rows, err, func(rows *sql.Rows) error {
		var id int64
		var name string
		var number, open int
		if err := rows.Scan(&id, &name, &number, &open); err != nil {
			return err
		}
		if !s.names[name] {
			return fmt.Errorf("the experiment name %q is not locked by this session", name)
		}
		if open > 0 {
			return fmt.Errorf("%s has not ended", sweep.RunName(name, number))
		}
		gone = append(gone, id)
		return nil
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	list := idList(gone)
	attempts := `(SELECT id FROM attempts WHERE experiment_id IN ` + list + `)`
	for _, statement := range []string{
		`DELETE FROM metrics WHERE attempt_id IN ` + attempts,
		`DELETE FROM logs WHERE attempt_id IN ` + attempts,
		`DELETE FROM attempts WHERE experiment_id IN ` + list,
		`DELETE FROM equivalents WHERE experiment_id IN ` + list,
		`DELETE FROM memberships WHERE experiment_id IN ` + list,
		`DELETE FROM experiments WHERE id IN ` + list,
	} {
		if err := t.run(statement); err != nil {
			return err
		}
	}
	return nil
}
