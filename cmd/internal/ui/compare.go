package ui

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// Comparison is a round of a sweep beside an earlier one.
type Comparison struct {
	Sweep string
	// Source is the files that ask for it, empty where that is no question.
	Source          string
	Baseline, Round string
	Rule            analysis.Rule
	Changes         []analysis.Change // as Rule.Compare sorts them
	// All draws every row.
	All bool
}

// Of a long comparison these many rows are drawn.
const (
	worstRows = 12
	bestRows  = 4
)

// Regressions are the changes for the worse, the worst first.
func (c *Comparison) Regressions() []analysis.Change {
	end := slices.IndexFunc(c.Changes, func(ch analysis.Change) bool { return !ch.Verdict.Regression() })
	if end < 0 {
		end = len(c.Changes)
	}
	return c.Changes[:end]
}

// RoundName is a round in a sentence.
func RoundName(round string) string {
	if round == "" {
		return "(no name)"
	}
	return round
}

// Write draws the comparison: a table and a line that counts.
func (c *Comparison) Write(w io.Writer, s Screen) error {
	title := s.Paint(Bold, "sweep "+s.Clean(c.Sweep))
	if c.Rule.Objective != nil {
		title += "  " + s.Paint(Dim, s.Clean(ObjectiveText(c.Rule.Objective)))
	}
	title += "  round " + s.Clean(RoundName(c.Round)) + " against " + s.Clean(RoundName(c.Baseline))
	if c.Source != "" {
		title += "  " + s.Paint(Dim, s.Clean(c.Source))
	}
	e := &errWriter{w: w}
	fmt.Fprintln(e, title)
	dropped, err := c.table().Write(e, s)
	if err != nil {
		return err
	}
	if err := writeDropped(e, s, "  ", dropped, " (-o csv has all)"); err != nil {
		return err
	}
	writeSentence(e, s, "  ", Plain, c.Line())
	return e.err
}

// Line is "18 points: 1 failed-now, 2 worse, 15 same. Tolerance 1%."
func (c *Comparison) Line() string {
	return Count(len(c.Changes), "point", "points") + ": " + countText(c.Changes) + ". Tolerance " + c.Rule.Tolerance.String() + "."
}

func countText(changes []analysis.Change) string {
	n := analysis.Count(changes)
	var parts []string
	for _, v := range analysis.Verdicts {
		if n[v] > 0 {
			parts = append(parts, Thousands(strconv.Itoa(n[v]))+" "+string(v))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// paths are the hyperparameters that vary from point to point.
func (c *Comparison) paths() []string {
	points := make([]*sweep.Record, len(c.Changes))
	for i, ch := range c.Changes {
		points[i] = &sweep.Record{HP: ch.HP}
	}
	return analysis.Varying(points)
}

func (c *Comparison) goals() []sweep.Goal {
	if c.Rule.Objective == nil {
		return nil
	}
	return c.Rule.Objective.Goals
}

func (c *Comparison) table() *Table {
	t := &Table{Indent: 2, Columns: []Column{{Title: "verdict"}, {Title: "run", Tail: runTail}}}
	paths := c.paths()
	for _, path := range paths {
		t.Columns = append(t.Columns, Column{Title: path, Drop: 3, Most: cellWidth})
	}
	t.Columns = append(t.Columns, Column{Title: "metric"}, Column{Title: "baseline", Drop: 1}, Column{Title: "now"}, Column{Title: "change", Drop: 2},
		Column{Title: "%"}, Column{Title: "sd then", Drop: 4}, Column{Title: "sd now", Drop: 4}, Column{Title: "n", Drop: 4})
	top, bottom := c.Changes, []analysis.Change(nil)
	if !c.All && len(c.Changes) > worstRows+bestRows+1 {
		top, bottom = c.Changes[:worstRows], c.Changes[len(c.Changes)-bestRows:]
	}
	c.rows(t, top, paths)
	if bottom != nil {
		hidden := c.Changes[worstRows : len(c.Changes)-bestRows]
		t.Rows = append(t.Rows, Row{Span: fmt.Sprintf("%s %s more: %s (--all)", ellipsis, Thousands(strconv.Itoa(len(hidden))), countText(hidden))})
		c.rows(t, bottom, paths)
	}
	return t
}

// rows draws a row a goal, one where there are no values to compare.
func (c *Comparison) rows(t *Table, changes []analysis.Change, paths []string) {
	for _, ch := range changes {
		head := []Cell{{}, {Text: ch.Shown().Record.RunName()}}
		for _, path := range paths {
			text := ""
			if v, ok := ch.HP.Get(path); ok {
				text = v.Text()
			}
			head = append(head, Cell{Text: text})
		}
		if len(ch.Goals) == 0 || ch.Verdict == analysis.FailedNow {
			head[0] = verdictCell(ch.Verdict)
			cells := append(head, Cell{}, Cell{Text: sideText(ch.Then, c.goals())}, Cell{Text: sideText(ch.Now, c.goals())})
			t.Rows = append(t.Rows, Row{Cells: cells})
			continue
		}
		for _, d := range ch.Goals {
			head[0] = verdictCell(d.Verdict)
			t.Rows = append(t.Rows, Row{Cells: append(slices.Clone(head), c.deltaCells(d)...)})
		}
	}
}

func (c *Comparison) deltaCells(d analysis.Delta) []Cell {
	metric := ""
	if len(c.goals()) > 1 {
		metric = d.Goal.Metric
	}
	color := verdictColor(d.Verdict)
	cells := []Cell{{Text: metric}, {Text: Number(d.Then.Mean)}, {Number(d.Now.Mean), color}, {changed(d.By()), color}, {percent(d), color}}
	for _, st := range []analysis.Stat{d.Then, d.Now} {
		text := ""
		if st.N > 1 {
			text = strconv.FormatFloat(st.SD, 'g', 2, 64)
		}
		cells = append(cells, Cell{text, Dim})
	}
	n := ""
	if d.Then.N != d.Now.N {
		n = fmt.Sprintf("%d, %d", d.Then.N, d.Now.N)
	} else if d.Then.N > 1 {
		n = strconv.Itoa(d.Then.N)
	}
	return append(cells, Cell{n, Dim})
}

// sideText is the means of one round, or how it ended without any.
func sideText(s analysis.Side, goals []sweep.Goal) string {
	if len(s) == 0 {
		return ""
	}
	ended := s[0]
	for _, row := range s {
		if row.State != sweep.Succeeded {
			ended = row
		}
	}
	switch succeeded := s.Succeeded(); {
	case succeeded > 0 && succeeded < len(s):
		return fmt.Sprintf("%d %s", len(s)-succeeded, ended.State)
	case succeeded == 0 || len(goals) == 0:
		return string(ended.State)
	}
	means := make([]string, len(goals))
	for i := range goals {
		means[i] = Number(s.Stat(i).Mean)
	}
	return strings.Join(means, " ")
}

// plus gives a number its sign.
func plus(number string) string {
	if strings.HasPrefix(number, "-") || number == "0" {
		return number
	}
	return "+" + number
}

// changed writes a change with the three digits that matter.
func changed(by float64) string {
	if by-by == 0 {
		by, _ = strconv.ParseFloat(strconv.FormatFloat(by, 'g', 3, 64), 64)
	}
	return plus(Number(by))
}

// percent is empty where there is none.
func percent(d analysis.Delta) string {
	p := d.Percent()
	switch a := math.Abs(p); {
	case p-p != 0:
		return ""
	case a == 0:
		return "0"
	case a < 1:
		return plus(strconv.FormatFloat(p, 'f', 2, 64))
	}
	return plus(strconv.FormatFloat(p, 'f', 1, 64))
}

func verdictCell(v analysis.Verdict) Cell { return Cell{string(v), verdictColor(v)} }

func verdictColor(v analysis.Verdict) Color {
	switch v {
	case analysis.FailedNow, analysis.Worse, analysis.Failed:
		return Red
	case analysis.Mended, analysis.Better:
		return Green
	case analysis.Missing:
		return Yellow
	}
	return Plain
}

// WriteRegressions tells in five lines what got worse: how much of it, the worst
// two, the best of both rounds, and again, the command that shows all. It writes
// nothing if nothing did.
func WriteRegressions(w io.Writer, s Screen, list []*Comparison, again string) error {
	var worst *Comparison
	var all []analysis.Change
	points := 0
	for _, c := range list {
		if found := c.Regressions(); len(found) > 0 {
			if worst == nil || found[0].Verdict == analysis.FailedNow && worst.Changes[0].Verdict != analysis.FailedNow {
				worst = c
			}
			all = append(all, found...)
		}
		points += len(c.Changes)
	}
	if worst == nil {
		return nil
	}
	e := &errWriter{w: w}
	fit := func(c Color, text string) { fmt.Fprintln(e, s.Paint(c, s.Fit(s.Clean(text), s.Width))) }
	fit(Red, fmt.Sprintf("regression: %s of %s against round %s: %s", Thousands(strconv.Itoa(len(all))),
		Count(points, "point", "points"), RoundName(worst.Baseline), countText(all)))
	name := ""
	if len(list) > 1 {
		name = "sweep " + worst.Sweep + "  "
	}
	found := worst.Regressions()
	for _, ch := range found[:min(2, len(found))] {
		fit(Plain, "  "+name+worst.changeText(ch))
	}
	if text := worst.bestText(); text != "" {
		fit(Plain, "  "+name+text)
	}
	WriteHints(e, s, []Hint{{Command: again}})
	return e.err
}

// changeText is "ex-30  worse  lr=0.1  val_loss 0.21 then, 0.25 now (+19.0 %)".
func (c *Comparison) changeText(ch analysis.Change) string {
	row := ch.Shown()
	parts := []string{row.Record.RunName() + "  " + string(ch.Verdict)}
	for _, path := range c.paths() {
		if v, ok := ch.HP.Get(path); ok {
			parts = append(parts, path+"="+v.Text())
		}
	}
	if ch.Verdict == analysis.FailedNow {
		why := string(row.State)
		if row.State == sweep.NoResult {
			why += ": " + NoResultReason(c.Rule.Objective, row.Record.Last.Outcome)
		} else if row.Record.Last.Reason != "" {
			why += ": " + row.Record.Last.Reason
		}
		return strings.Join(append(parts, why), "  ")
	}
	for _, d := range ch.Goals {
		if d.Verdict == analysis.Worse {
			text := fmt.Sprintf("%s %s then, %s now", d.Goal.Metric, Number(d.Then.Mean), Number(d.Now.Mean))
			if p := percent(d); p != "" {
				text += " (" + p + " %)"
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "  ")
}

// bestText is "best  val_loss 0.2 then (ex-2), 0.24 now (ex-28)".
func (c *Comparison) bestText() string {
	var texts []string
	for i, g := range c.goals() {
		then := c.best(i, func(ch analysis.Change) analysis.Side { return ch.Then })
		now := c.best(i, func(ch analysis.Change) analysis.Side { return ch.Now })
		texts = append(texts, fmt.Sprintf("%s %s then, %s now", g.Metric, then, now))
	}
	if texts == nil {
		return ""
	}
	return "best  " + strings.Join(texts, "; ")
}

// best is the best single run of a goal: "0.2 (ex-2)".
func (c *Comparison) best(goal int, side func(analysis.Change) analysis.Side) string {
	var best *analysis.Row
	for _, ch := range c.Changes {
		for _, row := range side(ch) {
			if row.Scores != nil && (best == nil || c.goals()[goal].Better(row.Scores[goal], best.Scores[goal])) {
				best = &row
			}
		}
	}
	if best == nil {
		return "none"
	}
	return Number(best.Scores[goal]) + " (" + best.Record.RunName() + ")"
}
