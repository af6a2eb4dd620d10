package kubernetes

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// watcher keeps what the cluster has of a ledger's Jobs and their pods, and
// pokes whoever follows one of them.
type watcher struct {
	cluster *Cluster
	jobs    cache.SharedIndexInformer
	pods    cache.SharedIndexInformer
	stop    context.CancelCauseFunc
	ended   sync.WaitGroup
	synced  chan struct{} // closed when everything that there was has been read
	// unstarted counts the Jobs that the Job controller has not come to.
	unstarted atomic.Int64

	patience *Patience
	notice   func(string)

	mu      sync.Mutex
	follows map[string]*follow  // by the Job's name
	trouble map[string]*trouble // by the resource that cannot be watched
	broken  chan struct{}       // closed when nothing more is seen
	why     error               // and why; not nil before
}

// follow is one attempt's look at its Job.
type follow struct {
	poked chan struct{} // holds one
	seen  atomic.Bool   // the informer has had it
}

// poke wakes the follower, once however often it is called meanwhile.
func (f *follow) poke() {
	select {
	case f.poked <- struct{}{}:
	default:
	}
}

// byJob indexes pods by the name of their Job.
const byJob = "job"

// newWatcher starts watching; close ends it.
func newWatcher(c *Cluster, ledger string, p *Patience, notice func(string)) (*watcher, error) {
	w := &watcher{
		cluster: c, patience: p, notice: notice,
		follows: map[string]*follow{}, trouble: map[string]*trouble{}, broken: make(chan struct{}), synced: make(chan struct{}),
	}
	w.jobs = cache.NewSharedIndexInformer(w.listWatch("jobs", selectJobs(ledger), w.listJobs, w.watchJobs), &batchv1.Job{}, 0, cache.Indexers{})
	w.pods = cache.NewSharedIndexInformer(w.listWatch("pods", selectPods, w.listPods, w.watchPods), &corev1.Pod{}, 0, cache.Indexers{
		byJob: func(obj any) ([]string, error) { return []string{jobOfPod(obj)}, nil },
	})
	ctx, stop := context.WithCancelCause(context.Background())
	w.stop = stop
	for _, err := range []error{
		w.begin(w.jobs, stripJob, w.jobChanged), w.begin(w.pods, stripPod, w.podChanged),
	} {
		if err != nil {
			stop(err)
			return nil, fmt.Errorf("watching the cluster: %w", err)
		}
	}
	w.ended.Go(func() {
		if cache.WaitForCacheSync(ctx.Done(), w.jobs.HasSynced, w.pods.HasSynced) {
			close(w.synced)
		}
	})
	w.ended.Go(func() { w.jobs.RunWithContext(ctx) })
	w.ended.Go(func() { w.pods.RunWithContext(ctx) })
	return w, nil
}

// close ends the watching, and all who follow, and waits for it.
func (w *watcher) close() {
	w.mu.Lock()
	w.giveUp(errClosed)
	w.mu.Unlock()
	w.stop(nil)
	w.ended.Wait()
}

func (w *watcher) begin(i cache.SharedIndexInformer, strip cache.TransformFunc, changed func(old, now any)) error {
	if err := i.SetTransform(strip); err != nil {
		return err
	}
	if err := i.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {}); err != nil {
		return err // heard has been told
	}
	_, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { changed(nil, obj) },
		UpdateFunc: changed,
		DeleteFunc: func(obj any) {
			if last, missed := obj.(cache.DeletedFinalStateUnknown); missed {
				obj = last.Obj
			}
			changed(obj, nil)
		},
	})
	return err
}

// ready waits until everything that there was has been read.
func (w *watcher) ready(ctx context.Context) error {
	select {
	case <-w.synced:
	case <-w.broken:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-w.broken: // whether it had been read or not
		return w.why
	default:
		return nil
	}
}

// trouble is since when a resource cannot be watched.
type trouble struct {
	since   time.Time
	refused bool // by the server, which answers
	told    bool
}

// outage is how long the cluster may be away before that is told.
const outage = time.Minute

// heard takes in how a list or watch of a resource went. Informers try again for
// ever; a refusal is believed after a while, and a silence after a longer one.
func (w *watcher) heard(resource string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.trouble[resource]
	if err == nil || apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		delete(w.trouble, resource)
		if was != nil && was.told {
			w.notice("the cluster answers again")
		}
		return
	}
	refused := apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
	if was == nil || was.refused != refused {
		w.trouble[resource] = &trouble{since: time.Now(), refused: refused}
		return
	}
	switch lasts := time.Since(was.since); {
	case refused && lasts >= w.patience.Denied:
		w.giveUp(fmt.Errorf("%w: it refuses to be watched: %w", errGivenUp, err))
	case !refused && lasts >= w.patience.Unreachable:
		w.giveUp(fmt.Errorf("%w: %w", errGivenUp, err))
	case !refused && lasts >= outage && !was.told:
		was.told = true
		w.notice(fmt.Sprintf("the cluster has not answered for %v: %v", lasts.Round(time.Second), err))
	}
}

// giveUp ends all who follow. The watcher is locked.
func (w *watcher) giveUp(why error) {
	if w.why == nil {
		w.why = why
		close(w.broken)
	}
}

// listWatch reads objects of ours only.
func (w *watcher) listWatch(
	resource, selector string,
	list func(context.Context, metav1.ListOptions) (runtime.Object, error),
	begin func(context.Context, metav1.ListOptions) (watch.Interface, error),
) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			objects, err := list(ctx, o)
			w.heard(resource, err)
			return objects, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			watching, err := begin(ctx, o)
			w.heard(resource, err)
			return watching, err
		},
	}
}

func (w *watcher) listJobs(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	return w.cluster.jobs.List(ctx, o)
}

func (w *watcher) watchJobs(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	return w.cluster.jobs.Watch(ctx, o)
}

func (w *watcher) listPods(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	return w.cluster.pods.List(ctx, o)
}

func (w *watcher) watchPods(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	return w.cluster.pods.Watch(ctx, o)
}

// follow begins to look at a Job. unfollow ends it.
func (w *watcher) follow(name string) *follow {
	f := &follow{poked: make(chan struct{}, 1)}
	w.mu.Lock()
	w.follows[name] = f
	w.mu.Unlock()
	if _, there, _ := w.jobs.GetStore().GetByKey(w.cluster.Namespace + "/" + name); there {
		f.seen.Store(true)
	}
	return f
}

func (w *watcher) unfollow(name string, f *follow) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.follows[name] == f {
		delete(w.follows, name)
	}
}

func (w *watcher) poke(name string, seen bool) {
	w.mu.Lock()
	f := w.follows[name]
	w.mu.Unlock()
	if f != nil {
		if seen {
			f.seen.Store(true)
		}
		f.poke()
	}
}

// jobChanged and podChanged hear of objects that came (old is nil), changed, or
// went (now is nil).
func (w *watcher) jobChanged(old, now any) {
	before, after := waitsForController(old), waitsForController(now)
	if before != after {
		if after {
			w.unstarted.Add(1)
		} else {
			w.unstarted.Add(-1)
		}
	}
	for _, obj := range []any{now, old} {
		if job, ok := obj.(*batchv1.Job); ok {
			w.poke(job.Name, true)
			return
		}
	}
}

func waitsForController(obj any) bool {
	job, ok := obj.(*batchv1.Job)
	return ok && job.Status.StartTime == nil && !suspended(job)
}

func (w *watcher) podChanged(old, now any) {
	for _, obj := range []any{now, old} {
		if name := jobOfPod(obj); name != "" {
			w.poke(name, false)
			return
		}
	}
}

func jobOfPod(obj any) string {
	if pod, ok := obj.(*corev1.Pod); ok {
		return pod.Labels[batchv1.JobNameLabel]
	}
	return ""
}

// sight is what is known now of the Job with this name.
func (w *watcher) sight(name string) sight {
	var s sight
	if obj, there, _ := w.jobs.GetStore().GetByKey(w.cluster.Namespace + "/" + name); there {
		s.job, _ = obj.(*batchv1.Job)
	}
	objects, _ := w.pods.GetIndexer().ByIndex(byJob, name) // the index exists
	for _, obj := range objects {
		if pod, ok := obj.(*corev1.Pod); ok && (s.job == nil || metav1.IsControlledBy(pod, s.job)) {
			s.pods = append(s.pods, pod)
		}
	}
	return s
}

// stripJob keeps of a Job what sight is read for.
func stripJob(obj any) (any, error) {
	job, ok := obj.(*batchv1.Job)
	if !ok {
		return obj, nil
	}
	return &batchv1.Job{
		ObjectMeta: stripMeta(&job.ObjectMeta),
		Spec:       batchv1.JobSpec{Suspend: job.Spec.Suspend},
		Status: batchv1.JobStatus{
			Conditions: job.Status.Conditions, StartTime: job.Status.StartTime, CompletionTime: job.Status.CompletionTime,
			Active: job.Status.Active, Ready: job.Status.Ready, Succeeded: job.Status.Succeeded, Failed: job.Status.Failed,
		},
	}, nil
}

// stripPod keeps of a pod what sight is read for.
func stripPod(obj any) (any, error) {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return obj, nil
	}
	kept := &corev1.Pod{
		ObjectMeta: stripMeta(&pod.ObjectMeta),
		Spec:       corev1.PodSpec{NodeName: pod.Spec.NodeName},
		Status: corev1.PodStatus{
			Phase: pod.Status.Phase, Reason: pod.Status.Reason, Message: pod.Status.Message, StartTime: pod.Status.StartTime,
		},
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled || c.Type == corev1.DisruptionTarget {
			kept.Status.Conditions = append(kept.Status.Conditions, c)
		}
	}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, c := range list {
			if c.Name == mainContainer || c.State.Waiting != nil {
				kept.Status.ContainerStatuses = append(kept.Status.ContainerStatuses, corev1.ContainerStatus{Name: c.Name, State: c.State})
			}
		}
	}
	return kept, nil
}

func stripMeta(m *metav1.ObjectMeta) metav1.ObjectMeta {
	kept := metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, UID: m.UID, ResourceVersion: m.ResourceVersion,
		CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp, OwnerReferences: m.OwnerReferences,
		Labels: map[string]string{},
	}
	for _, name := range []string{labelAttempt, batchv1.JobNameLabel} {
		if value, there := m.Labels[name]; there {
			kept.Labels[name] = value
		}
	}
	if ending, there := m.Annotations[annotationEnding]; there {
		kept.Annotations = map[string]string{annotationEnding: ending}
	}
	return kept
}
