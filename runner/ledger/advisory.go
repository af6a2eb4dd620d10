package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// serverLocks are advisory locks of a connection that has nothing else to do:
// the server drops them when it ends, or when its machine is gone.
type serverLocks struct {
	ledger *Ledger
	names  []string
	conn   *pgx.Conn
}

// errLocksLost says that a connection was lost, and with it the locks, and that
// somebody has them now: perhaps the server has not noticed yet.
var errLocksLost = errors.New("the connection that held the locks was lost, and they are taken")

func (s *server) lockAll(ctx context.Context, l *Ledger, names []string, timeout time.Duration) (_ locks, err error) {
	k := &serverLocks{ledger: l, names: names}
	began := time.Now()
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		missing, err := k.take(ctx)
		if err == nil && missing == "" {
			return k, nil
		}
		waited, over := waitedEnough(began, timeout)
		switch {
		case err != nil && (over || !lost(err)):
			return nil, errors.Join(err, k.unlock())
		case over:
			h, err := l.heldInServer(ctx, missing)
			if h == nil {
				h = &Holder{} // it has gone meanwhile
			}
			return nil, errors.Join(err, &LockedError{missing, *h, waited}, k.unlock())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), k.unlock())
		}
	}
}

// take takes the locks, all or none, and returns a name that somebody else has.
func (k *serverLocks) take(ctx context.Context) (missing string, err error) {
	if k.conn == nil {
		if k.conn, err = pgx.ConnectConfig(ctx, k.ledger.server.config); err != nil {
			k.conn = nil
			return "", err
		}
		if err := prepare(ctx, k.conn); err != nil {
			return "", errors.Join(err, k.unlock())
		}
	}
	for _, name := range k.names {
		var got bool
		err = k.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, k.ledger.server.key(name)).Scan(&got)
		if err == nil && got {
			continue
		}
		if err == nil {
			_, err = k.conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`)
		}
		if err != nil {
			return "", errors.Join(err, k.unlock())
		}
		return name, nil
	}
	return "", nil
}

func (k *serverLocks) hold(ctx context.Context) error {
	if k.conn != nil {
		if k.conn.Ping(ctx) == nil {
			return nil
		}
		_ = k.unlock()
	}
	missing, err := k.take(ctx)
	if err == nil && missing != "" {
		err = errors.Join(errLocksLost, k.unlock())
	}
	return err
}

// unlock waits until the server has let go of them, if it can be reached.
func (k *serverLocks) unlock() error {
	if k.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), goneProbe)
	defer cancel()
	_, _ = k.conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`)
	_ = k.conn.Close(ctx) // nothing is to be saved
	k.conn = nil
	return nil
}

// heldInServer is who holds a name's lock, by its epoch; nil if nobody does.
func (l *Ledger) heldInServer(ctx context.Context, name string) (*Holder, error) {
	if l.read == nil {
		return nil, nil
	}
	key := l.server.key(name)
	var held int
	var h Holder
	err := l.query(ctx, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND CAST(classid AS BIGINT) = $1 AND CAST(objid AS BIGINT) = $2`,
		[]any{int64(uint64(key) >> 32), int64(uint32(key))}, func(r *sql.Rows) error { return r.Scan(&held) })
	if err != nil || held == 0 {
		return nil, err
	}
	return &h, l.query(ctx, `SELECT host, pid, username, command, since FROM epochs
		WHERE experiment_name = $1 AND released IS NULL`, []any{name}, func(r *sql.Rows) error {
		var since string
		err := r.Scan(&h.Host, &h.PID, &h.User, &h.Command, &since)
		if err == nil {
			h.Since, err = readTime(since)
		}
		return err
	})
}
