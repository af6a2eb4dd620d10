package kubernetes

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

func claims(holder string) ClaimOptions {
	return ClaimOptions{Host: "host-of-" + holder, Holder: holder}
}

func (g *rig) claim(r *Runner, o ClaimOptions, names ...string) *Claim {
	g.Helper()
	c, err := r.Claim(g.Context(), names, o)
	if err != nil {
		g.Fatal(err)
	}
	return c
}

func (g *rig) letGo(c *Claim) {
	g.Helper()
	if err := c.Close(); err != nil {
		g.Error(err)
	}
}

func TestClaimIsRefusedToAnotherLedger(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	c := g.claim(g.Runner, claims("a"), "ex", "other")
	if err := c.Reserve(t.Context(), "ex", 12); err != nil {
		t.Fatal(err)
	}
	b := g.another(Options{Ledger: ledgerB})
	check := func(when string) {
		_, err := b.Claim(t.Context(), []string{"free", "ex"}, claims("b"))
		owned := new(OwnedError)
		if !errors.As(err, &owned) || owned.Ledger != ledgerA || owned.Host != "host-of-a" || owned.ExperimentName != "ex" {
			t.Errorf("%s: %v", when, err)
		}
	}
	check("while it is held")
	g.letGo(c)
	check("after it was let go of")
	free, err := g.cluster.Client.CoordinationV1().Leases(g.namespace).Get(t.Context(), leaseName("free"), metav1.GetOptions{})
	if err != nil || free.Spec.HolderIdentity != nil {
		t.Errorf("all or none: the claim on a free name is held, %v, %v", free.Spec.HolderIdentity, err)
	}
}

// Numbers go on from where they were, whoever has the names.
func TestNumbersSurvive(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	c := g.claim(g.Runner, claims("a"), "ex")
	for _, next := range []int{12, 7} { // never back
		if err := c.Reserve(t.Context(), "ex", next); err != nil {
			t.Fatal(err)
		}
	}
	g.letGo(c)
	c = g.claim(g.another(Options{}), claims("a2"), "ex")
	if n := c.Next("ex"); n != 12 {
		t.Errorf("next %d", n)
	}
	g.letGo(c)
	o := claims("b")
	o.TakeOver = true
	c = g.claim(g.another(Options{Ledger: ledgerB}), o, "ex")
	if n := c.Next("ex"); n != 12 {
		t.Errorf("next %d after it was taken over", n)
	}
	g.letGo(c)
}

// That names were taken over is remembered until all that goes with them is: the
// process that took them may have ended before.
func TestTakingOverIsRemembered(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	c := g.claim(g.Runner, claims("a"), "ex")
	if c.TakingOver() {
		t.Error("a new name is taken from nobody")
	}
	g.letGo(c)
	o := claims("b")
	o.TakeOver = true
	g.letGo(g.claim(g.another(Options{Ledger: ledgerB}), o, "ex"))
	for _, want := range []bool{true, false} {
		c := g.claim(g.another(Options{Ledger: ledgerB}), claims("b2"), "ex")
		if c.TakingOver() != want {
			t.Errorf("taking over: %t, want %t", !want, want)
		}
		if err := c.TookOver(t.Context()); err != nil {
			t.Error(err)
		}
		g.letGo(c)
	}
}

func TestClaimIsAskedAgain(t *testing.T) {
	isLease := func(r *http.Request) bool {
		return r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/leases")
	}
	for name, fault := range map[string]kubetest.Fault{
		"reply lost": kubetest.LoseReply, "reset": kubetest.Reset,
		"leader changed": kubetest.Reply(500, metav1.StatusReasonInternalError, "etcdserver: leader changed", 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newProxiedRig(t, Options{})
			g.proxy.Rule(kubetest.Nth(1, isLease, fault))
			c := g.claim(g.Runner, claims("a"), "ex")
			g.proxy.Rule(kubetest.Nth(1, isLease, fault))
			if err := c.Reserve(t.Context(), "ex", 3); err != nil || c.Next("ex") != 3 {
				t.Errorf("%v, next %d", err, c.Next("ex"))
			}
			g.letGo(c)
		})
	}
}

// A claim is taken from a process that does not renew it: what it follows is
// left as it is, and it writes nothing more.
func TestClaimIsLost(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	mine := claims("a")
	mine.Duration = 3 * time.Second
	c := g.claim(g.Runner, mine, "ex")
	ended, lives := simulatedAttempt(0), simulatedAttempt(1, kubetest.RunFor, "1h")
	if _, err := g.run(t.Context(), g.Runner, ended); err != nil {
		t.Fatal(err)
	}
	done := g.start(t.Context(), g.Runner, lives)
	g.running("ex-1")
	g.proxy.Rule(func(r *http.Request) kubetest.Fault {
		if strings.Contains(r.URL.Path, "/leases") {
			return kubetest.Hang // as if the process was stopped
		}
		return nil
	})
	b := g.direct(Options{Ledger: ledgerB})
	theirs := claims("b")
	theirs.TakeOver = true
	waited := make(chan string, 8)
	theirs.Waiting = func(text string) { waited <- text }
	taken := g.claim(b, theirs, "ex")
	if text := <-waited; !strings.Contains(text, "whether a (") {
		t.Errorf("told %q", text)
	}
	g.proxy.Rule(func(*http.Request) kubetest.Fault { return nil })
	g.proxy.Down() // so that what hangs comes back
	if err := g.proxy.Up(); err != nil {
		t.Fatal(err)
	}
	g.detached(<-done, true)
	if err := g.Release(t.Context(), ended); !errors.Is(err, runner.ErrBroken) {
		t.Errorf("released: %v", err)
	}
	g.detached(<-g.start(t.Context(), g.Runner, simulatedAttempt(2)), true)
	if n := len(g.jobs()); n != 2 {
		t.Errorf("%d Jobs", n)
	}
	if n := len(g.pods()); n != 1 {
		t.Errorf("%d pods", n)
	}
	g.letGo(c)

	orphans, err := b.Orphans(t.Context(), []string{"ex"})
	if err != nil || len(orphans) != 2 {
		t.Fatalf("%v, %v", orphans, err)
	}
	for i, orphan := range orphans {
		if orphan.RunName() == "ex-1" {
			g.takeOver(b, orphan, int64(100+i), lives)
		}
	}
	g.letGo(taken)
}

// takeOver adopts an orphan's Job for a ledger that has recorded it under id.
func (g *rig) takeOver(b *Runner, orphan *sweep.Record, id int64, was runner.Attempt) {
	g.Helper()
	if orphan.Number != was.JobID || orphan.Point != was.Experiment.Point || orphan.Key != was.Experiment.Key ||
		orphan.HP.String() != was.Experiment.HP.String() || orphan.Last.Number != was.Number || orphan.Last.Work != was.Experiment.WorkHash {
		g.Errorf("orphan %+v of %+v", orphan, was)
	}
	if err := b.TakeOver(g.Context(), orphan, id); err != nil {
		g.Fatal(err)
	}
	was.ID = id
	done := g.start(g.Context(), b, adopted(was))
	g.annotate(was.RunName, kubetest.RunFor, "0s")
	g.is(<-done, sweep.Succeeded, "", "")
	if err := b.Release(g.Context(), was); err != nil {
		g.Error(err)
	}
}

// direct is a second Runner that no proxy hinders.
func (g *rig) direct(o Options) *Runner {
	g.Helper()
	proxy := g.proxy
	g.proxy = nil
	defer func() { g.proxy = proxy }()
	return g.another(o)
}

// A Job is taken over while its ledger follows it.
func TestFollowedJobIsTakenOver(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	a := simulatedAttempt(3, kubetest.RunFor, "1h")
	done := g.start(t.Context(), g.Runner, a)
	g.running("ex-3")
	b := g.another(Options{Ledger: ledgerB})
	orphans, err := b.Orphans(t.Context(), []string{"ex", "none"})
	if err != nil || len(orphans) != 1 {
		t.Fatalf("%v, %v", orphans, err)
	}
	g.takeOver(b, orphans[0], 100, a)
	g.detached(<-done, true)
}

// The apiserver was away for longer than a claim holds: it goes on.
func TestClaimOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	g := newProxiedRig(t, Options{})
	mine := claims("a")
	mine.Duration = time.Second
	c := g.claim(g.Runner, mine, "ex")
	g.proxy.Down()
	g.await("it was not renewed in time", func() bool {
		_, fresh := c.state()
		return !fresh
	})
	var done []<-chan ended
	for i := range 30 { // more than the window
		done = append(done, g.start(t.Context(), g.Runner, simulatedAttempt(i)))
	}
	if err := g.proxy.Up(); err != nil {
		t.Fatal(err)
	}
	for _, d := range done {
		g.is(<-d, sweep.Succeeded, "", "")
	}
	g.letGo(c)
}

// A shared ledger's names are taken at once from whoever has not let go of them,
// who is told so, and their term is waited for; nobody waits for what was let go
// of, or if the ledger's lock cannot be lost unnoticed.
func TestSharedClaimOutlastsTheFormer(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	claim := func(holder string, shared bool) (c *Claim, waited bool) {
		o := claims(holder)
		o.Shared, o.Duration = shared, 2*time.Second
		o.Waiting = func(string) { waited = true }
		return g.claim(g.another(Options{}), o, "ex"), waited
	}
	a, waited := claim("a", true)
	if waited {
		t.Error("it waited for nobody")
	}
	b, waited := claim("b", true)
	if _, fresh := a.state(); !waited || fresh {
		t.Errorf("waited %t, and the former still counts: %t", waited, fresh)
	}
	lost := new(LostError)
	if err := a.Reserve(t.Context(), "ex", 1); !errors.As(err, &lost) || lost.Host != "host-of-b" || lost.Ledger != "" || !errors.Is(err, runner.ErrBroken) {
		t.Errorf("the former: %v", err)
	}
	g.letGo(a)
	c, waited := claim("c", false)
	if waited {
		t.Error("it waited although nobody else can be at work")
	}
	g.letGo(b)
	g.letGo(c)
	d, waited := claim("d", true)
	if waited {
		t.Error("it waited for what was let go of")
	}
	g.letGo(d)
}

// What a Lease says of times is another machine's clock: only whether it changes
// counts.
func TestClaimGoesByNoClockButItsOwn(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			leases := g.cluster.Client.CoordinationV1().Leases(g.namespace)
			a := g.claim(g.Runner, ClaimOptions{Host: "a", Holder: "a", Duration: time.Hour}, "ex") // renewed by nobody but the test
			renew := func() {
				lease, err := leases.Get(t.Context(), leaseName("ex"), metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				at := metav1.NewMicroTime(time.Now().Add(off))
				lease.Spec.RenewTime, lease.Spec.AcquireTime, lease.Spec.LeaseDurationSeconds = &at, &at, ptr.To[int32](1)
				if _, err := leases.Update(t.Context(), lease, metav1.UpdateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			renew()
			o := claims("b")
			o.TakeOver = true
			looked := 0
			o.Waiting = func(string) {
				if looked++; looked <= 2 {
					renew()
				}
			}
			b := g.claim(g.another(Options{Ledger: ledgerB}), o, "ex")
			if looked != 3 {
				t.Errorf("it looked %d times at a Lease that was renewed twice", looked)
			}
			g.letGo(b)
			g.letGo(a)
		})
	}
}

// A request that changes something is given up when the claim ends that it was
// begun under: before one that only reads, and has ten seconds.
func TestNoWriteOutlivesItsClaim(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	mine := claims("a")
	mine.Duration = time.Second
	c := g.claim(g.Runner, mine, "ex")
	ctx, cancel := context.WithCancel(t.Context())
	begun, ended := make(chan string), make(chan string, 2)
	unanswered := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			begun <- name
			<-ctx.Done()
			ended <- name
			return errors.New("no answer")
		}
	}
	var requests sync.WaitGroup
	requests.Go(func() { _ = g.Runner.cluster.patiently(ctx, callTimeout/3, unanswered("read")) })
	<-begun
	requests.Go(func() { _ = g.Runner.cluster.write(ctx, time.Minute, unanswered("write")) })
	<-begun
	if first := <-ended; first != "write" {
		t.Errorf("the %s is given up first", first)
	}
	cancel()
	requests.Wait()
	g.letGo(c)
}
