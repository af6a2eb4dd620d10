// Package build makes images before the attempts that need them.
//
// # Start here
//
// [Runner] stands before another runner and adds one thing to its Run: an
// attempt whose command has build steps waits until they have been run. How a
// step is run and ended is in steps.go.
//
// Attempts with the same image and the same steps share a build, and what came
// of it, for as long as the Runner lives: each apply builds once. Builds run one
// at a time, for each takes all of a machine that it can get. One that fails
// fails all its attempts, as not started: the next apply tries again. One that
// nobody waits for any more is ended, and run afresh if it is asked for again.
//
// # What it does not know
//
// Docker, registries, or whether anything has changed since the last apply: a
// step is text for the shell. What a step leaves in the background when it ends
// by itself is left alone. After kill -9 of lxsweep a step goes on to its end,
// and the next apply does not see it.
package build

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

var _ runner.Runner = (*Runner)(nil)

// Options say how steps are run. Zero values are the defaults, but for the
// folders.
type Options struct {
	Dir     string           // where steps run: the folder of the .hcl file
	LogsDir string           // for a file with the output of each build; made when needed
	Environ []string         // of steps; that of this process by default
	Grace   time.Duration    // between TERM and KILL; 10 s by default
	Skip    bool             // the images are there: nothing is built
	Now     func() time.Time // time.Now by default
}

// Runner makes images before attempts that need them, and leaves the rest to
// the runner within.
type Runner struct {
	runner.Runner
	options Options
	turn    *semaphore.Weighted // held by the build that runs

	mu     sync.Mutex
	builds map[sweep.Hash]*build
}

// build is the steps of one image on their way, and what came of them.
type build struct {
	id     sweep.Hash
	name   string // "the build of IMAGE"
	steps  []string
	log    string // path
	cancel context.CancelFunc

	// Under Runner.mu:
	wanted  int           // attempts that have not given up on it
	stage   string        // for those who wait; empty before the first
	over    bool          // it has ended
	failure error         // once it is over, nil for success
	news    chan struct{} // closed when one of those is another
}

// New returns a Runner that hands attempts on to inner.
func New(inner runner.Runner, o Options) *Runner {
	o.Grace = cmp.Or(o.Grace, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Runner{Runner: inner, options: o, turn: semaphore.NewWeighted(1), builds: map[sweep.Hash]*build{}}
}

// Run waits for the attempt's image and hands the attempt on; see
// runner.Runner. The last to give up on a build returns when that has ended.
func (r *Runner) Run(ctx context.Context, a runner.Attempt, changed func(runner.Change)) (sweep.Outcome, error) {
	if a.Adopt || r.options.Skip || len(a.Command.BuildSteps) == 0 {
		return r.Runner.Run(ctx, a, changed)
	}
	launching, cancel := a.Launching(ctx)
	defer cancel()
	if launching.Err() != nil {
		return givenUp(context.Cause(launching))
	}
	b := r.join(a.Command.Image, a.Command.BuildSteps)
	over, err := r.await(launching, b, func(stage string) {
		changed(runner.Change{State: sweep.Queued, Time: r.options.Now(), Waiting: stage})
	})
	switch {
	case !over:
		r.leave(b)
		return givenUp(context.Cause(launching))
	case err != nil:
		return sweep.Outcome{
			State: sweep.Failed, Class: sweep.Refused, Code: sweep.CodeUnknown,
			Reason: "not started: its image could not be built: " + err.Error(),
			Tail:   metrics.FileTail(b.log, 5),
		}, nil
	}
	return r.Runner.Run(ctx, a, changed)
}

// join returns the build of these steps, which it starts if there is none.
func (r *Runner) join(image string, steps []string) *build {
	id := sweep.Hash(sha256.Sum256([]byte(image + "\x00" + strings.Join(steps, "\x00"))))
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.builds[id]
	if b == nil {
		ctx, cancel := context.WithCancel(context.Background())
		b = &build{
			id: id, name: strings.TrimSuffix("the build of "+image, " of "), steps: steps,
			log:    filepath.Join(r.options.LogsDir, "build-"+id.Short()+".log"),
			cancel: cancel, news: make(chan struct{}),
		}
		r.builds[id] = b
		go r.build(ctx, b)
	}
	b.wanted++
	return b
}

// await tells each stage until b is over; it returns false if ctx ended first.
func (r *Runner) await(ctx context.Context, b *build, tell func(stage string)) (over bool, failure error) {
	for {
		r.mu.Lock()
		stage, over, failure, news := b.stage, b.over, b.failure, b.news
		r.mu.Unlock()
		if over {
			return true, failure
		}
		if stage != "" {
			tell(stage)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return false, nil
		}
	}
}

// leave ends and forgets b if nobody else wants it.
func (r *Runner) leave(b *build) {
	r.mu.Lock()
	b.wanted--
	last := b.wanted == 0
	if last {
		delete(r.builds, b.id)
	}
	r.mu.Unlock()
	if last {
		b.cancel()
		r.await(context.Background(), b, func(string) {})
	}
}

// givenUp is what becomes of an attempt whose context ended while it waited.
func givenUp(cause error) (sweep.Outcome, error) {
	if errors.Is(cause, runner.ErrDetach) {
		return sweep.Outcome{}, runner.ErrDetach
	}
	o := sweep.Outcome{State: sweep.Interrupted, Code: sweep.CodeUnknown, Reason: cause.Error()}
	if end := new(runner.Ending); errors.As(cause, &end) {
		o.State, o.Reason = end.State, end.Reason
	}
	o.Class = runner.OfEnding(o.State)
	o.Reason += "; it had not started"
	return o, nil
}
