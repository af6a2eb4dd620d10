package ui

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// Applied is what an apply did.
type Applied struct {
	Summary runner.Summary
	Took    time.Duration
	// Failures are the first of those that failed now; more did if Summary says
	// so.
	Failures []runner.Ended
	// Kept is how many failures of earlier applies were left as they are.
	Kept int
	// HeldBack is a line about what was not started as planned, empty for none.
	HeldBack string
	// Next says how to go on.
	Next []Hint
}

// Hint is a command to type and what it is for.
type Hint struct{ Command, What string }

// MaxFailures is how many failures are shown with the ends of their logs.
const MaxFailures = 5

// Write draws what happened and how to go on.
func (a *Applied) Write(w io.Writer, s Screen) error {
	e := &errWriter{w: w}
	fmt.Fprintln(e)
	a.writeFailures(e, s)
	writeSentence(e, s, "", Bold, a.line())
	if a.HeldBack != "" {
		writeSentence(e, s, "", Plain, a.HeldBack)
	}
	WriteHints(e, s, a.Next)
	return e.err
}

// line is "Apply: 43 succeeded, 2 failed, 1 not started, in 12m05s. 3 earlier failures kept."
func (a *Applied) line() string {
	var parts []string
	part := func(n int, what string) {
		if n > 0 {
			parts = append(parts, Thousands(strconv.Itoa(n))+" "+what)
		}
	}
	part(a.Summary.Succeeded, "succeeded")
	for _, state := range slices.Sorted(stateNames(a.Summary.ByState)) {
		if sweep.State(state) != sweep.Succeeded {
			part(a.Summary.ByState[sweep.State(state)], state)
		}
	}
	part(a.Summary.Live, "left running")
	part(a.Summary.NotStarted, "not started")
	if len(parts) == 0 {
		parts = []string{"nothing was run"}
	}
	line := "Apply: " + strings.Join(parts, ", ") + ", in " + Duration(a.Took) + "."
	if a.Kept > 0 {
		line += " " + Count(a.Kept, "earlier failure", "earlier failures") + " kept."
	}
	return line
}

func stateNames(m map[sweep.State]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for state := range m {
			if !yield(string(state)) {
				return
			}
		}
	}
}

func (a *Applied) writeFailures(w io.Writer, s Screen) {
	for i, f := range a.Failures {
		if i == MaxFailures {
			break
		}
		fmt.Fprintln(w, s.Paint(Red, s.Clean(endedText(f))))
		writeIndented(w, s, "  | ", f.Outcome.Tail)
	}
	if more := a.Summary.Failed - min(len(a.Failures), MaxFailures); more > 0 && len(a.Failures) > 0 {
		fmt.Fprintf(w, "%s %s\n", s.Clean(ellipsis), Count(more, "more", "more"))
	}
	if len(a.Failures) > 0 {
		fmt.Fprintln(w)
	}
}

// WriteHints lists commands to type.
func WriteHints(w io.Writer, s Screen, hints []Hint) {
	t := &Table{Indent: 2, NoTitles: true, Whole: true, Columns: []Column{{}, {Drop: 1}}}
	for _, h := range hints {
		t.Rows = append(t.Rows, Row{Cells: []Cell{{Text: h.Command}, {h.What, Dim}}})
	}
	if len(hints) > 0 {
		_, _ = t.Write(w, s)
	}
}
