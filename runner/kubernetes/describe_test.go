package kubernetes

import (
	"context"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestDescribe(t *testing.T) {
	for name, c := range map[string]struct {
		annotations []string
		edit        func(*sweep.Cluster)
		phase       string
		condition   string
		event       string // its object's kind and its reason
		placed      bool
	}{
		"it runs": {
			annotations: []string{kubetest.RunFor, "1h"},
			phase:       "running", event: "Pod Scheduled", placed: true,
		},
		"its image cannot be pulled": {
			annotations: []string{kubetest.Waiting, "ImagePullBackOff", kubetest.WaitingMessage, "no such tag"},
			phase:       "waits for its image: no such tag", event: "Job SuccessfulCreate", placed: true,
		},
		"no node will have it": {
			edit:      func(k *sweep.Cluster) { k.NodeSelector = []sweep.Var{{Name: "disk", Value: "gold"}} },
			phase:     "waits for a node: 0/",
			condition: "pod not PodScheduled (Unschedulable): 0/",
			event:     "Pod FailedScheduling",
		},
		"its queue has not admitted it": {
			edit:      func(k *sweep.Cluster) { k.Queue = "team-a" },
			phase:     "waits for its queue",
			condition: "Job Suspended (JobSuspended)",
			event:     "Job Suspended",
		},
		"it has failed": {
			annotations: []string{kubetest.ExitCode, "3"},
			phase:       "failed: exit code 3", condition: "Job Failed (BackoffLimitExceeded)", event: "Job BackoffLimitExceeded", placed: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			a := simulatedAttempt(8, c.annotations...)
			if c.edit != nil {
				c.edit(a.Command.Cluster)
			}
			ctx, detach := context.WithCancelCause(t.Context())
			done := g.start(ctx, g.Runner, a)
			var d Description
			g.await(name, func() bool {
				var err error
				if d, err = g.Describe(t.Context(), "ex-8", 1); err != nil {
					t.Fatal(err)
				}
				return strings.HasPrefix(d.Phase, c.phase) && (d.Node != "") == c.placed &&
					slices.ContainsFunc(append(d.Conditions, ""), func(s string) bool { return strings.HasPrefix(s, c.condition) }) &&
					slices.ContainsFunc(d.Events, func(e Event) bool {
						kind, _, _ := strings.Cut(e.Object, "/")
						return kind+" "+e.Reason == c.event && e.Text != "" && !e.Time.IsZero() && e.Count > 0
					})
			})
			if d.Job != "ex-8" || (len(d.Pods) == 1) != (a.Command.Cluster.Queue == "") {
				t.Errorf("described as %+v", d)
			}
			detach(runner.ErrDetach)
			<-done
		})
	}
}

func TestDescribeNothing(t *testing.T) {
	g := newRig(t, Options{})
	foreign := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "ex-8"},
		Spec: batchv1.JobSpec{Suspend: new(true), Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "c", Image: "none"}},
		}}},
	}
	if _, err := g.cluster.Client.BatchV1().Jobs(g.namespace).Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, run := range []string{"ex-8", "ex-9"} {
		if d, err := g.Describe(t.Context(), run, 1); err != nil || d.Job != "" {
			t.Errorf("%s is described as %+v, %v", run, d, err)
		}
	}
}
