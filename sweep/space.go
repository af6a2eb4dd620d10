package sweep

// Setting gives one hyperparameter a value.
type Setting struct {
	Path  string // dotted: "optimizer.wd"
	Value Value
}

// Assignment is a set of settings: what a point of a space changes in its
// config. No path is given twice, nor a path and a prefix of it.
type Assignment []Setting

// Space is one block of a sweep's union: *Grid or *Sample.
type Space interface{ space() }

// Grid is the product of its axes, the last varying fastest.
type Grid struct {
	Axes []Axis
	Pos  Pos
}

// Sample draws points from its axes.
type Sample struct {
	Method string // MethodRandom or MethodSobol
	Count  int    // points wanted after the skips
	// Seed chooses the points, with Ordinal and the axes' labels.
	Seed int64
	// Ordinal is the block's place among its sweep's sample blocks, from 0.
	Ordinal int
	Axes    []Axis
	Pos     Pos
}

func (*Grid) space()   {}
func (*Sample) space() {}

// Axis is one factor of a space: a finite list of rows, or a distribution.
type Axis struct {
	// Label is what a plan calls it: "lr", or "depth,width" for a zip. It is the
	// only one of its space, and names the axis' stream of random numbers.
	Label string
	// Paths are the hyperparameters that it sets, in source order. A row of an
	// object-valued axis may set some of them only.
	Paths []string
	// Rows are the values of a finite axis.
	Rows []Assignment
	// Weights belong to Rows in a Sample; nil means equal ones.
	Weights []float64
	// Dist, in a Sample only, takes the place of Rows: it sets Paths[0].
	Dist Distribution
	Pos  Pos
}

// Distribution turns a uniform number into a value. It is safe for concurrent
// use.
type Distribution interface {
	// Quantile is the value at u, 0 <= u < 1.
	Quantile(u float64) Value
	// String is the distribution as the file writes it: "loguniform(1e-05, 0.01)".
	String() string
}
