package kubetest_test

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// job is one of a container main, whose pod carries the annotations.
func job(name string, annotations map[string]string) *batchv1.Job {
	never := int32(0)
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: batchv1.JobSpec{
			BackoffLimit: &never,
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
				Action:          batchv1.PodFailurePolicyActionIgnore,
				OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}},
			}}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Annotations: annotations},
				Spec: corev1.PodSpec{
					RestartPolicy: corev1.RestartPolicyNever,
					Containers:    []corev1.Container{{Name: "main", Image: "none"}},
				},
			},
		},
	}
}

// fixture is a namespace of a cluster.
type fixture struct {
	*testing.T
	*kubetest.Cluster
	namespace string
}

func on(t *testing.T, c *kubetest.Cluster) fixture { return fixture{t, c, c.Namespace(t)} }

func (f fixture) create(j *batchv1.Job) {
	f.Helper()
	if _, err := f.Client.BatchV1().Jobs(f.namespace).Create(f.Context(), j, metav1.CreateOptions{}); err != nil {
		f.Fatal(err)
	}
}

// until watches the pods of a job until one is as wanted, and returns that.
func (f fixture) until(job string, wanted func(*corev1.Pod) bool) *corev1.Pod {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	var last corev1.Pod
	selector := metav1.ListOptions{LabelSelector: "job-name=" + job}
	watch, err := f.Client.CoreV1().Pods(f.namespace).Watch(ctx, selector)
	if err != nil {
		f.Fatal(err)
	}
	defer watch.Stop()
	for event := range watch.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		if ok && wanted(pod) {
			return pod
		} else if ok {
			last = *pod
		}
	}
	f.Fatalf("no pod of job %s became as wanted; the last is %s: %+v", job, last.Name, last.Status)
	return nil
}

// end is the condition with which the job ended.
func (f fixture) end(job string) batchv1.JobConditionType {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	watch, err := f.Client.BatchV1().Jobs(f.namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + job})
	if err != nil {
		f.Fatal(err)
	}
	defer watch.Stop()
	for event := range watch.ResultChan() {
		j, ok := event.Object.(*batchv1.Job)
		if !ok {
			continue
		}
		for _, c := range j.Status.Conditions {
			if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
				return c.Type
			}
		}
	}
	f.Fatalf("job %s did not end", job)
	return ""
}

func (f fixture) kubectl(args ...string) string {
	f.Helper()
	out, err := f.Kubectl(f.Context(), append([]string{"-n", f.namespace}, args...)...).CombinedOutput()
	if err != nil {
		f.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func ended(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

func inPhase(phase corev1.PodPhase) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool { return p.Status.Phase == phase }
}

func TestSimulatedPodEndsAsItsAnnotationsSay(t *testing.T) {
	deadline := int64(1)
	tests := []struct {
		name        string
		annotations map[string]string
		change      func(*batchv1.Job)
		want        corev1.ContainerStateTerminated
		phase       corev1.PodPhase
		job         batchv1.JobConditionType
		podReason   string
	}{
		{
			name:        "succeeds",
			annotations: map[string]string{kubetest.RunFor: "300ms", kubetest.Message: `{"val_loss":0.1, "note":"\"<&>\""}`},
			want:        corev1.ContainerStateTerminated{Reason: "Completed", Message: `{"val_loss":0.1, "note":"\"<&>\""}`},
			phase:       corev1.PodSucceeded, job: batchv1.JobComplete,
		},
		{
			name:        "fails",
			annotations: map[string]string{kubetest.ExitCode: "3"},
			want:        corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"},
			phase:       corev1.PodFailed, job: batchv1.JobFailed,
		},
		{
			name:        "out-of-memory",
			annotations: map[string]string{kubetest.ExitCode: "137", kubetest.Reason: "OOMKilled"},
			want:        corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"},
			phase:       corev1.PodFailed, job: batchv1.JobFailed,
		},
		{
			name:        "too-long",
			annotations: map[string]string{kubetest.RunFor: "1h"},
			change:      func(j *batchv1.Job) { j.Spec.Template.Spec.ActiveDeadlineSeconds = &deadline },
			want:        corev1.ContainerStateTerminated{ExitCode: 143, Reason: "Error"},
			phase:       corev1.PodFailed, job: batchv1.JobFailed, podReason: "DeadlineExceeded",
		},
	}
	f := on(t, simulated.Cluster(t))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fixture{t, f.Cluster, f.namespace}
			j := job(test.name, test.annotations)
			if test.change != nil {
				test.change(j)
			}
			f.create(j)
			pod := f.until(test.name, ended)
			got := *pod.Status.ContainerStatuses[0].State.Terminated
			if got.StartedAt.IsZero() || got.FinishedAt.IsZero() {
				t.Errorf("it has no times: %+v", got)
			}
			got.StartedAt, got.FinishedAt = metav1.Time{}, metav1.Time{}
			if got != test.want || pod.Status.Phase != test.phase || pod.Status.Reason != test.podReason {
				t.Errorf("ended as %+v, %s %q", got, pod.Status.Phase, pod.Status.Reason)
			}
			if got := f.end(test.name); got != test.job {
				t.Errorf("the job ended %s", got)
			}
		})
	}
}

func TestSimulatedPodIsHeldAndLetGo(t *testing.T) {
	f := on(t, simulated.Cluster(t))
	f.create(job("held", map[string]string{
		kubetest.Waiting: "ImagePullBackOff", kubetest.WaitingMessage: "Back-off pulling image", kubetest.RunFor: "1h",
	}))
	f.until("held", func(p *corev1.Pod) bool {
		if len(p.Status.ContainerStatuses) == 0 {
			return false
		}
		w := p.Status.ContainerStatuses[0].State.Waiting
		return w != nil && w.Reason == "ImagePullBackOff" && w.Message == "Back-off pulling image"
	})
	annotate := func(key, value string) {
		if err := f.Annotate(t.Context(), f.namespace, "job-name=held", key, value); err != nil {
			t.Fatal(err)
		}
	}
	annotate(kubetest.Waiting, "")
	f.until("held", inPhase(corev1.PodRunning))
	annotate(kubetest.RunFor, "0s")
	if got := f.end("held"); got != batchv1.JobComplete {
		t.Errorf("the job ended %s", got)
	}
}

func TestSimulatedPodRecoversByItself(t *testing.T) {
	f := on(t, simulated.Cluster(t))
	f.create(job("slow", map[string]string{kubetest.Waiting: "ErrImagePull", kubetest.WaitFor: "200ms"}))
	if got := f.end("slow"); got != batchv1.JobComplete {
		t.Errorf("the job ended %s", got)
	}
}

// An evicted pod is replaced within its Job, whoever evicts it.
func TestSimulatedPodIsEvicted(t *testing.T) {
	evict := map[string]func(fixture, *corev1.Pod) error{
		"by-kubelet": func(f fixture, p *corev1.Pod) error {
			return f.Annotate(f.Context(), f.namespace, "job-name=by-kubelet", kubetest.Evict, "The node was low on resource: memory.")
		},
		"by-eviction": func(f fixture, p *corev1.Pod) error {
			return f.Client.CoreV1().Pods(f.namespace).EvictV1(f.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: p.Name}})
		},
	}
	f := on(t, simulated.Cluster(t))
	for name, evict := range evict {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the Job controller waits ten seconds before it makes another pod
			f := fixture{t, f.Cluster, f.namespace}
			f.create(job(name, map[string]string{kubetest.RunFor: "1h"}))
			first := f.until(name, inPhase(corev1.PodRunning))
			if err := evict(f, first); err != nil {
				t.Fatal(err)
			}
			f.until(name, func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning && p.UID != first.UID })
		})
	}
}

func TestSimulatedLogs(t *testing.T) {
	f := on(t, simulated.Cluster(t))
	f.create(job("talks", map[string]string{kubetest.Logs: "loss=2\nloss=1\n", kubetest.RunFor: "500ms"}))
	f.until("talks", inPhase(corev1.PodRunning))
	if got, want := f.kubectl("logs", "-f", "job/talks"), "loss=2\nloss=1\n"; got != want {
		t.Errorf("logs -f: %q, want %q", got, want)
	}
	if pod := f.until("talks", ended); pod.Status.Phase != corev1.PodSucceeded {
		t.Errorf("logs -f returned, and the pod is %s", pod.Status.Phase)
	}
	if got, want := f.kubectl("logs", "--tail=1", "job/talks"), "loss=1\n"; got != want {
		t.Errorf("logs --tail=1: %q, want %q", got, want)
	}
	f.create(job("mute", map[string]string{kubetest.LogsError: "no such file"}))
	f.until("mute", ended)
	out, err := f.Kubectl(t.Context(), "-n", f.namespace, "logs", "job/mute").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no such file") {
		t.Errorf("logs of a kubelet that has none: %v, %s", err, out)
	}
}

func TestSimulatedPodIsDeleted(t *testing.T) {
	f := on(t, simulated.Cluster(t))
	f.create(job("deleted", map[string]string{kubetest.RunFor: "1h"}))
	pod := f.until("deleted", inPhase(corev1.PodRunning))
	f.kubectl("delete", "job", "deleted", "--wait")
	f.kubectl("wait", "--for=delete", "pod/"+pod.Name, "--timeout=60s")
}

// More gpus than a node has make a pod unschedulable.
func TestSimulatedNodesHaveGPUs(t *testing.T) {
	f := on(t, simulated.Cluster(t))
	for name, gpus := range map[string]string{"eight": "8", "nine": "9"} {
		j := job(name, nil)
		j.Spec.Template.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"nvidia.com/gpu": resource.MustParse(gpus)}
		f.create(j)
	}
	if got := f.end("eight"); got != batchv1.JobComplete {
		t.Errorf("the job ended %s", got)
	}
	f.until("nine", func(p *corev1.Pod) bool {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable {
				return strings.Contains(c.Message, "nvidia.com/gpu")
			}
		}
		return false
	})
}

func TestAccountMayDoWhatItsRulesSay(t *testing.T) {
	f := on(t, simulated.Cluster(t))
	config, err := f.Account(t.Context(), f.namespace, rbacv1.PolicyRule{
		APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"list"},
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.BatchV1().Jobs(f.namespace).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := client.BatchV1().Jobs("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("jobs of another namespace: %v", err)
	}
	if err := client.BatchV1().Jobs(f.namespace).Delete(t.Context(), "any", metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("deleting: %v", err)
	}
}

// A cluster of its own: a node that is lost, and that nothing is left of it.
func TestStopLeavesNothing(t *testing.T) {
	c := kubetest.New(t, kubetest.Options{Nodes: 1, NodeGrace: 5 * time.Second})
	kill, err := c.StartNode(t.Context(), "doomed")
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := c.CreateNamespace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{t, c, namespace}
	j := job("there", map[string]string{kubetest.RunFor: "1h"})
	j.Spec.Template.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "doomed"}
	f.create(j)
	f.until("there", inPhase(corev1.PodRunning))
	kill()
	f.until("there", func(p *corev1.Pod) bool {
		for _, condition := range p.Status.Conditions {
			if condition.Type == corev1.PodReady {
				return condition.Status == corev1.ConditionFalse
			}
		}
		return false
	})

	pids := c.Pids()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("process %d is left", pid)
		}
	}
	if _, err := os.Stat(c.Kubeconfig); !os.IsNotExist(err) {
		t.Errorf("its files are left: %v", err)
	}
}
