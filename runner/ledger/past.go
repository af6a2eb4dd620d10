package ledger

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"github.com/lxsweep/lxsweep/sweep"
)

// snapshot runs f in a reading transaction.
func (l *Ledger) snapshot(ctx context.Context, f func(querier) error) error {
	t, err := l.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		err = errors.Join(f(t), t.Rollback())
	}
	return failed(l.path, "reading", err)
}

// Lookup implements sweep.Past.
func (l *Ledger) Lookup(ctx context.Context, keys []sweep.Hash) ([]*sweep.Record, error) {
	found := make([]*sweep.Record, len(keys))
	if l.read == nil || len(keys) == 0 {
		return found, nil
	}
	err := l.snapshot(ctx, func(q querier) error {
		wanted, err := l.narrow(ctx, q, keys)
		if err != nil || wanted == "" {
			return err
		}
		all, err := records(ctx, q, selectNewest+`WHERE e.`+wanted)
		if err != nil {
			return err
		}
		place(all, keys, found)
		return nil
	})
	return found, err
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
		WHERE s.source = $2 AND s.round = $3 AND m.wanted = 1)`, clean(source), clean(round))
}

// NextNumber implements sweep.Past.
func (l *Ledger) NextNumber(ctx context.Context, experimentName string) (int, error) {
	if l.read == nil {
		return 0, nil
	}
	var next int
	err := l.read.QueryRowContext(ctx, `SELECT next_number FROM epochs WHERE experiment_name = $1`, experimentName).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return next, failed(l.path, "reading", err)
}

// pages yields the records that satisfy a condition on e and a, in the order of
// their numbering, a page a transaction: a slow reader holds nothing up. $1 is
// taken; args begin at $2.
func (l *Ledger) pages(ctx context.Context, condition string, args ...any) iter.Seq2[*sweep.Record, error] {
	return func(yield func(*sweep.Record, error) bool) {
		if l.read == nil {
			return
		}
		query := selectNewest + `WHERE e.id > $1 AND ` + condition + ` ORDER BY e.id LIMIT ` + pageSize
		for after, more := int64(0), true; more; {
			var page []*sweep.Record
			err := l.snapshot(ctx, func(q querier) (err error) {
				page, err = records(ctx, q, query, append([]any{after}, args...)...)
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
				after = r.ID
			}
			more = len(page) > 0
		}
	}
}

const pageSize = "512"
