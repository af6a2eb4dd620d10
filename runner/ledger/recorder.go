package ledger

import (
	"context"
	"fmt"
	"maps"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// Intend records attempts that are about to be made, all or none. They are
// synced when it returns. A ctx that ends while they wait withdraws them.
func (s *Session) Intend(ctx context.Context, intents []runner.Intent) ([]runner.Intended, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in := &intending{intents: intents, reply: make(chan error, 1)}
	if err := s.queue.put(0, func(b *batch) { b.intends = append(b.intends, in) }); err != nil {
		return nil, err
	}
	err := await(ctx, in.reply)
	if err != nil && ctx.Err() != nil && !s.queue.withdraw(in) {
		err = <-in.reply
	}
	if err != nil {
		return nil, err
	}
	return in.rows, nil
}

// Changed records a change with the next commit.
func (s *Session) Changed(id int64, c runner.Change) {
	// What fails here fails for those who wait for an answer, too.
	_ = s.queue.put(changeDelay, func(b *batch) { b.change(id, c) })
}

// Settle records an outcome within 100 ms. done may be nil; it is called once,
// after the commit or with the reason why there is none, on a goroutine that
// commits nothing meanwhile: it must not block or wait for the session. The
// first outcome of an attempt is its only one; later ones are no error. An id
// that was never intended is ErrUnknownAttempt.
func (s *Session) Settle(id int64, o sweep.Outcome, done func(error)) {
	err := s.queue.put(settleDelay, func(b *batch) {
		b.settles = append(b.settles, settling{id: id, outcome: o, done: done})
	})
	if err != nil && done != nil {
		done(err)
	}
}

// Flush returns when everything handed over is durable.
func (s *Session) Flush(ctx context.Context) error {
	reply := make(chan error, 1)
	if err := s.queue.put(0, func(b *batch) { b.flushes = append(b.flushes, reply) }); err != nil {
		return err
	}
	return await(ctx, reply)
}

// commitLoop is the goroutine that commits; Close ends it.
func (s *Session) commitLoop() {
	defer close(s.ended)
	for {
		b, more := s.queue.take()
		if !more {
			return
		}
		err := s.queue.failure()
		if err == nil {
			err = s.write(context.Background(), func(t *tx) error { return s.record(t, &b) })
		}
		if err != nil {
			s.queue.fail(err)
		}
		b.answer(err)
	}
}

// record writes a batch.
func (s *Session) record(t *tx, b *batch) error {
	for _, in := range b.intends {
		if err := s.intend(t, in); err != nil {
			return err
		}
	}
	changes := maps.Clone(b.changes) // they are needed again if the connection is lost
	for i := range b.settles {
		if err := settle(t, &b.settles[i], changes[b.settles[i].id]); err != nil {
			return err
		}
		delete(changes, b.settles[i].id)
	}
	for id, c := range changes {
		if err := change(t, id, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) intend(t *tx, in *intending) error {
	now, apply := s.ledger.now(), s.lastApply()
	in.rows = make([]runner.Intended, len(in.intents))
	for i, x := range in.intents {
		err := t.row(`INSERT INTO attempts (experiment_id, number, apply_id, work, command, script, why, state,
			runner, host, boot, intended_at, output_dir, git_commit, git_dirty)
			SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
			FROM attempts WHERE experiment_id = $1 RETURNING id, number`,
			[]any{
				x.RecordID, apply, x.Work.String(), clean(x.Command), clean(x.Script), clean(string(x.Why)), string(sweep.Pending),
				clean(x.Runner), clean(x.Host), clean(x.Boot), now, clean(x.OutputDir),
				clean(s.info.GitCommit), flag(s.info.GitDirty),
			}, &in.rows[i].ID, &in.rows[i].Number)
		if err != nil {
			return fmt.Errorf("recording an attempt of experiment %d: %w", x.RecordID, err)
		}
	}
	return nil
}

// settle gives an attempt its final state, unless it has one; c is what was
// waiting to be recorded of it.
func settle(t *tx, s *settling, c runner.Change) error {
	o := s.outcome
	if !o.State.Final() {
		s.err = fmt.Errorf("%q is no end of an attempt", o.State)
		return nil
	}
	if o.Started.IsZero() && c.State == sweep.Running {
		o.Started = c.Time
	}
	var code any
	if o.Code != sweep.CodeUnknown {
		code = o.Code
	}
	changed, err := t.exec(`UPDATE attempts SET state = $1, class = $2, reason = $3, tail = $4, code = $5,
		started_at = coalesce($6, started_at), ended_at = $7, result = $8, result_error = $9, pattern = $10,
		ref = CASE WHEN $11 = '' THEN ref ELSE $11 END, log = CASE WHEN $12 = '' THEN log ELSE $12 END
		WHERE id = $13 AND `+isOpen,
		string(o.State), string(o.Class), clean(o.Reason), clean(o.Tail), code,
		timeOrNull(o.Started), timeOrNull(o.Ended), t.w.dialect.bytes(o.Result), clean(o.ResultError), clean(o.Pattern),
		clean(c.Ref), clean(c.Log), s.id)
	if err != nil {
		return err
	}
	if changed == 0 {
		return s.notOpen(t)
	}
	return insertMetrics(t, s.id, o.Metrics)
}

// notOpen tells an attempt that has ended from one that never was.
func (s *settling) notOpen(t *tx) error {
	var known int
	if err := t.row(`SELECT count(*) FROM attempts WHERE id = $1`, []any{s.id}, &known); err != nil {
		return err
	}
	if known == 0 {
		s.err = fmt.Errorf("%w: %d", ErrUnknownAttempt, s.id)
	}
	return nil
}

func insertMetrics(t *tx, attemptID int64, metrics []sweep.Metric) error {
	for _, m := range metrics {
		var step any
		if m.Steps {
			step = m.Step
		}
		_, err := t.exec(`INSERT INTO metrics (attempt_id, name, last, min, max, count, step)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (attempt_id, name) DO UPDATE SET last = excluded.last, min = excluded.min,
			max = excluded.max, count = excluded.count, step = excluded.step`,
			attemptID, clean(m.Name), number(m.Last), number(m.Min), number(m.Max), m.Count, step)
		if err != nil {
			return err
		}
	}
	return nil
}

// change records what is known of a living attempt.
func change(t *tx, id int64, c runner.Change) error {
	var started any
	if c.State == sweep.Running {
		started = timeOrNull(c.Time)
	}
	_, err := t.exec(`UPDATE attempts SET
		state = CASE WHEN $1 = '' THEN state ELSE $1 END, started_at = coalesce(started_at, $2),
		ref = CASE WHEN $3 = '' THEN ref ELSE $3 END, log = CASE WHEN $4 = '' THEN log ELSE $4 END,
		reason = $5
		WHERE id = $6 AND `+isOpen,
		openState(c.State), started, clean(c.Ref), clean(c.Log), clean(c.Waiting), id)
	return err
}

// openState is empty for what a change cannot bring about.
func openState(s sweep.State) string {
	if s == sweep.Queued || s == sweep.Running {
		return string(s)
	}
	return ""
}
