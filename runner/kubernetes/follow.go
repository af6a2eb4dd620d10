package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// Times of a follower that nobody has needed to set.
const (
	unseen  = time.Minute      // after which a Job that no informer tells of is asked for
	stuck   = 2 * time.Minute  // after which we no longer wait for what we end
	forever = 24 * time.Hour   // a follower looks by itself, too, for safety
	recheck = 10 * time.Second // between looks at the events of what waits
)

// watch waits until the attempt's Job has ended, and returns what there is then;
// no Job if it was deleted. It ends the Job if ctx or our patience does.
func (u *run) watch(ctx context.Context) (sight, error) {
	timer := time.NewTimer(forever)
	defer timer.Stop()
	over, claim := ctx.Done(), u.cluster.claim.Load()
	for {
		s := u.watcher.sight(u.ref.name)
		if s.job != nil && s.job.UID != u.ref.uid {
			s = sight{} // a namesake, made since
		}
		if s.end() != nil {
			return s, nil
		}
		if s.job == nil && (u.seen.Load() || time.Since(u.begun) > unseen) {
			gone, err := u.isGone(ctx)
			if gone || err != nil {
				return sight{}, err
			}
		}
		pause, err := u.judge(ctx, s)
		if err != nil {
			return sight{}, err
		}
		timer.Reset(pause)
		select {
		case <-u.poked:
		case <-timer.C:
		case <-u.watcher.broken:
			return sight{}, mayLive(u.watcher.why)
		case <-claim.voided():
			return sight{}, mayLive(claim.hold(ctx))
		case <-over:
			if errors.Is(context.Cause(ctx), runner.ErrDetach) {
				return sight{}, runner.ErrDetach
			}
			over = nil
			if u.ending != nil || endingOf(s.job) != nil {
				continue // it is on its way
			}
			if err := u.end(endingFor(ctx)); err != nil {
				return sight{}, err
			}
		}
	}
}

// endingFor is why ctx ended.
func endingFor(ctx context.Context) ending {
	if end := new(runner.Ending); errors.As(context.Cause(ctx), &end) {
		return ending{end.State, runner.OfEnding(end.State), end.Reason}
	}
	return ending{sweep.Interrupted, sweep.Infrastructure, "lxsweep was interrupted"}
}

// isGone asks the server whether the Job is there no more, and, if we deleted
// it, its pods.
func (u *run) isGone(ctx context.Context) (bool, error) {
	job, err := u.get(ctx, u.ref.name)
	switch {
	case apierrors.IsNotFound(err) && u.ending != nil:
		pods, err := u.podsOf(ctx)
		return err == nil && len(pods) == 0, err
	case apierrors.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, mayLive(named("looking for", u.ref.name, err))
	case job.UID == u.ref.uid && job.Labels[labelLedger] != u.options.Ledger:
		return false, mayLive(fmt.Errorf("its Job %s was taken over for the ledger %s (%w)", u.ref.name, job.Labels[labelLedger], runner.ErrBroken))
	}
	return job.UID != u.ref.uid, nil
}

// judge tells where the attempt stands, ends it if it has waited for too long,
// and returns after which time to look again.
func (u *run) judge(ctx context.Context, s sight) (time.Duration, error) {
	p := s.phase()
	if p.want == wantPull && (u.waits.want == wantImage || u.waits.want == wantRegistry) {
		p = u.waits // nodes tell the cause, and between two tries only that they wait
	}
	if p.want != u.waits.want || u.since.IsZero() {
		u.since = time.Now()
	}
	u.waits = p
	u.count(s)
	silent := u.say(p)
	if u.ending != nil || endingOf(s.job) != nil {
		if u.ended.IsZero() {
			u.ended = time.Now()
		}
		left := stuck - time.Since(u.ended)
		if left <= 0 {
			return 0, mayLive(fmt.Errorf("its Job %s was told to end, and has not for %v; does its node answer?", u.ref.name, stuck))
		}
		return left, nil
	}
	why, pause := u.impatience(ctx, s, p)
	if why == nil {
		return min(pause, silent), nil
	}
	if p.running.IsZero() && len(u.taken) <= maxDisruptions {
		u.refusals.hear(&u.Attempt, why.Reason, u.options.Notice)
	}
	return stuck, u.end(*why)
}

// count takes in which pods the cluster took away: most of them are gone soon.
func (u *run) count(s sight) {
	for _, pod := range s.pods {
		if disrupted(pod) {
			u.taken[pod.UID] = true
		}
	}
}

// say tells where the attempt stands, and returns after which time it has more
// to tell: what is waited for briefly is no news.
func (u *run) say(p phase) time.Duration {
	switch {
	case !p.running.IsZero():
		u.tell(runner.Change{State: sweep.Running, Time: p.running})
		u.crowd.leave(u.ID)
		return forever
	case p.want == wantNothing: // it has ended, and its Job not yet
		return forever
	}
	if left := u.patience.Quiet - time.Since(u.since); left > 0 {
		if u.told.State != sweep.Queued {
			u.tell(runner.Change{State: sweep.Queued})
		}
		return left
	}
	if p.want == wantController {
		if u.toldOf == wantController || !u.seen.Load() {
			return forever // how many there are beside it is told once, when it is counted
		}
		if ahead := u.watcher.unstarted.Load() - 1; ahead > 0 {
			p.text = fmt.Sprintf("%s, which has %d more to begin", p.text, ahead)
		}
	}
	u.tell(runner.Change{State: sweep.Queued, Waiting: p.text})
	u.toldOf = p.want
	return forever
}

// impatience is why the attempt has waited for long enough, nil if it has not,
// and then how long to wait on.
func (u *run) impatience(ctx context.Context, s sight, p phase) (*ending, time.Duration) {
	waited := time.Since(u.since)
	if n := len(u.taken); n > maxDisruptions {
		return &ending{sweep.Failed, sweep.Infrastructure, fmt.Sprintf("the cluster took its pod away %d times", n)}, 0
	}
	if p.leaving {
		return nil, u.stalls(s)
	}
	u.leftAt = time.Time{}
	if p.want == wantNothing {
		return nil, forever
	}
	pause := forever
	if limit := u.pendingTimeout(); limit > 0 {
		left := limit - time.Since(u.begun)
		if left <= 0 {
			return &ending{sweep.Failed, sweep.Infrastructure, fmt.Sprintf("it has not started within pending_timeout (%v): it waits for %s", limit, p.text)}, 0
		}
		pause = left
	}
	if limit, class, ok := u.patience.limit(p.want); ok {
		if waited >= limit {
			return &ending{sweep.Failed, class, waitedFor(p.text, limit)}, 0
		}
		return nil, min(pause, limit-waited)
	}
	switch p.want {
	case wantController:
		return u.afterEvents(ctx, "Job", "FailedCreate", u.ref.uid, u.patience.Refused, waited, pause)
	case wantNode:
		return u.afterEvents(ctx, "Pod", "FailedMount", s.pod().UID, u.patience.Volume, waited, pause)
	case wantScheduler:
		if waited >= u.patience.Crowded {
			return nil, min(pause, u.crowd.enter(u.ID, p.text, u.options.Notice))
		}
		return nil, min(pause, u.patience.Crowded-waited)
	}
	return nil, pause
}

func waitedFor(what string, limit time.Duration) string {
	if limit == 0 {
		return "it cannot start: it waits for " + what
	}
	return fmt.Sprintf("it could not start within %v: it waits for %s", limit, what)
}

func (u *run) pendingTimeout() time.Duration {
	if u.Command.Cluster == nil {
		return 0
	}
	return u.Command.Cluster.PendingTimeout
}

// afterEvents is for waits that only an event explains: once limit has passed,
// one such event ends it, with its words.
func (u *run) afterEvents(ctx context.Context, kind, reason string, of types.UID, limit, waited, pause time.Duration) (*ending, time.Duration) {
	if waited < limit {
		return nil, min(pause, limit-waited)
	}
	words := u.events.about(ctx, u.cluster, kind, reason, of)
	if words == "" || overQuotaWords(words) {
		return nil, min(pause, recheck)
	}
	return &ending{sweep.Failed, sweep.User, fmt.Sprintf("it could not start within %v: %s", limit, words)}, 0
}

// stalls tells, once, of a pod that does not go.
func (u *run) stalls(s sight) time.Duration {
	if u.leftAt.IsZero() {
		u.leftAt = time.Now()
	}
	left := u.patience.Stalled - time.Since(u.leftAt)
	if left > 0 {
		return left
	}
	if !u.noted {
		u.noted = true
		u.options.Notice(fmt.Sprintf("%s is stalled: its pod is to go and its node %s does not answer; no second copy is started meanwhile", u.RunName, s.pod().Spec.NodeName))
	}
	return forever
}
