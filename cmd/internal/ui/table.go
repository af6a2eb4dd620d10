package ui

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// gap is how many spaces stand between columns.
const gap = 2

// Table is text in columns. On a screen that is too narrow it first cuts the
// columns that may be cut, then leaves out the ones that may be left out.
type Table struct {
	Indent  int
	Columns []Column
	Rows    []Row
	// NoTitles leaves out the first line.
	NoTitles bool
	// Whole is for what is to be copied: what has no room is not cut.
	Whole bool
}

// Column describes one column. A column without any text is not shown.
type Column struct {
	Title string
	// Drop is when it may be left out: 0 never, else higher first, and of equal
	// ones the rightmost first.
	Drop int
	// Shrink is the width that it may be cut to; 0 means never.
	Shrink int
	// Tail is the width of its end that is left, at the least, once no more may
	// be left out; 0 means all.
	Tail int
	// Most is the width that it has at most; 0 means any.
	Most int
}

// Row is the cells of a line, or, if Span is not empty, one text across all.
type Row struct {
	Cells []Cell
	Span  string
}

// Cell is one text, uncleaned, and its colour.
type Cell struct {
	Text  string
	Color Color
}

// Texts makes a row of plain cells.
func Texts(texts ...string) Row {
	cells := make([]Cell, len(texts))
	for i, t := range texts {
		cells[i] = Cell{Text: t}
	}
	return Row{Cells: cells}
}

// Write draws the table and returns the titles of the columns that it left out
// for want of room.
func (t *Table) Write(w io.Writer, s Screen) (dropped []string, err error) {
	l := t.measure(s)
	for s.Width > 0 && !l.fit(t, s.Width) {
		i := l.leaveOut(t)
		if i < 0 {
			l.cutFronts(t, s.Width)
			break
		}
		dropped = append([]string{t.Columns[i].Title}, dropped...)
	}
	b := bufio.NewWriter(w)
	if !t.NoTitles {
		l.line(b, t, s, l.titles(t))
	}
	for _, r := range t.Rows {
		if r.Span != "" {
			b.WriteString(s.Paint(Dim, s.Fit(strings.Repeat(" ", t.Indent)+s.Clean(r.Span), s.Width)) + "\n")
			continue
		}
		l.line(b, t, s, r.Cells)
	}
	return dropped, b.Flush()
}

// layout is what Write decides: natural and chosen widths, 0 for columns that
// are not shown.
type layout struct {
	natural, width []int
	right          []bool
}

func (t *Table) measure(s Screen) *layout {
	n := len(t.Columns)
	l := &layout{natural: make([]int, n), width: make([]int, n), right: make([]bool, n)}
	for i := range t.Columns {
		l.right[i] = true
		for _, r := range t.Rows {
			if i >= len(r.Cells) || r.Cells[i].Text == "" {
				continue
			}
			text := s.Clean(r.Cells[i].Text)
			w := Width(text)
			if most := t.Columns[i].Most; most > 0 {
				w = min(w, most)
			}
			l.natural[i] = max(l.natural[i], w)
			l.right[i] = l.right[i] && numeric(text)
		}
		if l.natural[i] > 0 && !t.NoTitles {
			l.natural[i] = max(l.natural[i], Width(s.Clean(t.Columns[i].Title)))
		}
	}
	copy(l.width, l.natural)
	return l
}

func numeric(text string) bool {
	_, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	return err == nil
}

// fit chooses widths and reports whether the line is at most so wide.
func (l *layout) fit(t *Table, columns int) bool {
	copy(l.width, l.natural)
	for over := l.over(t, columns); over > 0; {
		i := l.widest(t)
		if i < 0 {
			return false
		}
		cut := min(over, l.width[i]-t.Columns[i].Shrink)
		l.width[i] -= cut
		over -= cut
	}
	return true
}

// over is by how much the line is wider than the columns.
func (l *layout) over(t *Table, columns int) int {
	over := t.Indent - gap - columns
	for _, w := range l.width {
		if w > 0 {
			over += w + gap
		}
	}
	return over
}

// cutFronts cuts what may lose its beginning.
func (l *layout) cutFronts(t *Table, columns int) {
	for i, c := range t.Columns {
		if over := l.over(t, columns); over > 0 && c.Tail > 0 {
			l.width[i] = min(l.width[i], max(c.Tail, l.width[i]-over))
		}
	}
}

// widest is the column with most to give, -1 without one.
func (l *layout) widest(t *Table) int {
	best, most := -1, 0
	for i, c := range t.Columns {
		if give := l.width[i] - c.Shrink; c.Shrink > 0 && give > most {
			best, most = i, give
		}
	}
	return best
}

// leaveOut drops the next column and returns it, -1 if none may go.
func (l *layout) leaveOut(t *Table) int {
	next := -1
	for i, c := range t.Columns {
		if c.Drop > 0 && l.natural[i] > 0 && (next < 0 || c.Drop >= t.Columns[next].Drop) {
			next = i
		}
	}
	if next >= 0 {
		l.natural[next], l.width[next] = 0, 0
	}
	return next
}

func (l *layout) titles(t *Table) []Cell {
	cells := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = Cell{Text: c.Title, Color: Dim}
	}
	return cells
}

func (l *layout) line(b *bufio.Writer, t *Table, s Screen, cells []Cell) {
	pending := t.Indent // spaces not yet written, so that no line ends in one
	used := 0
	for i, w := range l.width {
		if w == 0 || i >= len(cells) {
			continue
		}
		text := s.Clean(cells[i].Text)
		if t.Columns[i].Tail > 0 {
			text = s.fitTail(text, w)
		}
		text = s.Fit(text, w)
		if s.Width > 0 && !t.Whole {
			text = s.Fit(text, max(1, s.Width-used-pending))
		}
		space := w - Width(text)
		if l.right[i] {
			pending += space
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", pending) + s.Paint(cells[i].Color, text))
			used, pending = used+pending+Width(text), 0
		}
		if !l.right[i] {
			pending += space
		}
		pending += gap
	}
	b.WriteByte('\n')
}
