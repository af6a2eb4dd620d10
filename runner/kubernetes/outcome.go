package kubernetes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

// ending is why we ended a Job, as its annotation holds it.
type ending struct {
	State  sweep.State `json:"state"`
	Class  sweep.Class `json:"class"`
	Reason string      `json:"reason"`
}

func (e ending) String() string {
	text, _ := json.Marshal(e) // strings only
	return string(text)
}

// endingOf reads why we ended a Job, nil if we did not.
func endingOf(job *batchv1.Job) *ending {
	if job == nil || job.Annotations[annotationEnding] == "" {
		return nil
	}
	e := &ending{}
	if json.Unmarshal([]byte(job.Annotations[annotationEnding]), e) != nil || !e.State.Final() {
		return &ending{sweep.Failed, sweep.Infrastructure, "lxsweep ended it, for a reason that cannot be read"}
	}
	return e
}

// outcome is how an attempt ended whose Job has ended, without what its log and
// its result say. The pod is the one that decided it; nil if that is gone.
func (s sight) outcome() (sweep.Outcome, *corev1.Pod) {
	end, pod := s.end(), s.decisive()
	o := sweep.Outcome{Code: sweep.CodeUnknown}
	var exit *corev1.ContainerStateTerminated
	if pod != nil {
		exit = mainExit(pod)
	}
	if exit != nil {
		o.Code = int(exit.ExitCode)
		o.Started, o.Ended = exit.StartedAt.Time, exit.FinishedAt.Time
	}
	switch why := endingOf(s.job); {
	case end.Type == batchv1.JobComplete:
		o.State, o.Code = sweep.Succeeded, 0
		if pod == nil {
			o.Ended = timeOf(s.job.Status.CompletionTime)
			o.ResultError = "its pod was gone before the result could be read"
		}
	case why != nil:
		o.State, o.Class, o.Reason = why.State, why.Class, why.Reason
	case pod == nil:
		o.State, o.Class = sweep.Failed, sweep.User
		o.Reason = "its Job failed" + because(cmp.Or(end.Message, end.Reason)) + "; its pod is gone, so that its exit code cannot be known"
		o.Ended = end.LastTransitionTime.Time
	default:
		o.State, o.Class, o.Reason = failure(pod, exit)
	}
	return o, pod
}

// agrees reports whether a pod tells of the same end as the Job.
func (s sight) agrees(pod *corev1.Pod) bool {
	if pod == nil || mainExit(pod) == nil || disrupted(pod) {
		return false
	}
	return (pod.Status.Phase == corev1.PodSucceeded) == (s.end().Type == batchv1.JobComplete)
}

// deleted reports whether the Job failed because somebody deletes it.
func (s sight) deleted() bool {
	end, deleted := s.end(), s.job.DeletionTimestamp
	return end.Type == batchv1.JobFailed && endingOf(s.job) == nil && deleted != nil && !end.LastTransitionTime.Before(deleted)
}

// decisive is the pod that ended the Job: the newest that the cluster did not
// take away, or else the newest.
func (s sight) decisive() *corev1.Pod {
	own := sight{}
	for _, pod := range s.pods {
		if !disrupted(pod) {
			own.pods = append(own.pods, pod)
		}
	}
	if pod := own.pod(); pod != nil {
		return pod
	}
	return s.pod()
}

func disrupted(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return pod.Status.Phase != corev1.PodSucceeded
		}
	}
	return false
}

// mainExit is how the program of a pod exited, nil if it has not.
func mainExit(pod *corev1.Pod) *corev1.ContainerStateTerminated {
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name == mainContainer {
			return c.State.Terminated
		}
	}
	return nil
}

// failure is why a pod failed.
func failure(pod *corev1.Pod, exit *corev1.ContainerStateTerminated) (sweep.State, sweep.Class, string) {
	switch {
	case pod.Status.Reason == "DeadlineExceeded":
		return sweep.TimedOut, sweep.Resource, "it ran longer than run.timeout"
	case exit != nil && exit.Reason == "OOMKilled":
		return sweep.OOM, sweep.Resource, fmt.Sprintf("it used more memory than max_memory and was killed (OOMKilled, exit code %d)", exit.ExitCode)
	case pod.Status.Reason == "Evicted":
		return sweep.Failed, sweep.Resource, "its node evicted it" + because(pod.Status.Message)
	case exit == nil && pod.Status.Reason != "":
		return sweep.Failed, sweep.Infrastructure, "its node refused it" + because(cmp.Or(pod.Status.Message, pod.Status.Reason))
	case exit == nil:
		return sweep.Failed, sweep.Infrastructure, "its pod failed, and the node does not say how"
	case exit.ExitCode == 0:
		return sweep.Failed, sweep.User, "another container of its pod failed"
	case exit.Reason == "ContainerCannotRun" || exit.Reason == "StartError":
		return sweep.Failed, sweep.User, "its container could not be started" + because(exit.Message)
	}
	return runner.Exited(int(exit.ExitCode))
}

// message is what the program left as its result, and otherwise the end of its
// log that the node has put in its place.
func message(pod *corev1.Pod, o *sweep.Outcome) (result, tail string) {
	if pod == nil {
		return "", ""
	}
	exit := mainExit(pod)
	if exit == nil {
		return "", ""
	}
	if o.State != sweep.Succeeded && !json.Valid([]byte(exit.Message)) {
		return "", exit.Message
	}
	if len(exit.Message) >= metrics.MaxResult && !json.Valid([]byte(exit.Message)) {
		return exit.Message + "...", "" // the node has cut it: it was longer than may be
	}
	return exit.Message, ""
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
