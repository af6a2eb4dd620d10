package sweep

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// classify fills in a's sign, state, start and reason. The first match wins:
// live, never finished, changed, failed, unchanged.
func (o *PlanOptions) classify(a *Action) {
	if a.Record == nil || a.Record.Last == nil {
		a.Sign, a.Start = SignNew, true
		return
	}
	last := a.Record.Last
	a.State = o.stateOf(a)
	changed := last.Work != a.Experiment.WorkHash && !slices.Contains(a.Record.Equivalent, a.Experiment.WorkHash)
	switch {
	case !a.State.Final():
		a.Sign = SignLive
		a.Why = liveWhy(a, changed)
	case o.unsettled(a) && !changed:
		a.Sign, a.Why = SignLive, "failed while nobody watched, has retries"
	case a.State == Interrupted:
		a.Sign, a.Start, a.Why = SignNew, true, interruptedWhy(last)
	case a.State == Failed && (last.Class == Infrastructure || last.Class == Refused) && last.Started.IsZero():
		a.Sign, a.Start, a.Why = SignNew, true, "was not started: "+strings.TrimPrefix(last.Reason, "not started: ")
	case changed && !(o.AcceptChanged && a.State == Succeeded):
		a.Sign = SignChanged
		a.Start = o.Rerun.Changed || o.named(a) || hasFailed(a.State) || a.State != Succeeded && o.again(a.State)
		a.Why = "its command, environment, image or inputs changed"
	case a.State != Succeeded:
		a.Sign = SignFailed
		a.Start = o.again(a.State) || o.named(a)
		a.Why = failedWhy(a)
	default:
		a.Sign = SignUnchanged
		a.Start = o.named(a)
	}
}

// stateOf is the verdict on the last attempt, with the survey's word on one that
// the ledger holds open: ended unobserved, alive, or gone.
func (o *PlanOptions) stateOf(a *Action) State {
	last := a.Record.Last
	state := last.State
	if !state.Final() {
		switch {
		case a.Live != nil:
			state = a.Live.State
		case o.Gone == nil:
			state = Interrupted
		default:
			if gone, ours := o.Gone(last); ours {
				state = gone
			} else {
				a.Elsewhere = true
			}
		}
	}
	if last.State.Final() {
		state = a.Experiment.Objective.Verdict(state, last.Metrics)
	}
	return state
}

// unsettled reports whether the last attempt failed unobserved and may be tried
// again by whoever adopts it.
func (o *PlanOptions) unsettled(a *Action) bool {
	open := !a.Record.Last.State.Final()
	return open && a.State == Failed && a.Experiment.Command.Retries > 0 && !o.Rerun.Failed && !o.named(a)
}

func hasFailed(s State) bool {
	return s == Failed || s == OOM || s == TimedOut || s == NoResult
}

// again reports whether --rerun asks for experiments in this state.
func (o *PlanOptions) again(s State) bool {
	switch s {
	case Lost:
		return o.Rerun.Lost
	case Cancelled:
		return o.Rerun.Cancelled
	}
	return o.Rerun.Failed
}

func (o *PlanOptions) named(a *Action) bool { return o.Rerun.RunNames[a.Record.RunName()] }

func liveWhy(a *Action, changed bool) string {
	why := string(a.State)
	if a.Elsewhere {
		why += " on " + a.Record.Last.Host
	}
	if changed {
		why += " with older work"
	}
	return why
}

// interruptedWhy tells a program that was ended from one that never came to run.
func interruptedWhy(last *Tried) string {
	switch {
	case last.Started.IsZero() && strings.HasPrefix(last.Why, "retry "):
		return last.Why + " was not started"
	case last.Started.IsZero():
		return "was not started"
	}
	return "was interrupted"
}

func failedWhy(a *Action) string {
	if a.State == NoResult && a.Record.Last.State == Succeeded {
		return "no-result: its output has no " + missing(a.Experiment.Objective, a.Record.Last.Metrics)
	}
	if a.Record.Last.Reason == "" {
		return string(a.State)
	}
	return fmt.Sprintf("%s: %s", a.State, a.Record.Last.Reason)
}

// missing names the first of the objective's metrics that is not there.
func missing(o *Objective, metrics []Metric) string {
	for _, g := range o.Goals {
		if _, ok := o.Score(g, metrics); !ok {
			return g.Metric
		}
	}
	return ""
}

// OutputName is the folder below the output root that the next attempt writes
// to: the last one's if that was interrupted in the same work or is adopted, so
// that checkpoints go on; "ex-8" for the first, "ex-8-rN" for attempt N
// otherwise.
func (a *Action) OutputName() string {
	name := RunName(a.Experiment.Name, a.Number)
	if a.Record == nil || a.Record.Last == nil {
		return name
	}
	last := a.Record.Last
	if (a.Sign == SignNew || a.Sign == SignLive) && last.Work == a.Experiment.WorkHash && last.OutputDir != "" {
		return path.Base(last.OutputDir)
	}
	return fmt.Sprintf("%s-r%d", name, last.Number+1)
}
