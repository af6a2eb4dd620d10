package ledger

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/lxsweep/lxsweep/sweep"
)

// snapshot runs f in a reading transaction, and again where the connection was
// lost.
func (l *Ledger) snapshot(ctx context.Context, f func(querier) error) error {
	err := insist(ctx, l.patience, func() error {
		t, err := l.read.BeginTx(ctx, &l.dialect.snapshot)
		if err != nil {
			return err
		}
		err = f(t)
		if rollback := t.Rollback(); err == nil {
			err = rollback
		}
		return err
	})
	return failed(l.path, "reading", err)
}

// query calls each for every row. Where the connection is lost before the first
// row, it asks again.
func (l *Ledger) query(ctx context.Context, query string, args []any, each func(*sql.Rows) error) error {
	var late error
	err := insist(ctx, l.patience, func() error {
		begun := false
		rows, err := l.read.QueryContext(ctx, query, args...)
		err = eachRow(rows, err, func(rows *sql.Rows) error {
			begun = true
			return each(rows)
		})
		if begun {
			late, err = err, nil
		}
		return err
	})
	return failed(l.path, "reading", errors.Join(err, late))
}

// Lookup implements sweep.Past.
func (l *Ledger) Lookup(ctx context.Context, keys []sweep.Hash) ([]*sweep.Record, error) {
	found := make([]*sweep.Record, len(keys))
	if l.read == nil || len(keys) == 0 {
		return found, nil
	}
	ids, indexed, err := l.narrow(ctx, keys)
	if err != nil {
		return nil, err
	}
	var all []*sweep.Record
	if indexed {
		all, err = l.load(ctx, ids)
	} else {
		all, err = l.loadPart(ctx, `e.`+keyText(keys))
	}
	if err != nil {
		return nil, err
	}
	place(all, keys, found)
	return found, nil
}

// place puts records where their keys are; a key may be there twice.
func place(all []*sweep.Record, keys []sweep.Hash, found []*sweep.Record) {
	if len(all) == 0 {
		return
	}
	byKey := make(map[sweep.Hash]*sweep.Record, len(all))
	for _, r := range all {
		byKey[r.Key] = r
	}
	for i, key := range keys {
		if found[i] = byKey[key]; found[i] != nil {
			own := *found[i]
			found[i] = &own
		}
	}
}

// Wanted implements sweep.Past. The order is that of the numbering.
func (l *Ledger) Wanted(ctx context.Context, source, round string) iter.Seq2[*sweep.Record, error] {
	return l.pages(ctx, `e.id IN (SELECT m.experiment_id FROM memberships m JOIN sweeps s ON s.id = m.sweep_id
		WHERE s.source = $1 AND s.round = $2 AND m.wanted = 1)`, clean(source), clean(round))
}

// NextNumber implements sweep.Past.
func (l *Ledger) NextNumber(ctx context.Context, experimentName string) (int, error) {
	if l.read == nil {
		return 0, nil
	}
	var next int
	err := l.query(ctx, `SELECT next_number FROM epochs WHERE experiment_name = $1`, []any{experimentName}, func(rows *sql.Rows) error {
		return rows.Scan(&next)
	})
	return next, err
}

// pages yields the records that satisfy a condition on experiments e, in the
// order of their numbering. Which ones is settled at once, and costs a bit each;
// they are read a page a transaction, so that a slow reader holds nothing up.
func (l *Ledger) pages(ctx context.Context, condition string, args ...any) iter.Seq2[*sweep.Record, error] {
	return func(yield func(*sweep.Record, error) bool) {
		if l.read == nil {
			return
		}
		all, err := l.selected(ctx, condition, args)
		if err != nil {
			yield(nil, err)
			return
		}
		for ids := range pagesOf(all.without(nil)) {
			page, err := l.load(ctx, ids)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

func (l *Ledger) selected(ctx context.Context, condition string, args []any) (idSet, error) {
	var all idSet
	err := l.query(ctx, `SELECT e.id FROM experiments e WHERE `+condition, args, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		all.add(id)
		return err
	})
	return all, err
}

// load reads the records with these ids, in order, on several processors where
// there are many.
func (l *Ledger) load(ctx context.Context, ids []int64) ([]*sweep.Record, error) {
	parts := slices.Collect(slices.Chunk(ids, chunkSize))
	found := make([][]*sweep.Record, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(readers, runtime.GOMAXPROCS(0)))
	for i, part := range parts {
		g.Go(func() (err error) {
			found[i], err = l.loadPart(ctx, `e.id IN `+idList(part)+` ORDER BY e.id`)
			return err
		})
	}
	err := g.Wait()
	return slices.Concat(found...), err
}

func (l *Ledger) loadPart(ctx context.Context, condition string) (part []*sweep.Record, err error) {
	err = l.snapshot(ctx, func(q querier) error {
		part, err = records(ctx, q, selectNewest+`WHERE `+condition)
		return err
	})
	return part, err
}

const (
	// readers is how many connections read at once.
	readers = 4
	// pageSize is how many records are read ahead.
	pageSize = readers * chunkSize
)

// pagesOf cuts ids into pages. A page is the caller's until the next one.
func pagesOf(ids iter.Seq[int64]) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		page := make([]int64, 0, pageSize)
		for id := range ids {
			page = append(page, id)
			if len(page) == pageSize {
				if !yield(page) {
					return
				}
				page = page[:0]
			}
		}
		if len(page) > 0 {
			yield(page)
		}
	}
}
