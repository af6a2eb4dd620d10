package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/lxsweep/lxsweep/sweep"
)

// Errand is a command of lxsweep that is run beside a driver, which is an apply
// that the cluster runs by itself: in a pod like the driver's, and so with its
// ledger. Its Job is deleted at the end, and ends by itself where it is not.
type Errand struct {
	Driver string   // the name of the schedule, or of one of its Jobs
	Args   []string // of lxsweep
	Env    []sweep.Var
	// Line is given the pod's log, line by line with their ends, until it says
	// that one was the last.
	Line func(line []byte) (last bool, err error)
	// Notice is told what the errand waits for, once it takes long.
	Notice func(text string)
}

const (
	// LabelDriver is on a driver's CronJob, Jobs and pods: its name.
	LabelDriver = own + "schedule"
	// labelBeside is on an errand's Job and pod: the driver's name.
	labelBeside = own + "beside"

	// driverContainer is the container of a driver's pod that has lxsweep.
	driverContainer = "lxsweep"
)

const (
	// errandWithin is how long an errand may take, a log that is followed included.
	errandWithin = 24 * time.Hour
	// errandStarts is how long its pod may take to start.
	errandStarts = 5 * time.Minute
	// errandStays is how long the cluster keeps one that nobody has deleted.
	errandStays = 10 * time.Minute
	// errandQuiet is how long one thing is waited for before that is told.
	errandQuiet = 3 * time.Second
)

// Beside runs an errand to its end. The code is its program's, and -1 where the
// last line has come and told.
func (c *Cluster) Beside(ctx context.Context, e Errand) (code int, err error) {
	template, err := c.driver(ctx, e.Driver)
	if err != nil {
		return 0, c.explained(err)
	}
	job := e.job(template, c.Namespace)
	defer c.dismiss(job.Name)
	err = c.patiently(ctx, callTimeout, func(ctx context.Context) error {
		made, err := c.jobs.Create(ctx, job, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) { // the reply was lost: its name is random
			made, err = c.jobs.Get(ctx, job.Name, metav1.GetOptions{})
		}
		if err == nil {
			job = made
		}
		return err
	})
	if err != nil {
		return 0, c.explained(named("making", job.Name, err))
	}
	pod, err := c.started(ctx, job, e.Notice)
	if err != nil {
		return 0, c.explained(err)
	}
	return c.listen(ctx, pod, e.Line)
}

// explained names the permissions, of which role.yaml has all but the reading of
// CronJobs.
func (c *Cluster) explained(err error) error {
	if !Forbidden(err) {
		return err
	}
	return fmt.Errorf("%w; to work beside a driver takes get cronjobs.batch, create, get, list and delete jobs.batch, list and watch pods, "+
		"and get pods/log: ask for them, and for the Role in examples/kubernetes/role.yaml", err)
}

// NoDriverError says that there is no driver of that name.
type NoDriverError struct{ Name, Namespace string }

func (e *NoDriverError) Error() string {
	return fmt.Sprintf("there is no driver %s in namespace %s: no CronJob and no Job there has the label %s=%[1]s", e.Name, e.Namespace, LabelDriver)
}

// driver is the newest template of a driver's pods: the schedule's, else that of
// its newest Job, else that of the Job that is called so.
func (c *Cluster) driver(ctx context.Context, name string) (template *corev1.PodTemplateSpec, err error) {
	err = c.patiently(ctx, callTimeout, func(ctx context.Context) error {
		template, err = c.findDriver(ctx, name)
		return err
	})
	return template, err
}

func (c *Cluster) findDriver(ctx context.Context, name string) (*corev1.PodTemplateSpec, error) {
	cron, unread := c.cronJobs.Get(ctx, name, metav1.GetOptions{})
	if unread == nil && cron.Labels[LabelDriver] != "" {
		return driverOf(&cron.Spec.JobTemplate.Spec, cron.Labels), nil
	}
	if err := ignore(unread, apierrors.IsNotFound, apierrors.IsForbidden); err != nil {
		return nil, err
	}
	jobs, err := c.jobs.List(ctx, metav1.ListOptions{LabelSelector: LabelDriver + "=" + name})
	if err != nil {
		return nil, err
	}
	if len(jobs.Items) > 0 {
		newest := slices.MaxFunc(jobs.Items, func(a, b batchv1.Job) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
		return driverOf(&newest.Spec, newest.Labels), nil
	}
	job, err := c.jobs.Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil && job.Labels[LabelDriver] != "":
		return driverOf(&job.Spec, job.Labels), nil
	case ignore(err, apierrors.IsNotFound) != nil:
		return nil, err
	case apierrors.IsForbidden(unread):
		return nil, fmt.Errorf("no Job in namespace %s has the label %s=%s, and the CronJob may not be read: %w", c.Namespace, LabelDriver, name, unread)
	}
	return nil, &NoDriverError{name, c.Namespace}
}

// driverOf is the template of a Job, with the label of the driver and no other.
func driverOf(job *batchv1.JobSpec, labels map[string]string) *corev1.PodTemplateSpec {
	template := job.Template.DeepCopy()
	template.Labels = map[string]string{LabelDriver: labels[LabelDriver]}
	return template
}

// job is the errand's.
func (e *Errand) job(driver *corev1.PodTemplateSpec, namespace string) *batchv1.Job {
	name := driver.Labels[LabelDriver]
	labels := map[string]string{labelBeside: name}
	meta := metav1.ObjectMeta{Labels: labels, Annotations: driver.Annotations}
	return &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      strings.TrimRight(name[:min(len(name), 50)], "-.") + "-beside-" + rand.String(5),
			Namespace: namespace, Labels: labels,
		},
		Spec: batchv1.JobSpec{
			BackoffLimit:            new(int32(0)),
			ActiveDeadlineSeconds:   new(seconds(errandWithin)),
			TTLSecondsAfterFinished: new(int32(seconds(errandStays))),
			Template:                corev1.PodTemplateSpec{ObjectMeta: meta, Spec: e.pod(driver, name)},
		},
	}
}

// pod is the driver's, with one container, that runs something else. A claim can
// be in use on one node alone, so it is to be that of the driver, if that runs.
func (e *Errand) pod(driver *corev1.PodTemplateSpec, name string) corev1.PodSpec {
	pod := driver.Spec
	main := pod.Containers[max(0, slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == driverContainer }))]
	main.Name, main.Args = mainContainer, literals(e.Args)
	for _, v := range e.Env {
		main.Env = slices.DeleteFunc(main.Env, func(was corev1.EnvVar) bool { return was.Name == v.Name })
		main.Env = append(main.Env, corev1.EnvVar{Name: v.Name, Value: literal(v.Value)})
	}
	main.Ports, main.LivenessProbe, main.ReadinessProbe, main.StartupProbe, main.Lifecycle = nil, nil, nil, nil, nil
	pod.Containers = []corev1.Container{main}
	pod.RestartPolicy = corev1.RestartPolicyNever
	if pod.Affinity == nil {
		pod.Affinity = &corev1.Affinity{}
	}
	if pod.Affinity.PodAffinity == nil {
		pod.Affinity.PodAffinity = &corev1.PodAffinity{}
	}
	near := &pod.Affinity.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution
	*near = append(*near, corev1.WeightedPodAffinityTerm{Weight: 100, PodAffinityTerm: corev1.PodAffinityTerm{
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{LabelDriver: name}}, TopologyKey: corev1.LabelHostname,
	}})
	return pod
}

// dismiss deletes the Job of an errand, and its pod with it.
func (c *Cluster) dismiss(job string) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout/3)
	defer cancel()
	_ = c.jobs.Delete(ctx, job, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}) // it ends by itself, too
}
