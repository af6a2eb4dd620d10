package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Description is what the cluster has of an attempt at one moment, in words. It
// is the zero value where there is no Job of the attempt.
type Description struct {
	Job        string   // its name
	Pods       []string // the names of those that are there, the newest last
	Node       string   // of the newest pod, empty while it has none
	Phase      string
	Conditions []string // of the Job and its newest pod, as far as they say why
	Events     []Event  // of the Job and its newest pod, the newest last
}

// Event is something that the cluster has told of a Job or a pod.
type Event struct {
	Time   time.Time // the last one, of Count alike
	Count  int       // 1 and up
	Object string    // such as "Pod/ex-8-x7k2p"
	Reason string
	Text   string
}

// manyEvents is how many events a Description has at most.
const manyEvents = 10

// Describe looks at an attempt's Job now. What may not be read, or is gone
// meanwhile, is left out of the description; a cluster that does not answer is
// an error.
func (r *Runner) Describe(ctx context.Context, runName string, attempt int) (Description, error) {
	s, err := r.look(ctx, jobName(runName, attempt))
	if err != nil || s.job == nil {
		return Description{}, err
	}
	d := Description{Job: s.job.Name, Phase: s.words(), Conditions: s.conditions()}
	if d.Events, err = r.eventsOf(ctx, "Job", &s.job.ObjectMeta); err != nil {
		return Description{}, err
	}
	if pod := s.pod(); pod != nil {
		d.Node = pod.Spec.NodeName
		for _, p := range s.pods {
			d.Pods = append(d.Pods, p.Name)
		}
		more, err := r.eventsOf(ctx, "Pod", &pod.ObjectMeta)
		if err != nil {
			return Description{}, err
		}
		d.Events = append(d.Events, more...)
	}
	slices.SortStableFunc(d.Events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	d.Events = d.Events[max(0, len(d.Events)-manyEvents):]
	return d, nil
}

// look asks the server for a Job of ours and its pods, oldest first.
func (r *Runner) look(ctx context.Context, name string) (s sight, err error) {
	err = r.cluster.patiently(ctx, r.patience.Unreachable, func(ctx context.Context) error {
		s.job, err = r.cluster.jobs.Get(ctx, name, metav1.GetOptions{})
		return err
	})
	switch {
	case apierrors.IsNotFound(err):
		return sight{}, nil
	case err != nil:
		return sight{}, named("looking at", name, err)
	case s.job.Labels[labelLedger] != r.options.Ledger:
		return sight{}, nil // a namesake
	}
	var pods *corev1.PodList
	err = r.cluster.patiently(ctx, r.patience.Unreachable, func(ctx context.Context) error {
		pods, err = r.cluster.pods.List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + name})
		return err
	})
	if err != nil {
		return sight{}, named("looking at the pods of", name, err)
	}
	for i := range pods.Items {
		if metav1.IsControlledBy(&pods.Items[i], s.job) {
			s.pods = append(s.pods, &pods.Items[i])
		}
	}
	slices.SortFunc(s.pods, olderPod)
	return s, nil
}

// words say where the attempt stands.
func (s sight) words() string {
	if s.end() != nil {
		o, _ := s.outcome()
		return string(o.State) + because(o.Reason)
	}
	switch p := s.phase(); {
	case p.leaving:
		return "its pod is being deleted"
	case p.running.IsZero():
		return "waits for " + p.text
	}
	return "running"
}

// conditions are those that say more than how far it got.
func (s sight) conditions() (list []string) {
	for _, c := range s.job.Status.Conditions {
		if c.Status == corev1.ConditionTrue {
			list = append(list, conditionWords("Job", string(c.Type), c.Reason, c.Message))
		}
	}
	pod := s.pod()
	if pod == nil {
		return list
	}
	for _, c := range pod.Status.Conditions {
		is := string(c.Type)
		if c.Status != corev1.ConditionTrue {
			is = "not " + is
		}
		if c.Message != "" {
			list = append(list, conditionWords("pod", is, c.Reason, c.Message))
		}
	}
	return list
}

// conditionWords are such as "pod not PodScheduled (Unschedulable): 0/3 nodes ...".
func conditionWords(of, is, reason, message string) string {
	if reason != "" {
		is += " (" + reason + ")"
	}
	return of + " " + is + because(message)
}

// eventsOf lists the events of one object; none if they may not be read.
func (r *Runner) eventsOf(ctx context.Context, kind string, object *metav1.ObjectMeta) ([]Event, error) {
	var found *corev1.EventList
	err := r.cluster.patiently(ctx, r.patience.Unreachable, func(ctx context.Context) (err error) {
		found, err = r.cluster.events.List(ctx, metav1.ListOptions{
			FieldSelector: fmt.Sprintf("involvedObject.kind=%s,involvedObject.uid=%s", kind, object.UID),
		})
		return err
	})
	if apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, named("reading the events of", object.Name, err)
	}
	list := make([]Event, len(found.Items))
	for i, e := range found.Items {
		list[i] = Event{
			Time: eventTime(&e), Count: int(max(1, e.Count)), Object: kind + "/" + object.Name, Reason: e.Reason, Text: e.Message,
		}
		if e.Series != nil {
			list[i].Count = int(e.Series.Count)
		}
	}
	return list, nil
}

// eventTime is when an event was seen last: old and new reporters fill in
// different fields.
func eventTime(e *corev1.Event) time.Time {
	if e.Series != nil {
		return e.Series.LastObservedTime.Time
	}
	return cmp.Or(e.LastTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time)
}
