package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Status is how sweeps stand.
type Status struct {
	Now time.Time
	// All lists what succeeded or has not started, too.
	All    bool
	sweeps []sweepStatus
}

// sweepStatus is one sweep.
type sweepStatus struct {
	Sweep  string      `json:"sweep"`
	Round  string      `json:"round,omitempty"`
	Total  int         `json:"total"`
	Counts stateCounts `json:"states"`
	Runs   []runStatus `json:"runs"`
}

type stateCounts map[sweep.State]int

// parts are "3 running", "1 failed", in the order of states.
func (c stateCounts) parts() (parts []string) {
	for _, state := range stateOrder {
		if n := c[state]; n > 0 {
			name := string(state)
			if state == sweep.Pending {
				name = "not started"
			}
			parts = append(parts, Thousands(fmt.Sprint(n))+" "+name)
		}
	}
	return parts
}

// runStatus is one run as a status tells it.
type runStatus struct {
	Run     string      `json:"run"`
	State   sweep.State `json:"state"`
	Attempt int         `json:"attempt,omitempty"`
	Started *time.Time  `json:"started,omitempty"`
	Seconds float64     `json:"seconds,omitempty"`
	Host    string      `json:"host,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	said    string      // the last line of a failure's log
}

// Add takes a sweep in. state tells what became of open attempts.
func (s *Status) Add(b *Board, state func(*sweep.Record) sweep.State) {
	st := sweepStatus{Sweep: b.Sweep, Total: len(b.Rows), Counts: stateCounts{}, Runs: []runStatus{}}
	for _, row := range b.Rows {
		run := runStatus{Run: row.Record.RunName(), State: row.State}
		st.Round = row.Record.Round
		if last := row.Record.Last; last != nil {
			s.fill(&run, last, b.Objective)
			if !last.State.Final() {
				run.State, run.Reason = state(row.Record), ""
				if run.State == sweep.Queued && last.Reason != "" {
					run.Reason = "waits for " + last.Reason
				}
			}
		}
		st.Counts[run.State]++
		if s.All || run.State != sweep.Succeeded && run.State != sweep.Pending {
			st.Runs = append(st.Runs, run)
		}
	}
	slices.SortStableFunc(st.Runs, func(a, b runStatus) int { return rankOf(a.State) - rankOf(b.State) })
	s.sweeps = append(s.sweeps, st)
}

func (s *Status) fill(run *runStatus, last *sweep.Tried, o *sweep.Objective) {
	run.Attempt, run.Host, run.Reason = last.Number, last.Host, last.Reason
	tail := strings.TrimSpace(last.Tail)
	run.said = tail[strings.LastIndexByte(tail, '\n')+1:]
	if run.State == sweep.NoResult && last.State == sweep.Succeeded {
		run.Reason = NoResultReason(o, last.Outcome)
	}
	if last.Started.IsZero() {
		return
	}
	started := last.Started
	run.Started = &started
	run.Seconds = Seconds(last.Duration())
	if !last.State.Final() {
		run.Seconds = Seconds(s.Now.Sub(started))
	}
}

// stateOrder is the order in which states are listed.
var stateOrder = []sweep.State{
	sweep.Running, sweep.Queued, sweep.Failed, sweep.OOM, sweep.TimedOut, sweep.NoResult, sweep.Lost,
	sweep.Interrupted, sweep.Cancelled, sweep.Succeeded, sweep.Pending,
}

func rankOf(s sweep.State) int { return slices.Index(stateOrder, s) }

// MarshalJSON writes the sweeps.
func (s *Status) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]sweepStatus{}, s.sweeps...))
}

// Write draws it.
func (s *Status) Write(w io.Writer, screen Screen) error {
	e := &errWriter{w: w}
	for i, st := range s.sweeps {
		if i > 0 {
			fmt.Fprintln(e)
		}
		st.write(e, screen)
	}
	return e.err
}

func (st *sweepStatus) write(w io.Writer, s Screen) {
	title := s.Paint(Bold, "sweep "+s.Clean(st.Sweep))
	if st.Round != "" {
		title += "  round " + s.Clean(st.Round)
	}
	fmt.Fprintln(w, title)
	parts := st.Counts.parts()
	var painted []string
	for _, state := range stateOrder {
		if st.Counts[state] > 0 {
			painted = append(painted, s.Paint(StateColor(state), parts[len(painted)]))
		}
	}
	total := Count(st.Total, "experiment", "experiments") + ": "
	if line := "  " + total + strings.Join(parts, ", "); s.Width > 0 && Width(line) > s.Width {
		writeSentence(w, s, "  ", Plain, line)
	} else {
		fmt.Fprintf(w, "  %s%s\n", total, strings.Join(painted, ", "))
	}
	if len(st.Runs) == 0 {
		return
	}
	t := &Table{Indent: 2, Columns: []Column{{Title: "run", Tail: runTail}, {Title: "state"}, {Title: "took", Drop: 1}, {Title: "attempt", Drop: 2}, {Title: "host", Drop: 3}, {Title: "why", Shrink: 16}}}
	for _, run := range st.Runs {
		t.Rows = append(t.Rows, run.row())
	}
	_, _ = t.Write(w, s)
}

func (r *runStatus) row() Row {
	took, attempt := "", ""
	if r.Seconds > 0 {
		took = Duration(time.Duration(r.Seconds * float64(time.Second)))
	}
	if r.Attempt > 1 {
		attempt = fmt.Sprint(r.Attempt)
	}
	why := r.Reason
	if why != "" && r.said != "" {
		why += ": " + r.said
	}
	return Row{Cells: []Cell{{Text: r.Run}, {string(r.State), StateColor(r.State)}, {Text: took}, {Text: attempt}, {Text: r.Host}, {Text: why}}}
}
