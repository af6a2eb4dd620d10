package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

// run is one attempt in the hands of Run.
type run struct {
	*Runner
	runner.Attempt
	*follow
	changed func(runner.Change)
	watcher *watcher
	pattern *metrics.Pattern
	ref     jobRef
	told    runner.Change // the last change
	begun   time.Time     // when its Job was found or made
	waits   phase         // what it waits for, since then
	since   time.Time
	ending  *ending            // why we end it, nil while we do not
	ended   time.Time          // when we began to
	toldOf  want               // what it was told to wait for
	leftAt  time.Time          // when its pod was first seen to be going
	noted   bool               // a notice says that it stalls
	taken   map[types.UID]bool // pods that the cluster took away
	last    *lastWords         // nil while nothing was ended that ran
}

// Run starts or adopts the attempt and returns at its end; see runner.Runner.
// Jobs outlive every error.
func (r *Runner) Run(ctx context.Context, a runner.Attempt, changed func(runner.Change)) (sweep.Outcome, error) {
	pattern, err := metrics.Compile(a.Command.MetricsPattern)
	if err != nil {
		return (&refusal{sweep.User, err.Error()}).outcome(), nil
	}
	w, err := r.watching(ctx, a.Adopt)
	if err != nil {
		return sweep.Outcome{}, err
	}
	name := jobName(a.RunName, a.Number)
	u := &run{Runner: r, Attempt: a, changed: changed, watcher: w, pattern: pattern, follow: w.follow(name)}
	defer w.unfollow(name, u.follow)
	defer r.crowd.leave(a.ID)
	defer func() { u.last.close() }()
	o, err := u.live(ctx)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return refused.outcome(), nil
	case err != nil:
		return sweep.Outcome{}, err
	}
	return o, nil
}

// live is the attempt from its Job's creation, or adoption, to its outcome.
func (u *run) live(ctx context.Context) (sweep.Outcome, error) {
	ref, err := u.begin(ctx)
	if err != nil {
		return sweep.Outcome{}, err
	}
	if ref.name == "" {
		return u.gone(), nil
	}
	u.ref, u.begun, u.taken = ref, time.Now(), map[types.UID]bool{}
	u.remember(u.ID, ref)
	s, err := u.watch(ctx)
	switch {
	case err != nil:
		return sweep.Outcome{}, err
	case s.job != nil && !(u.ending == nil && s.deleted()):
		return u.harvest(s), nil
	case u.ending != nil:
		return sweep.Outcome{State: u.ending.State, Class: u.ending.Class, Reason: u.ending.Reason, Code: sweep.CodeUnknown}, nil
	}
	return u.removed(), nil
}

// begin creates the Job, or finds that of an attempt to adopt; without a name if
// that is gone.
func (u *run) begin(ctx context.Context) (jobRef, error) {
	if u.Adopt {
		return u.find(ctx)
	}
	job, err := jobOf(u.Attempt, u.jobOptions())
	if err != nil {
		return jobRef{}, &refusal{sweep.User, err.Error()}
	}
	if err := u.refusals.known(&u.Attempt); err != nil {
		return jobRef{}, err
	}
	made, err := u.create(ctx, job, func(what string) { u.tell(runner.Change{State: sweep.Queued, Waiting: what}) })
	if err != nil {
		return jobRef{}, err
	}
	return refOf(made), nil
}

// find looks for the Job of an attempt to adopt: among what a survey has seen
// and the informers still have, so that thousands are adopted without a request
// each, and else at the server.
func (u *run) find(ctx context.Context) (jobRef, error) {
	name := jobName(u.RunName, u.Number)
	ref := u.known(u.ID)
	if s := u.watcher.sight(name); s.job != nil && s.job.UID == ref.uid {
		return ref, nil
	}
	job, err := u.get(ctx, name)
	switch {
	case apierrors.IsNotFound(err):
		return jobRef{}, nil
	case err != nil:
		return jobRef{}, mayLive(named("looking for", name, err))
	case job.Labels[labelAttempt] != attemptLabel(u.ID) || job.Labels[labelLedger] != u.options.Ledger:
		return jobRef{}, nil
	}
	return refOf(job), nil
}

func (r *Runner) jobOptions() jobOptions {
	return jobOptions{Namespace: r.cluster.Namespace, LedgerID: r.options.Ledger}
}

// tell passes a change on, once.
func (u *run) tell(c runner.Change) {
	if c.Ref = string(u.ref.uid); c == u.told {
		return
	}
	u.told = c
	if c.Time.IsZero() {
		c.Time = u.options.Now()
	}
	u.changed(c)
}

// gone is the outcome of an attempt to adopt that has no Job any more.
func (u *run) gone() sweep.Outcome { return u.Gone(&sweep.Tried{Ref: "known"}) }

// removed is the outcome of an attempt whose Job was deleted under our eyes, and
// not by us.
func (u *run) removed() sweep.Outcome {
	return sweep.Outcome{
		State: sweep.Cancelled, Class: sweep.User, Code: sweep.CodeUnknown,
		Reason: fmt.Sprintf("somebody deleted its Job %s in namespace %s", u.ref.name, u.cluster.Namespace),
	}
}
