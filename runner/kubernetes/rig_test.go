package kubernetes

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	batchv1 "k8s.io/api/batch/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

var simulated kubetest.Shared

func TestMain(m *testing.M) { os.Exit(simulated.Main(m)) }

// rig is a Runner under the least Role, in a namespace of its own.
type rig struct {
	*testing.T
	*Runner
	cluster   *kubetest.Cluster
	namespace string

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

// connect returns a Runner in the rig's namespace that may do what the rules
// say.
func (g *rig) connect(o Options, rules ...rbacv1.PolicyRule) *Runner {
	g.Helper()
	config, err := g.cluster.Account(g.Context(), g.namespace, rules...)
	if err != nil {
		g.Fatal(err)
	}
	path, err := g.cluster.WriteKubeconfig(config, g.namespace)
	if err != nil {
		g.Fatal(err)
	}
	c, err := Connect(Target{Kubeconfig: path}, "lxsweep/test")
	if err != nil {
		g.Fatal(err)
	}
	if o.Ledger == "" {
		o.Ledger = "00112233445566778899aabbccddeeff"
	}
	o.LogsDir = g.TempDir()
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

// waiting reports whether the last that was told of a run is this.
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
