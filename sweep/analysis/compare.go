package analysis

import (
	"cmp"
	"math"
	"slices"

	"github.com/lxsweep/lxsweep/sweep"
)

// Rule is how two rounds of a sweep are compared.
//
// Experiments are joined by point. Those of one round that differ in nothing but
// Repeated are one group, whose values are summed up by their mean. A goal got
// worse, or better, if the change of the mean
//
//   - exceeds the tolerance, and
//   - where some point ran more than once, is more than the scatter of the
//     repeats explains: Welch's t-test, one-sided, at the level of 1 %. So of a
//     hundred points that did not change, about one is called worse at the most.
//     If only one of the rounds has repeats, their scatter stands for both.
//
// Several goals are judged each by itself: a point is worse if one of them is.
type Rule struct {
	Objective *sweep.Objective // nil: only who succeeded is compared
	Repeated  []string         // Experiment.Repeated
	Tolerance Tolerance
}

// Verdict is what became of a point, or of one of its goals.
type Verdict string

// The verdicts. The first two are regressions.
const (
	FailedNow Verdict = "failed-now" // succeeded then and not now: the same point, or all of a group
	Worse     Verdict = "worse"
	Failed    Verdict = "failed"  // without success in both rounds
	Missing   Verdict = "missing" // not asked for now, or not ended
	New       Verdict = "new"     // not asked for then, or not ended
	Same      Verdict = "same"
	Mended    Verdict = "mended" // none succeeded then
	Better    Verdict = "better"
)

// Verdicts are all of them, in the order in which Compare sorts.
var Verdicts = []Verdict{FailedNow, Worse, Failed, Missing, New, Same, Mended, Better}

// Regression reports whether v is one.
func (v Verdict) Regression() bool { return v == FailedNow || v == Worse }

// Change is one point in two rounds.
type Change struct {
	Name      string // experiment_name
	HP        *sweep.Object
	Then, Now Side
	// Goals are aligned with the objective's; nil unless both rounds have values.
	Goals   []Delta
	Verdict Verdict
}

// Side is the experiments of a point in one round, by number and unranked.
type Side []Row

// Delta is one goal of a point in two rounds.
type Delta struct {
	Goal      sweep.Goal
	Then, Now Stat
	Verdict   Verdict // Better, Worse or Same
}

// Stat sums values up.
type Stat struct {
	N        int
	Mean, SD float64 // SD is the sample standard deviation, 0 for fewer than two
}

// By is how much the goal's mean changed.
func (d Delta) By() float64 { return difference(d.Then.Mean, d.Now.Mean) }

// Percent is By in per cent of the value then; NaN where that is 0.
func (d Delta) Percent() float64 {
	if d.Then.Mean == 0 {
		return math.NaN()
	}
	return 100 * d.By() / math.Abs(d.Then.Mean)
}

// Compare returns every point of both rounds: the worst regression first, the
// best improvement last. The order of records does not matter.
func (r Rule) Compare(then, now []*sweep.Record) []Change {
	var changes []Change
	for _, c := range r.join(then, now) {
		r.judge(c)
		changes = append(changes, *c)
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(slices.Index(Verdicts, a.Verdict), slices.Index(Verdicts, b.Verdict)),
			r.bySize(a, b),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.number(), b.number()))
	})
	return changes
}

// join makes the groups. A record of then belongs where its point is now; else
// where others of its group are, for which an hp that does not matter may have
// another value by now; else to a group of its own.
func (r Rule) join(then, now []*sweep.Record) map[string]*Change {
	groups := map[string]*Change{}
	group := func(key string, rec *sweep.Record) *Change {
		if groups[key] == nil {
			groups[key] = &Change{Name: rec.Name, HP: r.without(rec.HP)}
		}
		return groups[key]
	}
	points := map[sweep.Hash]string{}
	for _, rec := range byNumber(now) {
		key := r.key(rec)
		points[rec.Point] = key
		c := group(key, rec)
		c.Now = append(c.Now, newRow(rec, r.Objective))
	}
	aliases := map[string]string{}
	for _, rec := range byNumber(then) {
		if key, ok := points[rec.Point]; ok {
			aliases[r.key(rec)] = key
		}
	}
	for _, rec := range byNumber(then) {
		key := cmp.Or(points[rec.Point], aliases[r.key(rec)], r.key(rec))
		c := group(key, rec)
		c.Then = append(c.Then, newRow(rec, r.Objective))
	}
	return groups
}

func byNumber(records []*sweep.Record) []*sweep.Record {
	return slices.SortedFunc(slices.Values(records), func(a, b *sweep.Record) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Number, b.Number))
	})
}

func (r Rule) key(rec *sweep.Record) string { return rec.Name + "\n" + r.without(rec.HP).String() }

func (r Rule) without(hp *sweep.Object) *sweep.Object {
	for _, path := range r.Repeated {
		hp = hp.Without(path)
	}
	return hp
}

// Ended reports whether the row's experiment has come to an end of its own: what
// was interrupted is run again.
func (r Row) Ended() bool { return r.State.Final() && r.State != sweep.Interrupted }

func (s Side) ended() int {
	n := 0
	for _, row := range s {
		if row.Ended() {
			n++
		}
	}
	return n
}

// Succeeded is how many have.
func (s Side) Succeeded() int {
	n := 0
	for _, row := range s {
		if row.State == sweep.Succeeded {
			n++
		}
	}
	return n
}

// Stat sums up goal i.
func (s Side) Stat(i int) Stat {
	var st Stat
	for _, row := range s {
		if row.Scores != nil {
			st.N++
			st.Mean += row.Scores[i]
		}
	}
	st.Mean /= float64(st.N)
	if st.N < 2 || math.IsInf(st.Mean, 0) {
		return st
	}
	for _, row := range s {
		if row.Scores != nil {
			st.SD += (row.Scores[i] - st.Mean) * (row.Scores[i] - st.Mean)
		}
	}
	st.SD = math.Sqrt(st.SD / float64(st.N-1))
	return st
}

func (r Rule) judge(c *Change) {
	then, now := c.Then.Succeeded(), c.Now.Succeeded()
	switch {
	case c.Now.ended() == 0 && len(c.Then) > 0:
		c.Verdict = Missing
	case c.Then.ended() == 0:
		c.Verdict = New
	case then == 0 && now == 0:
		c.Verdict = Failed
	case then == 0:
		c.Verdict = Mended
	case now == 0:
		c.Verdict = FailedNow
	default:
		r.judgeGoals(c)
		if c.failing() != nil {
			c.Verdict = FailedNow
		}
	}
}

func (r Rule) judgeGoals(c *Change) {
	c.Verdict = Same
	if r.Objective == nil {
		return
	}
	for i, g := range r.Objective.Goals {
		d := Delta{Goal: g, Then: c.Then.Stat(i), Now: c.Now.Stat(i)}
		d.Verdict = r.verdict(d)
		c.Goals = append(c.Goals, d)
		if d.Verdict == Worse || d.Verdict == Better && c.Verdict == Same {
			c.Verdict = d.Verdict
		}
	}
}

func (r Rule) verdict(d Delta) Verdict {
	if !r.Tolerance.exceeded(d.Then.Mean, d.Now.Mean) || explained(d.Then, d.Now) {
		return Same
	}
	if d.Goal.Better(d.Now.Mean, d.Then.Mean) {
		return Better
	}
	return Worse
}

// failing is the first row that failed now though its point had succeeded.
func (c *Change) failing() *Row {
	for i, now := range c.Now {
		same := func(then Row) bool {
			return then.Record.Point == now.Record.Point && then.State == sweep.Succeeded
		}
		if now.Ended() && now.State != sweep.Succeeded && slices.ContainsFunc(c.Then, same) {
			return &c.Now[i]
		}
	}
	return nil
}

// Shown is the experiment to look at: the one that fails now, else the first one
// of this round, else of the one before.
func (c *Change) Shown() *Row {
	if row := c.failing(); row != nil {
		return row
	}
	if len(c.Now) == 0 {
		return &c.Then[0]
	}
	for i, row := range c.Now {
		if c.Verdict == FailedNow && row.Ended() {
			return &c.Now[i]
		}
	}
	return &c.Now[0]
}

func (c *Change) number() int { return c.Shown().Record.Number }

// bySize puts the greater loss first, and the greater gain last.
func (r Rule) bySize(a, b Change) int {
	switch a.Verdict {
	case Worse:
		return cmp.Compare(r.size(b), r.size(a))
	case Better:
		return cmp.Compare(r.size(a), r.size(b))
	}
	return 0
}

// size is the greatest change that made the verdict, in the tolerance's unit.
func (r Rule) size(c Change) float64 {
	most := 0.0
	for _, d := range c.Goals {
		if d.Verdict == c.Verdict {
			most = max(most, r.Tolerance.size(d.Then.Mean, d.Now.Mean))
		}
	}
	return most
}

// Count counts the verdicts.
func Count(changes []Change) map[Verdict]int {
	n := map[Verdict]int{}
	for _, c := range changes {
		n[c.Verdict]++
	}
	return n
}
