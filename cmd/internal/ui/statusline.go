package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// redrawEvery is the shortest time between two drawings of a status line.
const redrawEvery = 100 * time.Millisecond

// clearLine moves to the first column and empties the line.
const clearLine = "\r\x1b[K"

// StatusLine is a Progress for terminals: one line that is redrawn in place,
// and above it a line for each thing that a person should see. Close must be
// called.
type StatusLine struct {
	out    io.Writer
	width  func() int
	screen Screen
	now    func() time.Time

	mu    sync.Mutex // guards what follows and the writing
	tally tally
	drawn time.Time
	shown bool
	stop  chan struct{} // closed by Close
	ended sync.WaitGroup
}

// NewStatusLine starts one for so many experiments. width is asked at every
// drawing, so that a resized terminal is drawn right.
func NewStatusLine(out io.Writer, width func() int, screen Screen, total int, now func() time.Time) *StatusLine {
	l := &StatusLine{
		out: out, width: width, screen: screen, now: now,
		tally: newTally(total, now()), stop: make(chan struct{}),
	}
	l.ended.Go(l.tick)
	return l
}

// tick keeps the times on the line going while nothing happens.
func (l *StatusLine) tick() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			l.mu.Lock()
			l.draw()
			l.mu.Unlock()
		case <-l.stop:
			return
		}
	}
}

// Event redraws the line, and prints one above it for failures and notices.
func (l *StatusLine) Event(e runner.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.event(e)
	switch e := e.(type) {
	case runner.Queued:
		if e.Waiting != "" && l.tally.firstWait(e.Waiting) {
			l.above(Plain, e.Attempt.RunName+" waits for "+e.Waiting)
		}
	case runner.Ended:
		if e.State != sweep.Succeeded && !e.Unstarted() {
			text := endedText(e)
			if e.Retry || e.Attempt.Bystander {
				text += l.tally.next(e)
			}
			l.above(Red, text)
		}
	case runner.Halted:
		l.above(Yellow, haltedText(e))
	case runner.Notice:
		l.above(Plain, e.Text)
	}
	if l.now().Sub(l.drawn) >= redrawEvery {
		l.draw()
	}
}

// Note prints a line above the status.
func (l *StatusLine) Note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.above(Yellow, text)
	l.draw()
}

// Close takes the line away and returns when nothing draws any more.
func (l *StatusLine) Close() {
	close(l.stop)
	l.ended.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
}

func (l *StatusLine) above(c Color, text string) {
	l.clear()
	fmt.Fprintln(l.out, l.screen.Paint(c, l.screen.Clean(text)))
	l.drawn = time.Time{}
}

func (l *StatusLine) clear() {
	if l.shown {
		fmt.Fprint(l.out, clearLine)
		l.shown = false
	}
}

func (l *StatusLine) draw() {
	now := l.now()
	// The last column stays free: some terminals wrap when it is written.
	columns := max(1, l.width()-1)
	text := l.screen.Fit(l.text(now, columns), columns)
	fmt.Fprint(l.out, clearLine+text)
	l.shown, l.drawn = true, now
}

// text is "12/45 done, 2 failed, 4 running, 1m20s, about 3m40s left: ex-8 ex-9",
// without the last of it where there is no room.
func (l *StatusLine) text(now time.Time, columns int) string {
	t := &l.tally
	parts := []string{fmt.Sprintf("%d/%d done", t.done, t.total)}
	if t.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", t.failed))
	}
	parts = append(parts, fmt.Sprintf("%d running", len(t.running)))
	if n := len(t.queued); n > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting", n))
	}
	parts = append(parts, coarse(now.Sub(t.began)))
	if left := t.left(now); left > 0 {
		parts = append(parts, "about "+coarse(left)+" left")
	}
	text := parts[0]
	for _, part := range parts[1:] {
		if Width(text)+2+Width(part) > columns {
			return text
		}
		text += ", " + part
	}
	if len(t.running) > 0 && Width(text)+2+Width(t.running[0]) <= columns {
		text += ": " + l.screen.Clean(strings.Join(t.running, " "))
	}
	return text
}
