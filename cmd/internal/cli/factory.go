package cli

import (
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
)

// Factory is what every command is made with: the world as it comes in.
type Factory struct {
	Version string
	In      io.Reader
	Out     Stream
	Err     Stream
	// InTerminal says that In is a terminal, where questions can be answered.
	InTerminal bool
	// Environ looks up an environment variable.
	Environ func(string) (string, bool)
	// Dir is the current folder, absolute.
	Dir string
	Now func() time.Time
	// Signals delivers SIGINT, SIGTERM and SIGHUP until stop is called.
	Signals func() (signals <-chan os.Signal, stop func())
	// KeepWriting is called by commands that must not end with their reader.
	KeepWriting func()
	// CPUs is how many runs go on at once where nobody says.
	CPUs int

	noColor *bool    // --no-color, nil if it was not given
	args    []string // the command line
	frames  *frames  // nil if the streams are not framed
}

// Stream is a place to write to.
type Stream struct {
	io.Writer
	// Raw is the Writer without its filter: for programs in the foreground, and
	// for what moves the cursor.
	Raw io.Writer
	// Terminal says that somebody looks at it.
	Terminal bool
	// Width is how many columns it has now, 0 for no limit.
	Width func() int
}

// Getenv returns an environment variable, empty if it is not set.
func (f *Factory) Getenv(name string) string {
	value, _ := f.Environ(name)
	return value
}

// screen is how renderers draw on s.
func (f *Factory) screen(s Stream) ui.Screen {
	return ui.Screen{
		Width: s.Width(), Color: ui.WantColor(f.noColor, f.Getenv, s.Terminal), ASCII: ui.WantASCII(f.Getenv),
	}
}

// filter keeps what people read free of what harms or puzzles their terminal:
// all of stderr, and stdout where it is one. What was held back is written by
// flush.
func (f *Factory) filter() (flush func()) {
	s := ui.Screen{ASCII: ui.WantASCII(f.Getenv)}
	err := ui.NewSafeWriter(f.Err.Raw, s)
	f.Err.Writer = err
	if !f.Out.Terminal {
		return func() { _ = err.Flush() }
	}
	out := ui.NewSafeWriter(f.Out.Raw, s)
	f.Out.Writer = out
	return func() { _, _ = out.Flush(), err.Flush() }
}

// SystemFactory is the process' own world.
func SystemFactory(version string) (*Factory, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	told, out, stderr := framed(os.Getenv(framedVariable), os.Stdout)
	if told == nil {
		out, stderr = systemStream(os.Stdout), systemStream(os.Stderr)
	}
	return &Factory{
		Version: version,
		In:      os.Stdin, Out: out, Err: stderr, frames: told,
		InTerminal: term.IsTerminal(int(os.Stdin.Fd())),
		Environ:    os.LookupEnv,
		Dir:        dir,
		Now:        time.Now,
		Signals:    systemSignals, KeepWriting: surviveClosedOutput,
		CPUs: cpus(),
	}, nil
}

// systemStream takes the width of a terminal from the terminal, that of
// anything else from COLUMNS.
func systemStream(file *os.File) Stream {
	terminal := term.IsTerminal(int(file.Fd()))
	width := func() int {
		if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 && !terminal {
			return columns
		}
		columns, _, err := term.GetSize(int(file.Fd()))
		if err != nil {
			return 0
		}
		return columns
	}
	return Stream{file, file, terminal, width}
}

// systemSignals leaves alone what the process was started to ignore, as nohup
// does with SIGHUP.
func systemSignals() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 8)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	return c, func() { signal.Stop(c) }
}

// surviveClosedOutput keeps the process alive when nobody reads its output any
// more, as behind `| head`: writing is then an error like any other. (To ignore
// the signal altogether would pass that on to the programs.)
func surviveClosedOutput() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}

// lenient is a writer whose reader may go away without harm.
type lenient struct{ io.Writer }

func (l lenient) Write(b []byte) (int, error) {
	_, _ = l.Writer.Write(b)
	return len(b), nil
}
