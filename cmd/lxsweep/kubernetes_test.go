//go:build linux

package main_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// clustered is a folder whose experiments run in a namespace of its own, under
// the least Role.
type clustered struct {
	*faults
	cluster   *kubetest.Cluster
	namespace string
}

func newClustered(t *testing.T, shared *kubetest.Shared, grid string) *clustered {
	c := shared.Cluster(t)
	k := &clustered{newFaults(t, grid), c, c.Namespace(t)}
	k.setenv("GORACE", "atexit_sleep_ms=0") // a second for each process
	k.setenv("KUBECONFIG", k.kubeconfig(""))
	return k
}

// setenv sets a variable for the commands that are run from now on.
func (k *clustered) setenv(name, value string) { k.env = append(k.env, name+"="+value) }

// kubeconfig writes one for the least Role, by way of a proxy if host is its
// address.
func (k *clustered) kubeconfig(host string) (path string) {
	k.Helper()
	text, err := os.ReadFile("../../examples/kubernetes/role.yaml")
	if err != nil {
		k.Fatal(err)
	}
	var role rbacv1.Role
	if err := yaml.Unmarshal(text, &role); err != nil {
		k.Fatal(err)
	}
	account, err := k.cluster.Account(k.Context(), k.namespace, role.Rules...)
	if err != nil {
		k.Fatal(err)
	}
	if host != "" {
		account.Host = host
	}
	if path, err = k.cluster.WriteKubeconfig(account, k.namespace); err != nil {
		k.Fatal(err)
	}
	return path
}

// machine is another machine: the same files, another ledger.
func (k *clustered) machine() *clustered {
	k.Helper()
	other := *k
	other.faults = &faults{session{k.T, k.TempDir(), slices.Clip(k.env)}}
	grid, err := os.ReadFile(k.path("grid.hcl"))
	if err != nil {
		k.Fatal(err)
	}
	other.write("grid.hcl", string(grid))
	return &other
}

// kubectl is what the administrator's kubectl prints.
func (k *clustered) kubectl(args ...string) string {
	k.Helper()
	out, err := k.cluster.Kubectl(k.Context(), append([]string{"--namespace", k.namespace}, args...)...).CombinedOutput()
	if err != nil {
		k.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// jobs are the Jobs that lxsweep has in the namespace.
func (k *clustered) jobs() []batchv1.Job {
	k.Helper()
	list, err := k.cluster.Client.BatchV1().Jobs(k.namespace).List(k.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=lxsweep"})
	if err != nil {
		k.Fatal(err)
	}
	return list.Items
}

// noJobs waits until the Jobs are gone, which may outlive the request.
func (k *clustered) noJobs() {
	k.Helper()
	k.await("no Job is left", func() bool { return len(k.jobs()) == 0 })
}

// running waits until n pods run.
func (k *clustered) running(n int) {
	k.Helper()
	k.await(strconv.Itoa(n)+" pods run", func() bool {
		list, err := k.cluster.Client.CoreV1().Pods(k.namespace).List(k.Context(), metav1.ListOptions{FieldSelector: "status.phase=Running"})
		if err != nil {
			k.Fatal(err)
		}
		return len(list.Items) == n
	})
}

// letGo lets every pod end, or those that a label selector matches.
func (k *clustered) letGo(selector string) {
	k.Helper()
	if err := k.cluster.Annotate(k.Context(), k.namespace, selector, kubetest.RunFor, "0s"); err != nil {
		k.Fatal(err)
	}
}

// says runs a command to its end and checks its output, both streams of it.
func (k *clustered) says(code int, wanted []string, args ...string) string {
	k.Helper()
	out, said := k.lxsweep(code, args...)
	for _, want := range wanted {
		if !strings.Contains(out+said, want) {
			k.Errorf("lxsweep %s does not say %q:\n%s%s", strings.Join(args, " "), want, out, said)
		}
	}
	return out + said
}

// request is one that came to the apiserver.
type request struct {
	method, path string
	body         []byte
}

// overheard are the requests that came by way of a proxy.
type overheard struct {
	mu       sync.Mutex
	requests []request
	fault    func(request) kubetest.Fault // what one meets; nil for nothing
}

// meet says what requests meet from now on.
func (o *overheard) meet(fault func(request) kubetest.Fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fault = fault
}

func (o *overheard) take() []request {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := o.requests
	o.requests = nil
	return taken
}

// overhear has all commands go by way of a proxy that listens.
func (k *clustered) overhear() *overheard {
	k.Helper()
	p, err := k.cluster.Proxy()
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(p.Down)
	heard := &overheard{}
	p.Rule(func(r *http.Request) kubetest.Fault {
		body, _ := io.ReadAll(r.Body) // a body that breaks off is passed on so
		r.Body = io.NopCloser(bytes.NewReader(body))
		heard.mu.Lock()
		defer heard.mu.Unlock()
		heard.requests = append(heard.requests, request{r.Method, r.URL.String(), body})
		if heard.fault == nil {
			return nil
		}
		return heard.fault(heard.requests[len(heard.requests)-1])
	})
	k.setenv("KUBECONFIG", k.kubeconfig(p.Config.Host))
	return heard
}

// appliesInVain applies what has run: that takes few requests, however many
// experiments there are.
func (k *clustered) appliesInVain(closing string) {
	k.Helper()
	heard := k.overhear()
	k.says(0, []string{closing}, "apply", "--auto-approve", "grid.hcl")
	if r := heard.take(); len(r) == 0 || len(r) > 15 {
		k.Errorf("an apply that runs nothing makes %d requests", len(r))
	}
}

// heldGrid is a sweep of experiments that run until they are let go.
const heldGrid = `config "ex" {
  hp { x = 0 }
  run { cmd = ["sh", "-c", "echo loss=${hp.x}"] }
  resources {
    build { image_url = "train:1" }
    k8 {
      annotations = {
        "kwok.lxsweep.dev/run-for" = "1h"
        "kwok.lxsweep.dev/logs"    = "loss=${hp.x}\n"
      }
    }
  }
}
sweep "s" {
  config = config.ex
  runner = "kubernetes"
  grid { x = range(9) }
  objective { minimize = "loss" }
}
`

// TestCluster applies a sweep as a user does: it is planned, looked at with
// kubectl, ranked, and not run again, which takes few requests.
func TestCluster(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, heldGrid)
	k.says(0, []string{"kubetest", k.cluster.Config.Host, k.namespace, "Plan: 9 to run"}, "plan", "grid.hcl")
	if n := len(k.jobs()); n > 0 {
		t.Errorf("a plan has made %d Jobs", n)
	}
	apply := k.apply()
	k.running(9)
	if out := k.kubectl("get", "jobs"); !regexp.MustCompile(`(?m)^ex-8 +Running`).MatchString(out) {
		t.Errorf("kubectl get jobs says\n%s", out)
	}
	k.says(0, []string{"Plan: 9 running."}, "plan", "grid.hcl")
	k.letGo("")
	k.end(apply, 0)
	best := k.results()[0]
	if best.Run != "ex-0" || best.Rank != 1 || best.Metrics["loss"] != 0 {
		t.Errorf("the best is %+v", best)
	}
	k.noJobs()

	k.appliesInVain("9 unchanged")
	same(t, "attempts", k.query(k.ledger(), `state, runner, count(*)) FROM attempts GROUP BY state, runner`), "succeeded kubernetes 9")
}

// TestClusterForeignJob meets a Job of somebody else's under a run's name, which
// is left alone and told about; the others run.
func TestClusterForeignJob(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, strings.Replace(heldGrid, "1h", "0s", 1))
	k.kubectl("create", "job", "ex-3", "--image", "theirs")
	k.says(5, []string{"ex-3", "there is a Job ex-3 in namespace " + k.namespace + " already, made by kubectl-create"},
		"apply", "--auto-approve", "--progress", "plain", "grid.hcl")
	same(t, "states", k.query(k.ledger(), `state, class, count(*)) FROM attempts GROUP BY state, class ORDER BY state`), "failed refused 1", "succeeded  8")
	if out := k.kubectl("get", "job", "ex-3", "-o", "jsonpath={.spec.template.spec.containers[0].image}"); out != "theirs" {
		t.Errorf("the Job ex-3 is now %s", out)
	}
	k.kubectl("delete", "job", "ex-3")
	k.says(0, []string{"1 to run"}, "apply", "--auto-approve", "grid.hcl")
}

// plannedRow is a line of plan -o json.
type plannedRow struct {
	Type, Run, Sign, Key, Work string
}

func (k *clustered) planned(runner string) (rows []plannedRow) {
	k.Helper()
	out, _ := k.lxsweep(0, "plan", "-o", "json", "--runner", runner, "grid.hcl")
	for line := range strings.Lines(out) {
		var p plannedRow
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			k.Fatal(err)
		}
		if p.Type == "experiment" {
			if p.Key == "" || p.Work == "" || p.Run == "" {
				k.Fatalf("no identity in %s", line)
			}
			rows = append(rows, p)
		}
	}
	return rows
}

// TestClusterOrHere switches the runner, which changes neither name nor key nor
// work: what ran on one is done for the other.
func TestClusterOrHere(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, strings.Replace(heldGrid, "1h", "0s", 1))
	before := k.planned("local")
	if there := k.planned("kubernetes"); len(before) != 9 || !slices.Equal(before, there) {
		t.Errorf("planned for here\n%v\nand for a cluster\n%v", before, there)
	}
	k.lxsweep(0, "apply", "--auto-approve", "--runner", "local", "--filter", "hp.x < 4", "grid.hcl")
	k.lxsweep(0, "apply", "--auto-approve", "grid.hcl")
	here, there := k.planned("local"), k.planned("kubernetes")
	for i, p := range before {
		p.Sign, p.Run = "=", strings.TrimSuffix(p.Run, "?")
		if here[i] != p || there[i] != p {
			t.Errorf("%+v is here %+v and on a cluster %+v", p, here[i], there[i])
		}
	}
	same(t, "runs", k.query(k.ledger(), `runner, state, count(*)) FROM attempts GROUP BY runner, state ORDER BY runner`),
		"kubernetes succeeded 5", "local succeeded 4")
}

// TestClusterTakeOver has a second machine with an empty ledger: it is refused,
// and told whose the runs are. Once the first is gone, it takes over what lives
// and goes on above the numbers that were given.
func TestClusterTakeOver(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, heldGrid)
	first := k.apply("--parallel", "4")
	k.running(4)
	ledger := k.kubectl("get", "lease", "lxsweep-ex", "-o", `jsonpath={.metadata.annotations.lxsweep\.dev/ledger}`)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}

	other := k.machine()
	other.says(5, []string{"belong to another ledger: " + ledger + " on " + host, "--take-over"}, "apply", "--auto-approve", "grid.hcl")
	if n := len(k.jobs()); n != 4 {
		t.Errorf("the refused apply leaves %d Jobs of 4", n)
	}
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.end(first, -1)
	second := other.apply("--take-over")
	k.running(9)
	k.letGo("")
	text := other.end(second, 0)
	if n := strings.Count(text, " taken over\n"); n != 4 {
		t.Errorf("%d are taken over, want 4:\n%s", n, text)
	}
	same(t, "runs", other.query(other.ledger(), `number, state, attempt) FROM runs ORDER BY number`),
		"0 succeeded 1", "1 succeeded 1", "2 succeeded 1", "3 succeeded 1",
		"9 succeeded 1", "10 succeeded 1", "11 succeeded 1", "12 succeeded 1", "13 succeeded 1")
	same(t, "what was taken over", other.query(other.ledger(), `number) FROM attempts WHERE why = 'taken over'`), "1", "1", "1", "1")
	k.noJobs()

	k.says(5, []string{"--take-over"}, "apply", "--auto-approve", "grid.hcl")
}

// TestClusterLeaseDeleted is for a Lease that somebody has deleted: the Jobs say
// whose they are.
func TestClusterLeaseDeleted(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, heldGrid)
	first := k.apply("--parallel", "2")
	k.running(2)
	ledger := k.kubectl("get", "lease", "lxsweep-ex", "-o", `jsonpath={.metadata.annotations.lxsweep\.dev/ledger}`)
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.end(first, -1)
	k.kubectl("delete", "lease", "lxsweep-ex")
	k.machine().says(5, []string{"belong to another ledger: " + ledger, "--take-over"}, "apply", "--auto-approve", "grid.hcl")
	if n := len(k.jobs()); n != 2 {
		t.Errorf("the refused apply leaves %d Jobs of 2", n)
	}
	again := k.apply() // the owner itself goes on
	k.running(9)
	k.letGo("")
	k.end(again, 0)
}

// TestClusterInterrupt interrupts an apply: what runs goes on, and the same
// command goes on with it.
func TestClusterInterrupt(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, heldGrid)
	apply := k.apply("--parallel", "4")
	k.running(4)
	if err := apply.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	text := k.end(apply, 130)
	for _, want := range []string{"what runs in the cluster goes on", "lxsweep apply", "goes on from here"} {
		if !strings.Contains(text, want) {
			t.Errorf("the interrupted apply does not say %q:\n%s", want, text)
		}
	}
	k.running(4)
	k.letGo("batch.kubernetes.io/job-name=ex-2") // while nobody watches
	k.await("ex-2 has ended", func() bool {
		return slices.ContainsFunc(k.jobs(), func(j batchv1.Job) bool { return j.Name == "ex-2" && len(j.Status.Conditions) > 0 })
	})
	k.says(0, []string{"=  ex-2", "Plan: 5 to run, 3 running, 1 unchanged."}, "plan", "grid.hcl")
	again := k.apply()
	k.running(8)
	k.letGo("")
	k.end(again, 0)
	same(t, "runs", k.query(k.ledger(), `state, count(*)) FROM runs GROUP BY state`), "succeeded 9")
	k.noJobs()
}

// TestClusterCancel cancels a run of an apply at work, and one that no apply
// watches.
func TestClusterCancel(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, heldGrid)
	apply := k.apply("--parallel", "4")
	k.running(4)
	k.says(0, []string{"ended ex-1"}, "cancel", "ex-1", "--reason", "the wrong data")
	same(t, "the cancelled run", k.query(k.ledger(), `run_name, state, reason LIKE 'the wrong data (lxsweep cancel by %') FROM runs WHERE number = 1`),
		"ex-1 cancelled 1")
	if err := apply.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.end(apply, -1)
	k.says(0, []string{"ex-2 cancelled"}, "cancel", "ex-2")
	for run, want := range map[string]string{"ex-1": "loss=1\n", "ex-2": "loss=2\n"} { // their pods go
		if log, _ := k.lxsweep(0, "logs", run); log != want {
			t.Errorf("the log of %s is %q, want %q", run, log, want)
		}
	}
	k.await("the cancelled Jobs are gone", func() bool {
		return !slices.ContainsFunc(k.jobs(), func(j batchv1.Job) bool { return j.Name == "ex-1" || j.Name == "ex-2" })
	})
	again := k.apply()
	k.running(7)
	k.letGo("")
	k.end(again, 3)
	same(t, "runs", k.query(k.ledger(), `state, count(*)) FROM runs GROUP BY state ORDER BY state`), "cancelled 2", "succeeded 7")
}

// TestClusterLogs reads what a pod writes, while it runs, until it ends, and
// when it is gone.
func TestClusterLogs(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, strings.Replace(heldGrid, "range(9)", "[7]", 1))
	apply := k.apply()
	k.running(1)
	k.await("the run is known to run", func() bool {
		return slices.Equal(k.query(k.ledger(), `state) FROM attempts`), []string{"running"})
	})
	if out, _ := k.lxsweep(0, "logs", "ex-0"); out != "loss=7\n" {
		t.Errorf("the log of a pod that runs is %q", out)
	}
	follow := k.start("logs", "-f", "ex-0")
	k.await("something is followed", func() bool { return k.text(follow) != "" })
	k.letGo("")
	if out := k.end(follow, 0); out != "loss=7\n" {
		t.Errorf("the log that was followed is %q", out)
	}
	k.end(apply, 0)
	k.noJobs()
	if out, _ := k.lxsweep(0, "logs", "ex-0"); out != "loss=7\n" {
		t.Errorf("the log of a pod that is gone is %q", out)
	}
}

// TestClusterWaits asks for what runs wait.
func TestClusterWaits(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*clustered)
		more    string // of resources.k8
		want    string
	}{
		"a quota": {prepare: func(k *clustered) {
			_, err := k.cluster.Client.CoreV1().ResourceQuotas(k.namespace).Create(k.Context(), &corev1.ResourceQuota{
				ObjectMeta: metav1.ObjectMeta{Name: "small"},
				Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"count/jobs.batch": resource.MustParse("1")}},
			}, metav1.CreateOptions{})
			if err != nil {
				k.Fatal(err)
			}
			k.await("the quota counts", func() bool {
				q, err := k.cluster.Client.CoreV1().ResourceQuotas(k.namespace).Get(k.Context(), "small", metav1.GetOptions{})
				return err == nil && len(q.Status.Hard) > 0
			})
		}, want: "waits for room in a quota: small"},
		"a node": {more: `node_selector = { kind = "none" }`, want: "waits for a node: 0/5 nodes are available"},
		"the controller": {prepare: func(k *clustered) {
			if err := k.cluster.Signal("kube-controller-manager", syscall.SIGSTOP); err != nil {
				k.Fatal(err)
			}
			k.Cleanup(func() { _ = k.cluster.Signal("kube-controller-manager", syscall.SIGCONT) })
		}, want: "waits for the Job controller"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newClustered(t, &main.Simulated, strings.NewReplacer("range(9)", "range(2)", "k8 {", "k8 {\n"+c.more).Replace(heldGrid))
			if c.prepare != nil {
				c.prepare(k)
			}
			apply := k.apply()
			k.await("something waits", func() bool { return strings.Contains(k.text(apply), " waits for ") })
			k.await("status says what for", func() bool {
				out, _ := k.lxsweep(0, "status")
				return strings.Contains(out, c.want)
			})
			if err := apply.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			k.end(apply, 130)
		})
	}
}

// TestClusterSecrets hands secrets over by reference: their values are in no
// request, in no Job and in no ledger.
func TestClusterSecrets(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-and-then-some"
	k := newClustered(t, &main.Simulated, strings.NewReplacer("1h", "0s", "k8 {", "k8 {\n"+`secret_env = { WANDB_API_KEY = "wandb/api-key" }`).Replace(heldGrid))
	k.setenv("WANDB_API_KEY", secret)
	heard := k.overhear()
	apply := k.apply()
	k.end(apply, 0)
	created := 0
	for _, r := range heard.take() {
		if bytes.Contains(r.body, []byte(secret)) {
			t.Errorf("the secret is in %s %s", r.method, r.path)
		}
		if bytes.Contains(r.body, []byte("api-key")) {
			created++
		}
	}
	if created < 9 {
		t.Errorf("%d requests name the secret's key, want one for each of 9 Jobs", created)
	}
	files, err := filepath.Glob(k.path(".lxsweep", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file) // folders are none
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the secret is in %s", file)
		}
	}
}
