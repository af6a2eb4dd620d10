package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/lxsweep/lxsweep/runner/ledger"
)

// ExitCode is what the process ends with.
type ExitCode int

// The exit codes.
const (
	ExitOK           ExitCode = 0
	ExitError        ExitCode = 1   // nothing was done, or the ledger or the runner failed
	ExitChanges      ExitCode = 2   // plan --detailed-exitcode: something would start
	ExitUnsuccessful ExitCode = 3   // some wanted experiment has not succeeded
	ExitLocked       ExitCode = 4   // another process holds the lock
	ExitStale        ExitCode = 5   // a saved plan no longer holds, or a conflict, such as a Job of that name
	ExitRegression   ExitCode = 6   // worse than the baseline
	ExitInterrupted  ExitCode = 130 // the same command goes on from here
)

// exitError is an error with an exit code and the way out.
type exitError struct {
	code ExitCode
	err  error // nil where everything was said already
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// said ends a command whose output already tells why.
func said(code ExitCode) error {
	if code == ExitOK {
		return nil
	}
	return &exitError{code: code}
}

// hinted is an error with code 1 and a line that says what to type or to edit.
func hinted(err error, hint string) error {
	return &exitError{code: ExitError, err: err, hint: hint}
}

// errorf is an error with a hint.
func errorf(hint, format string, args ...any) error {
	return hinted(fmt.Errorf(format, args...), hint)
}

// outcome splits an error into what the process ends with and what is printed.
func outcome(err error) (code ExitCode, text, hint string) {
	if err == nil {
		return ExitOK, "", ""
	}
	var e *exitError
	if !errors.As(err, &e) {
		return ExitError, err.Error(), remedy(err)
	}
	if e.err == nil {
		return e.code, "", ""
	}
	return e.code, err.Error(), cmp.Or(e.hint, remedy(err))
}

// remedy is the way out of what can befall any command, empty for other errors
// and for those that name it themselves.
func remedy(err error) string {
	switch own := new(ledger.Error); {
	case errors.As(err, &own):
		return ""
	case errors.Is(err, ledger.ErrFenced):
		return "lxsweep status tells who; when that has ended, the same command goes on"
	case errors.Is(err, fs.ErrPermission):
		return "allow it with chmod or chown, or run as the user who may"
	case errors.Is(err, syscall.ENOSPC):
		return "make room on that disk"
	}
	return ""
}
