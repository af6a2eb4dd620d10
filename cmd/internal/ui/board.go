package ui

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// Board is a leaderboard.
type Board struct {
	Sweep string
	// Source is the files that ask for it, empty where that is no question.
	Source string
	// Round is empty where that is no question.
	Round     string
	Objective *sweep.Objective // nil for none
	Rows      []analysis.Row   // best first
	// Paths are the hyperparameters that have a column.
	Paths []string
	// Limit is how many rows are drawn, 0 for all.
	Limit int
}

// Write draws the board: what it is about, and a table.
func (b *Board) Write(w io.Writer, s Screen) error {
	title := s.Paint(Bold, "sweep "+s.Clean(b.Sweep))
	if b.Objective != nil {
		title += "  " + s.Paint(Dim, s.Clean(ObjectiveText(b.Objective)))
	}
	if b.Round != "" {
		title += "  round " + s.Clean(b.Round)
	}
	if b.Source != "" {
		title += "  " + s.Paint(Dim, s.Clean(b.Source))
	}
	if _, err := fmt.Fprintln(w, title); err != nil {
		return err
	}
	t := b.table()
	shown := len(b.Rows)
	if b.Limit > 0 && b.Limit < shown {
		shown = b.Limit
		t.Rows = append(t.Rows, Row{Span: ellipsis + " " + Thousands(strconv.Itoa(len(b.Rows)-shown)) + " more"})
	}
	dropped, err := t.Write(w, s)
	if err == nil {
		err = writeDropped(w, s, "  ", dropped, " (-o csv has all)")
	}
	return err
}

// writeDropped names the columns for which there was no room.
func writeDropped(w io.Writer, s Screen, indent string, dropped []string, where string) error {
	if len(dropped) == 0 {
		return nil
	}
	e := &errWriter{w: w}
	writeSentence(e, s, indent, Dim, "not shown: "+strings.Join(dropped, ", ")+where)
	return e.err
}

func (b *Board) table() *Table {
	t := &Table{Indent: 2, Columns: []Column{{}, {Title: "run", Tail: runTail}}}
	for _, g := range b.goals() {
		t.Columns = append(t.Columns, Column{Title: g.Metric})
	}
	t.Columns = append(t.Columns, Column{Title: "state"})
	for _, path := range b.Paths {
		t.Columns = append(t.Columns, Column{Title: path, Drop: 2, Most: cellWidth})
	}
	t.Columns = append(t.Columns, Column{Title: "took", Drop: 3})
	for i, row := range b.Rows {
		if b.Limit > 0 && i == b.Limit {
			break
		}
		t.Rows = append(t.Rows, b.row(row))
	}
	return t
}

// runTail is what is left of a long run name at the least: its number.
const runTail = 12

func (b *Board) goals() []sweep.Goal {
	if b.Objective == nil {
		return nil
	}
	return b.Objective.Goals
}

func (b *Board) row(r analysis.Row) Row {
	rank, color := "", Plain
	if r.Rank > 0 {
		rank = strconv.Itoa(r.Rank)
	}
	if r.Rank == 1 {
		color = Green
	}
	cells := []Cell{{rank, Dim}, {r.Record.RunName(), color}}
	for i := range b.goals() {
		score := ""
		if i < len(r.Scores) {
			score = Number(r.Scores[i])
		}
		cells = append(cells, Cell{score, color})
	}
	state := Cell{}
	if r.State != sweep.Succeeded || b.Objective == nil {
		state = Cell{string(r.State), StateColor(r.State)}
	}
	cells = append(cells, state)
	for _, path := range b.Paths {
		text := ""
		if v, ok := r.Record.HP.Get(path); ok {
			text = v.Text()
		}
		cells = append(cells, Cell{Text: text})
	}
	took := ""
	if r.Record.Last != nil && r.Record.Last.Duration() > 0 {
		took = Duration(r.Record.Last.Duration())
	}
	return Row{Cells: append(cells, Cell{took, Dim})}
}

// StateColor is the colour of a state.
func StateColor(s sweep.State) Color {
	switch s {
	case sweep.Succeeded:
		return Green
	case sweep.Running, sweep.Queued:
		return Cyan
	case sweep.Pending, "":
		return Plain
	case sweep.Interrupted, sweep.Cancelled:
		return Yellow
	}
	return Red
}
