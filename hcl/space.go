package hcl

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// spaces are what a sweep block makes of a config's hyperparameters.
type spaces struct {
	spaces   []sweep.Space
	includes []sweep.Include
	repeat   *sweep.Grid
}

func (l *loader) spacesOf(b *sweepBlock, p *program) spaces {
	var s spaces
	ordinal := 0
	var repeated []claim
	if b.repeat != nil {
		r := axisReader{loader: l, program: p}
		s.repeat = &sweep.Grid{Axes: r.read(p.hp, b.repeat.axes), Pos: position(b.repeat.at)}
		repeated = r.claims
		l.needAxes(b.repeat, s.repeat.Axes, "repeat { seed = [1, 2, 3] }")
	}
	for _, block := range b.spaces {
		r := axisReader{loader: l, program: p, samples: block.isSample(), claims: slices.Clone(repeated)}
		axes := r.read(p.hp, block.axes)
		if !block.isSample() {
			l.needAxes(block, axes, "grid { lr = [0.1, 0.01] }")
			s.spaces = append(s.spaces, &sweep.Grid{Axes: axes, Pos: position(block.at)})
			continue
		}
		s.spaces = append(s.spaces, l.sample(block, axes, ordinal))
		ordinal++
	}
	for _, include := range b.includes {
		r := axisReader{loader: l, program: p, claims: slices.Clone(repeated)}
		s.includes = append(s.includes, sweep.Include{Assignment: r.point(p.hp, include.values), Pos: position(include.at)})
	}
	return s
}

// needAxes reports a block that chooses nothing.
func (l *loader) needAxes(block *spaceBlock, axes []sweep.Axis, example string) {
	if len(axes) == 0 && len(block.axes) == 0 {
		l.report(problem(block.at, "Space without axes", "The block is empty: write %s.", example))
	}
}

func (l *loader) sample(b *spaceBlock, axes []sweep.Axis, ordinal int) *sweep.Sample {
	s := &sweep.Sample{Method: b.method.name, Ordinal: ordinal, Axes: axes, Pos: position(b.at)}
	reported := len(l.diags)
	l.whole(b.count, 1, math.MaxInt32, &s.Count)
	seed := 0
	l.whole(b.seed, math.MinInt64, math.MaxInt64, &seed)
	s.Seed = int64(seed)
	if b.count == nil || len(l.diags) > reported || len(axes) < len(b.axes) {
		return s // it cannot be valid, and that is reported
	}
	if err := s.Validate(); err != nil {
		l.report(problem(b.at, "Unusable sample", "%s", sentence(err.Error())))
	}
	return s
}

// axisReader makes axes of a body that is shaped like hp.
type axisReader struct {
	*loader
	program *program
	samples bool
	claims  []claim
}

// claim is a path that an axis sets.
type claim struct {
	path string
	at   hcl2.Range
}

// read makes the axes of a group, in source order.
func (r *axisReader) read(group *parameter, entries []*entry) []sweep.Axis {
	var axes []sweep.Axis
	for _, e := range entries {
		if e.name == zipBlock && e.isBlock() && group.kid(zipBlock) == nil {
			if axis, ok := r.zip(group, e); ok {
				axes = append(axes, axis)
			}
			continue
		}
		q := group.kid(e.name)
		switch {
		case q == nil:
			r.report(r.program.undeclared(e.at, join(group.path, e.name)))
		case e.isBlock() && q.isGroup():
			axes = append(axes, r.read(q, e.kids)...)
		case e.isBlock():
			r.report(problem(e.at, "Group for a value", "hp.%s is %s, not a group of hyperparameters: write %s = [...].", q.path, withArticle(q.leaf.kind.String()), q.name))
		case r.claim(q.path, e.at):
			if axis, ok := r.axis(q, e); ok {
				axes = append(axes, axis)
			}
		}
	}
	return axes
}

// claim reports a path that is set already, by itself or as part of another.
func (r *axisReader) claim(path string, at hcl2.Range) bool {
	for _, c := range r.claims {
		if c.path == path || strings.HasPrefix(c.path, path+".") || strings.HasPrefix(path, c.path+".") {
			r.report(problem(at, "Hyperparameter set twice", "hp.%s is set here and hp.%s at %s: one point would have two values. Take one of them away.", path, c.path, placed(c.at)))
			return false
		}
	}
	r.claims = append(r.claims, claim{path, at})
	return true
}

// axis makes one axis of a list, or of a distribution.
func (r *axisReader) axis(q *parameter, e *entry) (sweep.Axis, bool) {
	axis := sweep.Axis{Label: q.path, Paths: []string{q.path}, Pos: position(e.at)}
	functions := r.atFile
	if r.samples {
		functions = r.inSample
	}
	v, ok := r.fileValue(e.expr, functions)
	if !ok {
		return axis, false
	}
	if v.IsMarked() || v.ContainsMarked() {
		r.report(problem(e.expr.Range(), "Sensitive hyperparameter", "hp.%s: %s", q.path, punctuated(errSensitive.Error())))
		return axis, false
	}
	if dist, ok := asDistribution(v); ok {
		axis.Dist = dist
		return axis, r.distributed(q, e, dist)
	}
	values, weights, ok := asChoice(v)
	if !ok {
		values, ok = listElements(v)
	}
	if !ok {
		r.report(r.noList(q, e, v))
		return axis, false
	}
	axis.Weights = weights
	if len(values) == 0 {
		r.report(problem(e.expr.Range(), "Axis without values", "hp.%s has no values to take, so the sweep has no points.", q.path))
		return axis, false
	}
	return r.rows(axis, q, e, values)
}

// distributed holds an axis that draws numbers to its hyperparameter.
func (r *axisReader) distributed(q *parameter, e *entry, dist sweep.Distribution) bool {
	if q.isGroup() || q.leaf.kind != numberType && q.leaf.kind != anyType {
		what := "a group"
		if !q.isGroup() {
			what = withArticle(q.leaf.kind.String())
		}
		r.report(problem(e.expr.Range(), "Wrong type", "hp.%s is %s, and a distribution draws numbers.", q.path, what))
		return false
	}
	// Where no simple share of any bounds is: a whole number there is by a step.
	if drawn := dist.Quantile(math.Phi - 1); q.leaf.kind == numberType && fractionOfWhole(q.defaultValue(), drawn) {
		r.report(doubt(e.expr.Range(), "Fraction for a whole number",
			"hp.%s is the whole number %[2]s by its default at %[3]s, and this draws fractions such as %[4]s. For whole numbers give a step, as in uniform(1, 8, 1); if fractions are meant, write any(%[2]s) there.",
			q.path, q.defaultValue().Text(), placed(q.declared[0].at), drawn.Text()))
	}
	return true
}

// noList says what an axis is.
func (r *axisReader) noList(q *parameter, e *entry, v cty.Value) *hcl2.Diagnostic {
	or := ""
	if r.samples {
		or = " or a distribution"
	}
	src := ""
	if file := r.src.parsed[e.expr.Range().Filename]; file != nil {
		src = string(e.expr.Range().SliceBytes(file.Bytes))
	}
	return problem(e.expr.Range(), "Axis that is no list", "An axis is a list of values%s: write %s = [%s].", or, q.name, src)
}

// listElements are the elements of a list, a tuple or a set.
func listElements(v cty.Value) ([]cty.Value, bool) {
	if v.IsNull() || !v.IsKnown() || !isList(v) && !v.Type().IsSetType() {
		return nil, false
	}
	return v.AsValueSlice(), true
}

// rows makes an assignment of every value.
func (r *axisReader) rows(axis sweep.Axis, q *parameter, e *entry, values []cty.Value) (sweep.Axis, bool) {
	ok := true
	if q.isGroup() {
		axis.Paths = nil
	}
	seen := map[string]bool{}
	for i, v := range values {
		at := elementRange(e.expr, i, len(values))
		row, fine := r.row(q, v, at)
		ok = ok && fine
		axis.Rows = append(axis.Rows, row)
		for _, s := range row {
			if !slices.Contains(axis.Paths, s.Path) {
				axis.Paths = append(axis.Paths, s.Path)
			}
		}
		if text := rowText(row); fine && seen[text] {
			r.report(doubt(at, "Value given twice", "hp.%s takes %s twice: it makes no further experiment.", q.path, describe(v)))
		} else {
			seen[text] = true
		}
	}
	return axis, ok
}

func rowText(row sweep.Assignment) string {
	var b strings.Builder
	for _, s := range row {
		fmt.Fprintf(&b, "%s=%s\n", s.Path, s.Value)
	}
	return b.String()
}

// elementRange is where element i of a list is written, if it is.
func elementRange(e *expression, i, n int) hcl2.Range {
	if tuple, ok := e.Expression.(*hclsyntax.TupleConsExpr); ok && len(tuple.Exprs) == n {
		return tuple.Exprs[i].Range()
	}
	return e.Range()
}

// row is one value of an axis: of a group it may set some parameters only.
func (r *axisReader) row(q *parameter, v cty.Value, at hcl2.Range) (sweep.Assignment, bool) {
	value, err := fromCty(v)
	if err != nil {
		r.report(problem(at, "Unusable value", "hp.%s: %s", q.path, punctuated(err.Error())))
		return nil, false
	}
	return r.assign(nil, q, value, at)
}

func (r *axisReader) assign(a sweep.Assignment, q *parameter, v sweep.Value, at hcl2.Range) (sweep.Assignment, bool) {
	if !q.isGroup() {
		wrong := r.program.typeProblems(q, v, at)
		r.report(wrong...)
		return append(a, sweep.Setting{Path: q.path, Value: v}), !wrong.HasErrors()
	}
	o, ok := v.AsObject()
	if !ok {
		r.report(problem(at, "Wrong type", "hp.%s is a group of hyperparameters: a value for it is an object, { %s = ... }, not %s.", q.path, q.kids[0].name, v))
		return a, false
	}
	for name, inner := range o.All() {
		kid := q.kid(name)
		if kid == nil {
			r.report(r.program.undeclared(at, join(q.path, name)))
			return a, false
		}
		var fine bool
		a, fine = r.assign(a, kid, inner, at)
		ok = ok && fine
	}
	return a, ok
}

// zip makes one axis of several that advance together.
func (r *axisReader) zip(group *parameter, e *entry) (sweep.Axis, bool) {
	axes := r.read(group, e.kids)
	zipped := sweep.Axis{Pos: position(e.at)}
	if len(axes) == 0 {
		if len(e.kids) == 0 {
			r.report(problem(e.at, "Space without axes", "The block is empty: write zip { depth = [2, 4], width = [64, 32] }, an axis a line."))
		}
		return zipped, false
	}
	labels := make([]string, len(axes))
	for i, a := range axes {
		labels[i] = a.Label
		switch {
		case a.Dist != nil || a.Weights != nil:
			r.report(problem(e.at, "Distribution in a zip", "hp.%s is drawn, and what is drawn cannot advance together with a list: take it out of the zip.", a.Label))
			return zipped, false
		case len(a.Rows) != len(axes[0].Rows):
			r.report(problem(e.at, "Unequal zip", "The axes of a zip advance together: %s has %d %s (%s) and %s has %d (%s).",
				axes[0].Label, len(axes[0].Rows), plural(len(axes[0].Rows), "value"), axes[0].Pos, a.Label, len(a.Rows), a.Pos))
			return zipped, false
		}
		zipped.Paths = append(zipped.Paths, a.Paths...)
	}
	zipped.Label = strings.Join(labels, ",")
	for i := range axes[0].Rows {
		var row sweep.Assignment
		for _, a := range axes {
			row = append(row, a.Rows[i]...)
		}
		zipped.Rows = append(zipped.Rows, row)
	}
	return zipped, true
}

// point makes one assignment of a body of values.
func (r *axisReader) point(group *parameter, entries []*entry) sweep.Assignment {
	var a sweep.Assignment
	for _, e := range entries {
		q := group.kid(e.name)
		switch {
		case q == nil:
			r.report(r.program.undeclared(e.at, join(group.path, e.name)))
		case e.isBlock() && q.isGroup():
			a = append(a, r.point(q, e.kids)...)
		case e.isBlock():
			r.report(problem(e.at, "Group for a value", "hp.%s is %s, not a group of hyperparameters: write %s = ...", q.path, withArticle(q.leaf.kind.String()), q.name))
		case r.claim(q.path, e.at):
			if v, ok := r.value(e.expr); ok {
				a, _ = r.assign(a, q, v, e.expr.Range())
			}
		}
	}
	return a
}

// checkSize holds the number of experiments to max_experiments before anything
// is expanded.
func (l *loader) checkSize(b *sweepBlock, s *sweep.Sweep) {
	total := new(big.Int)
	for _, space := range s.Spaces {
		switch space := space.(type) {
		case *sweep.Grid:
			total.Add(total, space.Count())
		case *sweep.Sample:
			total.Add(total, big.NewInt(int64(space.Count)))
		}
	}
	if len(s.Spaces) == 0 {
		total.SetInt64(1)
	}
	total.Add(total, big.NewInt(int64(len(s.Includes))))
	points := new(big.Int).Set(total)
	if s.Repeat != nil {
		total.Mul(total, s.Repeat.Count())
	}
	total.Mul(total, big.NewInt(int64(len(s.Bases))))
	if total.Cmp(big.NewInt(int64(s.MaxExperiments))) <= 0 {
		return
	}
	at := b.at
	if len(b.spaces) > 0 {
		at = b.spaces[0].at
	}
	advice := "Take values out of an axis, or draw from the space with sample"
	if total.Cmp(big.NewInt(manyExperiments)) <= 0 {
		advice = fmt.Sprintf("%s, or write max_experiments = %s", advice, total)
	}
	l.report(problem(at, "Too many experiments", "sweep %q has %s points (%s) and would make up to %s experiments; max_experiments is %d. %s.",
		b.name, points, factors(s), total, s.MaxExperiments, advice))
}

// manyExperiments is what nobody raises max_experiments to knowingly.
const manyExperiments = 1_000_000

// factors says where a sweep's points come from: "lr 10 x depth 4 + 64 drawn".
func factors(s *sweep.Sweep) string {
	var terms []string
	for _, space := range s.Spaces {
		switch space := space.(type) {
		case *sweep.Grid:
			var axes []string
			for _, a := range space.Axes {
				axes = append(axes, fmt.Sprintf("%s %d", a.Label, len(a.Rows)))
			}
			terms = append(terms, strings.Join(axes, " x "))
		case *sweep.Sample:
			terms = append(terms, fmt.Sprintf("%d drawn", space.Count))
		}
	}
	if n := len(s.Includes); n > 0 {
		terms = append(terms, fmt.Sprintf("%d included", n))
	}
	if len(terms) == 0 {
		return "the config itself"
	}
	return strings.Join(terms, " + ")
}
