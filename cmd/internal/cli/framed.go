package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// Framed output is how both streams of a command come through the log of a pod,
// which is one stream of lines: each line, or piece of one, is a line of the log
// behind a byte that says which. The last tells the exit code, and how many there
// were: a node keeps only the end of a long log. What has no such byte was written
// by something else, such as a Go that panics.

// framedVariable has a command write so. Its value says what it writes to in the
// end.
const framedVariable = "LXSWEEP_FRAMED"

// The kinds of frames.
const (
	outLine  = 0x01
	errLine  = 0x02
	outPiece = 0x11 // a line that does not end here
	errPiece = 0x12
	endFrame = 0x04
)

// framedTo says in a variable's value what the streams are.
func framedTo(out, err Stream) string {
	return fmt.Sprintf("%d %t %d %t", out.Width(), out.Terminal, err.Width(), err.Terminal)
}

// frames writes framed output. It may be used by several goroutines.
type frames struct {
	mu      sync.Mutex
	out     io.Writer
	written int
}

// framed are the streams of a process that was told to frame them; nil if it was
// not.
func framed(told string, to io.Writer) (f *frames, out, err Stream) {
	var widths [2]int
	if n, bad := fmt.Sscanf(told, "%d %t %d %t", &widths[0], &out.Terminal, &widths[1], &err.Terminal); n < 4 || bad != nil {
		return nil, out, err
	}
	f = &frames{out: to}
	out.Width, out.Raw = func() int { return widths[0] }, frameWriter{f, outLine, outPiece}
	err.Width, err.Raw = func() int { return widths[1] }, frameWriter{f, errLine, errPiece}
	out.Writer, err.Writer = out.Raw, err.Raw
	return f, out, err
}

// frameWriter frames what one stream writes.
type frameWriter struct {
	*frames
	line, piece byte
}

func (w frameWriter) Write(b []byte) (int, error) {
	var text bytes.Buffer
	for part := range bytes.Lines(b) {
		if part[len(part)-1] == '\n' {
			text.WriteByte(w.line)
			text.Write(part)
			continue
		}
		text.WriteByte(w.piece)
		text.Write(part)
		text.WriteByte('\n')
	}
	return len(b), w.write(text.Bytes())
}

// end tells the exit code.
func (f *frames) end(code ExitCode) {
	if f != nil {
		_ = f.write(fmt.Appendf(nil, "%c%d %d\n", endFrame, code, f.written)) // nobody is left to be told
	}
}

func (f *frames) write(text []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written += bytes.Count(text, []byte("\n"))
	_, err := f.out.Write(text)
	return err
}

// unframed hands on one line of framed output, after so many. It returns the exit
// code with the last one.
func (f *Factory) unframed(line []byte, before int) (code ExitCode, last bool, err error) {
	content := line[1:]
	switch line[0] {
	case endFrame:
		written := 0
		_, err := fmt.Sscanf(string(content), "%d %d", &code, &written)
		if err == nil && before < written {
			err = errorf("--filter or --round makes it shorter; or take a ledger that is read from here: --state postgres://...",
				"%d of %d lines were lost on the way: the node keeps only the end of a long log", written-before, written)
		}
		return code, true, err
	case outLine:
		_, err = f.Out.Write(content)
	case outPiece:
		_, err = f.Out.Write(content[:len(content)-1])
	case errLine:
		_, err = f.Err.Write(content)
	case errPiece:
		_, err = f.Err.Write(content[:len(content)-1])
	default:
		_, err = f.Err.Write(line)
	}
	return 0, false, err
}
