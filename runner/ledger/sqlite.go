package ledger

import (
	"context"
	"database/sql"
	"net/url"
	"strconv"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// All that is SQLite's alone is in this file.

// busyTimeout bounds the wait for another process's transaction. Registering a
// million experiments is one transaction of half a minute.
const busyTimeout = 90 * time.Second

var inSQLite = dialect{
	driver: "sqlite",
	ddl: strings.NewReplacer(
		"{id}", "INTEGER PRIMARY KEY AUTOINCREMENT", // never reuses an id
		"{bytes}", "BLOB",
		"{json}", "TEXT",
		"{clustered}", "WITHOUT ROWID",
		"{seconds}", "round((julianday(a.ended_at) - julianday(a.started_at)) * 86400, 3)",
	),
	// It takes the write lock at once, so that no transaction fails half-way
	// because another was faster.
	begin:       "BEGIN IMMEDIATE",
	tableCount:  "SELECT count(*) FROM sqlite_master WHERE type = 'table'",
	hasTable:    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
	keyIn:       "key IN (SELECT value FROM json_each($1))",
	raw:         textOrBytes,
	afterImport: func(*tx) error { return nil },
}

// access is how a connection uses the file.
type access int

const (
	accessWrite     access = iota // creates the file
	accessRead                    // may make the shared memory file, removes it again
	accessPassive                 // for a file with a log left over: changes nothing
	accessImmutable               // for a place where nothing can be created
)

// source is the connection string. rollback asks for a rollback journal.
func source(path string, use access, rollback bool) string {
	q := url.Values{}
	pragma := func(p string) { q.Add("_pragma", p) }
	pragma("busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")")
	switch use {
	case accessWrite:
		q.Set("mode", "rwc")
		pragma("synchronous(FULL)")
		pragma("foreign_keys(1)")
		pragma("journal_size_limit(67108864)")
		pragma("cache_size(-65536)")
		if rollback {
			// A spilled page would lock readers out before the commit.
			pragma("cache_spill(0)")
		}
	case accessRead:
		q.Set("mode", "rw")
		pragma("query_only(1)")
	case accessPassive:
		q.Set("mode", "ro")
	case accessImmutable:
		q.Set("mode", "ro")
		q.Set("immutable", "1")
	}
	if use != accessWrite {
		pragma("cache_size(-16384)")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// setJournal turns the file to the journal that suits its file system.
func setJournal(ctx context.Context, c *sql.Conn, rollback bool) error {
	want := "wal"
	if rollback {
		want = "delete"
	}
	var got string
	if err := c.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&got); err != nil || got == want {
		return err
	}
	return c.QueryRowContext(ctx, "PRAGMA journal_mode = "+want).Scan(&got)
}

// damage says what a check of the whole file finds, at most a few lines.
func damage(ctx context.Context, q querier) string {
	rows, err := q.QueryContext(ctx, "PRAGMA quick_check(3)")
	if err != nil {
		return "" // the same damage, most likely
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if rows.Scan(&line) == nil && line != "ok" {
			found = append(found, line)
		}
	}
	return strings.Join(found, "; ")
}

// classifySQLite names the kind of a result code, nil if unknown.
func classifySQLite(code int) error {
	switch code {
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_TRUNCATE:
		return ErrFull // a quota or a limit on file sizes shows as one of these
	case sqlite3.SQLITE_IOERR_SHORT_READ:
		return ErrCorrupt
	}
	switch code & 0xff {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return ErrReadOnly
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_CORRUPT:
		return ErrCorrupt
	case sqlite3.SQLITE_NOTADB:
		return ErrNotLedger
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	}
	return nil
}
