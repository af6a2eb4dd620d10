package sweep

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// RunName is the name of an experiment's runs: "ex-8".
func RunName(experimentName string, number int) string {
	return fmt.Sprintf("%s-%d", experimentName, number)
}

// Record is what the ledger knows of one experiment. Values read from a ledger
// are the caller's own.
type Record struct {
	ID     int64 // the ledger's, from 1, dense but for what was pruned
	Name   string
	Number int
	Round  string
	Point  Hash
	Key    Hash
	HP     *Object
	// Sweeps that asked for it last, sorted.
	Sweeps []string
	// Last is the newest attempt, nil if none was recorded.
	Last *Tried
	// Equivalent are works that the user accepted as the same as Last.Work.
	Equivalent []Hash
}

// RunName is "ex-8".
func (r *Record) RunName() string { return RunName(r.Name, r.Number) }

// Tried is one attempt as the ledger knows it.
type Tried struct {
	ID      int64 // the ledger's
	Number  int   // from 1, counts all attempts of the experiment
	Work    Hash
	Command string // as one line, for people
	Script  string // Command.Script: the line that runs it by hand
	Why     string // what it was started for: "new", "retry 1 of 2", "--rerun failed"
	// Runner, Host and Boot are its place; Ref is the runner's own name for it
	// (a slot's journal, a Job's UID).
	Runner, Host, Boot, Ref string
	// Intended is when it was recorded.
	Intended  time.Time
	OutputDir string
	// Pruned is when OutputDir was removed, zero if it was not.
	Pruned    time.Time
	Log       string // path of the kept log, empty for none
	GitCommit string
	GitDirty  bool
	// Outcome holds State and Started while it is open, everything once final.
	Outcome
}

// Asked is one sweep as its last apply in a round asked for it. The ledger keeps
// it so that results can be read without the files.
type Asked struct {
	Source    string // the files, as PlanOptions.Source names them
	Sweep     string
	Round     string
	Objective *Objective // nil for none
	// Repeated is Experiment.Repeated.
	Repeated []string
	When     time.Time // of the last apply
	// Apply is the last apply of Source in Round, Began the start of the first:
	// a greater Apply is newer, whatever the clocks say.
	Apply int64
	Began time.Time
}

// Past is the ledger as a plan sees it. Readers never write.
type Past interface {
	// Lookup returns the records of keys, index by index, nil where a key is
	// unknown. It is one query, however many keys.
	Lookup(ctx context.Context, keys []Hash) ([]*Record, error)
	// Wanted yields the records that source asked for by its last apply in
	// this round.
	Wanted(ctx context.Context, source, round string) iter.Seq2[*Record, error]
	// NextNumber is the lowest number not yet given under an experiment_name.
	NextNumber(ctx context.Context, experimentName string) (int, error)
}

// Live is an attempt that a runner found alive or ended unobserved.
type Live struct {
	AttemptID int64 // Tried.ID
	// State is Queued or Running for what lives, else final: it ended while
	// nobody watched.
	State   State
	Started time.Time
}
