package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/lxsweep/lxsweep/sweep"
)

// Mode says what a ledger is opened for.
type Mode int

// The modes.
const (
	// ReadOnly never creates or changes anything that outlives it. Where there
	// is no ledger, it reads as an empty one.
	ReadOnly Mode = iota
	// ReadWrite creates the ledger and its folder, and upgrades its schema.
	ReadWrite
)

// Ledger is an open ledger. It is safe for concurrent use, in one process and
// in several at once.
type Ledger struct {
	// Clock gives the times that are recorded; no order and no lock depends on
	// it. Open sets it to time.Now; set it before the first use.
	Clock func() time.Time
	// Folder is where runners keep their files for a ledger that is in no file.
	// Whoever opens it sets it.
	Folder string

	// where is the ledger's place as it was named, path the same for showing: a
	// file with links followed, or a URL without its password.
	where, path string
	id          string
	dialect     *dialect
	server      *server // nil for a file
	patience    time.Duration
	// rollback says that a rollback journal is in use, on is the network file
	// system that is the reason.
	rollback bool
	on       string
	read     *sql.DB // nil where there is no ledger
	write    *writer // nil for a reader

	closing sync.Once

	keysMu sync.Mutex
	keys   keyIndex
}

var _ sweep.Past = (*Ledger)(nil)

// Open opens the ledger in a file, or in the PostgreSQL database that a URL
// (postgres://) names. Its errors are *Error; they wrap ErrCorrupt, ErrNotLedger,
// ErrNewer, ErrOlder, ErrReadOnly, ErrFull, ErrNoDatabase, ErrRefused or
// ErrUnreachable where that is the matter, and then the ledger is as it was.
func Open(ctx context.Context, where string, mode Mode) (*Ledger, error) {
	return opening{migrations, networkFileSystem, time.Now, writersPatience}.open(ctx, where, mode)
}

// How long a connection to a server that was lost is tried again.
const (
	writersPatience = 10 * time.Minute
	readersPatience = 15 * time.Second
)

// opening holds what tests replace.
type opening struct {
	migrations []migration
	// network names the network file system that a folder is on, "" for none.
	network func(folder string) string
	clock   func() time.Time
	// patience bounds how long a writer tries a lost connection again.
	patience time.Duration
}

func (o opening) open(ctx context.Context, where string, mode Mode) (*Ledger, error) {
	if !IsURL(where) {
		return o.openFile(ctx, where, mode)
	}
	l := &Ledger{Clock: o.clock, where: where, path: WithoutPassword(where), patience: o.patience}
	if mode == ReadOnly {
		l.patience = min(l.patience, readersPatience)
	}
	if err := l.openServer(ctx, mode, o.migrations); err != nil {
		l.Close()
		return nil, failed(l.path, "opening", err)
	}
	return l, nil
}

func (o opening) openFile(ctx context.Context, path string, mode Mode) (*Ledger, error) {
	// POSIX record locks vanish when anybody in this process closes the file.
	// Where the system has no better ones, those must do.
	_, _ = sqlite.OFDLocking(true)
	path, err := resolve(path)
	if err != nil {
		return nil, failed(path, "opening", err)
	}
	l := &Ledger{Clock: o.clock, where: path, path: path, dialect: &inSQLite}
	l.on = o.network(existing(filepath.Dir(path)))
	l.rollback = l.on != ""
	if mode == ReadWrite {
		err = l.openWriter(ctx, o.migrations)
	} else {
		err = l.openReader(ctx, len(o.migrations))
	}
	if err != nil {
		l.Close()
		return nil, l.explain(ctx, err)
	}
	return l, nil
}

// resolve follows links, so that one file has one set of locks.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return path, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(folder, filepath.Base(path)), nil
	}
	return path, nil
}

func (l *Ledger) openWriter(ctx context.Context, steps []migration) error {
	if err := MakeFolder(filepath.Dir(l.path)); err != nil {
		return err
	}
	if err := l.checkKind(); err != nil {
		return err
	}
	unlock, err := l.lockOpening(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	db, err := sql.Open(inSQLite.driver, source(l.path, accessWrite, l.rollback))
	if err != nil {
		return err
	}
	if l.write, err = newWriter(ctx, &inSQLite, db); err != nil {
		return err
	}
	// Before anything is written: is it ours?
	version, err := l.dialect.versionOf(ctx, l.write.conn)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return newer(version, len(steps))
	}
	if err := setJournal(ctx, l.write.conn, l.rollback); err != nil {
		return err
	}
	if err := upgrade(ctx, l.write, steps, l.now()); err != nil {
		return err
	}
	if err := l.write.hold(l.path); err != nil {
		return err
	}
	return l.openPool(ctx, accessRead)
}

func (l *Ledger) openReader(ctx context.Context, known int) error {
	if err := l.checkKind(); err != nil || !hasContent(l.path) {
		return err
	}
	use := accessRead
	if hasContent(l.path + "-wal") {
		use = accessPassive // closing must not fold the log into the file
	}
	version, err := l.tryReader(ctx, use)
	// Where nothing can be created, nobody writes, and without a journal the
	// file is whole as it is.
	kind := classify(err)
	if use == accessRead && (kind == ErrReadOnly || kind == ErrFull) && !hasContent(l.path+"-journal") {
		version, err = l.tryReader(ctx, accessImmutable)
	}
	if err != nil {
		return err
	}
	return otherVersion(version, known)
}

// tryReader opens the pool and reads the schema's version.
func (l *Ledger) tryReader(ctx context.Context, use access) (int, error) {
	db, err := sql.Open(inSQLite.driver, source(l.path, use, l.rollback))
	if err != nil {
		return 0, err
	}
	version, err := l.dialect.versionOf(ctx, db)
	db.Close()
	if err != nil || version == 0 {
		return 0, err
	}
	return version, l.openPool(ctx, use)
}

// otherVersion refuses a schema that a reader must not upgrade. It takes a place
// without tables (its maker died early) for no ledger.
func otherVersion(version, known int) error {
	switch {
	case version > known:
		return newer(version, known)
	case version > 0 && version < known:
		return fmt.Errorf("%w: its schema is version %d, this lxsweep's is %d", ErrOlder, version, known)
	}
	return nil
}

func (l *Ledger) openPool(ctx context.Context, use access) error {
	db, err := sql.Open(inSQLite.driver, source(l.path, use, l.rollback))
	if err != nil {
		return err
	}
	return l.readBy(ctx, db)
}

func (l *Ledger) readBy(ctx context.Context, db *sql.DB) error {
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	l.read = db
	return db.QueryRowContext(ctx, `SELECT ledger_id FROM meta`).Scan(&l.id)
}

// Close ends it. Sessions must have been closed before. Closing again is nothing.
func (l *Ledger) Close() error {
	var err error
	l.closing.Do(func() { err = l.close() })
	return err
}

func (l *Ledger) close() error {
	var errs []error
	if l.read != nil {
		errs = append(errs, l.read.Close())
	}
	if l.write != nil {
		errs = append(errs, l.write.close())
	}
	return failed(l.path, "closing", errors.Join(errs...))
}

// Exists reports whether there is a ledger, which for ReadOnly may not be so.
func (l *Ledger) Exists() bool { return l.read != nil }

// ID is the ledger's own, 32 hexadecimal digits; empty where there is none.
func (l *Ledger) ID() string { return l.id }

// Path is the file, absolute and with links followed, or the URL without its
// password.
func (l *Ledger) Path() string { return l.path }

// Is reports whether where names this ledger.
func (l *Ledger) Is(where string) bool {
	if l.server != nil {
		return WithoutPassword(where) == l.path
	}
	path, err := resolve(where)
	return err == nil && path == l.path
}

// JournalMode says in words how commits are made durable.
func (l *Ledger) JournalMode() string {
	if l.server != nil {
		return "PostgreSQL"
	}
	if l.rollback {
		return "rollback journal, because it is on a network file system (" + l.on + ")"
	}
	return "write-ahead log"
}

func (l *Ledger) now() string { return timeText(l.Clock()) }

// explain makes the error of a failed opening or reading; where the file is
// damaged it looks for the place.
func (l *Ledger) explain(ctx context.Context, err error) error {
	err = failed(l.path, "opening", err)
	var e *Error
	if !errors.As(err, &e) || e.Kind != ErrCorrupt {
		return err
	}
	db, openErr := sql.Open(inSQLite.driver, source(l.path, accessPassive, l.rollback))
	if openErr != nil {
		return err
	}
	defer db.Close()
	if found := damage(ctx, db); found != "" {
		e.Err = fmt.Errorf("%w (%s)", e.Err, found)
	}
	return e
}

// MakeFolder creates a ledger's folder. One named .lxsweep is kept out of git.
func MakeFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil || filepath.Base(folder) != ".lxsweep" {
		return err
	}
	f, err := os.OpenFile(filepath.Join(folder, ".gitignore"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	_, err = f.WriteString("*\n")
	return errors.Join(err, f.Close())
}

// smallestFile is one page of the smallest size. SQLite takes a file of a single
// byte for an empty one, and would write over it.
const smallestFile = 512

// checkKind refuses a folder, a device or a scrap in the file's place, and a
// ledger that was emptied: in a new one every number would be given again.
func (l *Ledger) checkKind() error {
	info, err := os.Stat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a regular file", ErrNotLedger)
	case info.Size() > 0 && info.Size() < smallestFile:
		return fmt.Errorf("%w: it holds %d bytes", ErrNotLedger, info.Size())
	case info.Size() == 0 && l.wasLocked():
		return fmt.Errorf("%w: it is empty, and %s tells that it was not", ErrCorrupt, l.locksFolder())
	}
	return nil
}

// existing is the nearest folder above that is there.
func existing(folder string) string {
	for {
		if _, err := os.Stat(folder); err == nil || folder == filepath.Dir(folder) {
			return folder
		}
		folder = filepath.Dir(folder)
	}
}

func hasContent(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}
