package kubernetes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// sight is what is known of an attempt's Job and pods at one moment. Its
// objects are stripped, shared, and not to be changed.
type sight struct {
	job  *batchv1.Job // nil where there is none, or none yet
	pods []*corev1.Pod
}

// end is the Job's last condition: Complete or Failed, nil while it has none.
// The controller sets it once no pod of the Job lives.
func (s sight) end() *batchv1.JobCondition {
	if s.job == nil {
		return nil
	}
	for i, c := range s.job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return &s.job.Status.Conditions[i]
		}
	}
	return nil
}

// pod is the newest pod, nil for none.
func (s sight) pod() *corev1.Pod {
	if len(s.pods) == 0 {
		return nil
	}
	return slices.MaxFunc(s.pods, olderPod)
}

func olderPod(a, b *corev1.Pod) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
}

// want is what an attempt waits for.
type want uint8

// What attempts wait for, in the order in which they do.
const (
	wantNothing    want = iota // its program runs or has ended
	wantController             // the Job controller, to make the pod
	wantQueue                  // a queue's admission
	wantScheduler              // a node
	wantNode                   // the node, to get ready for it
	wantVolume                 // a volume, which cannot be mounted
	wantImageName              // an image, whose name is none
	wantImage                  // an image that is not there, or not for us
	wantRegistry               // an image, whose registry is busy
	wantPull                   // an image, for a reason unknown to us
	wantConfig                 // a secret or a config map
)

// phase is where an attempt stands.
type phase struct {
	want want
	// text says in words what it waits for.
	text string
	// running is since when the program runs, zero while it does not.
	running time.Time
	// leaving says that the pod is being deleted, and may be for long if its node
	// does not answer.
	leaving bool
}

// phase reads where the attempt stands, while it has not ended.
func (s sight) phase() phase {
	pod := s.pod()
	switch {
	case suspended(s.job):
		return phase{want: wantQueue, text: "its queue"}
	case pod == nil || pod.Status.Phase == corev1.PodFailed && disrupted(pod):
		return phase{want: wantController, text: "the Job controller"}
	}
	p := podPhase(pod)
	p.leaving = pod.DeletionTimestamp != nil
	return p
}

func suspended(job *batchv1.Job) bool {
	return job != nil && job.Spec.Suspend != nil && *job.Spec.Suspend
}

func podPhase(pod *corev1.Pod) phase {
	for _, c := range pod.Status.ContainerStatuses {
		switch {
		case c.Name != mainContainer:
		case c.State.Running != nil:
			return phase{running: c.State.Running.StartedAt.Time}
		case c.State.Terminated != nil:
			return phase{running: c.State.Terminated.StartedAt.Time}
		}
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return phase{}
	}
	if pod.Spec.NodeName == "" {
		return phase{want: wantScheduler, text: "a node" + because(unscheduled(pod))}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil {
			if p := waiting(w); p.want != wantNode {
				return p
			}
		}
	}
	return phase{want: wantNode, text: "its node to get ready"}
}

func unscheduled(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return cmp.Or(c.Message, c.Reason)
		}
	}
	return ""
}

// because appends a reason in the cluster's words.
func because(words string) string {
	if words == "" {
		return ""
	}
	return ": " + words
}

// waiting reads why a container does not run.
func waiting(w *corev1.ContainerStateWaiting) phase {
	words := cmp.Or(w.Message, w.Reason)
	switch w.Reason {
	case "InvalidImageName", "ErrImageNeverPull":
		return phase{want: wantImageName, text: "its image: " + w.Reason + because(w.Message)}
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable":
		return phase{want: pulling(words), text: "its image: " + words}
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff":
		return phase{want: wantConfig, text: fmt.Sprintf("its container (%s)%s", w.Reason, because(w.Message))}
	}
	return phase{want: wantNode}
}

// pulling sorts the failures of pulls by the words of kubelets and registries.
func pulling(words string) want {
	words = strings.ToLower(words)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(words, part) })
	}
	switch {
	case has("too many requests", "toomanyrequests", "pull qps exceeded", "i/o timeout", "handshake timeout", "timeout exceeded",
		"timed out", "deadline exceeded", "connection refused", "connection reset", "unexpected eof",
		"500 internal", "502 bad", "503 service", "504 gateway"): // no bare number or word: names and digests have them
		return wantRegistry
	case has("not found", "manifest unknown", "unauthorized", "denied", "forbidden", "no such host", "does not exist", "name unknown"):
		return wantImage
	}
	return wantPull
}
