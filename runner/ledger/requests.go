package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CancelRequest asks whoever runs an experiment_name to end some of its runs.
type CancelRequest struct {
	ID             int64 // set by RequestCancel
	ExperimentName string
	// RunNames to end, or all of Sweep; with neither, all of the name.
	RunNames []string
	Sweep    string
	Reason   string
	By       string // who asks: user@host
	// Requested is set by RequestCancel; Acknowledged is zero until Answer says
	// what was done.
	Requested    time.Time
	Acknowledged time.Time
	Answer       string
}

// RequestCancel records a request, durably, and returns its id. It needs no
// lock; it needs a ledger opened with ReadWrite.
func (l *Ledger) RequestCancel(ctx context.Context, r CancelRequest) (int64, error) {
	var id int64
	columns := []any{
		clean(r.ExperimentName), clean(strings.Join(r.RunNames, " ")), clean(r.Sweep),
		clean(r.Reason), clean(r.By), l.now(),
	}
	err := l.writeAlone(ctx, func(t *tx) error {
		// The same of the same moment is this one, whose COMMIT was not answered.
		err := t.row(`SELECT id FROM requests WHERE experiment_name = $1 AND run_names = $2 AND sweep = $3
			AND reason = $4 AND requested_by = $5 AND requested_at = $6`, columns, &id)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return t.row(`INSERT INTO requests (experiment_name, run_names, sweep, reason, requested_by, requested_at)
			VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`, columns, &id)
	})
	return id, err
}

// Acknowledge records what was done about a request, durably. The first answer
// stays.
func (l *Ledger) Acknowledge(ctx context.Context, id int64, answer string) error {
	return l.writeAlone(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE requests SET acknowledged_at = $1, answer = $2 WHERE id = $3 AND acknowledged_at IS NULL`,
			l.now(), clean(answer), id)
		return err
	})
}

func (l *Ledger) writeAlone(ctx context.Context, f func(*tx) error) error {
	if l.write == nil {
		return failed(l.path, "writing to", ErrReadOnly)
	}
	return failed(l.path, "writing to", l.write.transact(ctx, f))
}

// Requests returns the requests with ids above after that were made of
// experimentNames and not acknowledged, the oldest first. It is one look at the
// end of a small table, cheap enough to be made several times a second.
func (l *Ledger) Requests(ctx context.Context, experimentNames []string, after int64) ([]CancelRequest, error) {
	if l.read == nil {
		return nil, nil
	}
	var found []CancelRequest
	err := l.query(ctx, selectRequests+`WHERE id > $1 AND acknowledged_at IS NULL ORDER BY id`, []any{after}, func(rows *sql.Rows) error {
		r, err := scanRequest(rows)
		if slices.Contains(experimentNames, r.ExperimentName) {
			found = append(found, r)
		}
		return err
	})
	return found, err
}

// WaitAcknowledged returns the request once it is acknowledged, or ctx's error
// with the request as it is. Ask Holder now and then: whoever was to answer may
// be gone.
func (l *Ledger) WaitAcknowledged(ctx context.Context, id int64) (CancelRequest, error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		r, err := l.request(context.WithoutCancel(ctx), id)
		if err != nil || !r.Acknowledged.IsZero() {
			return r, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
}

func (l *Ledger) request(ctx context.Context, id int64) (CancelRequest, error) {
	if l.read == nil {
		return CancelRequest{}, failed(l.path, "reading", ErrReadOnly)
	}
	var r CancelRequest
	err := l.query(ctx, selectRequests+`WHERE id = $1`, []any{id}, func(rows *sql.Rows) (err error) {
		r, err = scanRequest(rows)
		return err
	})
	if err == nil && r.ID == 0 {
		err = fmt.Errorf("no cancel request %d", id)
	}
	return r, failed(l.path, "reading", err)
}

const selectRequests = `SELECT id, experiment_name, run_names, sweep, reason, requested_by, requested_at,
	coalesce(acknowledged_at, ''), answer FROM requests `

func scanRequest(rows *sql.Rows) (CancelRequest, error) {
	var r CancelRequest
	var names, requested, acknowledged string
	err := rows.Scan(&r.ID, &r.ExperimentName, &names, &r.Sweep, &r.Reason, &r.By, &requested, &acknowledged, &r.Answer)
	if err != nil {
		return r, err
	}
	r.RunNames = strings.Fields(names)
	if r.Requested, err = readTime(requested); err != nil {
		return r, err
	}
	r.Acknowledged, err = readTime(acknowledged)
	return r, err
}
