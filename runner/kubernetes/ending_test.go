package kubernetes

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

var byAda = &runner.Ending{State: sweep.Cancelled, Reason: "cancelled by ada"}

// Whatever an attempt does when it is ended, nothing of it lives when Run has
// returned, and the outcome says why.
func TestEnding(t *testing.T) {
	for name, c := range map[string]struct {
		cause  error
		edit   func(*sweep.Command)
		notes  []string
		when   func(*rig)
		state  sweep.State
		class  sweep.Class
		reason string
	}{
		"while it runs": {
			cause: byAda, when: func(g *rig) { g.running("ex-0") },
			state: sweep.Cancelled, class: sweep.User, reason: "cancelled by ada",
		},
		"while it runs, timed out": {
			cause: &runner.Ending{State: sweep.TimedOut, Reason: "the night is over"}, when: func(g *rig) { g.running("ex-0") },
			state: sweep.TimedOut, class: runner.OfEnding(sweep.TimedOut), reason: "the night is over",
		},
		"while it runs, without a reason": {
			cause: context.Canceled, when: func(g *rig) { g.running("ex-0") },
			state: sweep.Interrupted, class: sweep.Infrastructure, reason: "interrupted",
		},
		"while it waits for a node": {
			cause: byAda, edit: func(c *sweep.Command) { c.Resources.GPUs = 9 }, when: func(g *rig) { g.waitsFor("ex-0", "gpu") },
			state: sweep.Cancelled, class: sweep.User, reason: "cancelled by ada",
		},
		"while it waits for an image": {
			cause: byAda, notes: []string{kubetest.Waiting, "ErrImagePull"}, when: func(g *rig) { g.waitsFor("ex-0", "ErrImagePull") },
			state: sweep.Cancelled, class: sweep.User, reason: "cancelled by ada",
		},
		"while it waits for its queue": {
			cause: byAda, edit: func(c *sweep.Command) { c.Cluster.Queue = "team-a" }, when: func(g *rig) { g.waitsFor("ex-0", "its queue") },
			state: sweep.Cancelled, class: sweep.User, reason: "cancelled by ada",
		},
		"while the queue takes it back": {
			cause: byAda, edit: func(c *sweep.Command) { c.Cluster.Queue = "team-a" }, when: func(g *rig) {
				g.waitsFor("ex-0", "its queue")
				g.patch("ex-0", `{"spec":{"suspend":false}}`)
				g.running("ex-0")
				g.patch("ex-0", `{"spec":{"suspend":true}}`)
			},
			state: sweep.Cancelled, class: sweep.User, reason: "cancelled by ada",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			a := simulatedAttempt(0, append(c.notes, kubetest.RunFor, "1h")...)
			if c.edit != nil {
				c.edit(&a.Command)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			done := g.start(ctx, g.Runner, a)
			c.when(g)
			cancel(c.cause)
			g.is(<-done, c.state, c.class, c.reason)
			g.nothingLives()
		})
	}
}

// A program that has ended well before it could be ended has ended well.
func TestEndingComesTooLate(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	done := g.start(ctx, g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.running("ex-0")
	arrived, ended := make(chan struct{}), make(chan struct{})
	g.proxy.Rule(kubetest.Nth(1, func(r *http.Request) bool { return r.Method == http.MethodPatch }, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		close(arrived)
		<-ended
		next.ServeHTTP(w, r)
	}))
	cancel(byAda)
	<-arrived
	g.annotate("ex-0", kubetest.RunFor, "0s")
	g.await("it ended", func() bool { return (sight{job: &g.jobs()[0]}).end() != nil })
	close(ended)
	g.is(<-done, sweep.Succeeded, "", "")
}

// The client is killed between the request that ends a Job and its outcome.
func TestWhyItWasEndedIsOnTheJob(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	a := simulatedAttempt(0, kubetest.RunFor, "1h", kubetest.StopAfter, "1h")
	ctx, cancel := context.WithCancelCause(t.Context())
	first := g.another(Options{})
	done := g.start(ctx, first, a)
	g.running("ex-0")
	cancel(byAda)
	g.await("the Job says why", func() bool { return endingOf(&g.jobs()[0]) != nil })
	first.Close()
	g.detached(<-done, true)

	other, interrupt := context.WithCancelCause(t.Context())
	interrupt(&runner.Ending{State: sweep.Interrupted, Reason: "interrupted"})
	second := g.start(other, g.another(Options{}), adopted(a))
	g.annotate("ex-0", kubetest.StopAfter, "")
	g.is(<-second, sweep.Cancelled, sweep.User, "cancelled by ada")
	g.nothingLives()
}

func TestDetachLeavesTheJob(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	ctx, detach := context.WithCancelCause(t.Context())
	done := g.start(ctx, g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.running("ex-0")
	detach(runner.ErrDetach)
	g.detached(<-done, false)
	if pods := g.pods(); len(pods) != 1 || pods[0].DeletionTimestamp != nil {
		t.Errorf("pods %v", pods)
	}
}

// The apiserver is away: what is detached from does not wait for it.
func TestDetachWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	g.proxy.Down()
	for _, adopt := range []bool{false, true} {
		a := simulatedAttempt(0)
		a.Adopt = adopt
		ctx, detach := context.WithCancelCause(t.Context())
		done := g.start(ctx, g.Runner, a)
		detach(runner.ErrDetach)
		if e := <-done; e.err == nil {
			t.Errorf("ended %+v", e)
		}
	}
}

func TestCloseEndsEveryRun(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	done := g.start(t.Context(), g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.running("ex-0")
	g.Close()
	g.detached(<-done, true)
	g.detached(<-g.start(t.Context(), g.Runner, simulatedAttempt(1)), true)
	if n := len(g.pods()); n != 1 {
		t.Errorf("%d pods", n)
	}
}

// The Job controller never came to it.
func TestEndingBeforeTheControllerCame(t *testing.T) {
	g := newRig(t, Options{})
	const controller = "kube-controller-manager"
	if err := g.cluster.Signal(controller, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.cluster.Signal(controller, syscall.SIGCONT) }()
	ctx, cancel := context.WithCancelCause(t.Context())
	done := g.start(ctx, g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.waitsFor("ex-0", "the Job controller")
	cancel(byAda)
	g.is(<-done, sweep.Cancelled, sweep.User, "cancelled by ada")
	if n := len(g.jobs()); n != 0 {
		t.Errorf("%d Jobs", n)
	}
	if err := g.cluster.Signal(controller, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// Once it has come to a later Job, it has been at this one.
	later := simulatedAttempt(1)
	g.is(<-g.start(t.Context(), g.Runner, later), sweep.Succeeded, "", "")
	if err := g.Release(t.Context(), later); err != nil {
		t.Error(err)
	}
	g.nothingStays()
}

// What a second client finds of a first that was killed.
func TestSurveyAdoptRelease(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	queued, running := simulatedAttempt(0), simulatedAttempt(1, kubetest.RunFor, "1h")
	queued.Command.Cluster.Queue = "team-a"
	good, bad, ours := simulatedAttempt(2, kubetest.Message, `{"val_loss": 1}`), simulatedAttempt(3, kubetest.ExitCode, "3"), simulatedAttempt(4, kubetest.RunFor, "1h")
	kept := simulatedAttempt(5)
	kept.Command.Cluster.KeepJobs = time.Hour
	first := g.another(Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	done := map[string]<-chan ended{"ours": g.start(ctx, first, ours)}
	for _, a := range []runner.Attempt{queued, running} {
		done[a.RunName] = g.start(t.Context(), first, a)
	}
	g.running("ex-1")
	g.running("ex-4")
	g.waitsFor("ex-0", "its queue")
	cancel(byAda)
	g.is(<-done["ours"], sweep.Cancelled, sweep.User, "ada")
	for _, a := range []runner.Attempt{good, bad, kept} {
		if _, err := g.run(t.Context(), first, a); err != nil {
			t.Fatal(err)
		}
	}
	first.Close()

	second := g.another(Options{})
	lives, err := second.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := map[int64]sweep.State{}
	for _, live := range lives {
		states[live.AttemptID] = live.State
	}
	want := map[int64]sweep.State{1: sweep.Queued, 2: sweep.Running, 3: sweep.Succeeded, 4: sweep.Failed, 5: sweep.Cancelled, 6: sweep.Succeeded}
	for id, state := range want {
		if states[id] != state {
			t.Errorf("attempt %d is %s, want %s", id, states[id], state)
		}
	}
	over, cancel2 := context.WithCancelCause(t.Context())
	cancel2(byAda) // launching has ended before what has ended is adopted
	for a, state := range map[*runner.Attempt]sweep.State{&good: sweep.Succeeded, &bad: sweep.Failed, &ours: sweep.Cancelled, &kept: sweep.Succeeded} {
		if o, err := g.run(over, second, adopted(*a)); err != nil || o.State != state {
			t.Errorf("%s: %+v, %v", a.RunName, o, err)
		}
	}
	adopting := g.start(t.Context(), second, adopted(running))
	g.annotate("ex-1", kubetest.RunFor, "0s")
	g.is(<-adopting, sweep.Succeeded, "", "")

	third := g.another(Options{}) // which is told of ids only
	if err := third.Release(t.Context(), runner.Attempt{ID: 2}); err != nil || len(g.jobs()) != 6 {
		t.Errorf("an unknown attempt was released: %v, %d Jobs", err, len(g.jobs()))
	}
	if _, err := third.Survey(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id := range want {
		if err := third.Release(t.Context(), runner.Attempt{ID: id}); err != nil {
			t.Error(err)
		}
	}
	if jobs := g.jobs(); len(jobs) != 1 || jobs[0].Name != "ex-5" || jobs[0].Labels[labelHarvested] != "true" || *jobs[0].Spec.TTLSecondsAfterFinished != 3600 {
		t.Errorf("Jobs %v", jobs)
	}
	if lives, err := g.another(Options{}).Survey(t.Context()); err != nil || len(lives) != 0 {
		t.Errorf("%v, %v", lives, err)
	}
	if o, err := g.run(t.Context(), second, adopted(running)); err != nil || o.State != sweep.Lost {
		t.Errorf("a Job that is gone: %+v, %v", o, err)
	}
}

func TestGone(t *testing.T) {
	r := New(&Cluster{Namespace: "ml"}, Options{})
	for ref, want := range map[string]sweep.State{"": sweep.Interrupted, "uid": sweep.Lost} {
		if o := r.Gone(&sweep.Tried{Ref: ref}); o.State != want || o.Code != sweep.CodeUnknown {
			t.Errorf("ref %q: %+v", ref, o)
		}
	}
}

// The log cannot be had at the harvest, for a while.
func TestServerGoesAwayAtTheHarvest(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	isLog := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/log") }
	g.proxy.Rule(kubetest.Nth(1, isLog, kubetest.Reset))
	o, err := g.run(t.Context(), g.Runner, simulatedAttempt(0, kubetest.Logs, "val_loss=0.5\n"))
	g.is(ended{o, err}, sweep.Succeeded, "", "")
	if len(o.Metrics) != 1 || o.ResultError != "" {
		t.Errorf("ended %+v", o)
	}
}

// The answer to a deletion is lost.
func TestReleaseIsAskedAgain(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	a := simulatedAttempt(0)
	if _, err := g.run(t.Context(), g.Runner, a); err != nil {
		t.Fatal(err)
	}
	isDelete := func(r *http.Request) bool { return r.Method == http.MethodDelete }
	g.proxy.Rule(kubetest.Nth(1, isDelete, kubetest.LoseReply))
	if err := g.Release(t.Context(), a); err != nil {
		t.Error(err)
	}
	if _, err := g.admin().Get(t.Context(), "ex-0", metav1.GetOptions{}); err == nil {
		t.Error("its Job is still there")
	}
}
