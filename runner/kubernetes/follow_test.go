package kubernetes

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

// quick is a patience that a test can wait for.
var quick = Patience{
	Image: 300 * time.Millisecond, Registry: 300 * time.Millisecond, Pull: 300 * time.Millisecond, Config: 300 * time.Millisecond,
	Volume: 300 * time.Millisecond, Refused: 300 * time.Millisecond, Stalled: 300 * time.Millisecond, Crowded: 300 * time.Millisecond,
}

func TestWhatNeverStartsFails(t *testing.T) {
	for name, c := range map[string]struct {
		waiting, message string
		edit             func(*sweep.Command)
		class            sweep.Class
		reason           string
	}{
		"image name":    {"InvalidImageName", `couldn't parse image name "A:b"`, nil, sweep.User, `it cannot start: it waits for its image: InvalidImageName: couldn't parse image name "A:b"`},
		"no image":      {"ErrImagePull", "docker.io/acme/train:v13: not found", nil, sweep.User, "within 300ms: it waits for its image: docker.io/acme/train:v13: not found"},
		"registry":      {"ImagePullBackOff", "429 Too Many Requests", nil, sweep.Infrastructure, "429 Too Many Requests"},
		"other pull":    {"ImagePullBackOff", "no space left on device", nil, sweep.User, "no space left"},
		"missing key":   {"CreateContainerConfigError", "couldn't find key token in Secret ml/wandb", nil, sweep.User, "couldn't find key token in Secret ml/wandb"},
		"sa missing":    {"", "", func(c *sweep.Command) { c.Cluster.ServiceAccount = "nosuch" }, sweep.User, `serviceaccount "nosuch" not found`},
		"pending limit": {"ContainerCreating", "", func(c *sweep.Command) { c.Cluster.PendingTimeout = time.Second }, sweep.Infrastructure, "pending_timeout (1s)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{Patience: quick})
			a := simulatedAttempt(0, kubetest.RunFor, "1h")
			if c.waiting != "" {
				a = simulatedAttempt(0, kubetest.RunFor, "1h", kubetest.Waiting, c.waiting, kubetest.WaitingMessage, c.message)
			}
			if c.edit != nil {
				c.edit(&a.Command)
			}
			o, err := g.run(t.Context(), g.Runner, a)
			g.is(ended{o, err}, sweep.Failed, c.class, c.reason)
			g.nothingLives() // so that it cannot start later
		})
	}
}

func TestBusyRegistryRecovers(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	done := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.Waiting, "ImagePullBackOff", kubetest.WaitingMessage, "toomanyrequests: slow down"))
	g.waitsFor("ex-0", "toomanyrequests")
	g.annotate("ex-0", kubetest.Waiting, "")
	g.is(<-done, sweep.Succeeded, "", "")
}

// What three could not start for, others like them are not started for; others
// are.
func TestThreeOfAKindAreEnough(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{Patience: quick})
	like := func(i int) runner.Attempt {
		return simulatedAttempt(i, kubetest.Waiting, "CreateContainerConfigError", kubetest.WaitingMessage, `secret "wandb" not found`)
	}
	for i := range enoughRefusals {
		o, err := g.run(t.Context(), g.Runner, like(i))
		g.is(ended{o, err}, sweep.Failed, sweep.User, `secret "wandb" not found`)
	}
	g.told(`no more experiments of config ex are started: 3 could not start: `)
	o, err := g.run(t.Context(), g.Runner, like(3))
	g.is(ended{o, err}, sweep.Failed, sweep.Refused, `secret "wandb" not found`)
	if _, err := g.admin().Get(t.Context(), "ex-3", metav1.GetOptions{}); err == nil {
		t.Error("there is a Job ex-3")
	}
	other := simulatedAttempt(4)
	other.Command.Image = "other"
	o, err = g.run(t.Context(), g.Runner, other)
	g.is(ended{o, err}, sweep.Succeeded, "", "")
}

func TestUnschedulableWaits(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{Patience: quick})
	var done []<-chan ended
	for i := range 3 {
		a := simulatedAttempt(i)
		a.Command.Resources.GPUs = 9
		done = append(done, g.start(t.Context(), g.Runner, a))
	}
	for i := range 3 {
		g.waitsFor(sweep.RunName("ex", i), "nvidia.com/gpu")
	}
	g.told("3 waiting for very long; one waits for a node: ")
	g.mu.Lock()
	if len(g.notices) != 1 {
		t.Errorf("notices %q", g.notices)
	}
	g.mu.Unlock()
	for i, job := range g.jobs() {
		if err := g.admin().Delete(t.Context(), job.Name, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
			t.Fatal(err)
		}
		g.is(<-done[i], sweep.Cancelled, sweep.User, "somebody deleted its Job")
	}
}

// A Job that a queue holds back is never judged; the queue lets it go.
func TestQueueIsWaitedFor(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{Patience: quick})
	a := simulatedAttempt(0)
	a.Command.Cluster.Queue = "team-a"
	done := g.start(t.Context(), g.Runner, a)
	g.waitsFor("ex-0", "its queue")
	g.patch("ex-0", `{"spec":{"suspend":false}}`)
	g.is(<-done, sweep.Succeeded, "", "")
}

func TestSidecarIsNotTheProgram(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	a := simulatedAttempt(0, kubetest.Message, `{"val_loss": 0.25}`)
	a.Command.Cluster.PodTemplate = "spec:\n  containers:\n  - {name: a-sidecar, image: none}\n"
	o, err := g.run(t.Context(), g.Runner, a)
	g.is(ended{o, err}, sweep.Succeeded, "", "")
	if len(o.Metrics) != 1 || o.Metrics[0].Last != 0.25 {
		t.Errorf("metrics %v", o.Metrics)
	}
}

// A pod that the cluster takes away is replaced inside the attempt.
func TestPodThatIsTakenAwayIsReplaced(t *testing.T) {
	for name, take := range map[string]func(*rig){
		"by the node": func(g *rig) { g.annotate("ex-0", kubetest.Evict, "The node was low on resource: memory.") },
		"by a drain": func(g *rig) {
			pod := g.pods()[0]
			err := g.cluster.Client.CoreV1().Pods(g.namespace).EvictV1(g.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}})
			if err != nil {
				g.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the Job controller waits ten seconds before it makes another pod
			g := newRig(t, Options{})
			done := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h", kubetest.Message, `{"val_loss": 1}`))
			g.running("ex-0")
			first := g.pods()[0].UID
			take(g)
			g.await("another pod runs", func() bool {
				pods := g.pods()
				return len(pods) == 1 && pods[0].UID != first && pods[0].Status.Phase == "Running"
			})
			g.annotate("ex-0", kubetest.RunFor, "0s")
			e := <-done
			g.is(e, sweep.Succeeded, "", "")
			if len(e.Metrics) != 1 {
				t.Errorf("metrics %v", e.Metrics)
			}
		})
	}
}

// A pod that is to go and does not, as on a node that was lost.
func TestPodThatDoesNotGoIsToldOf(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{Patience: quick})
	done := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h", kubetest.StopAfter, "1h"))
	g.running("ex-0")
	pod := g.pods()[0]
	if err := g.cluster.Client.CoreV1().Pods(g.namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	g.told("ex-0 is stalled: its pod is to go and its node " + pod.Spec.NodeName)
	if pods := g.pods(); len(pods) != 1 {
		t.Errorf("%d pods", len(pods))
	}
	if c := g.last("ex-0"); c.State != sweep.Running {
		t.Errorf("told %+v", c)
	}
	g.annotate("ex-0", kubetest.StopAfter, "0s") // its node is back
	if e := <-done; e.err != nil || e.State != sweep.Failed {
		t.Errorf("ended %+v", e)
	}
}

// The pod goes after the Job has ended and before anybody has read it.
func TestPodIsGoneBeforeTheHarvest(t *testing.T) {
	for code, want := range map[string]sweep.State{"0": sweep.Succeeded, "3": sweep.Failed} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			a := simulatedAttempt(0, kubetest.ExitCode, code, kubetest.RunFor, "1h")
			g.leave(a)
			g.annotate("ex-0", kubetest.RunFor, "0s")
			g.await("it ended", func() bool { return (sight{job: &g.jobs()[0]}).end() != nil })
			err := g.cluster.Client.CoreV1().Pods(g.namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}, metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			g.await("its pod is gone", func() bool {
				list, err := g.cluster.Client.CoreV1().Pods(g.namespace).List(t.Context(), metav1.ListOptions{})
				return err == nil && len(list.Items) == 0
			})
			o, err := g.run(t.Context(), g.another(Options{}), adopted(a))
			if err != nil || o.State != want || !strings.Contains(o.Reason+o.ResultError, "its pod") {
				t.Errorf("ended %+v, %v", o, err)
			}
		})
	}
}

func TestJobIsDeletedByOthers(t *testing.T) {
	for _, how := range []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			done := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
			g.running("ex-0")
			if err := g.admin().Delete(t.Context(), "ex-0", metav1.DeleteOptions{PropagationPolicy: &how}); err != nil {
				t.Fatal(err)
			}
			g.is(<-done, sweep.Cancelled, sweep.User, "somebody deleted its Job ex-0")
		})
	}
}

// While no watch is heard, a Job is deleted and made again under its name.
func TestNamesakeMadeInAGap(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	done := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.running("ex-0")
	g.proxy.Down()
	if err := g.admin().Delete(t.Context(), "ex-0", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
		t.Fatal(err)
	}
	g.await("it is gone", func() bool { return len(g.jobs()) == 0 })
	labels := map[string]string{labelManagedBy: managedBy, labelLedger: ledgerA, labelAttempt: "1"}
	g.foreign("ex-0", labels)
	if err := g.proxy.Up(); err != nil {
		t.Fatal(err)
	}
	g.is(<-done, sweep.Cancelled, sweep.User, "somebody deleted its Job ex-0")
	if n := len(g.jobs()); n != 1 {
		t.Errorf("%d Jobs: the other one was touched", n)
	}
}

// leave starts an attempt, and detaches from it when it runs.
func (g *rig) leave(a runner.Attempt) {
	g.Helper()
	r := g.another(Options{})
	done := g.start(g.Context(), r, a)
	g.running(a.RunName)
	r.Close()
	g.detached(<-done, true)
}

func (g *rig) patch(job, patch string) {
	g.Helper()
	if _, err := g.admin().Patch(g.Context(), job, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		g.Fatal(err)
	}
}

// The apiserver goes away, in several ways, while attempts run and start.
func TestOutages(t *testing.T) {
	isWatch := func(r *http.Request) bool { return r.FormValue("watch") != "" }
	for name, fault := range map[string]func(*rig){
		"down": func(g *rig) {
			g.proxy.Down()
			time.AfterFunc(3*time.Second, func() { _ = g.proxy.Up() })
		},
		"half-open": func(g *rig) { g.proxy.Freeze() },
		"expired": func(g *rig) {
			var n atomic.Int64
			g.proxy.Rule(func(r *http.Request) kubetest.Fault {
				if isWatch(r) && n.Add(1) <= 4 {
					return kubetest.Expire
				}
				return nil
			})
			g.proxy.Down()
			if err := g.proxy.Up(); err != nil {
				g.Error(err)
			}
		},
		"unauthorized": func(g *rig) {
			var n atomic.Int64
			g.proxy.Rule(func(*http.Request) kubetest.Fault {
				if n.Add(1) <= 20 {
					return kubetest.Reply(401, metav1.StatusReasonUnauthorized, "Unauthorized", 0)
				}
				return nil
			})
			g.proxy.Down()
			if err := g.proxy.Up(); err != nil {
				g.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newProxiedRig(t, Options{})
			done := []<-chan ended{g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))}
			g.running("ex-0")
			fault(g)
			g.annotate("ex-0", kubetest.RunFor, "0s")
			for i := 1; i < 6; i++ {
				done = append(done, g.start(t.Context(), g.Runner, simulatedAttempt(i)))
			}
			for _, d := range done {
				g.is(<-d, sweep.Succeeded, "", "")
			}
			if n := len(g.jobs()); n != 6 {
				t.Errorf("%d Jobs", n)
			}
		})
	}
}

// A refusal that stays ends everything but the Jobs.
func TestWatchingIsRefused(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{Patience: Patience{Denied: time.Second}})
	done := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.running("ex-0")
	g.proxy.Rule(func(*http.Request) kubetest.Fault {
		return kubetest.Reply(401, metav1.StatusReasonUnauthorized, "Unauthorized", 0)
	})
	g.proxy.Down()
	if err := g.proxy.Up(); err != nil {
		t.Fatal(err)
	}
	g.detached(<-done, true)
	g.detached(<-g.start(t.Context(), g.Runner, simulatedAttempt(1)), true)
	if pods := g.pods(); len(pods) != 1 || pods[0].DeletionTimestamp != nil {
		t.Errorf("pods %v", pods)
	}
}

// A cluster that is gone for good ends everything but the Jobs, also where
// nothing is asked of it but to be watched.
func TestClusterIsGone(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{Patience: Patience{Unreachable: time.Second}})
	done := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.running("ex-0")
	g.proxy.Down()
	e := <-done
	if !errors.Is(e.err, runner.ErrDetach) || !errors.Is(e.err, runner.ErrBroken) {
		t.Errorf("%+v", e)
	}
	if pods := g.pods(); len(pods) != 1 || pods[0].DeletionTimestamp != nil {
		t.Errorf("pods %v", pods)
	}
}

// Two refusals far apart are two, not one that lasts.
func TestRefusalsThatPassAreForgotten(t *testing.T) {
	w := &watcher{patience: &Patience{Denied: 1, Unreachable: time.Hour}, trouble: map[string]*trouble{}, broken: make(chan struct{})}
	refusal := apierrors.NewUnauthorized("Unauthorized")
	for range 3 {
		w.heard("jobs", refusal)
		w.heard("jobs", nil)
	}
	if w.why != nil {
		t.Error(w.why)
	}
	w.heard("jobs", refusal)
	w.heard("pods", nil)
	w.heard("jobs", refusal)
	if w.why == nil {
		t.Error("a refusal that lasts is not believed")
	}
}

// The Job controller is stopped: that is waited for, and for how many others.
func TestJobControllerIsFarBehind(t *testing.T) {
	g := newRig(t, Options{Patience: quick})
	const controller = "kube-controller-manager"
	if err := g.cluster.Signal(controller, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.cluster.Signal(controller, syscall.SIGCONT) }()
	var done []<-chan ended
	for i := range 3 {
		done = append(done, g.start(t.Context(), g.Runner, simulatedAttempt(i)))
		g.waitsFor(sweep.RunName("ex", i), "the Job controller")
	}
	g.await("somebody is told of others", func() bool {
		for i := range 3 {
			if strings.Contains(g.last(sweep.RunName("ex", i)).Waiting, fmt.Sprintf("which has %d more to begin", 2)) {
				return true
			}
		}
		return false
	})
	if err := g.cluster.Signal(controller, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for _, d := range done {
		g.is(<-d, sweep.Succeeded, "", "")
	}
}
