package cli

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"

	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// Where the ledger is: what --state names, else LXSWEEP_STATE, else a file
// beside the configuration. A URL may hold a password, which is never shown.

// stateVariable is the default of --state.
const stateVariable = "LXSWEEP_STATE"

// stateOf is the place that was named, a URL or an absolute path; empty for
// none.
func (f *Factory) stateOf(flag string) string {
	where := cmp.Or(flag, f.Getenv(stateVariable))
	if ledger.IsURL(where) {
		return where
	}
	return f.abs(where)
}

// shortState is a place as a person here would type it.
func (f *Factory) shortState(where string) string {
	if ledger.IsURL(where) {
		return ledger.WithoutPassword(where)
	}
	return f.short(where)
}

// savedState is the place of a saved plan, with the password that the
// environment has.
func (f *Factory) savedState(saved string) string {
	if now := f.Getenv(stateVariable); ledger.WithoutPassword(now) == saved {
		return now
	}
	return saved
}

// besideFiles is the folder for what belongs to a ledger that is in no file, as
// if it were in one there.
func besideFiles(folder string) string { return filepath.Join(folder, filepath.Dir(ledgerFile)) }

// openLedger opens a ledger. What runners keep for one that is in no file is in
// the nearest .lxsweep, unless folder names another place for it.
func (f *Factory) openLedger(ctx context.Context, where string, mode ledger.Mode) (*ledger.Ledger, error) {
	l, err := ledger.Open(ctx, where, mode)
	if err != nil {
		return nil, err
	}
	l.Clock = f.Now
	if ledger.IsURL(where) {
		l.Folder = cmp.Or(f.nearest(filepath.Dir(ledgerFile)), besideFiles(f.Dir))
	}
	return l, nil
}

// existing opens the ledger of a command that takes no files.
func (f *Factory) existing(ctx context.Context, state string, mode ledger.Mode) (*ledger.Ledger, error) {
	where, err := f.findState(state)
	if err != nil {
		return nil, err
	}
	if mode == ledger.ReadOnly || ledger.IsURL(where) {
		l, err := f.openLedger(ctx, where, ledger.ReadOnly)
		if err != nil {
			return nil, err
		}
		if ledger.IsURL(where) && !l.Exists() {
			return nil, errors.Join(noLedger(l.Path()), l.Close())
		}
		if mode == ledger.ReadOnly {
			return l, nil
		}
		l.Close()
	}
	return f.openLedger(ctx, where, mode)
}

func noLedger(shown string) error {
	return errorf("lxsweep apply --state "+sweep.ShellQuote(shown)+" grid.hcl would make it", "there is no ledger %s", shown)
}
