package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
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
		apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err), apierrors.IsUnauthorized(err),
		apierrors.IsUnexpectedServerError(err):
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
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) || errors.As(err, &dns) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) ||
		utilnet.IsProbableEOF(err) || utilnet.IsTimeout(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		strings.Contains(err.Error(), "TLS handshake timeout") || strings.Contains(err.Error(), "GOAWAY")
}

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
	begun := time.Now()
	var p pauses
	for {
		attempt, cancel := context.WithTimeout(ctx, callTimeout)
		err := request(attempt)
		cancel()
		if ctx.Err() != nil && err != nil {
			return context.Cause(ctx)
		}
		if !transient(err) {
			return err
		}
		if time.Since(begun) > limit {
			return fmt.Errorf("%w: %w", errGivenUp, err)
		}
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
}

// write is patiently for a request that changes something: in the window.
func (c *Cluster) write(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	return c.patiently(ctx, limit, func(ctx context.Context) error {
		if err := c.window.enter(ctx); err != nil {
			return err
		}
		defer c.window.leave()
		if err := c.claim.Load().hold(ctx); err != nil {
			return err
		}
		return request(ctx)
	})
}
