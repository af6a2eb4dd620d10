package ledger

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
)

// keptLog is how much of a log is kept in the ledger, from its end.
const keptLog = 1 << 20

// RunOf returns the run name and the number of an attempt.
func (l *Ledger) RunOf(ctx context.Context, attemptID int64) (runName string, number int, err error) {
	err = l.query(ctx, `SELECT e.experiment_name || '-' || e.number, a.number
		FROM attempts a JOIN experiments e ON e.id = a.experiment_id WHERE a.id = $1`, []any{attemptID},
		func(rows *sql.Rows) error { return rows.Scan(&runName, &number) })
	return runName, number, err
}

// KeepLog keeps the end of an attempt's log in the ledger, for machines that do
// not have the file. What is no file is not kept.
func (l *Ledger) KeepLog(ctx context.Context, attemptID int64, path string) error {
	size, packed, err := packLog(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return l.writeAlone(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO logs (attempt_id, size, gzip) VALUES ($1, $2, $3)
			ON CONFLICT (attempt_id) DO UPDATE SET size = excluded.size, gzip = excluded.gzip`, attemptID, size, packed)
		return err
	})
}

func packLog(path string) (size int64, packed []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	if size, err = f.Seek(0, io.SeekEnd); err != nil {
		return 0, nil, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = io.Copy(z, io.NewSectionReader(f, max(0, size-keptLog), keptLog))
	err = errors.Join(err, z.Close())
	return size, b.Bytes(), err
}

// Log returns what is kept of an attempt's log: its end, and how many bytes were
// before that. It is nil if nothing is.
func (l *Ledger) Log(ctx context.Context, attemptID int64) (end []byte, before int64, err error) {
	var packed []byte
	err = l.query(ctx, `SELECT size, gzip FROM logs WHERE attempt_id = $1`, []any{attemptID},
		func(rows *sql.Rows) error { return rows.Scan(&before, &packed) })
	if err != nil || packed == nil {
		return nil, 0, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		end, err = io.ReadAll(z)
	}
	return end, before - int64(len(end)), failed(l.path, "reading", err)
}
