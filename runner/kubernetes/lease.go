package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// How one Lease is made a claim's own: claim.go holds them together.

func leaseName(experimentName string) string { return "lxsweep-" + experimentName }

// take makes one Lease ours.
func (c *Claim) take(ctx context.Context, name string) (*coordinationv1.Lease, error) {
	for {
		lease, err := c.get(ctx, name)
		switch {
		case apierrors.IsNotFound(err):
			if lease, err = c.anew(ctx, name); err == nil {
				lease, err = c.insist(ctx, c.fill(lease))
			}
		case err != nil:
		case lease.Annotations[annotationOwner] == c.ledger:
			// No other process of this ledger can be at work, or it has lost the
			// ledger's lock.
			c.takeFrom(lease)
			lease, err = c.insist(ctx, c.fill(lease))
		case !c.o.TakeOver:
			return nil, &OwnedError{name, c.cluster.Namespace, lease.Annotations[annotationOwner], lease.Annotations[annotationHost]}
		default:
			if err = c.idle(ctx, lease); err == nil {
				lease, err = c.insist(ctx, c.fill(lease))
			}
		}
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
			continue // somebody was faster: look again
		}
		if owned := new(OwnedError); errors.As(err, &owned) {
			return nil, owned
		}
		if err != nil {
			return nil, fmt.Errorf("claiming %s-* with the Lease %s in namespace %s: %w", name, leaseName(name), c.cluster.Namespace, err)
		}
		return lease, nil
	}
}

// anew is the first Lease of a name, or one in place of a Lease that somebody has
// deleted: then the owner is known by the Jobs that it has left.
func (c *Claim) anew(ctx context.Context, name string) (*coordinationv1.Lease, error) {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: leaseName(name), Labels: map[string]string{labelManagedBy: managedBy}, Annotations: map[string]string{},
	}}
	left, err := c.runner.list(ctx, selectOrphans(c.ledger, name))
	if err != nil || len(left) == 0 {
		return lease, err
	}
	owner := left[0].Labels[labelLedger]
	if !c.o.TakeOver {
		return nil, &OwnedError{name, c.cluster.Namespace, owner, "a machine that is not known any more"}
	}
	lease.Annotations[annotationOwner] = owner
	return lease, nil
}

// idle waits until a Lease is not renewed any more: no clock but ours is asked.
func (c *Claim) idle(ctx context.Context, lease *coordinationv1.Lease) error {
	holder, term := held(lease)
	if holder == "" {
		return nil
	}
	c.o.Waiting(fmt.Sprintf("looking for %v whether %s still runs", term, holder))
	return c.wait(ctx, term) // put conflicts if it was renewed meanwhile
}

// held is who holds a Lease, and for how long if it is not renewed.
func held(lease *coordinationv1.Lease) (holder string, term time.Duration) {
	return ptr.Deref(lease.Spec.HolderIdentity, ""), time.Duration(ptr.Deref(lease.Spec.LeaseDurationSeconds, 0)) * time.Second
}

// former is who has not let go of what was taken from it, and until when at the
// latest that still counts there.
type former struct {
	holder string // empty for nobody
	term   time.Duration
}

func (c *Claim) takeFrom(lease *coordinationv1.Lease) {
	if holder, term := held(lease); c.o.Shared && holder != "" && holder != c.o.Holder && term >= c.former.term {
		c.former = former{holder, term}
	}
}

// outlast waits until whoever was a holder before begins nothing any more: it
// need not know yet that it is one no longer, as it may be stopped, or cut off.
func (c *Claim) outlast(ctx context.Context) error {
	if c.former.holder == "" {
		return nil
	}
	c.o.Waiting(fmt.Sprintf("waiting %v: %s did not let go, and may still be about to start something", c.former.term, c.former.holder))
	return c.wait(ctx, c.former.term)
}

func (c *Claim) wait(ctx context.Context, term time.Duration) error {
	timer := time.NewTimer(term)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.void:
		lost, _ := c.state()
		return lost
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Claim) get(ctx context.Context, name string) (lease *coordinationv1.Lease, err error) {
	err = c.cluster.patiently(ctx, c.o.Duration, func(ctx context.Context) error {
		lease, err = c.cluster.leases.Get(ctx, leaseName(name), metav1.GetOptions{})
		return err
	})
	return lease, err
}

// insist is put until its answer is known. If the answer to one that was obeyed
// is lost, that is a conflict with ourselves.
func (c *Claim) insist(ctx context.Context, lease *coordinationv1.Lease) (put *coordinationv1.Lease, err error) {
	err = c.cluster.patiently(ctx, c.o.Duration, func(ctx context.Context) error {
		put, err = c.put(ctx, lease)
		return err
	})
	return put, err
}

// put creates or updates a Lease, with what the server has as a precondition.
func (c *Claim) put(ctx context.Context, lease *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if lease.ResourceVersion == "" {
		return c.cluster.leases.Create(ctx, lease, metav1.CreateOptions{})
	}
	return c.cluster.leases.Update(ctx, lease, metav1.UpdateOptions{})
}

// fill makes a Lease ours, in a copy.
func (c *Claim) fill(lease *coordinationv1.Lease) *coordinationv1.Lease {
	lease = lease.DeepCopy()
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	if owner := lease.Annotations[annotationOwner]; owner != "" && owner != c.ledger {
		lease.Annotations[annotationTaking] = owner
	}
	lease.Annotations[annotationOwner], lease.Annotations[annotationHost] = c.ledger, c.o.Host
	now := metav1.NowMicro()
	lease.Spec.AcquireTime, lease.Spec.RenewTime = &now, &now
	lease.Spec.HolderIdentity = &c.o.Holder
	lease.Spec.LeaseDurationSeconds = ptr.To(int32(c.o.Duration / time.Second))
	lease.Spec.LeaseTransitions = ptr.To(ptr.Deref(lease.Spec.LeaseTransitions, 0) + 1)
	return lease
}
