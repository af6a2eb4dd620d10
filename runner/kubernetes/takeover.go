package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/sweep"
)

// Orphans are the attempts of other ledgers under some experiment names that
// are not harvested, as far as their Jobs tell: what a ledger needs to take them
// over. Their IDs are 0.
func (r *Runner) Orphans(ctx context.Context, experimentNames []string) ([]*sweep.Record, error) {
	jobs, err := r.list(ctx, selectOrphans(r.options.Ledger, experimentNames...))
	if err != nil {
		return nil, err
	}
	var orphans []*sweep.Record
	for i := range jobs {
		orphan, err := r.orphan(&jobs[i])
		if err != nil {
			return nil, fmt.Errorf("the Job %s cannot be taken over: %w; delete it if nobody needs it", jobs[i].Name, err)
		}
		orphans = append(orphans, orphan)
	}
	return slices.Clip(orphans), nil
}

// orphan reads the annotations of a Job.
func (r *Runner) orphan(job *batchv1.Job) (*sweep.Record, error) {
	note := func(name string) string { return job.Annotations[name] }
	record := &sweep.Record{Name: job.Labels[labelExperiment], Round: note(annotationRound)}
	last := &sweep.Tried{Runner: r.Name(), Host: r.cluster.Place(), Ref: string(job.UID), Command: note(annotationCommand), Why: "taken over"}
	last.State = sweep.Queued
	record.Last = last
	var err error
	if record.Number, err = strconv.Atoi(note(annotationNumber)); err != nil {
		return nil, fmt.Errorf("its annotation %s: %w", annotationNumber, err)
	}
	if last.Number, err = strconv.Atoi(note(annotationAttemptNumber)); err != nil {
		return nil, fmt.Errorf("its annotation %s: %w", annotationAttemptNumber, err)
	}
	for name, hash := range map[string]*sweep.Hash{annotationPoint: &record.Point, annotationKey: &record.Key, annotationWork: &last.Work} {
		if *hash, err = sweep.ParseHash(note(name)); err != nil {
			return nil, fmt.Errorf("its annotation %s: %w", name, err)
		}
	}
	v, err := sweep.ParseJSON([]byte(note(annotationHP)))
	if err != nil {
		return nil, fmt.Errorf("its annotation %s: %w", annotationHP, err)
	}
	record.HP, _ = v.AsObject()
	return record, nil
}

// TakeOver makes an orphan's Job the runner's ledger's, which has recorded it
// under id.
func (r *Runner) TakeOver(ctx context.Context, orphan *sweep.Record, id int64) error {
	name := jobName(orphan.RunName(), orphan.Last.Number)
	patch := fmt.Sprintf(`{"metadata":{"uid":%q,"labels":{%q:%q,%q:%q}}}`,
		orphan.Last.Ref, labelLedger, r.options.Ledger, labelAttempt, attemptLabel(id))
	return named("taking over", name, r.patch(ctx, jobRef{name: name}, patch))
}

// Owned returns an *OwnedError if another ledger has one of the experiment
// names. It changes nothing.
func (r *Runner) Owned(ctx context.Context, experimentNames []string) error {
	for _, name := range experimentNames {
		var lease *coordinationv1.Lease
		err := r.cluster.patiently(ctx, r.patience.Unreachable, func(ctx context.Context) (err error) {
			lease, err = r.cluster.leases.Get(ctx, leaseName(name), metav1.GetOptions{})
			return err
		})
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return fmt.Errorf("looking for the owner of %s-*: %w", name, err)
		case lease.Annotations[annotationOwner] != r.options.Ledger:
			return &OwnedError{name, r.cluster.Namespace, lease.Annotations[annotationOwner], lease.Annotations[annotationHost]}
		}
	}
	return nil
}
