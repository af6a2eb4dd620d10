package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedbatchv1 "k8s.io/client-go/kubernetes/typed/batch/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

var simulated kubetest.Shared

func TestMain(m *testing.M) {
	// A connection that is half open is found out in seconds.
	os.Setenv("HTTP2_READ_IDLE_TIMEOUT_SECONDS", "3")
	os.Setenv("HTTP2_PING_TIMEOUT_SECONDS", "5")
	code := simulated.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const ledgerA, ledgerB = "00112233445566778899aabbccddeeff", "bb112233445566778899aabbccddeeff"

// rig is a Runner under the least Role, in a namespace of its own.
type rig struct {
	*testing.T
	*Runner
	cluster   *kubetest.Cluster
	namespace string
	proxy     *kubetest.Proxy // before every Runner; nil for none

	mu      sync.Mutex
	changes map[string][]runner.Change
	notices []string
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	c := simulated.Cluster(t)
	g := &rig{T: t, cluster: c, namespace: c.Namespace(t), changes: map[string][]runner.Change{}}
	g.Runner = g.connect(o, leastRole(t)...)
	return g
}

// newProxiedRig is a rig whose Runners talk to the cluster through a proxy.
func newProxiedRig(t *testing.T, o Options) *rig {
	t.Helper()
	c := simulated.Cluster(t)
	p, err := c.Proxy()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Down)
	g := &rig{T: t, cluster: c, namespace: c.Namespace(t), proxy: p, changes: map[string][]runner.Change{}}
	g.Runner = g.connect(o, leastRole(t)...)
	return g
}

// another is a second Runner in the rig's namespace, as a second lxsweep has.
func (g *rig) another(o Options) *Runner {
	g.Helper()
	return g.connect(o, leastRole(g)...)
}

// connect returns a Runner in the rig's namespace that may do what the rules
// say.
func (g *rig) connect(o Options, rules ...rbacv1.PolicyRule) *Runner {
	g.Helper()
	config, err := g.cluster.Account(g.Context(), g.namespace, rules...)
	if err != nil {
		g.Fatal(err)
	}
	if g.proxy != nil {
		config.Host = g.proxy.Config.Host
	}
	path, err := g.cluster.WriteKubeconfig(config, g.namespace)
	if err != nil {
		g.Fatal(err)
	}
	c, err := Connect(Target{Kubeconfig: path}, "lxsweep/test")
	if err != nil {
		g.Fatal(err)
	}
	o.Ledger = cmp.Or(o.Ledger, ledgerA)
	o.LogsDir = g.TempDir()
	o.Patience.Quiet = cmp.Or(o.Patience.Quiet, time.Millisecond)
	o.Notice = func(text string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.notices = append(g.notices, text)
	}
	r := New(c, o)
	g.Cleanup(func() { r.Close() })
	return r
}

// leastRole are the rules that users are told to ask for.
func leastRole(t testing.TB) []rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile("../../examples/kubernetes/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role struct {
		Rules []struct {
			APIGroups []string `yaml:"apiGroups"`
			Resources []string
			Verbs     []string
		}
	}
	if err := yaml.Unmarshal(text, &role); err != nil {
		t.Fatal(err)
	}
	var rules []rbacv1.PolicyRule
	for _, r := range role.Rules {
		rules = append(rules, rbacv1.PolicyRule{APIGroups: r.APIGroups, Resources: r.Resources, Verbs: r.Verbs})
	}
	return rules
}

// simulatedAttempt is one whose simulated pod does what the annotations say.
func simulatedAttempt(number int, annotations ...string) runner.Attempt {
	hp := sweep.NewObject(map[string]sweep.Value{"n": sweep.Int(int64(number))})
	point := sweep.PointOf("ex", hp)
	notes := map[string]string{}
	for i := 0; i < len(annotations); i += 2 {
		notes[annotations[i]] = annotations[i+1]
	}
	cluster := &sweep.Cluster{}
	for _, name := range slices.Sorted(maps.Keys(notes)) {
		cluster.Annotations = append(cluster.Annotations, sweep.Var{Name: name, Value: notes[name]})
	}
	a := runner.Attempt{
		ID: int64(number + 1), Number: 1, RunName: sweep.RunName("ex", number), JobID: number,
		Experiment: &sweep.Experiment{
			Sweep: "s", Config: "ex", Name: "ex", HP: hp, Point: point, Key: sweep.KeyOf(point, ""), WorkHash: sweep.Hash{1},
		},
		Command: sweep.Command{
			Shell: "true", Image: "none", WorkingDir: "/project", DataDir: "/data", OutputDir: "/output/ex", Cluster: cluster,
		},
	}
	a.Command = runner.Equipped(a, "")
	a.Command.Env = slices.DeleteFunc(a.Command.Env, func(v sweep.Var) bool { return v.Name == "LXSWEEP_RESULT" })
	return a
}

// adopted is the same attempt after the client that started it is gone.
func adopted(a runner.Attempt) runner.Attempt {
	a.Adopt = true
	return a
}

// run runs an attempt to its end.
func (g *rig) run(ctx context.Context, r *Runner, a runner.Attempt) (sweep.Outcome, error) {
	return r.Run(ctx, a, func(c runner.Change) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.changes[a.RunName] = append(g.changes[a.RunName], c)
	})
}

// start runs an attempt in the background.
func (g *rig) start(ctx context.Context, r *Runner, a runner.Attempt) <-chan ended {
	done := make(chan ended, 1)
	go func() {
		o, err := g.run(ctx, r, a)
		done <- ended{o, err}
	}()
	return done
}

type ended struct {
	sweep.Outcome
	err error
}

// is fails the test unless an attempt ended so, for a reason with these words.
func (g *rig) is(e ended, state sweep.State, class sweep.Class, reason string) {
	g.Helper()
	if e.err != nil || e.State != state || e.Class != class || !strings.Contains(e.Reason, reason) {
		g.Errorf("ended %s, %q because of %q, %v; want %s, %q because of %q", e.State, e.Class, e.Reason, e.err, state, class, reason)
	}
}

// detached fails the test unless an attempt was left as it is; broken is
// whether nothing more can be run.
func (g *rig) detached(e ended, broken bool) {
	g.Helper()
	if !errors.Is(e.err, runner.ErrDetach) || errors.Is(e.err, runner.ErrBroken) != broken {
		g.Errorf("ended %+v, %v; want it to be left, broken: %t", e.Outcome, e.err, broken)
	}
}

// running waits until an attempt runs.
func (g *rig) running(runName string) {
	g.Helper()
	g.await(runName+" runs", func() bool { return g.last(runName).State == sweep.Running })
}

// waitsFor waits until an attempt is told to wait for something.
func (g *rig) waitsFor(runName, what string) {
	g.Helper()
	g.await(runName+" waits for "+what, func() bool {
		c := g.last(runName)
		return c.State == sweep.Queued && strings.Contains(c.Waiting, what)
	})
}

// told waits for a notice.
func (g *rig) told(what string) {
	g.Helper()
	g.await("a notice of "+what, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return slices.ContainsFunc(g.notices, func(text string) bool { return strings.Contains(text, what) })
	})
}

// annotate changes what the pods of a Job do.
func (g *rig) annotate(job, key, value string) {
	g.Helper()
	if err := g.cluster.Annotate(g.Context(), g.namespace, batchv1.JobNameLabel+"="+job, key, value); err != nil {
		g.Fatal(err)
	}
}

// admin is the administrator's client for the namespace's Jobs.
func (g *rig) admin() typedbatchv1.JobInterface { return g.cluster.Client.BatchV1().Jobs(g.namespace) }

// pods are all the pods in the namespace that have not ended.
func (g *rig) pods() (pods []corev1.Pod) {
	g.Helper()
	list, err := g.cluster.Client.CoreV1().Pods(g.namespace).List(g.Context(), metav1.ListOptions{})
	if err != nil {
		g.Fatal(err)
	}
	for _, pod := range list.Items {
		if pod.Status.Phase == corev1.PodPending || pod.Status.Phase == corev1.PodRunning {
			pods = append(pods, pod)
		}
	}
	return pods
}

// nothingStays is nothingLives after a Job was deleted that had not begun: a pod
// that its controller was just making goes a moment later.
func (g *rig) nothingStays() {
	g.Helper()
	g.await("no pod lives", func() bool { return len(g.pods()) == 0 })
	g.nothingLives()
}

// nothingLives fails the test if a pod has not ended, or a Job has not.
func (g *rig) nothingLives() {
	g.Helper()
	if pods := g.pods(); len(pods) > 0 {
		g.Errorf("%d pods live", len(pods))
	}
	for _, job := range g.jobs() {
		if (sight{job: &job}).end() == nil && job.DeletionTimestamp == nil {
			g.Errorf("Job %s lives", job.Name)
		}
	}
}

// await waits until a condition on the cluster holds.
func (g *rig) await(what string, holds func() bool) {
	g.Helper()
	deadline := time.Now().Add(time.Minute) // only a hung test gets there
	for !holds() {
		if time.Now().After(deadline) {
			g.Fatalf("never: %s; told %v", what, g.changes)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// last is what was told of a run most recently.
func (g *rig) last(runName string) runner.Change {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.changes[runName]
	if len(all) == 0 {
		return runner.Change{}
	}
	return all[len(all)-1]
}

// jobs are the Jobs in the namespace, as the administrator sees them.
func (g *rig) jobs() []batchv1.Job {
	g.Helper()
	list, err := g.cluster.Client.BatchV1().Jobs(g.namespace).List(g.Context(), metav1.ListOptions{})
	if err != nil {
		g.Fatal(err)
	}
	return list.Items
}
