package ui

import (
	"slices"

	"github.com/lxsweep/lxsweep/sweep"
)

// How many rows of a sweep are shown: all up to fewRows, else of each group the
// first and the last. What is kept as it is takes less room than what is not.
const (
	fewRows                = 20
	headRows, tailRows     = 6, 3
	headQuiet, tailQuiet   = 2, 1
	headShared, tailShared = 1, 1
)

// sample keeps some of a sequence of rows, in bounded memory.
type sample struct {
	total  int
	first  []indexed // the first fewRows
	groups map[group]*ends
}

type indexed struct {
	index  int
	action *sweep.Action
}

// group is rows that are alike to a reader.
type group struct {
	sign   sweep.Sign
	start  bool
	shared bool
}

// ends is the head and the tail of a group.
type ends struct{ head, tail []indexed }

func newSample() *sample { return &sample{groups: map[group]*ends{}} }

func (s *sample) add(a *sweep.Action) {
	row := indexed{s.total, a}
	s.total++
	if len(s.first) < fewRows {
		s.first = append(s.first, row)
	}
	g := group{a.Sign, a.Start, a.Shared != ""}
	e := s.groups[g]
	if e == nil {
		e = &ends{}
		s.groups[g] = e
	}
	head, tail := g.limits()
	switch {
	case len(e.head) < head:
		e.head = append(e.head, row)
	case len(e.tail) < tail:
		e.tail = append(e.tail, row)
	default:
		copy(e.tail, e.tail[1:])
		e.tail[tail-1] = row
	}
}

func (g group) limits() (head, tail int) {
	switch {
	case g.shared:
		return headShared, tailShared
	case g.sign == sweep.SignUnchanged && !g.start:
		return headQuiet, tailQuiet
	}
	return headRows, tailRows
}

// kept returns the rows to show, in order.
func (s *sample) kept() []indexed {
	if s.total <= fewRows {
		return s.first
	}
	var rows []indexed
	for _, e := range s.groups {
		rows = append(append(rows, e.head...), e.tail...)
	}
	slices.SortFunc(rows, func(a, b indexed) int { return a.index - b.index })
	return rows
}
