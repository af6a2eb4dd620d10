package kubernetes

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/lxsweep/lxsweep/runner"
)

// transient reports whether the same request may succeed later without anybody
// doing anything. The request may have been obeyed although it failed so.
func transient(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	switch {
	case apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err),
		apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err), apierrors.IsUnauthorized(err):
		return true
	case apierrors.IsConflict(err) && strings.Contains(err.Error(), "resourcequota"):
		return true
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "not yet been granted"):
		return true
	}
	return unreachable(err) || strings.Contains(err.Error(), "etcdserver:")
}

// unreachable reports whether the network, not the server, failed a request.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return false
	}
	var exchange *url.Error // whatever kept a request from an answer
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return false
	}
	return errors.As(err, &exchange) || errors.Is(err, context.DeadlineExceeded) || utilnet.IsProbableEOF(err) ||
		strings.Contains(err.Error(), "reading response body")
}

// Forbidden reports whether err is the cluster's word that the user may not do
// what was asked.
func Forbidden(err error) bool { return apierrors.IsForbidden(err) && !overQuota(err) }

// overQuota reports whether a quota has no room for a Job now.
func overQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota")
}

// pauses are the times between tries: doubling, cut by up to half at random.
type pauses struct{ next time.Duration }

const (
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

func (p *pauses) wait(ctx context.Context) error {
	p.next = min(max(p.next*2, firstPause), mostPause)
	timer := time.NewTimer(p.next - time.Duration(rand.Int64N(int64(p.next)/2)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errGivenUp says that the cluster has refused or not answered for too long.
var errGivenUp = fmt.Errorf("the cluster could not be used for too long (%w)", runner.ErrBroken)

// patiently repeats a request while it fails for a while only, and not longer
// than the limit.
func (c *Cluster) patiently(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	return repeat(ctx, limit, func() error { return call(ctx, min(limit, callTimeout), request) })
}

// doorClosed is how long a write that reached nobody keeps others from trying.
const doorClosed = 250 * time.Millisecond

// write is patiently for a request that changes something: in the window, whose
// queue is no part of what the limit is for.
func (c *Cluster) write(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	var queued time.Duration
	return repeatFor(ctx, func(spent time.Duration) bool { return spent-queued > limit }, func() error {
		begun := time.Now()
		err := c.window.enter(ctx)
		queued += time.Since(begun)
		if err != nil {
			return err
		}
		defer c.window.leave()
		err = call(ctx, callTimeout, func(ctx context.Context) error {
			return c.claim.Load().within(ctx, request)
		})
		if err != nil && unreachable(err) {
			// In its place: thousands who wait are not to knock at a closed door.
			select {
			case <-time.After(doorClosed):
			case <-ctx.Done():
			}
		}
		return err
	})
}

// call makes one request, in the time that it may take.
func call(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return request(ctx)
}

func repeat(ctx context.Context, limit time.Duration, try func() error) error {
	return repeatFor(ctx, func(spent time.Duration) bool { return spent > limit }, try)
}

// repeatFor tries again while that fails for a while only, until it is enough.
func repeatFor(ctx context.Context, enough func(spent time.Duration) bool, try func() error) error {
	begun := time.Now()
	var p pauses
	for {
		err := try()
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case !transient(err):
			return err
		case enough(time.Since(begun)):
			return fmt.Errorf("%w: %w", errGivenUp, err)
		}
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
}
