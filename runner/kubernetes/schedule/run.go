package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// RunError says that a driver's Job is at work.
type RunError struct{ Name, Namespace, Job string }

func (e *RunError) Error() string {
	return fmt.Sprintf("the driver of %s is at work already: the Job %s in namespace %s", e.Name, e.Job, e.Namespace)
}

// Running returns a *RunError if a Job of the driver has not ended.
func (c *Client) Running(ctx context.Context, name string) error {
	var jobs batchv1.JobList
	if err := c.list(ctx, collection("batch/v1", "Job", c.namespace), url.Values{"labelSelector": {Label + "=" + name}}, &jobs); err != nil {
		return fmt.Errorf("looking for Jobs of %s: %w", name, err)
	}
	for i := range jobs.Items {
		if !ended(&jobs.Items[i]) {
			return &RunError{name, c.namespace, jobs.Items[i].Name}
		}
	}
	return nil
}

func ended(job *batchv1.Job) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
}

// JobName is what a driver's Job that starts now is called.
func JobName(name string, now time.Time) string { return fmt.Sprintf("%s-%d", name, now.Unix()) }

// RunNow starts a schedule's Job now, as kubectl create job --from does, and
// returns its name.
func (c *Client) RunNow(ctx context.Context, name string, now time.Time) (string, error) {
	var cron batchv1.CronJob
	err := c.list(ctx, collection("batch/v1", "CronJob", c.namespace)+"/"+name, nil, &cron)
	if apierrors.IsNotFound(err) || err == nil && cron.Labels[Label] != name {
		return "", fmt.Errorf("there is no schedule %s in namespace %s; kubectl get cronjobs --namespace %[2]s --selector %[3]s lists those that there are", name, c.namespace, Label)
	}
	if err != nil {
		return "", fmt.Errorf("cronjob/%s in namespace %s: %w", name, c.namespace, err)
	}
	if err := c.Running(ctx, name); err != nil {
		return "", err
	}
	job := &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Name: JobName(name, now), Namespace: c.namespace, Labels: cron.Spec.JobTemplate.Labels,
			Annotations:     map[string]string{"cronjob.kubernetes.io/instantiate": "manual"},
			OwnerReferences: ownedBy(&cron, "CronJob"),
		},
		Spec: cron.Spec.JobTemplate.Spec,
	}
	body, err := json.Marshal(job)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := read(c.rest.Post().AbsPath(collection("batch/v1", "Job", c.namespace)).
		SetHeader("Accept", "application/json").SetHeader("Content-Type", "application/json").Body(body).Do(ctx)); err != nil {
		return "", fmt.Errorf("making the Job %s in namespace %s: %w", job.Name, c.namespace, err)
	}
	return job.Name, nil
}

// ownedBy has an object go with its owner. It does not hold the owner up, which
// some clusters let only those do who may change its finalizers.
func ownedBy(owner metav1.Object, kind string) []metav1.OwnerReference {
	ref := metav1.NewControllerRef(owner, batchv1.SchemeGroupVersion.WithKind(kind))
	ref.BlockOwnerDeletion = nil
	return []metav1.OwnerReference{*ref}
}

// list reads an object, or a list of them.
func (c *Client) list(ctx context.Context, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r := c.rest.Get().AbsPath(path).SetHeader("Accept", "application/json")
	for name, values := range query {
		r.Param(name, values[0])
	}
	result := r.Do(ctx)
	if err := result.Error(); err != nil {
		return err
	}
	text, err := result.Raw()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Own makes what is a Job's own go with it when that is deleted. The Job is the
// last of the objects, and applied.
func (c *Client) Own(ctx context.Context, o *Objects) error {
	job := o.list[len(o.list)-1]
	fields, err := c.get(ctx, pathOf(job))
	if err != nil {
		return c.explained(job, err)
	}
	uid, _ := metadata(fields)["uid"].(string)
	owners := ownedBy(&metav1.ObjectMeta{Name: job.GetName(), UID: types.UID(uid)}, "Job")
	for _, obj := range o.list[:len(o.list)-1] {
		if !strings.HasPrefix(obj.GetName(), job.GetName()) {
			continue
		}
		obj.SetOwnerReferences(owners)
		if _, err := c.patch(ctx, obj, false, false); err != nil {
			return err
		}
	}
	return nil
}

// Delete takes back a Job of a driver that could not start.
func (c *Client) Delete(ctx context.Context, job string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.rest.Delete().AbsPath(collection("batch/v1", "Job", c.namespace)+"/"+job).
		Param("propagationPolicy", string(metav1.DeletePropagationBackground)).Do(ctx).Error()
}

// glance is how often a pod that is to start is looked at.
const glance = time.Second

// ErrNotStarted is what a driver that cannot start ends with.
var ErrNotStarted = errors.New("the driver does not start")

// Await returns when a pod of the Job runs, or has run to its end. say is told
// what is waited for whenever that changes. What never starts by itself is
// ErrNotStarted.
func (c *Client) Await(ctx context.Context, job string, say func(string)) error {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for said := ""; ; {
		waits, err := c.look(ctx, job)
		if err != nil || waits == "" {
			return err
		}
		if waits != said {
			say(waits)
			said = waits
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look is what the Job's pod waits for, empty once it runs.
func (c *Client) look(ctx context.Context, job string) (waits string, err error) {
	var pods corev1.PodList
	if err := c.list(ctx, "/api/v1/namespaces/"+c.namespace+"/pods", url.Values{"labelSelector": {batchv1.JobNameLabel + "=" + job}}, &pods); err != nil {
		return "", fmt.Errorf("looking for the pod of %s: %w", job, err)
	}
	if len(pods.Items) == 0 {
		return c.refused(ctx, job)
	}
	pod := slices.MaxFunc(pods.Items, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return waitsFor(&pod)
}

// hopeless are the reasons of containers that do not start until somebody mends
// what they name.
var hopeless = []string{
	"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
}

// ran are the codes of an apply that did what it could.
var ran = []int32{0, 3, 6, 130}

func waitsFor(pod *corev1.Pod) (string, error) {
	if slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue
	}) {
		return "its pod " + pod.Name + " was taken away, and another takes its place", nil
	}
	for _, s := range pod.Status.ContainerStatuses {
		switch waiting, last := s.State.Waiting, s.State.Terminated; {
		case last != nil && !slices.Contains(ran, last.ExitCode):
			return "", fmt.Errorf("%w: its pod %s ended with code %d: %s", ErrNotStarted, pod.Name, last.ExitCode, strings.TrimSpace(last.Message))
		case waiting != nil && slices.Contains(hopeless, waiting.Reason):
			return "", fmt.Errorf("%w: %s: %s", ErrNotStarted, waiting.Reason, waiting.Message)
		}
	}
	if pod.Status.Phase != corev1.PodPending {
		return "", nil
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return "its pod " + pod.Name + " waits for a node: " + condition.Message, nil
		}
	}
	return "its pod " + pod.Name + " starts", nil
}

// refused is why a Job has no pod.
func (c *Client) refused(ctx context.Context, job string) (string, error) {
	var events corev1.EventList
	err := c.list(ctx, "/api/v1/namespaces/"+c.namespace+"/events", url.Values{"fieldSelector": {"involvedObject.kind=Job,reason=FailedCreate,involvedObject.name=" + job}}, &events)
	if err != nil || len(events.Items) == 0 {
		return "the Job " + job + " waits for the Job controller", nil // who may not read events waits without them
	}
	return events.Items[len(events.Items)-1].Message, nil
}
