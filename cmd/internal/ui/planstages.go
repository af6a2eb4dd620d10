package ui

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

// writeAxes draws the blocks of a sweep with the values of their axes.
func (t *PlanText) writeAxes(w io.Writer, s *sweep.Sweep) {
	for _, space := range s.Spaces {
		switch space := space.(type) {
		case *sweep.Grid:
			t.writeBlock(w, "grid", space.Pos, space.Axes)
		case *sweep.Sample:
			title := fmt.Sprintf("sample %s, count %s, seed %d", space.Method, Thousands(strconv.Itoa(space.Count)), space.Seed)
			t.writeBlock(w, title, space.Pos, space.Axes)
		}
	}
	if s.Repeat != nil {
		t.writeBlock(w, "repeat", s.Repeat.Pos, s.Repeat.Axes)
	}
}

func (t *PlanText) writeBlock(w io.Writer, title string, pos sweep.Pos, axes []sweep.Axis) {
	fmt.Fprintf(w, "  %s  %s\n", title, t.screen.Paint(Dim, t.screen.Clean(pos.String())))
	table := &Table{Indent: 4, NoTitles: true, Columns: []Column{{Shrink: 12}, {}, {Shrink: 20}}}
	for _, axis := range axes {
		count, values := t.axisText(axis)
		table.Rows = append(table.Rows, Texts(axis.Label, count, values))
	}
	_, _ = table.Write(w, t.screen)
	fmt.Fprintln(w)
}

// fewValues is how many values of an axis are listed before its middle is left
// out.
const fewValues = 12

// axisText is how many values an axis has, and which.
func (t *PlanText) axisText(axis sweep.Axis) (count, values string) {
	if axis.Dist != nil {
		return "", axis.Dist.String()
	}
	count = Count(len(axis.Rows), "value", "values")
	if len(axis.Paths) > 1 {
		count = Count(len(axis.Rows), "row", "rows")
	}
	texts := make([]string, 0, fewValues+1)
	for i, row := range axis.Rows {
		if len(axis.Rows) > fewValues && i >= fewValues-2 && i < len(axis.Rows)-1 {
			if i == fewValues-2 {
				texts = append(texts, ellipsis)
			}
			continue
		}
		texts = append(texts, t.rowText(row, axis.Weights, i))
	}
	return count, strings.Join(texts, " ")
}

func (t *PlanText) rowText(row sweep.Assignment, weights []float64, i int) string {
	parts := make([]string, len(row))
	for k, set := range row {
		parts[k] = t.screen.Fit(t.screen.Clean(set.Value.Text()), cellWidth)
	}
	text := strings.Join(parts, ",")
	if weights != nil {
		text += ":" + Number(weights[i])
	}
	return text
}

// stage is one line of what became of a sweep's points.
type stage struct {
	sign  string // what the count does to the sum: "", "-", "+", "x", "="
	count int
	what  string
	where string
	note  string
}

// writeStages draws the count of every stage, with the place that it comes from.
func (t *PlanText) writeStages(w io.Writer, s *sweep.Sweep, st sweep.Stages) {
	table := &Table{Indent: 4, NoTitles: true, Columns: []Column{{}, {}, {}, {Drop: 1}, {Shrink: 12}}}
	for _, line := range stagesOf(s, st) {
		table.Rows = append(table.Rows, Row{Cells: []Cell{
			{Text: line.sign}, {Text: Thousands(strconv.Itoa(line.count))}, {Text: line.what}, {line.where, Dim}, {Text: line.note},
		}})
	}
	_, _ = table.Write(w, t.screen)
	fmt.Fprintln(w)
}

func stagesOf(s *sweep.Sweep, st sweep.Stages) []stage {
	lines := pointStages(s, st)
	for i, n := range st.Skipped {
		lines = append(lines, stage{"-", n, "skipped", s.Skips[i].Pos.String(), s.Skips[i].Reason})
	}
	if st.Included > 0 {
		where := s.Includes[0].Pos.String()
		if len(s.Includes) > 1 {
			where += " and " + Count(len(s.Includes)-1, "other", "others")
		}
		lines = append(lines, stage{"+", st.Included, "included", where, ""})
	}
	if s.Repeat != nil {
		if len(lines) > 1 {
			n := pointsLeft(st)
			lines = append(lines, stage{"=", n, noun(n, "point", "points"), "", ""})
		}
		lines = append(lines, stage{"x", st.Repeats, noun(st.Repeats, "repeat", "repeats"), s.Repeat.Pos.String(), ""})
	}
	if st.Duplicates > 0 {
		lines = append(lines, stage{"-", st.Duplicates, noun(st.Duplicates, "duplicate", "duplicates"), "", "given by an earlier block"})
	}
	if st.Failed > 0 {
		lines = append(lines, stage{"-", st.Failed, "failed to evaluate", "", ""})
	}
	return append(lines, stage{"=", st.Experiments, noun(st.Experiments, "experiment", "experiments"), "", ""})
}

// pointsLeft is what goes into the repeats.
func pointsLeft(st sweep.Stages) int {
	n := st.Points + st.Included
	for _, skipped := range st.Skipped {
		n -= skipped
	}
	return n
}

// pointStages is a line for each space, or one for the config itself.
func pointStages(s *sweep.Sweep, st sweep.Stages) []stage {
	if len(s.Spaces) == 0 {
		return []stage{{"", st.Points, noun(st.Points, "point", "points"), s.Pos.String(), "the config itself"}}
	}
	var lines []stage
	for i, space := range s.Spaces {
		pos := sweep.Pos{}
		switch space := space.(type) {
		case *sweep.Grid:
			pos = space.Pos
		case *sweep.Sample:
			pos = space.Pos
		}
		sign := ""
		if i > 0 {
			sign = "+"
		}
		n := st.BySpace[i]
		lines = append(lines, stage{sign, n, noun(n, "point", "points"), pos.String(), ""})
	}
	return lines
}

func noun(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
