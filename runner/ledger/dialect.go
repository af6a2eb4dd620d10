package ledger

import (
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// dialect is how a database spells what the statements of this package have not
// in common: those are $n parameters, ON CONFLICT, RETURNING, partial indexes.
type dialect struct {
	driver string
	// ddl replaces the words in braces in schema.go.
	ddl *strings.Replacer
	// begin opens a transaction that no other one writes beside.
	begin string
	// tableCount counts the tables in the ledger's place, hasTable those with a
	// name.
	tableCount, hasTable string
	// keyIn selects rows by a JSON list of keys: one parameter however many.
	keyIn string
	// raw is what a column of bytes takes.
	raw func([]byte) any
	// afterImport sees to it that what comes after rows with ids gets others.
	afterImport func(*tx) error
	// snapshot is a reading transaction in which nothing changes.
	snapshot sql.TxOptions
}

// bytes keeps every byte.
func (d *dialect) bytes(b []byte) any {
	if b == nil {
		return nil
	}
	return d.raw(b)
}

// classify names the kind of a database or system error, nil if unknown.
func classify(err error) error {
	for _, kind := range []error{ErrReadOnly, ErrFull, ErrCorrupt, ErrNotLedger, ErrNewer, ErrOlder, ErrBusy, ErrGone, ErrNoDatabase, ErrRefused, ErrUnreachable, ErrNotEmpty} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	if s := new(sqlite.Error); errors.As(err, &s) {
		return classifySQLite(s.Code())
	}
	if p := new(pgconn.PgError); errors.As(err, &p) && classifyPostgres(p.Code) != nil {
		return classifyPostgres(p.Code)
	}
	switch {
	case lost(err):
		return ErrUnreachable
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return ErrReadOnly
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return ErrFull
	}
	return nil
}
