package sweep

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
)

// Stages counts what each stage of a sweep did. The stages are fixed: points,
// skip, include, repeat, dedupe.
type Stages struct {
	// Points that the spaces gave, in all configs, and by space.
	Points  int
	BySpace []int
	// Skipped is aligned with Sweep.Skips: each point counts for the first
	// rule that drops it.
	Skipped []int
	// Included counts whole points added. SkippedIncludes are those of them that
	// a rule would have dropped, in some config; KnownIncludes those that were
	// given before, in every config: as indexes into Sweep.Includes.
	Included        int
	SkippedIncludes []int
	KnownIncludes   []int
	// Repeats is how often every point is run, at least 1.
	Repeats int
	// Duplicates counts experiments left out because an earlier space or
	// include of the sweep gives them.
	Duplicates int
	// Experiments is what comes out.
	Experiments int
	// Failed counts points that could not be evaluated.
	Failed int
	// Short is set where a sample gave fewer points than its count, in words.
	Short []string
}

// Experiments yields the sweep's experiments in order: LightEx's
// get_experiments. A point that cannot be evaluated yields its error and a nil
// experiment; the sequence goes on, so that a caller can tell how many there
// are.
func (s *Sweep) Experiments() iter.Seq2[*Experiment, error] {
	var st Stages
	return s.Expand(&st)
}

// Expand is Experiments that counts its stages into st as it goes.
func (s *Sweep) Expand(st *Stages) iter.Seq2[*Experiment, error] {
	return func(yield func(*Experiment, error) bool) {
		*st = Stages{
			BySpace: make([]int, len(s.Spaces)),
			Skipped: make([]int, len(s.Skips)),
			Repeats: 1,
		}
		if s.Repeat != nil {
			st.Repeats = int(s.Repeat.Count().Int64())
		}
		repeats := s.repeated()
		for i := range s.Bases {
			x := expansion{
				sweep: s, base: &s.Bases[i], st: st, yield: yield, repeats: repeats,
				grids: make([]*GridIndex, len(s.Spaces)),
				seen:  map[[16]byte]struct{}{},
			}
			if s.mayRepeatTwice() {
				x.made = map[[16]byte]struct{}{}
			}
			if !x.run() {
				return
			}
		}
	}
}

// expansion is one pass over one config of a sweep. Its methods return false
// when the consumer has had enough.
type expansion struct {
	sweep *Sweep
	base  *Base
	st    *Stages
	yield func(*Experiment, error) bool
	// repeats is Experiment.Repeated.
	repeats []string
	// grids are made when they are first asked.
	grids []*GridIndex
	// seen holds the points of samples and includes, which cannot be asked for
	// membership. Grids are decoded backwards instead.
	seen map[[16]byte]struct{}
	// made holds what came out, nil where two repeats are never the same.
	made map[[16]byte]struct{}
}

func (x *expansion) run() bool {
	if len(x.sweep.Spaces) == 0 {
		// The config itself is the one point.
		x.st.Points++
		if _, more := x.point(nil, origin{note: true}); !more {
			return false
		}
	}
	for i, space := range x.sweep.Spaces {
		more := true
		switch space := space.(type) {
		case *Grid:
			more = x.grid(i, space)
		case *Sample:
			more = x.sample(i, space)
		}
		if !more {
			return false
		}
	}
	return x.includes()
}

func (x *expansion) grid(i int, g *Grid) bool {
	from := origin{spaces: i}
	if !x.index(i, g).distinct() {
		from = origin{spaces: i + 1, own: true}
	}
	for a := range g.Points() {
		x.st.Points++
		x.st.BySpace[i]++
		if _, more := x.point(a, from); !more {
			return false
		}
		from.index++
	}
	return true
}

// maxDraws is how many draws a sample may take for each point wanted, skips
// included.
const maxDraws = 100

func (x *expansion) sample(i int, s *Sample) bool {
	kept, draws := 0, 0
	for a := range s.Draws() {
		if kept == s.Count || draws == maxDraws*s.Count {
			break
		}
		draws++
		x.st.Points++
		x.st.BySpace[i]++
		ok, more := x.point(a, origin{spaces: i, note: true})
		if !more {
			return false
		}
		if ok {
			kept++
		}
	}
	if kept < s.Count {
		why := "its space has no more"
		switch {
		case draws == maxDraws*s.Count:
			why = fmt.Sprintf("skip has dropped the others of %d draws", draws)
		case kept < draws:
			why += " that skip leaves"
		}
		x.st.Short = append(x.st.Short, fmt.Sprintf("%s: the sample gives %d of the %d points asked for: %s", s.Pos, kept, s.Count, why))
	}
	return true
}

// point takes one assignment through skip, repeat and dedupe. kept says that no
// skip dropped it.
func (x *expansion) point(a Assignment, from origin) (kept, more bool) {
	hp, err := x.base.HP(a)
	if err != nil {
		return false, x.fail(err)
	}
	rule, err := x.skipped(hp)
	if err != nil {
		return false, x.fail(err)
	}
	if rule >= 0 {
		x.st.Skipped[rule]++
		return false, true
	}
	again, err := x.repeated(hp, from)
	if err != nil {
		return false, x.fail(err)
	}
	if again {
		x.st.Duplicates += x.st.Repeats
		return true, true
	}
	return true, x.emit(a, hp)
}

// fail hands an evaluation error to the consumer.
func (x *expansion) fail(err error) bool {
	x.st.Failed++
	return x.yield(nil, err)
}

// skipped returns the first rule that drops hp, -1 for none.
func (x *expansion) skipped(hp *Object) (int, error) {
	for i, skip := range x.sweep.Skips {
		drop, err := skip.When(hp)
		if err != nil {
			return 0, err
		}
		if drop {
			return i, nil
		}
	}
	return -1, nil
}

func (x *expansion) includes() bool {
	for i, inc := range x.sweep.Includes {
		hp, err := x.base.HP(inc.Assignment)
		if err != nil {
			if !x.fail(err) {
				return false
			}
			continue
		}
		rule, err := x.skipped(hp)
		if err == nil && rule >= 0 && !slices.Contains(x.st.SkippedIncludes, i) {
			x.st.SkippedIncludes = append(x.st.SkippedIncludes, i)
		}
		x.st.Included++
		again, err := x.repeated(hp, origin{spaces: len(x.sweep.Spaces), note: true})
		switch {
		case err != nil:
			if !x.fail(err) {
				return false
			}
		case again:
			x.st.Duplicates += x.st.Repeats
			if x.base == &x.sweep.Bases[0] {
				x.st.KnownIncludes = append(x.st.KnownIncludes, i)
			}
		default:
			x.st.KnownIncludes = slices.DeleteFunc(x.st.KnownIncludes, func(known int) bool { return known == i })
			if !x.emit(inc.Assignment, hp) {
				return false
			}
		}
	}
	return true
}

// emit runs a point through the repeats.
func (x *expansion) emit(a Assignment, hp *Object) bool {
	if x.sweep.Repeat == nil {
		return x.experiment(hp)
	}
	for r := range x.sweep.Repeat.Points() {
		both := append(append(make(Assignment, 0, len(a)+len(r)), a...), r...)
		hp, err := x.base.HP(both)
		if err != nil {
			if !x.fail(err) {
				return false
			}
			continue
		}
		if !x.experiment(hp) {
			return false
		}
	}
	return true
}

func (x *expansion) experiment(hp *Object) bool {
	if x.made != nil && noted(x.made, hp) {
		x.st.Duplicates++
		return true
	}
	e, err := x.resolve(hp)
	if err != nil {
		return x.fail(err)
	}
	x.st.Experiments++
	return x.yield(e, nil)
}

// resolve makes the experiment of hp.
func (x *expansion) resolve(hp *Object) (*Experiment, error) {
	name, err := x.base.ExperimentName(hp)
	if err != nil {
		return nil, err
	}
	if err := CheckExperimentName(name); err != nil {
		return nil, fmt.Errorf("%s: config %q: %w", x.base.Pos, x.base.Config, err)
	}
	work, inputs, err := x.base.Work(hp)
	if err != nil {
		return nil, err
	}
	command, err := work.Resolve(Place{})
	if err != nil {
		return nil, err
	}
	point := PointOf(name, x.base.Identity.Apply(hp))
	return &Experiment{
		Sweep: x.sweep.Name, Config: x.base.Config, Name: name, Round: x.sweep.Round,
		HP: hp, Point: point, Key: KeyOf(point, x.sweep.Round),
		Work: work, WorkHash: WorkOf(command, inputs), Command: command,
		Objective: x.sweep.Objective, Repeated: x.repeats,
	}, nil
}

// maxExperimentName leaves room in a 63-byte label for a number and a suffix.
const maxExperimentName = 50

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// CheckExperimentName returns an error, with a suggestion where there is one,
// if name is not a DNS-1123 label of at most 50 bytes.
func CheckExperimentName(name string) error {
	if len(name) <= maxExperimentName && dnsLabel.MatchString(name) {
		return nil
	}
	rule := "experiment_name must be a DNS-1123 label: lower-case letters, digits and '-', at most 50 bytes"
	if better := suggestName(name); better != "" && better != name {
		return fmt.Errorf("%s; got %q, did you mean %q?", rule, name, better)
	}
	return fmt.Errorf("%s; got %q", rule, name)
}

// suggestName turns name into the nearest DNS-1123 label, empty if nothing is
// left of it.
func suggestName(name string) string {
	b := make([]byte, 0, len(name))
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		default:
			c = '-'
		}
		if c == '-' && (len(b) == 0 || b[len(b)-1] == '-') {
			continue
		}
		b = append(b, c)
	}
	b = b[:min(len(b), maxExperimentName)]
	for len(b) > 0 && b[len(b)-1] == '-' {
		b = b[:len(b)-1]
	}
	return string(b)
}
