package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Rounds lists the rounds of sweeps, a line each.
type Rounds struct {
	lines []roundLine
}

// roundLine is a round of a sweep.
type roundLine struct {
	Sweep  string      `json:"sweep"`
	Source string      `json:"source"`
	Round  string      `json:"round"`
	Began  time.Time   `json:"began"`
	Ended  *time.Time  `json:"ended,omitempty"` // the last of its runs; not while some are open
	Total  int         `json:"total"`
	Counts stateCounts `json:"states"`
	// Best is the first of those that the objective ranks first.
	Best   string             `json:"best,omitempty"`
	Scores map[string]float64 `json:"scores,omitempty"`
	score  string
}

// Add takes a round in; see Status.Add.
func (r *Rounds) Add(a sweep.Asked, b *Board, state func(*sweep.Record) sweep.State) {
	line := roundLine{
		Sweep: a.Sweep, Source: a.Source, Round: a.Round, Began: a.Began,
		Total: len(b.Rows), Counts: stateCounts{},
	}
	var ended time.Time
	for _, row := range b.Rows {
		s, last := row.State, row.Record.Last
		if last != nil && !last.State.Final() {
			s = state(row.Record)
		}
		line.Counts[s]++
		if last != nil && last.Ended.After(ended) {
			ended = last.Ended
		}
	}
	open := line.Counts[sweep.Pending] + line.Counts[sweep.Queued] + line.Counts[sweep.Running]
	if open == 0 && ended.After(a.Began) {
		line.Ended = &ended
	}
	if len(b.Rows) > 0 && b.Rows[0].Rank == 1 {
		line.best(b)
	}
	r.lines = append(r.lines, line)
}

func (l *roundLine) best(b *Board) {
	first := b.Rows[0]
	l.Best, l.Scores = first.Record.RunName(), map[string]float64{}
	for i, g := range b.Objective.Goals {
		if v := first.Scores[i]; v-v == 0 { // JSON has no infinity
			l.Scores[g.Metric] = v
		}
	}
	l.score = Score(b.Objective, first.Record.Last.Metrics)
}

// MarshalJSON writes the rounds.
func (r *Rounds) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]roundLine{}, r.lines...))
}

// Write draws a table for each sweep, its rounds in the order in which they were
// added. Times are those of zone.
func (r *Rounds) Write(w io.Writer, s Screen, zone *time.Location) error {
	e := &errWriter{w: w}
	var tables []*Table
	var titles []string
	at := map[[2]string]int{}
	for _, l := range r.lines {
		key := [2]string{l.Source, l.Sweep}
		if _, known := at[key]; !known {
			at[key] = len(tables)
			tables = append(tables, &Table{Indent: 2, Columns: []Column{
				{Title: "round", Tail: runTail},
				{Title: "began", Drop: 2},
				{Title: "took", Drop: 3},
				{Title: "runs", Drop: 4},
				{Title: "states", Shrink: 12},
				{Title: "best", Drop: 1},
				{Title: "run", Drop: 1},
			}})
			titles = append(titles, s.Paint(Bold, "sweep "+s.Clean(l.Sweep))+"  "+s.Paint(Dim, s.Clean(l.Source)))
		}
		tables[at[key]].Rows = append(tables[at[key]].Rows, l.row(zone))
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(e)
		}
		fmt.Fprintln(e, titles[i])
		_, _ = t.Write(e, s)
	}
	return e.err
}

func (l *roundLine) row(zone *time.Location) Row {
	took := ""
	if l.Ended != nil {
		took = coarse(l.Ended.Sub(l.Began))
	}
	color := Plain
	if l.Counts[sweep.Succeeded] == l.Total {
		color = Green
	}
	return Row{Cells: []Cell{
		{Text: RoundName(l.Round)},
		{Text: l.Began.In(zone).Format("2006-01-02 15:04")},
		{Text: took},
		{Text: fmt.Sprint(l.Total)},
		{strings.Join(l.Counts.parts(), ", "), color},
		{Text: l.score},
		{Text: l.Best},
	}}
}
