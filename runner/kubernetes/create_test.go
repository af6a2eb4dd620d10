package kubernetes

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

func creates(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/jobs")
}

// Whatever becomes of the answer, there is one Job, and nothing failed.
func TestCreateIsAskedAgain(t *testing.T) {
	for name, fault := range map[string]kubetest.Fault{
		"reply lost":     kubetest.LoseReply,
		"reset":          kubetest.Reset,
		"gateway":        kubetest.Reply(504, metav1.StatusReasonTimeout, "the server was unable to return a response in the time allotted", 0),
		"leader changed": kubetest.Reply(500, metav1.StatusReasonInternalError, "etcdserver: leader changed", 0),
		"webhook down":   kubetest.Reply(500, metav1.StatusReasonInternalError, `failed calling webhook "a.b": connection refused`, 0),
		"unauthorized":   kubetest.Reply(401, metav1.StatusReasonUnauthorized, "Unauthorized", 0),
		"quota conflict": kubetest.Reply(409, metav1.StatusReasonConflict, `Operation cannot be fulfilled on resourcequotas "q"`, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newProxiedRig(t, Options{})
			g.proxy.Rule(kubetest.Nth(1, creates, fault))
			o, err := g.run(t.Context(), g.Runner, simulatedAttempt(0))
			g.is(ended{o, err}, sweep.Succeeded, "", "")
			if n := len(g.jobs()); n != 1 {
				t.Errorf("%d Jobs", n)
			}
		})
	}
}

// A quota counts the Job that was made by the request whose answer was lost.
func TestCreateIsAskedAgainUnderAFullQuota(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	g.quota("count/jobs.batch", "1")
	g.proxy.Rule(kubetest.Nth(1, creates, kubetest.LoseReply))
	o, err := g.run(t.Context(), g.Runner, simulatedAttempt(0))
	g.is(ended{o, err}, sweep.Succeeded, "", "")
}

// The client was killed after the Job was made, and before it knew.
func TestRunAgainFindsItsJob(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	a := simulatedAttempt(0, kubetest.RunFor, "1h")
	ctx, detach := context.WithCancelCause(t.Context())
	first := g.start(ctx, g.Runner, a)
	g.running("ex-0")
	detach(runner.ErrDetach)
	g.detached(<-first, false)
	second := g.start(t.Context(), g.another(Options{}), a)
	g.annotate("ex-0", kubetest.RunFor, "0s")
	g.is(<-second, sweep.Succeeded, "", "")
	if n := len(g.jobs()); n != 1 {
		t.Errorf("%d Jobs", n)
	}
}

func TestNamesakeIsLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		labels map[string]string
		maker  string
	}{
		"foreign":              {map[string]string{"app.kubernetes.io/managed-by": "Helm"}, "made by Helm"},
		"foreign, no label":    {nil, "made by kubernetes.test"},
		"of another ledger":    {map[string]string{labelManagedBy: managedBy, labelLedger: ledgerB, labelAttempt: "1"}, "lxsweep for the ledger " + ledgerB},
		"of another attempt":   {map[string]string{labelManagedBy: managedBy, labelLedger: ledgerA, labelAttempt: "77"}, "lxsweep for the ledger " + ledgerA},
		"of another work":      {map[string]string{labelManagedBy: managedBy, labelLedger: ledgerA, labelAttempt: "1", labelKey: "00"}, "lxsweep for the ledger " + ledgerA},
		"harvested, of us too": {map[string]string{labelManagedBy: managedBy, labelLedger: ledgerA, labelAttempt: "9", labelHarvested: "true"}, "lxsweep for the ledger " + ledgerA},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			before := g.foreign("ex-0", c.labels)
			o, err := g.run(t.Context(), g.Runner, simulatedAttempt(0))
			g.is(ended{o, err}, sweep.Failed, sweep.Refused, c.maker)
			after, err := g.admin().Get(t.Context(), "ex-0", metav1.GetOptions{})
			if err != nil || after.UID != before.UID || len(after.Annotations) != 0 || after.Spec.ActiveDeadlineSeconds != nil {
				t.Errorf("it was touched: %+v, %v", after, err)
			}
		})
	}
}

// foreign makes a Job that runs for long.
func (g *rig) foreign(name string, labels map[string]string, finalizers ...string) *batchv1.Job {
	g.Helper()
	job, err := g.admin().Create(g.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Finalizers: finalizers},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{kubetest.RunFor: "1h"}},
			Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "none"}},
			},
		}},
	}, metav1.CreateOptions{FieldManager: "kubernetes.test"})
	if err != nil {
		g.Fatal(err)
	}
	return job
}

func TestTerminatingNamesakeIsWaitedFor(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	old := g.foreign("ex-0", nil, "lxsweep.dev/test")
	if err := g.admin().Delete(t.Context(), "ex-0", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
		t.Fatal(err)
	}
	done := g.start(t.Context(), g.Runner, simulatedAttempt(0))
	g.waitsFor("ex-0", "the Job ex-0 that is being deleted")
	if _, err := g.admin().Patch(t.Context(), "ex-0", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	g.is(<-done, sweep.Succeeded, "", "")
	if jobs := g.jobs(); len(jobs) != 1 || jobs[0].UID == old.UID {
		t.Errorf("Jobs %v", jobs)
	}
}

// quota bounds something in the namespace, and waits until that is in force.
func (g *rig) quota(what corev1.ResourceName, hard string) {
	g.Helper()
	quotas := g.cluster.Client.CoreV1().ResourceQuotas(g.namespace)
	q := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "room"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{what: resource.MustParse(hard)}},
	}
	if _, err := quotas.Create(g.Context(), q, metav1.CreateOptions{}); err != nil {
		g.Fatal(err)
	}
	g.await("the quota is in force", func() bool {
		q, err := quotas.Get(g.Context(), "room", metav1.GetOptions{})
		return err == nil && len(q.Status.Hard) > 0
	})
}

// What has no room waits, says for what, and is not tried by everybody.
func TestQuotaIsWaitedFor(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	g.quota("count/jobs.batch", "2")
	var asked atomic.Int64
	g.proxy.Rule(func(r *http.Request) kubetest.Fault {
		if creates(r) {
			asked.Add(1)
		}
		return nil
	})
	const all = 12
	ends := make(chan runner.Attempt, all)
	for i := range all {
		a := simulatedAttempt(i)
		go func() {
			o, err := g.run(t.Context(), g.Runner, a)
			g.is(ended{o, err}, sweep.Succeeded, "", "")
			ends <- a
		}()
	}
	for n := range all {
		a := <-ends
		if n == 0 {
			told := false
			for i := range all {
				told = told || strings.Contains(g.last(sweep.RunName("ex", i)).Waiting, "room in a quota: room")
			}
			if !told {
				t.Error("nobody was told to wait for room in the quota")
			}
		}
		if err := g.Release(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	if n := asked.Load(); n > 12*all {
		t.Errorf("%d requests for %d Jobs", n, all)
	}
}

// When launching ends, what waits for a quota has no Job, and never gets one.
func TestHaltWhileAQuotaIsFull(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	g.quota("count/jobs.batch", "0")
	halt := make(chan struct{})
	a := simulatedAttempt(0)
	a.Halt = halt
	done := g.start(t.Context(), g.Runner, a)
	g.await("it waits", func() bool { return g.last(a.RunName).Waiting != "" })
	close(halt)
	got, end := <-done, new(runner.Ending)
	if !errors.As(got.err, &end) || end.State != sweep.Interrupted {
		t.Errorf("%+v", got)
	}
}

func TestStormOfRefusals(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	var storm atomic.Int64
	g.proxy.Rule(func(r *http.Request) kubetest.Fault {
		if creates(r) && storm.Add(1) <= 30 {
			return kubetest.Reply(429, metav1.StatusReasonTooManyRequests, "slow down", 1)
		}
		return nil
	})
	var done []<-chan ended
	for i := range 20 {
		done = append(done, g.start(t.Context(), g.Runner, simulatedAttempt(i)))
	}
	g.await("the window halves", func() bool {
		w := g.Runner.cluster.window
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.size <= firstWindow/2
	})
	for _, d := range done {
		g.is(<-d, sweep.Succeeded, "", "")
	}
}

func TestClusterThatDoesNotTakeJobsIsGivenUp(t *testing.T) {
	for name, fault := range map[string]kubetest.Fault{
		"unauthorized": kubetest.Reply(401, metav1.StatusReasonUnauthorized, "Unauthorized", 0),
		"webhook":      kubetest.Reply(500, metav1.StatusReasonInternalError, `failed calling webhook "a.b"`, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newProxiedRig(t, Options{Patience: Patience{Unreachable: 3 * time.Second}})
			runs := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
			g.running("ex-0")
			g.proxy.Rule(func(r *http.Request) kubetest.Fault {
				if creates(r) {
					return fault
				}
				return nil
			})
			g.detached(<-g.start(t.Context(), g.Runner, simulatedAttempt(1)), true)
			g.annotate("ex-0", kubetest.RunFor, "0s")
			g.is(<-runs, sweep.Succeeded, "", "")
		})
	}
}

// While its Job is being made, an attempt is ended: when Run has returned it is
// known whether there is one.
func TestCancelWhileItIsCreated(t *testing.T) {
	for name, fault := range map[string]kubetest.Fault{
		"made": nil, "reply lost": kubetest.LoseReply, "reset": kubetest.Reset,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newProxiedRig(t, Options{})
			ctx, cancel := context.WithCancelCause(t.Context())
			g.proxy.Rule(kubetest.Nth(1, creates, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				cancel(&runner.Ending{State: sweep.Cancelled, Reason: "cancelled by ada"})
				if fault != nil {
					fault(w, r, next)
				}
				next.ServeHTTP(w, r)
			}))
			o, err := g.run(ctx, g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
			if err != nil || o.State != sweep.Cancelled || o.Reason != "cancelled by ada" {
				t.Errorf("ended %+v, %v", o, err)
			}
			g.nothingStays()
		})
	}
}

// Nothing is asked for an attempt that was ended before.
func TestCancelBeforeItIsCreated(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	end := &runner.Ending{State: sweep.Cancelled, Reason: "cancelled by ada"}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(end)
	if o, err := g.run(ctx, g.Runner, simulatedAttempt(0)); !errors.Is(err, end) {
		t.Errorf("ended %+v, %v", o, err)
	}
	if n := len(g.jobs()); n != 0 {
		t.Errorf("%d Jobs", n)
	}
}

func TestDetachWhileItIsCreated(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	g.proxy.Rule(func(r *http.Request) kubetest.Fault {
		if !creates(r) {
			return nil
		}
		cancel(runner.ErrDetach)
		return kubetest.Hang
	})
	g.detached(<-g.start(ctx, g.Runner, simulatedAttempt(0)), false)
}

func TestNamespaceIsGone(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{Patience: Patience{Unreachable: 3 * time.Second, Denied: time.Second}})
	hold := g.foreign("hold", nil, "lxsweep.dev/test")
	runs := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.running("ex-0")
	if err := g.cluster.DeleteNamespace(g.namespace); err != nil {
		t.Fatal(err)
	}
	if e := <-runs; e.err != nil {
		g.detached(e, true)
	} else if e.State != sweep.Cancelled && e.State != sweep.Failed { // Jobs or pods may go first
		t.Errorf("ended %+v", e)
	}
	g.detached(<-g.start(t.Context(), g.Runner, simulatedAttempt(1)), true)
	if _, err := g.admin().Patch(t.Context(), hold.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}
