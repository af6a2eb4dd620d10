package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lxsweep/lxsweep/sweep"
)

// Skip keeps the numbers below next of an experiment name from being given.
func (s *Session) Skip(ctx context.Context, experimentName string, next int) error {
	return s.write(ctx, func(t *tx) error { return skip(t, experimentName, next) })
}

func skip(t *tx, experimentName string, next int) error {
	_, err := t.exec(`UPDATE epochs SET next_number = $1 WHERE experiment_name = $2 AND next_number < $1`, next, experimentName)
	return err
}

// TakeOver records what another ledger has started, all or none: experiments
// under the numbers that they have there, each with its newest attempt, which
// is open. It returns the attempts' ids here, in order. It is an error if a
// number was given to another experiment here.
func (s *Session) TakeOver(ctx context.Context, records []*sweep.Record) ([]int64, error) {
	ids := make([]int64, len(records))
	err := s.write(ctx, func(t *tx) error {
		for i, r := range records {
			experiment, err := s.takeExperiment(t, r)
			if err != nil {
				return err
			}
			if ids[i], err = s.takeAttempt(t, experiment, r.Last); err != nil {
				return fmt.Errorf("%s, attempt %d: %w", r.RunName(), r.Last.Number, err)
			}
			if err := skip(t, r.Name, r.Number+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// takeExperiment returns the row of an experiment, made if it is not there.
func (s *Session) takeExperiment(t *tx, r *sweep.Record) (id int64, err error) {
	var key string
	err = t.row(`SELECT id, key FROM experiments WHERE experiment_name = $1 AND number = $2`, []any{r.Name, r.Number}, &id, &key)
	switch {
	case err == nil && key == r.Key.String():
		return id, nil
	case err == nil:
		return 0, fmt.Errorf("%s is another experiment in this ledger", r.RunName())
	case !errors.Is(err, sql.ErrNoRows):
		return 0, err
	}
	var number int
	err = t.row(`SELECT number FROM experiments WHERE key = $1`, []any{r.Key.String()}, &number)
	switch {
	case err == nil:
		return 0, fmt.Errorf("%s is called %s in this ledger", r.RunName(), sweep.RunName(r.Name, number))
	case !errors.Is(err, sql.ErrNoRows):
		return 0, err
	}
	err = t.row(insertExperiment,
		[]any{r.Name, r.Number, r.Round, r.Point.String(), r.Key.String(), r.HP.String(), s.ledger.now()}, &id)
	return id, err
}

func (s *Session) takeAttempt(t *tx, experiment int64, a *sweep.Tried) (id int64, err error) {
	var state string
	err = t.row(`SELECT id, state FROM attempts WHERE experiment_id = $1 AND number = $2`, []any{experiment, a.Number}, &id, &state)
	switch {
	case err == nil && sweep.State(state).Final():
		return 0, fmt.Errorf("is recorded as %s in this ledger already; delete its Job, or go on where the other ledger is", state)
	case !errors.Is(err, sql.ErrNoRows):
		return id, err
	}
	err = t.row(`INSERT INTO attempts (experiment_id, number, apply_id, work, command, script, why, state,
		runner, host, boot, ref, intended_at, output_dir, git_commit, git_dirty)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', 0) RETURNING id`,
		[]any{
			experiment, a.Number, s.lastApply(), a.Work.String(), clean(a.Command), clean(a.Script), clean(a.Why), string(sweep.Queued),
			clean(a.Runner), clean(a.Host), clean(a.Boot), clean(a.Ref), s.ledger.now(), clean(a.OutputDir),
		}, &id)
	return id, err
}
