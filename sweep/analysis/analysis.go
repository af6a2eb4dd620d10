// Package analysis reads results: pure functions over records. Start at
// Leaderboard for one round, at Rule for two. It knows neither where records come
// from nor how they are shown.
package analysis

import (
	"cmp"
	"math"
	"slices"

	"github.com/lxsweep/lxsweep/sweep"
)

// Row is one experiment of a leaderboard.
type Row struct {
	Record *sweep.Record
	// State is the objective's verdict on the last attempt, Pending if there
	// was none.
	State sweep.State
	// Scores are the objective's metrics in the order of its goals; nil where
	// one is missing or the attempt did not succeed.
	Scores []float64
	// Rank is 1 for the best. With several goals it is the Pareto front: 1 for
	// those that no other beats in every goal. Equal scores share a rank; 0 is
	// unranked.
	Rank int
}

// Leaderboard ranks records by the objective, best first; those without a score
// follow, by name and number. A nil objective ranks nothing.
func Leaderboard(records []*sweep.Record, o *sweep.Objective) []Row {
	rows := make([]Row, len(records))
	for i, r := range records {
		rows[i] = newRow(r, o)
	}
	if o != nil && len(o.Goals) == 1 {
		rankByScore(rows, o.Goals[0])
	} else if o != nil {
		rankByFront(rows, o.Goals)
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Record.Name, b.Record.Name), cmp.Compare(a.Record.Number, b.Record.Number))
	})
	return rows
}

// place sorts the unranked last.
func place(r Row) int {
	if r.Rank == 0 {
		return math.MaxInt
	}
	return r.Rank
}

func newRow(r *sweep.Record, o *sweep.Objective) Row {
	row := Row{Record: r, State: sweep.Pending}
	if r.Last == nil {
		return row
	}
	row.State = o.Verdict(r.Last.State, r.Last.Metrics)
	if o == nil || row.State != sweep.Succeeded {
		return row
	}
	for _, g := range o.Goals {
		score, _ := o.Score(g, r.Last.Metrics) // the verdict saw that it is there
		row.Scores = append(row.Scores, score)
	}
	return row
}

func rankByScore(rows []Row, g sweep.Goal) {
	scored := scoredRows(rows)
	slices.SortStableFunc(scored, func(a, b *Row) int {
		switch {
		case g.Better(a.Scores[0], b.Scores[0]):
			return -1
		case g.Better(b.Scores[0], a.Scores[0]):
			return 1
		}
		return 0
	})
	for i, row := range scored {
		row.Rank = i + 1
		if i > 0 && row.Scores[0] == scored[i-1].Scores[0] {
			row.Rank = scored[i-1].Rank
		}
	}
}

// rankByFront peels Pareto fronts off, one after another: n² comparisons a
// front.
func rankByFront(rows []Row, goals []sweep.Goal) {
	left := scoredRows(rows)
	for front := 1; len(left) > 0; front++ {
		var next []*Row
		for _, row := range left {
			if slices.ContainsFunc(left, func(other *Row) bool { return dominates(other.Scores, row.Scores, goals) }) {
				next = append(next, row)
			} else {
				row.Rank = front
			}
		}
		left = next
	}
}

// dominates reports whether a is as good as b in every goal and better in one.
func dominates(a, b []float64, goals []sweep.Goal) bool {
	better := false
	for i, g := range goals {
		if g.Better(b[i], a[i]) {
			return false
		}
		better = better || g.Better(a[i], b[i])
	}
	return better
}

func scoredRows(rows []Row) []*Row {
	var scored []*Row
	for i := range rows {
		if rows[i].Scores != nil {
			scored = append(scored, &rows[i])
		}
	}
	return scored
}

// Varying returns the paths of the hyperparameters that are not the same in all
// records, in order of path; a path that only some have varies.
func Varying(records []*sweep.Record) []string {
	type seen struct {
		text   string
		count  int
		varies bool
	}
	paths := map[string]*seen{}
	var order []string
	for _, r := range records {
		for path, v := range r.HP.Leaves() {
			s := paths[path]
			if s == nil {
				s = &seen{text: v.String()}
				paths[path] = s
				order = append(order, path)
			}
			s.count++
			s.varies = s.varies || v.String() != s.text
		}
	}
	slices.Sort(order)
	return slices.DeleteFunc(order, func(path string) bool {
		return !paths[path].varies && paths[path].count == len(records)
	})
}
