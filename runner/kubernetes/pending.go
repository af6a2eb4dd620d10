package kubernetes

import (
	"cmp"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Patience is how long an attempt may wait for one thing before it fails. Zero
// values are the defaults.
type Patience struct {
	Image    time.Duration // one that is not there, or not for us: 90 s
	Registry time.Duration // one that is busy, or does not answer: 15 min
	Pull     time.Duration // other failures to pull: 5 min
	Config   time.Duration // a secret, a config map, a container that cannot be made: 2 min
	Volume   time.Duration // a volume that cannot be mounted: 10 min
	// Refused is how long nothing came of a Job whose pods are refused (a quota
	// excepted): 30 s.
	Refused time.Duration
	// Unreachable is how long one request is tried while the cluster does not
	// answer, or a webhook of it does not: 10 min.
	Unreachable time.Duration
	// Denied is how long the cluster may refuse to be watched, since tokens are
	// renewed and roles mended: 1 min.
	Denied time.Duration
	// Stalled is how long a pod may take to go before it is told of: 5 min.
	Stalled time.Duration
	// Quiet is how long an attempt waits for one thing before that is told: 3 s.
	Quiet time.Duration
	// Crowded is how long attempts may wait for a node before that is told of:
	// 30 min.
	Crowded time.Duration
}

func (p Patience) orDefaults() Patience {
	return Patience{
		Image:       cmp.Or(p.Image, 90*time.Second),
		Registry:    cmp.Or(p.Registry, 15*time.Minute),
		Pull:        cmp.Or(p.Pull, 5*time.Minute),
		Config:      cmp.Or(p.Config, 2*time.Minute),
		Volume:      cmp.Or(p.Volume, 10*time.Minute),
		Refused:     cmp.Or(p.Refused, 30*time.Second),
		Unreachable: cmp.Or(p.Unreachable, 10*time.Minute),
		Denied:      cmp.Or(p.Denied, time.Minute),
		Stalled:     cmp.Or(p.Stalled, 5*time.Minute),
		Quiet:       cmp.Or(p.Quiet, 3*time.Second),
		Crowded:     cmp.Or(p.Crowded, 30*time.Minute),
	}
}

// maxDisruptions is how often a pod may be taken away before the attempt is.
const maxDisruptions = 20

// limit is how long an attempt may want w, and whose failure it is then. ok is
// false where it may wait for ever.
func (p *Patience) limit(w want) (d time.Duration, class sweep.Class, ok bool) {
	switch w {
	case wantImageName:
		return 0, sweep.User, true
	case wantImage:
		return p.Image, sweep.User, true
	case wantRegistry:
		return p.Registry, sweep.Infrastructure, true
	case wantPull:
		return p.Pull, sweep.User, true
	case wantConfig:
		return p.Config, sweep.User, true
	case wantVolume:
		return p.Volume, sweep.User, true
	}
	return 0, "", false
}
