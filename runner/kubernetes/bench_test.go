package kubernetes

import (
	"context"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// BenchmarkBesideClientGo runs the same Jobs through the dispatcher with a
// ledger, and through the shortest client-go loop, on one simulated cluster.
// LXSWEEP_SCALE is how many Jobs; 600 by default.
//
//	create  all at once: from the first request to the last 201
//	bounded 256 at a time until all have ended and are deleted
func BenchmarkBesideClientGo(b *testing.B) {
	n := 600
	if s := os.Getenv("LXSWEEP_SCALE"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	for _, c := range []struct {
		name     string
		parallel int
		notes    []string
	}{
		{"create", n, []string{kubetest.StartAfter, "1h"}},
		{"bounded", 256, []string{kubetest.Message, `{"val_loss": 1}`}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				theirs := bareLoop(b, n, c.parallel, c.notes)
				ours := dispatched(b, n, c.parallel, c.notes)
				b.ReportMetric(float64(n)/theirs.Seconds(), "client-go-jobs/s")
				b.ReportMetric(float64(n)/ours.Seconds(), "lxsweep-jobs/s")
				b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
			}
		})
	}
}

// creations notes when the first request to create a Job was sent, and when the
// last was answered.
type creations struct {
	http.RoundTripper
	mu          sync.Mutex
	first, last time.Time
	made        int
	all         chan struct{} // closed once n were made
	n           int
}

func (c *creations) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/jobs") {
		return c.RoundTripper.RoundTrip(r)
	}
	c.mu.Lock()
	if c.first.IsZero() {
		c.first = time.Now()
	}
	c.mu.Unlock()
	response, err := c.RoundTripper.RoundTrip(r)
	if err == nil && response.StatusCode == http.StatusCreated {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last = time.Now()
		if c.made++; c.made == c.n {
			close(c.all)
		}
	}
	return response, err
}

func (c *creations) took() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last.Sub(c.first)
}

// bareLoop creates the Jobs with 32 workers. With fewer places than Jobs it
// waits for each to end, and deletes it; a watch frees the places.
func bareLoop(b *testing.B, n, parallel int, notes []string) time.Duration {
	b.Helper()
	c := simulated.Cluster(b)
	namespace := c.Namespace(b)
	seen := &creations{n: n, all: make(chan struct{})}
	config := rest.CopyConfig(c.Config)
	config.QPS = -1
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { seen.RoundTripper = rt; return seen })
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	jobs := client.BatchV1().Jobs(namespace)
	begun := time.Now()
	places, ended := make(chan struct{}, parallel), make(chan struct{})
	if parallel < n {
		go freePlaces(b, client, namespace, n, places, ended)
	}
	work := make(chan int)
	var workers sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for i := range work {
				job, err := jobOf(simulatedAttempt(i, notes...), jobOptions{Namespace: namespace, LedgerID: "bare"})
				if err == nil {
					_, err = jobs.Create(b.Context(), job, metav1.CreateOptions{})
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range n {
		places <- struct{}{}
		work <- i
	}
	close(work)
	workers.Wait()
	if parallel >= n {
		return seen.took()
	}
	<-ended
	return time.Since(begun)
}

// freePlaces frees a place, and deletes the Job, for each that ends.
func freePlaces(b *testing.B, client kubernetes.Interface, namespace string, n int, places <-chan struct{}, ended chan<- struct{}) {
	jobs := client.BatchV1().Jobs(namespace)
	finished := make(chan string, n)
	seen := map[string]bool{} // by the informer's goroutine
	hear := func(obj any) {
		if job, ok := obj.(*batchv1.Job); ok && !seen[job.Name] && (sight{job: job}).end() != nil {
			seen[job.Name] = true
			finished <- job.Name
		}
	}
	informers := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	_, err := informers.Batch().V1().Jobs().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: hear, UpdateFunc: func(_, now any) { hear(now) },
	})
	if err != nil {
		b.Error(err)
	}
	stop := make(chan struct{})
	informers.Start(stop)
	var deleting sync.WaitGroup
	for range n {
		name := <-finished
		<-places
		deleting.Go(func() {
			background := metav1.DeletePropagationBackground
			if err := jobs.Delete(b.Context(), name, metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
				b.Error(err)
			}
		})
	}
	deleting.Wait()
	close(stop)
	informers.Shutdown()
	close(ended)
}

// dispatched runs the same attempts as an apply does.
func dispatched(b *testing.B, n, parallel int, notes []string) time.Duration {
	b.Helper()
	c := simulated.Cluster(b)
	namespace := c.Namespace(b)
	path, err := c.WriteKubeconfig(c.Config, namespace)
	if err != nil {
		b.Fatal(err)
	}
	cluster, err := Connect(Target{Kubeconfig: path}, "lxsweep/bench")
	if err != nil {
		b.Fatal(err)
	}
	seen := &creations{RoundTripper: cluster.http.Transport, n: n, all: make(chan struct{})}
	cluster.http.Transport = seen
	l, err := ledger.Open(b.Context(), filepath.Join(b.TempDir(), "lxsweep.db"), ledger.ReadWrite)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	session, err := l.Lock(b.Context(), []string{"ex"}, 0, ledger.Info{})
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	r := New(cluster, Options{Ledger: l.ID(), LogsDir: b.TempDir()})
	defer r.Close()
	tasks := registered(b, session, n, notes)
	ctx, cancel := context.WithCancelCause(b.Context())
	defer cancel(nil)
	if parallel >= n {
		go func() {
			<-seen.all
			cancel(runner.ErrDetach)
		}()
	}
	begun := time.Now()
	d := &runner.Dispatcher{Runner: r, Recorder: session, Parallel: parallel}
	summary, err := d.Run(ctx, func(yield func(runner.Task, error) bool) {
		for _, t := range tasks {
			if !yield(t, nil) {
				return
			}
		}
	})
	took := time.Since(begun)
	if err != nil || summary.Succeeded+summary.Live != n {
		b.Fatalf("%+v, %v", summary, err)
	}
	if parallel >= n {
		return seen.took()
	}
	return took
}

// registered records the experiments, and returns them as tasks.
func registered(b *testing.B, session *ledger.Session, n int, notes []string) []runner.Task {
	b.Helper()
	var items iter.Seq2[ledger.Item, error] = func(yield func(ledger.Item, error) bool) {
		for i := range n {
			if !yield(ledger.Item{Experiment: simulatedAttempt(i).Experiment}, nil) {
				return
			}
		}
	}
	var tasks []runner.Task
	err := session.Register(b.Context(), ledger.Registration{Source: "bench"}, items, func(item ledger.Item, ref ledger.Ref) error {
		a := simulatedAttempt(ref.Number, notes...)
		a.Experiment.Work = fixedWork(a.Command)
		tasks = append(tasks, runner.Task{Experiment: a.Experiment, RecordID: ref.ID, Number: ref.Number, OutputName: a.RunName, Why: "new"})
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return tasks
}

// fixedWork is the same command at every place.
type fixedWork sweep.Command

func (w fixedWork) Resolve(sweep.Place) (sweep.Command, error) { return sweep.Command(w), nil }
