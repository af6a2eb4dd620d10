package ledger

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

// The columns of an experiment and of an attempt, none of them null, in the
// order that scanner reads them.
const (
	experimentColumns = `e.id, e.experiment_name, e.number, e.round, e.point, e.key, e.hp`
	attemptColumns    = `coalesce(a.id, 0), coalesce(a.number, 0), coalesce(a.work, ''), coalesce(a.command, ''), coalesce(a.script, ''),
		coalesce(a.why, ''), coalesce(a.state, ''), coalesce(a.class, ''), coalesce(a.reason, ''), coalesce(a.tail, ''),
		coalesce(a.code, -1), coalesce(a.runner, ''), coalesce(a.host, ''), coalesce(a.boot, ''), coalesce(a.ref, ''),
		coalesce(a.intended_at, ''), coalesce(a.started_at, ''), coalesce(a.ended_at, ''), coalesce(a.output_dir, ''),
		coalesce(a.log, ''), coalesce(a.git_commit, ''), coalesce(a.git_dirty, 0), a.result,
		coalesce(a.result_error, ''), coalesce(a.pattern, ''), coalesce(a.pruned_at, '')`
	// selectNewest reads experiments with their newest attempts.
	selectNewest = `SELECT ` + experimentColumns + `, ` + attemptColumns +
		` FROM experiments e LEFT JOIN attempts a ON ` + isNewest + ` `
)

// scanner holds what a row is read into, so that rows share it.
type scanner struct {
	point, key, hp          string
	work                    string
	state, class            string
	intended, started, ends string
	pruned                  string
	dirty                   int
	result                  []byte
}

// record reads an experiment and its attempt.
func (s *scanner) record(rows *sql.Rows) (*sweep.Record, error) {
	r, a := &sweep.Record{}, &sweep.Tried{}
	into := append([]any{&r.ID, &r.Name, &r.Number, &r.Round, &s.point, &s.key, &s.hp}, s.attemptInto(a)...)
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	var err error
	if r.Point, err = sweep.ParseHash(s.point); err != nil {
		return nil, err
	}
	if r.Key, err = sweep.ParseHash(s.key); err != nil {
		return nil, err
	}
	v, err := sweep.ParseJSON([]byte(s.hp))
	if err != nil {
		return nil, err
	}
	r.HP, _ = v.AsObject()
	if a.ID == 0 {
		return r, nil
	}
	r.Last = a
	return r, s.finish(a)
}

// attempt reads an attempt alone.
func (s *scanner) attempt(rows *sql.Rows) (*sweep.Tried, error) {
	a := &sweep.Tried{}
	if err := rows.Scan(s.attemptInto(a)...); err != nil {
		return nil, err
	}
	return a, s.finish(a)
}

func (s *scanner) attemptInto(a *sweep.Tried) []any {
	return []any{
		&a.ID, &a.Number, &s.work, &a.Command, &a.Script, &a.Why, &s.state, &s.class, &a.Reason, &a.Tail,
		&a.Code, &a.Runner, &a.Host, &a.Boot, &a.Ref, &s.intended, &s.started, &s.ends, &a.OutputDir,
		&a.Log, &a.GitCommit, &s.dirty, &s.result, &a.ResultError, &a.Pattern,
		&s.pruned,
	}
}

// finish converts what Scan could not.
func (s *scanner) finish(a *sweep.Tried) (err error) {
	a.State, a.Class, a.GitDirty, a.Result = sweep.State(s.state), sweep.Class(s.class), s.dirty != 0, s.result
	if a.Work, err = sweep.ParseHash(s.work); err != nil {
		return err
	}
	if a.Intended, err = readTime(s.intended); err != nil {
		return err
	}
	if a.Started, err = readTime(s.started); err != nil {
		return err
	}
	if a.Ended, err = readTime(s.ends); err != nil {
		return err
	}
	a.Pruned, err = readTime(s.pruned)
	return err
}

// records reads all rows of a query that begins with selectNewest, and what
// belongs to them. q is a transaction, so that all of it is of one moment.
func records(ctx context.Context, q querier, query string, args ...any) ([]*sweep.Record, error) {
	var all []*sweep.Record
	var s scanner
	rows, err := q.QueryContext(ctx, query, args...)
	err = eachRow(rows, err, func(rows *sql.Rows) error {
		r, err := s.record(rows)
		all = append(all, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, attach(ctx, q, all)
}

// attach reads the metrics, the sweeps and the equivalents of records, with a
// query each.
func attach(ctx context.Context, q querier, all []*sweep.Record) error {
	if len(all) == 0 {
		return nil
	}
	byID := make(map[int64]*sweep.Record, len(all))
	ids := make([]int64, 0, len(all))
	var tried []*sweep.Tried
	for _, r := range all {
		byID[r.ID] = r
		ids = append(ids, r.ID)
		if r.Last != nil {
			tried = append(tried, r.Last)
		}
	}
	if err := attachMetrics(ctx, q, tried); err != nil {
		return err
	}
	if err := attachSweeps(ctx, q, byID, ids); err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, `SELECT experiment_id, work FROM equivalents WHERE experiment_id IN `+idList(ids)+
		` ORDER BY experiment_id, accepted_at, work`)
	return eachRow(rows, err, func(rows *sql.Rows) error {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		work, err := sweep.ParseHash(text)
		byID[id].Equivalent = append(byID[id].Equivalent, work)
		return err
	})
}

func attachSweeps(ctx context.Context, q querier, byID map[int64]*sweep.Record, ids []int64) error {
	rows, err := q.QueryContext(ctx, `SELECT m.experiment_id, s.name FROM memberships m
		JOIN sweeps s ON s.id = m.sweep_id WHERE m.wanted = 1 AND m.experiment_id IN `+idList(ids))
	return eachRow(rows, err, func(rows *sql.Rows) error {
		var id int64
		var name string
		err := rows.Scan(&id, &name)
		r := byID[id]
		if at, there := slices.BinarySearch(r.Sweeps, name); !there {
			r.Sweeps = slices.Insert(r.Sweeps, at, name)
		}
		return err
	})
}

func attachMetrics(ctx context.Context, q querier, tried []*sweep.Tried) error {
	if len(tried) == 0 {
		return nil
	}
	byID := make(map[int64]*sweep.Tried, len(tried))
	ids := make([]int64, 0, len(tried))
	for _, a := range tried {
		byID[a.ID] = a
		ids = append(ids, a.ID)
	}
	rows, err := q.QueryContext(ctx, `SELECT attempt_id, name, last, min, max, count, step FROM metrics
		WHERE attempt_id IN `+idList(ids)+` ORDER BY attempt_id, name`)
	return eachRow(rows, err, func(rows *sql.Rows) error {
		var id int64
		var m sweep.Metric
		var last, low, high sql.NullFloat64
		var step sql.NullInt64
		err := rows.Scan(&id, &m.Name, &last, &low, &high, &m.Count, &step)
		m.Last, m.Min, m.Max = readNumber(last), readNumber(low), readNumber(high)
		m.Step, m.Steps = step.Int64, step.Valid
		byID[id].Metrics = append(byID[id].Metrics, m)
		return err
	})
}

// idList is ids as SQL: (1,2,3).
func idList(ids []int64) string {
	var b strings.Builder
	b.Grow(8 * len(ids))
	for i, id := range ids {
		b.WriteByte("(,"[min(i, 1)])
		b.WriteString(strconv.FormatInt(id, 10))
	}
	b.WriteByte(')')
	return b.String()
}
