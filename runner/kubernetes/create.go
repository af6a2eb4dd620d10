package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// refusal is why an attempt was not started: an outcome, not an error.
type refusal struct {
	class  sweep.Class
	reason string
}

func (r *refusal) Error() string { return r.reason }

func (r *refusal) outcome() sweep.Outcome {
	return sweep.Outcome{State: sweep.Failed, Class: r.class, Code: sweep.CodeUnknown, Reason: "not started: " + r.reason}
}

// create brings the attempt's Job about, or finds the one that an earlier call
// has made whose answer was lost. It waits while a quota is full or a namesake
// goes away; queued is told for what. Once a request is under way it is seen
// through, whatever ends ctx, but for a detachment: afterwards it is known
// whether there is a Job.
func (u *run) create(ctx context.Context, job *batchv1.Job, queued func(string)) (*batchv1.Job, error) {
	launching, cancel := u.Launching(ctx)
	defer cancel()
	for {
		if launching.Err() != nil {
			return nil, context.Cause(launching)
		}
		made, asked, err := u.post(ctx, job)
		if err != nil && asked > 1 && !apierrors.IsAlreadyExists(err) {
			// It may be refused because it is there: in a quota, it counts itself.
			there, unknown := u.get(ctx, job.Name)
			if unknown != nil && !apierrors.IsNotFound(unknown) {
				return nil, mayLive(named("looking at", job.Name, unknown))
			}
			if there != nil && sameAttempt(there, job) {
				return there, nil
			}
		}
		switch {
		case err == nil:
			u.quota.opened()
			return made, nil
		case apierrors.IsAlreadyExists(err):
			made, err = u.meet(launching, job, queued)
			if made != nil || err != nil {
				return made, err
			}
		case overQuota(err):
			queued("room in a quota: " + quotaWords(err))
			if err := u.quota.wait(launching); err != nil {
				return nil, err
			}
		default:
			return nil, notCreated(job, err)
		}
	}
}

// post sends the request until its answer is known, and counts how often.
func (u *run) post(ctx context.Context, job *batchv1.Job) (made *batchv1.Job, asked int, err error) {
	insisting, end := insistently(ctx)
	defer end()
	err = u.cluster.write(insisting, u.patience.Unreachable, func(ctx context.Context) error {
		asked++
		made, err = u.cluster.jobs.Create(ctx, job, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
		return err
	})
	return made, asked, err
}

// insistently returns a context that only a detachment from ctx ends.
func insistently(ctx context.Context) (context.Context, context.CancelFunc) {
	insisting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), runner.ErrDetach) {
			cancel(runner.ErrDetach)
		}
	})
	return insisting, func() {
		stop()
		cancel(nil)
	}
}

// notCreated sorts the server's final answers.
func notCreated(job *batchv1.Job, err error) error {
	switch {
	case errors.Is(err, runner.ErrDetach):
		return err
	case errors.Is(err, runner.ErrBroken):
		return mayLive(named("creating", job.Name, err))
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return mayLive(fmt.Errorf("the namespace %s is gone (%w): %w", job.Namespace, runner.ErrBroken, err))
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err), apierrors.IsRequestEntityTooLargeError(err):
		return &refusal{sweep.Refused, "the cluster refuses its Job: " + err.Error()}
	}
	return &refusal{sweep.Infrastructure, "its Job could not be created: " + err.Error()}
}

// meet looks at the Job that has our name already. It returns it if it is the
// attempt's own, and neither it nor an error if the name is free again.
func (u *run) meet(ctx context.Context, job *batchv1.Job, queued func(string)) (*batchv1.Job, error) {
	there, err := u.get(ctx, job.Name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, mayLive(named("looking at", job.Name, err))
	case sameAttempt(there, job) && there.DeletionTimestamp == nil:
		return there, nil
	case there.DeletionTimestamp != nil:
		queued("the Job " + job.Name + " that is being deleted")
		return nil, u.await(ctx)
	}
	u.conflicts.Add(1)
	return nil, &refusal{sweep.Refused, fmt.Sprintf(
		"there is a Job %s in namespace %s already, made by %s; it was left as it is. Delete or rename it, or give the config another run.experiment_name",
		job.Name, u.cluster.Namespace, makerOf(there))}
}

// get asks the server for a Job, whatever ends ctx but a detachment.
func (u *run) get(ctx context.Context, name string) (job *batchv1.Job, err error) {
	ctx, end := insistently(ctx)
	defer end()
	err = u.cluster.patiently(ctx, u.patience.Unreachable, func(ctx context.Context) error {
		job, err = u.cluster.jobs.Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	return job, nil
}

// terminating is how often a Job that is being deleted is looked at: it is not
// ours, so that no informer tells of it.
const terminating = 500 * time.Millisecond

func (u *run) await(ctx context.Context) error {
	timer := time.NewTimer(terminating)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func sameAttempt(a, b *batchv1.Job) bool {
	return a.Labels[labelManagedBy] == managedBy && a.Labels[labelLedger] == b.Labels[labelLedger] &&
		a.Labels[labelAttempt] == b.Labels[labelAttempt] && a.Labels[labelKey] == b.Labels[labelKey]
}

// makerOf says whose a Job is, for people.
func makerOf(job *batchv1.Job) string {
	if job.Labels[labelManagedBy] == managedBy {
		if ledger := job.Labels[labelLedger]; ledger != "" {
			return "lxsweep for the ledger " + ledger
		}
	}
	if by := job.Labels[labelManagedBy]; by != "" {
		return by
	}
	for _, field := range job.ManagedFields {
		if field.Manager != "" && field.Subresource == "" {
			return field.Manager
		}
	}
	return "somebody else"
}

// quotaWords is what a quota's refusal says about which and how much.
func quotaWords(err error) string {
	_, words, found := strings.Cut(err.Error(), "exceeded quota: ")
	if !found {
		return err.Error()
	}
	return words
}

// gate keeps those waiting who were refused for want of quota. One of them
// tries again from time to time; whoever gets through lets two others try.
type gate struct {
	turn chan struct{} // holds one while somebody waits for the time to try
	next chan struct{}
}

func newGate() gate { return gate{make(chan struct{}, 1), make(chan struct{})} }

// probeQuota is how often a full quota is tried without a sign of room.
const probeQuota = 2 * time.Second

// opened says that there was room just now, or will be.
func (g *gate) opened() {
	for range 2 {
		select {
		case g.next <- struct{}{}:
		default:
		}
	}
}

// wait returns when it is the caller's turn to try.
func (g *gate) wait(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-g.next:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	timer := time.NewTimer(probeQuota)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-g.next:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// attemptLabel is an attempt's id as a label.
func attemptLabel(id int64) string { return strconv.FormatInt(id, 10) }
