package cli

import (
	"bytes"
	"io"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
)

// withheld is what a quiet apply would say on stderr, kept until it is known
// whether to say it. A nil one withholds nothing.
type withheld struct {
	factory *Factory
	to      io.Writer
	kept    *ui.SafeWriter // a cluster's notices come from several goroutines
	text    bytes.Buffer
}

// withhold begins.
func (f *Factory) withhold() *withheld {
	w := &withheld{factory: f, to: f.Err.Writer}
	w.kept = ui.NewSafeWriter(&w.text, f.screen(f.Err))
	f.Err.Writer = w.kept
	return w
}

// reveal says what was withheld, and withholds nothing more.
func (w *withheld) reveal() {
	if w == nil || w.factory.Err.Writer == w.to {
		return
	}
	w.factory.Err.Writer = w.to
	_ = w.kept.Flush()
	_, _ = w.text.WriteTo(w.to)
}

// forget drops what was withheld until now.
func (w *withheld) forget() {
	if w != nil {
		_ = w.kept.Flush()
		w.text.Reset()
	}
}
