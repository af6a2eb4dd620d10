package kubernetes

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

func (g *rig) preflight(r *Runner, examples ...runner.Attempt) *Readiness {
	g.Helper()
	ready, err := r.Preflight(g.Context(), examples)
	if err != nil {
		g.Fatal(err)
	}
	return ready
}

func TestTheRoleIsEnough(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	ready := g.preflight(g.Runner, simulatedAttempt(0))
	if len(ready.Problems) > 0 || ready.Version == "" || len(g.jobs()) > 0 {
		t.Errorf("%+v, %d Jobs", ready, len(g.jobs()))
	}
}

// Each verb that is taken away is named, and only that.
func TestMissingPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	role := leastRole(t)
	for i, rule := range role {
		for _, verb := range rule.Verbs {
			if rule.Resources[0] == "resourcequotas" {
				continue // it can go
			}
			rules := slices.Clone(role)
			rules[i].Verbs = slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == verb })
			if len(rules[i].Verbs) == 0 {
				rules = slices.Delete(rules, i, i+1)
			}
			name := rule.Resources[0]
			if group := rule.APIGroups[0]; group != "" {
				name += "." + group
			}
			ready := g.preflight(g.connect(Options{}, rules...))
			want := "in namespace " + g.namespace + " you may not: " + verb + " " + name + "; ask for the Role"
			if len(ready.Problems) != 1 || !strings.HasPrefix(ready.Problems[0], want) {
				t.Errorf("%q, want %q", ready.Problems, want)
			}
		}
	}
	if ready := g.preflight(g.connect(Options{}, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}})); len(ready.Problems) != 1 {
		t.Errorf("%q", ready.Problems)
	}
}

func TestOldClusterIsRefused(t *testing.T) {
	for minor, refused := range map[string]bool{"30": true, "30+": true, "31": false, "": false} {
		t.Run(minor, func(t *testing.T) {
			t.Parallel()
			g := newProxiedRig(t, Options{})
			g.proxy.Rule(func(r *http.Request) kubetest.Fault {
				if r.URL.Path != "/version" {
					return nil
				}
				return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
					_, _ = w.Write([]byte(`{"major":"1","minor":"` + minor + `","gitVersion":"v1.` + minor + `.2"}`))
				}
			})
			ready := g.preflight(g.Runner)
			if got := len(ready.Problems) == 1 && strings.Contains(ready.Problems[0], "lxsweep needs 1.31"); got != refused {
				t.Errorf("%+v", ready)
			}
		})
	}
}

func TestInvalidTemplateIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	a := simulatedAttempt(0)
	a.Command.Cluster.PodTemplate = "spec:\n  nodeName: 'A B'\n"
	ready := g.preflight(g.Runner, a, simulatedAttempt(1))
	if len(ready.Problems) != 1 || !strings.HasPrefix(ready.Problems[0], "ex-0: the cluster refuses its Job") || !strings.Contains(ready.Problems[0], "nodeName") {
		t.Errorf("%q", ready.Problems)
	}
	if o, err := g.run(context.WithoutCancel(t.Context()), g.Runner, a); err != nil || !strings.Contains(o.Reason, "nodeName") {
		t.Errorf("ended %+v, %v", o, err)
	}
}

func TestRoomInAQuotaIsTold(t *testing.T) {
	for name, c := range map[string]struct{ what, hard, note, problem string }{
		"pods":     {"pods", "3", "quota room leaves room for 3 at once (pods: 3 of 3 is free)", ""},
		"cpu":      {"requests.cpu", "2", "leaves room for 4 at once (requests.cpu: 2 of 2 is free)", ""},
		"memory":   {"limits.memory", "1Gi", "", "ex-0: it asks for 2Gi of limits.memory, and quota room allows 1Gi in all"},
		"none for": {"requests.nvidia.com/gpu", "1", "", ""},
		"unstated": {"requests.ephemeral-storage", "1Gi", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			g.quota(corev1.ResourceName(c.what), c.hard)
			a := simulatedAttempt(0)
			a.Command.Resources.MilliCPU, a.Command.Resources.Memory = 500, 2<<30
			ready := g.preflight(g.Runner, a)
			if got := strings.Join(ready.Notes, "\n"); !strings.Contains(got, c.note) || c.note == "" && strings.Contains(got, "quota") {
				t.Errorf("notes %q", got)
			}
			if got := strings.Join(ready.Problems, "\n"); !strings.Contains(got, c.problem) || c.problem == "" && got != "" {
				t.Errorf("problems %q", got)
			}
		})
	}
}

// What a limit range and a quota say of pods is told before a Job is made, of
// which the server would say nothing.
func TestLimitsOfPodsAreTold(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	a := simulatedAttempt(0)
	told := func(want string) {
		t.Helper()
		if got := strings.Join(g.preflight(g.Runner, a).Problems, "\n"); got != want {
			t.Errorf("problems %q, want %q", got, want)
		}
	}
	g.quota("limits.memory", "64Gi")
	told("ex-0: quota room counts limits.memory, so that every pod must state it: set run.max_memory")
	_, err := g.cluster.Client.CoreV1().LimitRanges(g.namespace).Create(t.Context(), &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "range"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type:    corev1.LimitTypeContainer,
			Default: corev1.ResourceList{"memory": resource.MustParse("1Gi")},
			Max:     corev1.ResourceList{"memory": resource.MustParse("4Gi")},
			Min:     corev1.ResourceList{"cpu": resource.MustParse("100m")},
		}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	told("")
	a.Command.Resources.MilliCPU, a.Command.Resources.Memory = 50, 8<<30
	told("ex-0: it asks for 8Gi of memory, and a limit range allows 4Gi for a container\n" +
		"ex-0: it asks for 50m of cpu, and a limit range wants at least 100m")
}
