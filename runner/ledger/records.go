package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Query selects records. The zero Query is everything in the newest round.
type Query struct {
	// Rounds to read. Nil is the newest round that Source and Sweep were
	// applied in; for RunNames, which belong to one round each, it is all.
	Rounds []string
	// AllRounds overrides Rounds.
	AllRounds bool
	// Source and Sweep restrict to what they asked for last; empty for any.
	Source, Sweep string
	// Dropped takes in what they once asked for and no longer do.
	Dropped bool
	// Names restricts to experiment names, RunNames to runs ("ex-8"); nil for
	// any.
	Names, RunNames []string
}

// Records yields the records that q selects, in the order of their numbering.
// It reads ahead a page at a time and holds up nobody. An error is the last
// thing that it yields.
func (l *Ledger) Records(ctx context.Context, q Query) iter.Seq2[*sweep.Record, error] {
	return func(yield func(*sweep.Record, error) bool) {
		if l.read == nil {
			return
		}
		c, err := l.conditions(ctx, q)
		if err != nil {
			yield(nil, err)
			return
		}
		l.pages(ctx, strings.Join(c.terms, " AND "), c.args...)(yield)
	}
}

// conditions collects terms and their arguments.
type conditions struct {
	terms []string
	args  []any
}

// arg is the parameter that stands for v.
func (c *conditions) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

// in adds a term: column is one of values.
func (c *conditions) in(column string, values []string) {
	params := make([]string, len(values))
	for i, v := range values {
		params[i] = c.arg(clean(v))
	}
	c.terms = append(c.terms, column+" IN ("+strings.Join(params, ", ")+")")
}

func (l *Ledger) conditions(ctx context.Context, q Query) (*conditions, error) {
	c := &conditions{terms: []string{"1 = 1"}}
	if !q.AllRounds && q.Rounds == nil && q.RunNames == nil {
		newest, err := l.newestRound(ctx, q)
		if err != nil {
			return nil, err
		}
		q.Rounds = []string{newest}
	}
	if !q.AllRounds && q.Rounds != nil {
		c.in("e.round", q.Rounds)
	}
	if q.Names != nil {
		c.in("e.experiment_name", q.Names)
	}
	if q.Sweep != "" || q.Source != "" {
		c.terms = append(c.terms, `e.id IN (SELECT m.experiment_id FROM memberships m JOIN sweeps s ON s.id = m.sweep_id
			WHERE (m.wanted = 1 OR `+c.arg(flag(q.Dropped))+` = 1)`+c.sweepTerms(q)+`)`)
	}
	return c, c.runNames(q.RunNames)
}

// sweepTerms restrict the table sweeps s.
func (c *conditions) sweepTerms(q Query) string {
	var terms string
	if q.Source != "" {
		terms += " AND s.source = " + c.arg(clean(q.Source))
	}
	if q.Sweep != "" {
		terms += " AND s.name = " + c.arg(clean(q.Sweep))
	}
	return terms
}

func (c *conditions) runNames(names []string) error {
	if names == nil {
		return nil
	}
	terms := []string{"1 = 0"}
	for _, runName := range names {
		name, number, err := splitRunName(runName)
		if err != nil {
			return err
		}
		terms = append(terms, "e.experiment_name = "+c.arg(name)+" AND e.number = "+c.arg(number))
	}
	c.terms = append(c.terms, "("+strings.Join(terms, " OR ")+")")
	return nil
}

// newestRound is the round that was applied last and is still there, empty
// before the first apply.
func (l *Ledger) newestRound(ctx context.Context, q Query) (string, error) {
	c := &conditions{}
	query := `SELECT a.round FROM applies a WHERE EXISTS (SELECT 1 FROM sweeps s
		WHERE s.source = a.source AND s.round = a.round` + c.sweepTerms(q) + `) ORDER BY a.id DESC LIMIT 1`
	var round string
	err := l.query(ctx, query, c.args, func(rows *sql.Rows) error { return rows.Scan(&round) })
	return round, err
}

// Rounds returns the rounds that were applied and not pruned, the newest first.
func (l *Ledger) Rounds(ctx context.Context) ([]string, error) {
	if l.read == nil {
		return nil, nil
	}
	var rounds []string
	err := l.query(ctx, `SELECT a.round FROM applies a
		WHERE EXISTS (SELECT 1 FROM sweeps s WHERE s.source = a.source AND s.round = a.round)
		GROUP BY a.round ORDER BY max(a.id) DESC`, nil, func(rows *sql.Rows) error {
		var round string
		err := rows.Scan(&round)
		rounds = append(rounds, round)
		return err
	})
	return rounds, err
}

// RoundBegan is when the first apply of a round by these files began, zero if
// there was none.
func (l *Ledger) RoundBegan(ctx context.Context, source, round string) (time.Time, error) {
	var began time.Time
	err := l.query(ctx, `SELECT started FROM applies WHERE source = $1 AND round = $2 ORDER BY id LIMIT 1`,
		[]any{clean(source), clean(round)}, func(rows *sql.Rows) error {
			var started string
			err := rows.Scan(&started)
			if err == nil {
				began, err = readTime(started)
			}
			return err
		})
	return began, err
}

// MetricNames returns the names of the metrics that the newest thousand attempts
// gave, sorted.
func (l *Ledger) MetricNames(ctx context.Context) ([]string, error) {
	if l.read == nil {
		return nil, nil
	}
	var names []string
	err := l.query(ctx, `SELECT DISTINCT name FROM metrics
		WHERE attempt_id > (SELECT max(id) FROM attempts) - 1000 ORDER BY name`, nil, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	})
	return names, err
}

// FindRun returns the record of "ex-8". It is ErrUnknownRun where there is none.
func (l *Ledger) FindRun(ctx context.Context, runName string) (*sweep.Record, error) {
	for r, err := range l.Records(ctx, Query{RunNames: []string{runName}}) {
		return r, err
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownRun, runName)
}

// Attempts returns all attempts of an experiment with their metrics, the first
// first.
func (l *Ledger) Attempts(ctx context.Context, recordID int64) ([]*sweep.Tried, error) {
	if l.read == nil {
		return nil, nil
	}
	var all []*sweep.Tried
	err := l.snapshot(ctx, func(q querier) error {
		all = nil
		var s scanner
		rows, err := q.QueryContext(ctx, `SELECT `+attemptColumns+` FROM attempts a WHERE a.experiment_id = $1 ORDER BY a.number`, recordID)
		err = eachRow(rows, err, func(rows *sql.Rows) error {
			a, err := s.attempt(rows)
			all = append(all, a)
			return err
		})
		if err != nil {
			return err
		}
		return attachMetrics(ctx, q, all)
	})
	return all, err
}

// OpenAttempts returns the attempts of experimentNames (nil: of all) that have
// no end yet, each as the Last of its record, in the order of their making.
func (l *Ledger) OpenAttempts(ctx context.Context, experimentNames []string) ([]*sweep.Record, error) {
	if l.read == nil {
		return nil, nil
	}
	var open []*sweep.Record
	err := l.snapshot(ctx, func(q querier) error {
		var ids []int64
		rows, err := q.QueryContext(ctx, `SELECT id FROM attempts WHERE `+isOpen)
		err = eachRow(rows, err, func(rows *sql.Rows) error {
			ids = append(ids, 0)
			return rows.Scan(&ids[len(ids)-1])
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		open, err = records(ctx, q, `SELECT `+experimentColumns+`, `+attemptColumns+`
			FROM attempts a JOIN experiments e ON e.id = a.experiment_id
			WHERE a.id IN `+idList(ids)+` ORDER BY a.id`)
		return err
	})
	return slices.DeleteFunc(open, func(r *sweep.Record) bool {
		return experimentNames != nil && !slices.Contains(experimentNames, r.Name)
	}), err
}

// splitRunName takes "ex-8" apart.
func splitRunName(runName string) (name string, number int, err error) {
	i := strings.LastIndexByte(runName, '-')
	if i > 0 {
		number, err = strconv.Atoi(runName[i+1:])
	}
	if i <= 0 || err != nil || number < 0 || sweep.RunName(runName[:i], number) != runName {
		return "", 0, fmt.Errorf("%w: %q is no run name, which looks like ex-8", ErrUnknownRun, runName)
	}
	return runName[:i], number, nil
}

// Settled returns those of the attempts that have a final state here.
func (l *Ledger) Settled(ctx context.Context, ids []int64) (map[int64]bool, error) {
	settled := map[int64]bool{}
	if l.read == nil {
		return settled, nil
	}
	for some := range slices.Chunk(ids, chunkSize) {
		err := l.query(ctx, `SELECT id FROM attempts WHERE NOT (`+isOpen+`) AND id IN `+idList(some), nil, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			settled[id] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return settled, nil
}
