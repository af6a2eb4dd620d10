package sweep

import "math"

// Pick says which of a metric's values counts.
type Pick string

// The picks. PickLast is the default.
const (
	PickLast Pick = "last"
	PickMin  Pick = "min"
	PickMax  Pick = "max"
)

// Goal is one metric to be made small or large.
type Goal struct {
	Metric   string `json:"metric"`
	Maximize bool   `json:"maximize,omitempty"`
}

// Objective is what a sweep is for: one goal, or several (Pareto).
type Objective struct {
	Goals []Goal `json:"goals"`
	Pick  Pick   `json:"value,omitempty"` // empty is PickLast
	// Target is the value at which the first goal is reached, nil for none.
	Target *float64 `json:"target,omitempty"`
}

// Score returns the metric's value that counts, and whether there is one.
func (o *Objective) Score(goal Goal, metrics []Metric) (float64, bool) {
	for _, m := range metrics {
		if m.Name != goal.Metric {
			continue
		}
		v := m.Last
		switch o.Pick {
		case PickMin:
			v = m.Min
		case PickMax:
			v = m.Max
		}
		return v, !math.IsNaN(v)
	}
	return 0, false
}

// Verdict derives a state from facts: a success without each of the objective's
// metrics is NoResult. A nil objective changes nothing.
func (o *Objective) Verdict(state State, metrics []Metric) State {
	if o == nil || state != Succeeded {
		return state
	}
	for _, g := range o.Goals {
		if _, ok := o.Score(g, metrics); !ok {
			return NoResult
		}
	}
	return state
}

// Better reports whether a is better than b for the goal.
func (g Goal) Better(a, b float64) bool {
	if g.Maximize {
		return a > b
	}
	return a < b
}
