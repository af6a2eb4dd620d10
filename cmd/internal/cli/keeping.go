package cli

import (
	"context"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/ledger"
)

// keeping is a place whose logs are kept in a ledger that machines share. When
// an attempt is let go of, its outcome is durable and its log is whole.
type keeping struct {
	place
	ledger *ledger.Ledger
}

// keepLogs is the place itself for a ledger in a file: the logs are beside it.
func keepLogs(p place, l *ledger.Ledger) place {
	if l.Folder == "" {
		return p
	}
	return keeping{p, l}
}

// Release keeps the log first: what holds it may be gone afterwards.
func (k keeping) Release(ctx context.Context, a runner.Attempt) error {
	name, number, err := k.ledger.RunOf(ctx, a.ID)
	if err == nil && name != "" {
		err = k.ledger.KeepLog(ctx, a.ID, k.LogPath(name, number))
	}
	if err != nil {
		return err
	}
	return k.place.Release(ctx, a)
}
