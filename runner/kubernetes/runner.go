package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

var _ runner.Runner = (*Runner)(nil)

// Options say for whom a Runner works. Zero values are the defaults, but for
// the first two.
type Options struct {
	// Ledger is the id of the ledger that gives attempts their ids. Jobs of
	// another are left alone.
	Ledger string
	// LogsDir is where the logs of what has ended are kept. It is made when the
	// first is.
	LogsDir string
	// Notice is told what a person should know and no attempt says; nil for
	// nobody. It may be called from several goroutines.
	Notice   func(string)
	Patience Patience
	// Now tells the time; time.Now by default.
	Now func() time.Time
}

// Runner runs attempts as Jobs. It is safe for concurrent use. It must be
// closed.
type Runner struct {
	cluster   *Cluster
	options   Options
	patience  Patience
	quota     gate
	refusals  refusals
	events    events
	crowd     crowd
	conflicts atomic.Int64
	logs      chan struct{} // a place for each log that is being fetched

	mu      sync.Mutex
	watcher *watcher // nil before the first Run
	closed  bool
	// jobs are the names and UIDs by the attempts' ids, as far as known.
	jobs map[int64]jobRef
}

type jobRef struct {
	name string
	uid  types.UID
	keep time.Duration // once it has ended; 0 for not
}

func refOf(job *batchv1.Job) jobRef { return jobRef{job.Name, job.UID, keeps(job)} }

// logsAtOnce is how many logs are fetched at a time: nodes serve them, through
// the server, while others wait for nothing but their outcome.
const logsAtOnce = 16

// New returns a Runner. It asks the cluster nothing.
func New(c *Cluster, o Options) *Runner {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Runner{
		cluster: c, options: o, patience: o.Patience.orDefaults(), quota: newGate(), logs: make(chan struct{}, logsAtOnce),
		jobs: map[int64]jobRef{},
	}
}

// Name is "kubernetes".
func (r *Runner) Name() string { return "kubernetes" }

// Host is the cluster and the namespace. There is no boot.
func (r *Runner) Host() (host, boot string) { return r.cluster.Place(), "" }

// Fits says nothing: nodes come and go.
func (r *Runner) Fits(sweep.Resources) error { return nil }

// Conflicts is how many attempts were not started because something that is not
// theirs has their name.
func (r *Runner) Conflicts() int { return int(r.conflicts.Load()) }

// LogPath is where the log of an attempt is kept once it has ended.
func (r *Runner) LogPath(runName string, attempt int) string {
	return filepath.Join(r.options.LogsDir, fmt.Sprintf("%s.%d.log", runName, attempt))
}

// ResultPath is where what an attempt left in LXSWEEP_RESULT is kept.
func (r *Runner) ResultPath(runName string, attempt int) string {
	return filepath.Join(r.options.LogsDir, fmt.Sprintf("%s.%d.result.json", runName, attempt))
}

// watching starts the informers at the first call, and waits until they have
// read what there is; for what is to be adopted, even if launching has ended.
func (r *Runner) watching(ctx context.Context, adopt bool) (*watcher, error) {
	w, err := r.startWatching()
	if err != nil {
		return nil, mayLive(err)
	}
	if adopt {
		var end context.CancelFunc
		ctx, end = insistently(ctx)
		defer end()
	}
	ready, cancel := context.WithTimeoutCause(ctx, r.patience.Unreachable, fmt.Errorf("%w: it cannot be watched", errGivenUp))
	defer cancel()
	switch err := w.ready(ready); {
	case err == nil:
		return w, nil
	case ctx.Err() != nil && !adopt:
		return nil, context.Cause(ctx) // there is no Job yet
	default:
		return nil, mayLive(err)
	}
}

func (r *Runner) startWatching() (w *watcher, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	if r.watcher == nil {
		r.watcher, err = newWatcher(r.cluster, r.options.Ledger, &r.patience, r.options.Notice)
	}
	return r.watcher, err
}

var errClosed = fmt.Errorf("the runner was closed (%w)", runner.ErrBroken)

// Close ends the watching, and every Run that goes on. Jobs go on.
func (r *Runner) Close() []string {
	r.mu.Lock()
	w := r.watcher
	r.watcher, r.closed = nil, true
	r.mu.Unlock()
	if w != nil {
		w.close()
	}
	r.cluster.http.CloseIdleConnections()
	return nil
}

// page is how many Jobs one request lists.
const page = 500

// Survey lists the ledger's Jobs.
func (r *Runner) Survey(ctx context.Context) ([]sweep.Live, error) {
	jobs, err := r.list(ctx, selectJobs(r.options.Ledger))
	if err != nil {
		return nil, err
	}
	var lives []sweep.Live
	for i := range jobs {
		if live, ok := r.liveOf(&jobs[i]); ok {
			lives = append(lives, live)
		}
	}
	return lives, nil
}

// list lists Jobs, a page at a time.
func (r *Runner) list(ctx context.Context, selector string) ([]batchv1.Job, error) {
	var jobs []batchv1.Job
	o := metav1.ListOptions{LabelSelector: selector, Limit: page}
	for {
		var list *batchv1.JobList
		err := r.cluster.patiently(ctx, r.patience.Unreachable, func(ctx context.Context) (err error) {
			list, err = r.cluster.jobs.List(ctx, o)
			return err
		})
		switch {
		case apierrors.IsResourceExpired(err) && o.Continue != "":
			jobs, o.Continue = nil, ""
			continue
		case err != nil:
			return nil, fmt.Errorf("listing the Jobs in namespace %s: %w", r.cluster.Namespace, err)
		}
		for i := range list.Items {
			list.Items[i].Spec.Template, list.Items[i].ManagedFields = corev1.PodTemplateSpec{}, nil
		}
		jobs = append(jobs, list.Items...)
		if o.Continue = list.Continue; o.Continue == "" {
			return jobs, nil
		}
	}
}

// liveOf reads a Job of ours, and remembers its name.
func (r *Runner) liveOf(job *batchv1.Job) (sweep.Live, bool) {
	id, err := strconv.ParseInt(job.Labels[labelAttempt], 10, 64)
	if err != nil {
		return sweep.Live{}, false
	}
	r.remember(id, refOf(job))
	live := sweep.Live{AttemptID: id, State: sweep.Queued, Started: timeOf(job.Status.StartTime)}
	s := sight{job: job}
	why := endingOf(job)
	switch end := s.end(); {
	case end == nil && ptr.Deref(job.Status.Ready, 0) > 0:
		live.State = sweep.Running
	case end == nil:
	case end.Type == batchv1.JobComplete:
		live.State = sweep.Succeeded
	case why != nil:
		live.State = why.State
	default:
		live.State = sweep.Failed
	}
	return live, true
}

func (r *Runner) remember(id int64, ref jobRef) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs[id] = ref
}

func (r *Runner) known(id int64) jobRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.jobs[id]
}

// Gone is for an attempt without a Job. One that was known to have had one is
// lost: it may have run to its end.
func (r *Runner) Gone(t *sweep.Tried) sweep.Outcome {
	if t.Ref == "" {
		return sweep.Outcome{
			State: sweep.Interrupted, Class: sweep.Infrastructure, Code: sweep.CodeUnknown,
			Reason: "lxsweep ended before it was started",
		}
	}
	return sweep.Outcome{
		State: sweep.Lost, Class: sweep.Infrastructure, Code: sweep.CodeUnknown,
		Reason: "its Job is gone from namespace " + r.cluster.Namespace + ", and nobody saw how it ended",
	}
}

// Release deletes the attempt's Job and its pods; of the attempt it needs the ID
// only. A Job that is to be kept is only marked. An unknown attempt is no error.
func (r *Runner) Release(ctx context.Context, a runner.Attempt) error {
	ref := r.known(a.ID)
	if ref.name == "" {
		return nil
	}
	release := r.delete
	if ref.keep > 0 {
		release = r.harvested
	}
	if err := release(ctx, ref); err != nil {
		return err
	}
	r.quota.opened()
	r.mu.Lock()
	delete(r.jobs, a.ID)
	r.mu.Unlock()
	return nil
}

// delete deletes a Job and its pods; one that is gone, or another's by now, is
// no error.
func (r *Runner) delete(ctx context.Context, ref jobRef) error {
	return named("deleting", ref.name, ignore(r.deleteIf(ctx, ref, ""), apierrors.IsConflict))
}

// deleteIf is delete, but a conflict if the Job has another version, unless
// that is empty.
func (r *Runner) deleteIf(ctx context.Context, ref jobRef, version string) error {
	only := metav1.NewUIDPreconditions(string(ref.uid))
	if version != "" {
		only.ResourceVersion = &version
	}
	err := r.cluster.write(ctx, r.patience.Unreachable, func(ctx context.Context) error {
		return r.cluster.jobs.Delete(ctx, ref.name, metav1.DeleteOptions{
			PropagationPolicy: ptr.To(metav1.DeletePropagationBackground), Preconditions: only,
		})
	})
	return ignore(err, apierrors.IsNotFound)
}

// harvested marks a Job that stays, so that nobody looks for its outcome again,
// and lets the cluster delete it when it has stayed for long enough.
func (r *Runner) harvested(ctx context.Context, ref jobRef) error {
	patch := fmt.Sprintf(`{"metadata":{"uid":%q,"labels":{%q:"true"}},"spec":{"ttlSecondsAfterFinished":%d}}`,
		ref.uid, labelHarvested, seconds(ref.keep))
	return named("marking", ref.name, r.patch(ctx, ref, patch))
}

// patch merges into a Job; one that is gone, or another's by now, is no error.
func (r *Runner) patch(ctx context.Context, ref jobRef, patch string) error {
	err := r.cluster.write(ctx, r.patience.Unreachable, func(ctx context.Context) error {
		_, err := r.cluster.jobs.Patch(ctx, ref.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	})
	return ignore(err, apierrors.IsNotFound, apierrors.IsConflict)
}

func ignore(err error, kinds ...func(error) bool) error {
	for _, is := range kinds {
		if is(err) {
			return nil
		}
	}
	return err
}

func named(doing, job string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s Job %s: %w", doing, job, err)
}

// mayLive marks an error after which the Job may go on without us.
func mayLive(err error) error {
	if err == nil || errors.Is(err, runner.ErrDetach) {
		return err
	}
	return &livingError{err}
}

type livingError struct{ error }

func (e *livingError) Error() string   { return e.error.Error() + "; its Job may go on" }
func (e *livingError) Unwrap() []error { return []error{e.error, runner.ErrDetach} }

// keeps is how long a Job is to stay once it has ended.
func keeps(job *batchv1.Job) time.Duration {
	d, _ := time.ParseDuration(job.Annotations[annotationKeep]) // none, and 0, is the rule
	return d
}
