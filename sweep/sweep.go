package sweep

// Sweep chooses points of its configs' hyperparameter space.
type Sweep struct {
	Name string
	Pos  Pos
	// Bases are the configs that it sweeps, at least one, in order.
	Bases []Base
	// Spaces is the union that its points come from, in order: *Grid and
	// *Sample. Without any, its one point is the config itself.
	Spaces []Space
	Skips  []Skip
	// Includes are whole points added after the skips.
	Includes []Include
	// Repeat is a grid that every point is run through, nil for none.
	Repeat *Grid
	// MaxExperiments bounds how many it may make.
	MaxExperiments int
	// MaxParallel bounds how many are live at once, 0 for no bound of its own.
	MaxParallel int
	// Shuffle changes the order of launching, never names.
	Shuffle bool
	// FailFast stops launching at the first failure, MaxFailures (0: off) at
	// that many.
	FailFast    bool
	MaxFailures int
	Objective   *Objective
	// Overlap is what an apply does that finds an earlier one at work.
	Overlap Overlap
	// OnFinish is who is told when an apply ends, nil for nobody.
	OnFinish *OnFinish
	// Runner is "local", "kubernetes", or empty where the file does not say.
	Runner string
	// Namespace is the one that its configs name, empty where none does.
	Namespace string
	Round     string
}

// Overlap is what an apply does while another one holds the lock, or while runs
// of another round live that were left behind.
type Overlap string

// The overlaps. Without one, a held lock is an error, and runs of another round
// hold their places beside the new ones.
const (
	OverlapSkip Overlap = "skip" // it starts nothing
	OverlapWait Overlap = "wait" // it starts nothing before they have ended
)

// OnFinish is who is told when an apply ends.
type OnFinish struct {
	Webhook string   // a URL that must not be shown or kept; empty for none
	Command []string // nil for none
}

// Base is a config under a sweep.
type Base struct {
	Config string
	Pos    Pos
	Program
	Identity IdentityRules
}

// Program is what a config makes of a point. The language implements it. Its
// methods are pure and safe for concurrent use. Their errors say where and why
// and are worth showing as they are.
type Program interface {
	// HP returns every hyperparameter of the config with the assignment's
	// values in place of their expressions.
	HP(Assignment) (*Object, error)
	// ExperimentName sees hp and the round only.
	ExperimentName(hp *Object) (string, error)
	// Work is what the experiment does, with the command that the stand-ins
	// give and the digests of its inputs, sorted by path.
	Work(hp *Object) (Work, []Digest, error)
}

// Skip drops points.
type Skip struct {
	Reason string
	Pos    Pos
	// When reports whether hp is dropped.
	When func(hp *Object) (bool, error)
}

// Include is a whole point that is added.
type Include struct {
	Assignment Assignment
	Pos        Pos
}
