package cli

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/lxsweep/lxsweep/runner/ledger"
)

func TestRemedy(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "grid.hcl", Err: fs.ErrPermission}
	for _, c := range []struct {
		err  error
		want string
	}{
		{denied, "allow it with chmod or chown, or run as the user who may"},
		{errorf("its own", "reading: %w", denied), "its own"},
		{errorf("", "reading: %w", denied), "allow it with chmod or chown, or run as the user who may"},
		{fmt.Errorf("opening: %w", &ledger.Error{Path: "l.db", Err: denied, Remedy: "Make it readable."}), ""},
		{ledger.ErrClosed, ""},
	} {
		if _, _, got := outcome(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
