package kubernetes

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/lxsweep/lxsweep/runner"
)

// Annotations of a Lease of ours.
const (
	annotationOwner = "lxsweep.dev/ledger" // the ledger that has the names
	annotationHost  = "lxsweep.dev/host"   // the machine that it is on, for people
	annotationNext  = "lxsweep.dev/next-number"
	// annotationTaking is the ledger that the names were taken from, until all
	// that it has left running is taken over, too.
	annotationTaking = "lxsweep.dev/taking-over-from"
)

// ClaimOptions say who claims.
type ClaimOptions struct {
	Host   string // the machine, for people
	Holder string // the process there, for people
	// Shared says that several machines have the ledger, so that one of them may
	// have lost its lock without knowing.
	Shared bool
	// TakeOver takes names that another ledger has.
	TakeOver bool
	// Waiting is told what is waited for; nil for nobody.
	Waiting func(string)
	// Duration is how long a claim holds that is not renewed: 30 s by default.
	Duration time.Duration
}

// Claim is a ledger's right to the run names of some experiment names in this
// namespace, and to start anything under them: a Lease for each, which stays
// when the claim is closed. It must be closed.
type Claim struct {
	cluster *Cluster
	runner  *Runner
	ledger  string
	o       ClaimOptions
	stop    context.CancelFunc
	ended   sync.WaitGroup

	writing sync.Mutex // held while leases are written, which may take long
	leases  []*coordinationv1.Lease
	former  former

	mu      sync.Mutex
	renewed time.Time
	void    chan struct{} // closed when it is
	lost    error         // and why; nil before
}

// OwnedError says that another ledger has an experiment name.
type OwnedError struct {
	ExperimentName, Namespace string
	Ledger, Host              string // the owner
}

func (e *OwnedError) Error() string {
	return fmt.Sprintf("the experiments %s-* in namespace %s belong to another ledger: %s on %s", e.ExperimentName, e.Namespace, e.Ledger, e.Host)
}

// Claim takes experiment names for the runner's ledger, all or none. Another
// ledger's are refused with an *OwnedError unless they are taken over; a process
// of that ledger that still runs is then waited for. Until the claim is closed,
// nothing is written to the cluster once it no longer holds.
func (r *Runner) Claim(ctx context.Context, names []string, o ClaimOptions) (*Claim, error) {
	o.Duration = cmp.Or(o.Duration, 30*time.Second)
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	o.Holder += " (" + rand.Text()[:8] + ")" // containers may share a name, and process ids
	c := &Claim{cluster: r.cluster, runner: r, ledger: r.options.Ledger, o: o, renewed: time.Now(), void: make(chan struct{})}
	for _, name := range names {
		lease, err := c.take(ctx, name)
		if err != nil {
			return nil, errors.Join(err, c.release())
		}
		c.leases = append(c.leases, lease)
	}
	renewing, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.ended.Go(func() { c.keepRenewing(renewing) })
	r.cluster.claim.Store(c)
	if err := c.outlast(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Next is the lowest number that was not given under an experiment name, as far
// as the cluster knows.
func (c *Claim) Next(experimentName string) int {
	c.writing.Lock()
	defer c.writing.Unlock()
	for _, lease := range c.leases {
		if lease.Name == leaseName(experimentName) {
			n, _ := strconv.Atoi(lease.Annotations[annotationNext])
			return n
		}
	}
	return 0
}

// TakingOver reports whether names were taken from another ledger, whose
// attempts are yet to be taken over: now, or by a process that ended before it
// had done so. TookOver says that they are.
func (c *Claim) TakingOver() bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	return slices.ContainsFunc(c.leases, func(lease *coordinationv1.Lease) bool { return lease.Annotations[annotationTaking] != "" })
}

// TookOver says that nothing of other ledgers is left under the names.
func (c *Claim) TookOver(ctx context.Context) error {
	return c.change(ctx, func(lease *coordinationv1.Lease) bool {
		_, taking := lease.Annotations[annotationTaking]
		delete(lease.Annotations, annotationTaking)
		return taking
	})
}

// Reserve writes down, before anything of them is started, that the numbers
// below next are given.
func (c *Claim) Reserve(ctx context.Context, experimentName string, next int) error {
	return c.change(ctx, func(lease *coordinationv1.Lease) bool {
		if was, _ := strconv.Atoi(lease.Annotations[annotationNext]); lease.Name != leaseName(experimentName) || was >= next {
			return false
		}
		lease.Annotations[annotationNext] = strconv.Itoa(next)
		return true
	})
}

// change is update until its answer is known.
func (c *Claim) change(ctx context.Context, change func(*coordinationv1.Lease) bool) error {
	return c.cluster.patiently(ctx, c.o.Duration, func(ctx context.Context) error {
		c.writing.Lock()
		defer c.writing.Unlock()
		return c.update(ctx, change)
	})
}

// update changes the Leases that change reports true for. Writing is locked.
func (c *Claim) update(ctx context.Context, change func(*coordinationv1.Lease) bool) error {
	if lost, _ := c.state(); lost != nil {
		return lost
	}
	for i, lease := range c.leases {
		changed := lease.DeepCopy()
		if !change(changed) {
			continue
		}
		var err error
		if c.leases[i], err = c.rewrite(ctx, lease, changed, change); err != nil {
			return err
		}
	}
	return nil
}

// rewrite updates a Lease that may have been written since: by a request of ours
// whose answer was lost, or by somebody who took it over.
func (c *Claim) rewrite(ctx context.Context, lease, changed *coordinationv1.Lease, change func(*coordinationv1.Lease) bool) (*coordinationv1.Lease, error) {
	for {
		updated, err := c.put(ctx, changed)
		if err == nil {
			return updated, nil
		}
		if !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return lease, err
		}
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		now, err := c.cluster.leases.Get(ctx, lease.Name, metav1.GetOptions{})
		cancel()
		if err != nil && !apierrors.IsNotFound(err) {
			return lease, err
		}
		if err != nil || ptr.Deref(now.Spec.HolderIdentity, "") != c.o.Holder || now.Annotations[annotationOwner] != c.ledger {
			return lease, c.lose(c.lostTo(lease.Name, now, err))
		}
		if changed = now.DeepCopy(); !change(changed) {
			return now, nil
		}
	}
}

// LostError says that a claim does not hold any more, so that nothing can be run.
type LostError struct {
	Lease, Namespace string
	// Host has taken it over, for the ledger Ledger, empty for the same one; both
	// are empty if the Lease was deleted.
	Host, Ledger string
}

func (e *LostError) Error() string {
	where := fmt.Sprintf("the Lease %s in namespace %s", e.Lease, e.Namespace)
	switch {
	case e.Host == "":
		return where + " was deleted, and nothing more is started without it"
	case e.Ledger == "":
		return where + " was taken over by " + e.Host
	}
	return fmt.Sprintf("%s was taken over by %s, for the ledger %s", where, e.Host, e.Ledger)
}

// Unwrap is [runner.ErrBroken].
func (e *LostError) Unwrap() error { return runner.ErrBroken }

func (c *Claim) lostTo(name string, now *coordinationv1.Lease, gone error) *LostError {
	lost := &LostError{Lease: name, Namespace: c.cluster.Namespace}
	if gone != nil {
		return lost
	}
	lost.Host = cmp.Or(now.Annotations[annotationHost], "somebody")
	if owner := now.Annotations[annotationOwner]; owner != c.ledger {
		lost.Ledger = owner
	}
	return lost
}

func (c *Claim) keepRenewing(ctx context.Context) {
	tick := time.NewTicker(c.o.Duration / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.writing.Lock()
			_ = c.renew(ctx) // hold says so to whoever writes
			c.writing.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// renew renews the Leases. Writing is locked.
func (c *Claim) renew(ctx context.Context) error {
	now := metav1.NowMicro()
	err := c.update(ctx, func(lease *coordinationv1.Lease) bool {
		lease.Spec.RenewTime = &now
		return true
	})
	if err == nil {
		c.mu.Lock()
		c.renewed = now.Time
		c.mu.Unlock()
	}
	return err
}

// within makes a request while the claim holds, and for no longer. It may be
// called on nil, which holds nothing and hinders nobody.
func (c *Claim) within(ctx context.Context, request func(context.Context) error) error {
	if c == nil {
		return request(ctx)
	}
	if err := c.hold(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, c.until())
	defer cancel()
	return request(ctx)
}

// hold returns nil while the claim holds: it was renewed in time, or just now.
func (c *Claim) hold(ctx context.Context) error {
	if lost, fresh := c.state(); lost != nil || fresh {
		return lost
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if lost, fresh := c.state(); lost != nil || fresh {
		return lost // others have waited for the same
	}
	return c.renew(ctx)
}

// state is why the claim is void, and whether the last renewal still counts, by
// the clock that stands still in a suspended machine and by the one that may be
// set.
func (c *Claim) state() (lost error, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := max(time.Since(c.renewed), time.Now().Round(0).Sub(c.renewed.Round(0)))
	return c.lost, age < c.o.Duration
}

// until is when it no longer holds, unless it is renewed.
func (c *Claim) until() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.renewed.Add(c.o.Duration)
}

// lose makes the claim void.
func (c *Claim) lose(why error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = why
	close(c.void)
	return why
}

// voided is closed when the claim is void; never on nil.
func (c *Claim) voided() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.void
}

// Close lets go of the Leases: they go on to say whose the names are.
func (c *Claim) Close() error {
	c.stop()
	c.ended.Wait()
	c.cluster.claim.Store(nil)
	return c.release()
}

func (c *Claim) release() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	err := c.update(context.Background(), func(lease *coordinationv1.Lease) bool {
		lease.Spec.HolderIdentity = nil
		return true
	})
	if lost, _ := c.state(); err != nil && lost == nil {
		return fmt.Errorf("letting go of the claim on %v: %w", c.names(), err)
	}
	return nil
}

func (c *Claim) names() []string {
	var names []string
	for _, lease := range c.leases {
		names = append(names, lease.Name)
	}
	return slices.Clip(names)
}
