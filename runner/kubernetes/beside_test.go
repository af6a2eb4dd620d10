package kubernetes

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

// driverJob is the spec of a driver, whose simulated pod, and that of an errand,
// does what the annotations say.
func driverJob(annotations ...string) batchv1.JobSpec {
	notes := map[string]string{}
	for i := 0; i < len(annotations); i += 2 {
		notes[annotations[i]] = annotations[i+1]
	}
	labels := map[string]string{LabelDriver: "nightly"}
	return batchv1.JobSpec{Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: notes},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{
				{Name: "proxy", Image: "proxy:1"},
				{
					Name: driverContainer, Image: "lxsweep:1", Args: []string{"apply"}, Ports: []corev1.ContainerPort{{ContainerPort: 80}},
					Env: []corev1.EnvVar{{Name: "TZ", Value: "Etc/UTC"}, {Name: "LXSWEEP_STATE", Value: "postgres://db"}},
				},
			},
		},
	}}
}

// driver makes the schedule nightly, suspended, or a Job of it.
func (g *rig) driver(kind string, job batchv1.JobSpec) {
	g.Helper()
	meta := metav1.ObjectMeta{Name: "nightly", Labels: map[string]string{LabelDriver: "nightly"}}
	batch := g.cluster.Client.BatchV1()
	var err error
	switch kind {
	case "CronJob":
		_, err = batch.CronJobs(g.namespace).Create(g.Context(), &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{
			Schedule: "0 2 * * *", Suspend: new(true), JobTemplate: batchv1.JobTemplateSpec{Spec: job},
		}}, metav1.CreateOptions{})
	case "Job":
		meta.Name = "nightly-1"
		job.Suspend = new(true)
		_, err = batch.Jobs(g.namespace).Create(g.Context(), &batchv1.Job{ObjectMeta: meta, Spec: job}, metav1.CreateOptions{})
	}
	if err != nil {
		g.Fatal(err)
	}
}

// heard runs an errand and returns the lines of its log.
func (g *rig) heard(ctx context.Context, r *Runner, driver string) (lines []string, code int, err error) {
	code, err = r.cluster.Beside(ctx, Errand{
		Driver: driver, Args: []string{"status", "--filter=$(x)"}, Env: []sweep.Var{{Name: "TZ", Value: "Asia/Tokyo"}},
		Line: func(line []byte) (bool, error) {
			lines = append(lines, string(line))
			return string(line) == "that is all\n", nil
		},
		Notice: func(string) {},
	})
	return lines, code, err
}

// errands are the Jobs of errands that have not been deleted.
func (g *rig) errands() []batchv1.Job {
	g.Helper()
	return slices.DeleteFunc(g.jobs(), func(j batchv1.Job) bool { return j.Labels[labelBeside] == "" || j.DeletionTimestamp != nil })
}

// readsCronJobs is what the least Role lacks.
var readsCronJobs = rbacv1.PolicyRule{APIGroups: []string{"batch"}, Resources: []string{"cronjobs"}, Verbs: []string{"get"}}

// TestBesideEnds is about how errands end.
func TestBesideEnds(t *testing.T) {
	for name, c := range map[string]struct {
		annotations []string
		lines       string
		code        int
		err         string
	}{
		"by its last line":   {[]string{kubetest.Logs, "one\nthat is all\n", kubetest.RunFor, "1h"}, "one\nthat is all\n", -1, ""},
		"without saying so":  {[]string{kubetest.Logs, "panic: oh\n", kubetest.ExitCode, "2"}, "panic: oh\n", 2, ""},
		"out of memory":      {[]string{kubetest.ExitCode, "137", kubetest.Reason, "OOMKilled"}, "", 0, "ended with exit code 137 (OOMKilled)"},
		"without an image":   {[]string{kubetest.Waiting, "ErrImageNeverPull", kubetest.WaitingMessage, "it is not here"}, "", 0, "waits for its image: ErrImageNeverPull: it is not here"},
		"without its secret": {[]string{kubetest.Waiting, "CreateContainerConfigError", kubetest.WaitingMessage, `secret "db" not found`}, "", 0, `secret "db" not found`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			g.driver("Job", driverJob(c.annotations...))
			lines, code, err := g.heard(t.Context(), g.Runner, "nightly")
			if strings.Join(lines, "") != c.lines || code != c.code || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("%q, code %d, %v; want %q, %d, %q", lines, code, err, c.lines, c.code, c.err)
			}
			if left := g.errands(); len(left) > 0 {
				t.Errorf("%d Jobs are left", len(left))
			}
		})
	}
}

// TestBesideJob looks at the Job of an errand: it is where the driver is, with
// its claim and its variables, and is never taken for a driver.
func TestBesideJob(t *testing.T) {
	e := Errand{Args: []string{"status", "$(x)"}, Env: []sweep.Var{{Name: "TZ", Value: "$"}}}
	job := e.job(driverOf(new(driverJob()), map[string]string{LabelDriver: "nightly"}), "ml")
	pod := job.Spec.Template
	if len(pod.Labels) != 1 || pod.Labels[labelBeside] != "nightly" || job.Labels[LabelDriver] != "" || !strings.HasPrefix(job.Name, "nightly-beside-") {
		t.Errorf("the Job %s has labels %v, its pod %v", job.Name, job.Labels, pod.Labels)
	}
	near := pod.Spec.Affinity.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution
	if len(near) != 1 || near[0].PodAffinityTerm.LabelSelector.MatchLabels[LabelDriver] != "nightly" {
		t.Errorf("it is to be near %+v", near)
	}
	if len(pod.Spec.Containers) != 1 {
		t.Fatalf("its pod has %d containers", len(pod.Spec.Containers))
	}
	want := corev1.Container{
		Name: mainContainer, Image: "lxsweep:1", Args: []string{"status", "$$(x)"},
		Env: []corev1.EnvVar{{Name: "LXSWEEP_STATE", Value: "postgres://db"}, {Name: "TZ", Value: "$$"}},
	}
	if diff := cmp.Diff(want, pod.Spec.Containers[0]); diff != "" {
		t.Error(diff)
	}
}

// TestBesideWhom is about which driver is meant, and about what may not be read.
func TestBesideWhom(t *testing.T) {
	g := newRig(t, Options{})
	all := g.connect(Options{}, append(leastRole(t), readsCronJobs)...)
	none := new(NoDriverError)
	if _, _, err := g.heard(t.Context(), all, "nightly"); !errors.As(err, &none) {
		t.Errorf("without a driver: %v", err)
	}
	if _, _, err := g.heard(t.Context(), g.Runner, "nightly"); err == nil || !strings.Contains(err.Error(), "get cronjobs.batch") {
		t.Errorf("without a driver, and the right to look: %v", err)
	}
	g.driver("CronJob", driverJob(kubetest.Logs, "of the schedule\n"))
	g.driver("Job", driverJob(kubetest.Logs, "of its Job\n"))
	for _, c := range []struct {
		r            *Runner
		driver, want string
	}{
		{all, "nightly", "of the schedule\n"},
		{g.Runner, "nightly", "of its Job\n"},
		{all, "nightly-1", "of its Job\n"},
	} {
		if lines, _, err := g.heard(t.Context(), c.r, c.driver); err != nil || strings.Join(lines, "") != c.want {
			t.Errorf("%s is %q, %v; want %q", c.driver, lines, err, c.want)
		}
	}
	poor := g.connect(Options{}, readsCronJobs)
	if _, _, err := g.heard(t.Context(), poor, "nightly"); err == nil || !strings.Contains(err.Error(), `cannot create resource "jobs"`) || !strings.Contains(err.Error(), "role.yaml") {
		t.Errorf("without the right to make Jobs: %v", err)
	}
	if left := g.errands(); len(left) > 0 {
		t.Errorf("%d Jobs are left", len(left))
	}
}

// TestBesideInterrupted leaves nothing behind.
func TestBesideInterrupted(t *testing.T) {
	g := newRig(t, Options{})
	g.driver("Job", driverJob(kubetest.RunFor, "1h"))
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	go func() {
		g.await("an errand runs", func() bool { return len(g.pods()) > 0 })
		cancel(enough)
	}()
	if _, _, err := g.heard(ctx, g.Runner, "nightly"); !errors.Is(err, enough) {
		t.Errorf("it ended with %v", err)
	}
	if left := g.errands(); len(left) > 0 {
		t.Errorf("%d Jobs are left", len(left))
	}
}

// TestBesideFaults loses replies and breaks the log off: the errand runs once,
// and no line is missing or twice.
func TestBesideFaults(t *testing.T) {
	g := newProxiedRig(t, Options{})
	g.driver("Job", driverJob(kubetest.Logs, "one\ntwo\nthree\nthat is all\n", kubetest.RunFor, "1h"))
	var made, read atomic.Int32
	g.proxy.Rule(func(r *http.Request) kubetest.Fault {
		switch {
		case r.Method == http.MethodPost && made.Add(1) == 1:
			return kubetest.LoseReply
		case strings.HasSuffix(r.URL.Path, "/log") && read.Add(1) == 1:
			return breakOff
		}
		return nil
	})
	lines, code, err := g.heard(t.Context(), g.Runner, "nightly")
	if got := strings.Join(lines, ""); got != "one\ntwo\nthree\nthat is all\n" || code != -1 || err != nil {
		t.Errorf("%q, %d, %v", got, code, err)
	}
	if made.Load() < 2 || read.Load() < 2 {
		t.Errorf("%d Jobs were asked for, and the log %d times: nothing was repeated", made.Load(), read.Load())
	}
	if left := g.errands(); len(left) > 0 {
		t.Errorf("%d Jobs are left", len(left))
	}
}

// breakOff sends the first line and a half of an answer.
func breakOff(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(&broken{ResponseWriter: w, left: len("one\ntw")}, r)
}

type broken struct {
	http.ResponseWriter
	left int
}

func (b *broken) Write(text []byte) (int, error) {
	n := min(b.left, len(text))
	b.left -= n
	if _, err := b.ResponseWriter.Write(text[:n]); err != nil {
		return 0, err
	}
	if b.left == 0 {
		_ = http.NewResponseController(b.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}
