package cli

import (
	"errors"
	"fmt"
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
	ExitStale        ExitCode = 5   // a saved plan no longer holds, or a conflict
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
		return ExitError, err.Error(), ""
	}
	if e.err == nil {
		return e.code, "", ""
	}
	return e.code, err.Error(), e.hint
}
