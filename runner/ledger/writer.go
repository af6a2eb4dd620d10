package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// writer owns the one connection that writes. Transactions follow one another.
type writer struct {
	dialect *dialect
	// begin opens a transaction.
	begin string
	// patience bounds how long a lost connection is tried again.
	patience time.Duration
	db       *sql.DB
	conn     *sql.Conn
	// turn holds a token while nobody is in a transaction.
	turn  chan struct{}
	stmts map[string]*sql.Stmt // used by whoever has the turn

	path string
	file os.FileInfo // of path once the schema is there
}

func newWriter(ctx context.Context, d *dialect, db *sql.DB) (*writer, error) {
	db.SetMaxOpenConns(1)
	w := &writer{dialect: d, begin: d.begin, db: db, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	if err := w.connect(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return w, nil
}

// connect takes a connection in place of the one that there was.
func (w *writer) connect(ctx context.Context) (err error) {
	w.disconnect()
	w.conn, err = w.db.Conn(ctx)
	return err
}

func (w *writer) disconnect() {
	for _, s := range w.stmts {
		s.Close()
	}
	w.stmts = map[string]*sql.Stmt{}
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// hold makes every transaction look whether path still leads to the file.
func (w *writer) hold(path string) (err error) {
	w.path = path
	w.file, err = os.Stat(path)
	return err
}

// held fails if the file was moved or removed: what is committed to it could be
// found by nobody.
func (w *writer) held() error {
	if w.file == nil {
		return nil
	}
	if now, err := os.Stat(w.path); err == nil && os.SameFile(now, w.file) {
		return nil
	}
	return ErrGone
}

func (w *writer) close() error {
	<-w.turn
	w.disconnect()
	return w.db.Close()
}

// transact runs f in a transaction that has committed, and is synced, when it
// returns nil. ctx bounds the wait for the turn and for other processes; once
// begun, a transaction goes to its end unless f looks at ctx itself. Where the
// connection is lost, f is run again in another transaction; whether the COMMIT
// before it was done, f must find out: it returns errDone where it was.
func (w *writer) transact(ctx context.Context, f func(*tx) error) error {
	select {
	case <-w.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { w.turn <- struct{}{} }()
	err := insist(ctx, w.patience, func() error { return w.try(ctx, f) })
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// errDone says that a transaction has committed the last time, although nobody
// was told.
var errDone = errors.New("it has committed before")

func (w *writer) try(ctx context.Context, f func(*tx) error) (err error) {
	if w.conn == nil {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	// A context that can end would cost a goroutine per statement.
	t := &tx{ctx: context.WithoutCancel(ctx), w: w}
	_, err = w.conn.ExecContext(ctx, w.begin)
	if err == nil {
		err = f(t)
	}
	if err == nil {
		err = w.held()
	}
	if err == nil {
		_, err = w.conn.ExecContext(t.ctx, "COMMIT")
	}
	if err == nil {
		return nil
	}
	// It fails where the database has rolled back by itself.
	_, _ = w.conn.ExecContext(t.ctx, "ROLLBACK")
	if w.conn.PingContext(t.ctx) != nil {
		w.disconnect()
	}
	return err
}

// tx is a writing transaction. Its statements are prepared once a connection.
type tx struct {
	ctx context.Context
	w   *writer
}

func (t *tx) prepared(query string) (*sql.Stmt, error) {
	if s, ok := t.w.stmts[query]; ok {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, query)
	}
	t.w.stmts[query] = s
	return s, nil
}

// run executes a statement once, unprepared.
func (t *tx) run(query string, args ...any) error {
	_, err := t.w.conn.ExecContext(t.ctx, query, args...)
	return err
}

// exec executes a prepared statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	s, err := t.prepared(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row executes a prepared statement that gives exactly one row.
func (t *tx) row(query string, args []any, into ...any) error {
	s, err := t.prepared(query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(t.ctx, args...).Scan(into...)
}

// rows executes a prepared statement and calls each for every row.
func (t *tx) rows(query string, args []any, each func(*sql.Rows) error) error {
	s, err := t.prepared(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	return eachRow(rows, err, each)
}

// eachRow calls each for every row and closes rows.
func eachRow(rows *sql.Rows, err error, each func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
