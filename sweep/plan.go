package sweep

// Sign says what a plan would do to an experiment; see Classify for the order.
type Sign byte

// The signs.
const (
	SignLive      Sign = '>' // running or queued: apply adopts it
	SignNew       Sign = '+' // no finished attempt: apply runs it
	SignChanged   Sign = '~' // its work differs from the last attempt's
	SignFailed    Sign = '!' // ended without success: kept
	SignUnchanged Sign = '=' // succeeded: kept
	SignRemoved   Sign = '-' // asked for last time, and no longer
)

func (s Sign) String() string { return string(rune(s)) }

// Action is one row of a plan.
type Action struct {
	Sign Sign
	// Start says that apply will start (or, for SignLive, adopt) it.
	Start bool
	// Why is a short reason in words, empty where the sign says it all.
	Why string
	// Experiment is nil for SignRemoved.
	Experiment *Experiment
	// Record is nil where the ledger does not know the experiment.
	Record *Record
	// Number is the run's number; Tentative says that it is only expected:
	// apply gives the numbers.
	Number    int
	Tentative bool
	// State is the verdict on the last attempt, empty without one.
	State State
}

// RunName is "ex-8", with a question mark while tentative.
func (a *Action) RunName() string {
	switch {
	case a.Experiment == nil:
		return a.Record.RunName()
	case a.Tentative:
		return RunName(a.Experiment.Name, a.Number) + "?"
	}
	return RunName(a.Experiment.Name, a.Number)
}
