package ui

import (
	"fmt"
	"io"
)

// WriteBest draws the winners of boards: several of one where scores are equal,
// or on a Pareto front. short names a path, and again the command that runs one
// again, as a person would type them.
func WriteBest(w io.Writer, s Screen, boards []*Board, short, again func(string) string) error {
	e := &errWriter{w: w}
	for i, b := range boards {
		if i > 0 {
			fmt.Fprintln(e)
		}
		fmt.Fprintf(e, "%s  %s\n", s.Paint(Bold, "sweep "+s.Clean(b.Sweep)), s.Paint(Dim, s.Clean(ObjectiveText(b.Objective))))
		for _, row := range b.Rows {
			if row.Rank != 1 {
				break
			}
			run := row.Record.RunName()
			fmt.Fprintf(e, "  %s  %s\n", s.Paint(Green, run), s.Clean(Score(b.Objective, row.Record.Last.Metrics)))
			t := &Table{Indent: 4, NoTitles: true, Whole: true, Columns: make([]Column, 2)}
			for path, v := range row.Record.HP.Leaves() {
				t.Rows = append(t.Rows, Texts(path, v.Text()))
			}
			if dir := row.Record.Last.OutputDir; dir != "" {
				dir = short(dir)
				if when := row.Record.Last.Pruned; !when.IsZero() {
					dir += " (removed on " + When(when) + ")"
				}
				t.Rows = append(t.Rows, Texts("output", dir))
			}
			_, _ = t.Write(e, s)
			WriteHints(e, s, []Hint{{again(run), "a line to paste that runs it again"}})
		}
	}
	return e.err
}
