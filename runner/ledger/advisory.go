package ledger

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// serverLocks are advisory locks of a connection that has nothing else to do:
// the server drops them when it ends, or when its machine is gone.
type serverLocks struct {
	ledger *Ledger
	names  []string

	mu   sync.Mutex // guards conn
	conn *pgx.Conn  // nil while there is none

	// keep looks after conn until stop is called.
	stop func()
	kept sync.WaitGroup
}

const (
	// keepPeriod is how often the locks of a session that writes nothing are
	// looked after.
	keepPeriod = time.Second
	// graceForHolders is how long one that waits holds back after the server was
	// away: those that held the locks may have them again.
	graceForHolders = 5 * time.Second
)

// errLocksLost says that a connection was lost, and with it the locks, and that
// somebody has them now: perhaps the server has not noticed yet.
var errLocksLost = errors.New("the connection that held the locks was lost, and they are taken")

func (s *server) lockAll(ctx context.Context, l *Ledger, names []string, timeout time.Duration) (locks, error) {
	k := &serverLocks{ledger: l, names: names, stop: func() {}}
	began := time.Now()
	for away := false; ; {
		wait := lockPoll
		var missing string
		err := k.connect(ctx)
		if err == nil && away {
			away, wait = false, graceForHolders
		} else if err == nil {
			missing, err = k.take(ctx)
			if err == nil && missing == "" {
				k.startKeeping()
				return k, nil
			}
		}
		away = away || err != nil
		waited, over := waitedEnough(began, timeout)
		switch {
		case err != nil && (over || !lost(err)):
			return nil, errors.Join(err, k.unlock())
		case over && missing != "":
			h, err := l.heldInServer(ctx, missing)
			if h == nil {
				h = &Holder{} // it has gone meanwhile
			}
			return nil, errors.Join(err, &LockedError{missing, *h, waited}, k.unlock())
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), k.unlock())
		}
	}
}

func (k *serverLocks) connect(ctx context.Context) error {
	if k.conn != nil {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, k.ledger.server.config)
	if err != nil {
		return err
	}
	k.conn = conn
	if err := prepare(ctx, conn); err != nil {
		k.disconnect()
		return err
	}
	return nil
}

// take takes the locks, all or none, and returns a name that somebody else has.
func (k *serverLocks) take(ctx context.Context) (missing string, err error) {
	for _, name := range k.names {
		var got bool
		err = k.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, k.ledger.server.key(name)).Scan(&got)
		if err == nil && !got {
			missing = name
			_, err = k.conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`)
		}
		if err != nil {
			k.disconnect()
		}
		if err != nil || missing != "" {
			return missing, err
		}
	}
	return "", nil
}

// startKeeping takes the locks again whenever their connection is lost.
func (k *serverLocks) startKeeping() {
	ctx, cancel := context.WithCancel(context.Background())
	k.stop = cancel
	k.kept.Go(func() {
		tick := time.NewTicker(keepPeriod)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				bounded, cancel := context.WithTimeout(context.Background(), goneProbe)
				_ = k.hold(bounded) // a transaction that cannot do without says so
				cancel()
			case <-ctx.Done():
				return
			}
		}
	})
}

func (k *serverLocks) hold(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		if k.conn.Ping(ctx) == nil {
			return nil
		}
		k.disconnect()
	}
	if err := k.connect(ctx); err != nil {
		return err
	}
	missing, err := k.take(ctx)
	if err == nil && missing != "" {
		k.disconnect()
		err = errLocksLost
	}
	return err
}

func (k *serverLocks) unlock() error {
	k.stop()
	k.kept.Wait()
	k.disconnect()
	return nil
}

// disconnect waits until the server has let go of the locks, if it can be
// reached.
func (k *serverLocks) disconnect() {
	if k.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), goneProbe)
	defer cancel()
	_, _ = k.conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`)
	_ = k.conn.Close(ctx) // nothing is to be saved
	k.conn = nil
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
