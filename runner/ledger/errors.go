package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// What can be wrong with a ledger. Errors of this package wrap one of these
// where it applies; test with errors.Is.
var (
	// ErrReadOnly: a write was asked of a reader, or the place cannot be
	// written to.
	ErrReadOnly = errors.New("the ledger is read-only")
	// ErrFull: there is no room left. What was committed before stays.
	ErrFull = errors.New("no space left for the ledger")
	// ErrCorrupt: the file is damaged. It was not written to.
	ErrCorrupt = errors.New("the ledger is damaged")
	// ErrNotLedger: the file is something else. It was not written to.
	ErrNotLedger = errors.New("not a ledger")
	// ErrNewer: a newer lxsweep wrote the file. It was not written to.
	ErrNewer = errors.New("the ledger was written by a newer lxsweep")
	// ErrOlder: an older lxsweep wrote it, and a reader does not upgrade it.
	ErrOlder = errors.New("the ledger was written by an older lxsweep")
	// ErrUnreachable: the server cannot be reached, or went away for too long.
	ErrUnreachable = errors.New("the ledger's server cannot be reached")
	// ErrRefused: the server refuses this user or password.
	ErrRefused = errors.New("the ledger's server refuses the login")
	// ErrNoDatabase: the server has no such database.
	ErrNoDatabase = errors.New("the ledger's server has no such database")
	// ErrNotEmpty: an import is only for a place where nothing is.
	ErrNotEmpty = errors.New("the ledger is not empty")
	// ErrBusy: another process kept the file locked for too long.
	ErrBusy = errors.New("the ledger is busy")
	// ErrGone: the file was moved, removed or replaced while it was in use.
	// Nothing more was written.
	ErrGone = errors.New("the ledger's file was moved or removed while it was in use")
	// ErrFenced: another process has taken the lock over. Nothing was written.
	ErrFenced = errors.New("another process has taken over this experiment name")
	// ErrClosed: the session has ended.
	ErrClosed = errors.New("the ledger session is closed")
	// ErrUnknownRun: no experiment has this run name.
	ErrUnknownRun = errors.New("no such run")
	// ErrUnknownAttempt: no attempt has this id.
	ErrUnknownAttempt = errors.New("no such attempt")
)

// Error is a failure of the ledger's file and the way out of it.
type Error struct {
	Path   string
	Doing  string // "opening", "writing to"
	Kind   error  // one of the sentinels, nil if none fits
	Err    error  // what the database or the system said, may be nil
	Remedy string // what to do, as sentences; may be empty
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s the ledger %s", e.Doing, e.Path)
	if e.Kind != nil && (e.Err == nil || !strings.HasPrefix(e.Err.Error(), e.Kind.Error())) {
		text += ": " + e.Kind.Error()
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Remedy != "" {
		text += ". " + e.Remedy
	}
	return text
}

// Unwrap lets errors.Is find the kind and the cause.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// failed makes an *Error of err unless it is one, is nil, or is the caller's
// own cancellation.
func failed(path, doing string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) || errors.Is(err, ErrFenced) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) && !lost(err) {
		return err
	}
	kind := classify(err)
	return &Error{Path: path, Doing: doing, Kind: kind, Err: err, Remedy: remedy(kind, path)}
}

func remedy(kind error, path string) string {
	if kind == ErrOlder {
		return "Upgrade it with an apply: lxsweep apply FILE (nothing that it holds is lost)."
	}
	if kind == ErrNotEmpty {
		return "Nothing was imported. Name another place with --state."
	}
	if IsURL(path) {
		return serverRemedy(kind)
	}
	switch kind {
	case ErrReadOnly:
		return "Make the file and its folder writable, or keep the ledger elsewhere with --state FILE."
	case ErrFull:
		return "Free some space and run the same command again: it goes on from what is recorded."
	case ErrCorrupt:
		return fmt.Sprintf("It was left as it is. Copy it away with its -wal file (cp -p %s* SOMEWHERE), then restore a backup, "+
			"or try \"sqlite3 %s .recover\", or start another with --state FILE.", path, path)
	case ErrNotLedger:
		return "It was left as it is. Move it away, or name another place with --state FILE."
	case ErrNewer:
		return "Update lxsweep, or start another ledger with --state FILE."
	case ErrGone:
		return "Put it back, if you can, and run the same command again: what ended meanwhile is known to the runner."
	case ErrBusy:
		return "Another process writes to it. Wait for it, or see who has the file open with \"fuser -v " + path + "\"."
	}
	return ""
}

func serverRemedy(kind error) string {
	switch kind {
	case ErrReadOnly:
		return "The user must own the schema or have CREATE on it, and the server must be no standby: GRANT CREATE ON SCHEMA ... TO ..."
	case ErrFull:
		return "Free some space at the server and run the same command again: it goes on from what is recorded."
	case ErrCorrupt:
		return "The server's log says more. Restore a backup, or name another place with --state."
	case ErrNotLedger:
		return "It was left as it is. Give lxsweep a database or a schema of its own: --state 'postgres://.../DATABASE?search_path=SCHEMA'."
	case ErrNewer:
		return "Update lxsweep, or name another place with --state."
	case ErrUnreachable:
		return "Is it running, and are host and port right? Then run the same command again: it goes on from what is recorded."
	case ErrRefused:
		return "Set PGPASSWORD, or see that the user, the password and the server's pg_hba.conf are right."
	case ErrNoDatabase:
		return "Make it (createdb), or name another."
	case ErrBusy:
		return "Another process writes to it. Wait for it, or look at pg_stat_activity."
	}
	return ""
}
