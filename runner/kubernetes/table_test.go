package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// The words are those of kubelet, containerd, CRI-O and registries, as seen in
// their issues.
func TestPulling(t *testing.T) {
	for words, want := range map[string]want{
		// containerd
		`failed to pull and unpack image "docker.io/acme/train:v12": failed to resolve reference "docker.io/acme/train:v12": docker.io/acme/train:v12: not found`:                                                                                  wantImage,
		`rpc error: code = NotFound desc = failed to pull and unpack image "ghcr.io/acme/train:v13": failed to resolve reference "ghcr.io/acme/train:v13": ghcr.io/acme/train:v13: not found`:                                                      wantImage,
		`failed to pull and unpack image "docker.io/acme/train:latest": failed to resolve reference "docker.io/acme/train:latest": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope`: wantImage,
		`failed to resolve reference "ghcr.io/acme/train:v1": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository: 403 Forbidden`:                                   wantImage,
		`failed to resolve reference "ghcr.io/acme/train:v1": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized`:                                                 wantImage,
		`failed to do request: Head "https://registry.acme.example/v2/train/manifests/v1": dial tcp: lookup registry.acme.example on 10.0.0.2:53: no such host`:                                                                                    wantImage,
		`failed to do request: Head "https://registry.acme.example/v2/train/manifests/v1": dial tcp 10.1.2.3:443: connect: connection refused`:                                                                                                     wantRegistry,
		`failed to do request: Head "https://registry-1.docker.io/v2/acme/train/manifests/v1": dial tcp 3.3.3.3:443: i/o timeout`:                                                                                                                  wantRegistry,
		`failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/x/manifests/sha256:4290: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.`:     wantRegistry,
		`failed to copy: read tcp 10.0.0.1:5000->10.0.0.2:443: read: connection reset by peer`:                                                                                                                                                     wantRegistry,
		`unexpected status from HEAD request to https://quay.io/v2/acme/train/manifests/v1: 502 Bad Gateway`:                                                                                                                                       wantRegistry,
		`failed to pull and unpack image "docker.io/acme/train:v1": failed to extract layer sha256:5000: no space left on device`:                                                                                                                  wantPull,
		// digits of a digest or a tag are no status
		`rpc error: code = NotFound desc = failed to resolve reference "ghcr.io/acme/train@sha256:0429504429aa": ghcr.io/acme/train@sha256:0429504429aa: not found`: wantImage,
		`failed to resolve reference "docker.io/acme/timeout:v1": docker.io/acme/timeout:v1: not found`:                                                             wantImage,
		// CRI-O
		`reading manifest v13 in quay.io/acme/train: manifest unknown: manifest unknown`:                                                                                   wantImage,
		`reading manifest latest in docker.io/acme/train: errors: denied: requested access to the resource is denied unauthorized: authentication required`:                wantImage,
		`initializing source docker://quay.io/acme/train:v1: reading manifest v1 in quay.io/acme/train: unauthorized: access to the requested resource is not authorized`:  wantImage,
		`initializing source docker://acme/train:v1: reading manifest v1 in docker.io/acme/train: toomanyrequests: You have reached your unauthenticated pull rate limit.`: wantRegistry,
		`initializing source docker://quay.io/acme/train:v1: pinging container registry quay.io: received unexpected HTTP status: 503 Service Unavailable`:                 wantRegistry,
		// GCR, Artifact Registry, ECR
		`failed to resolve reference "gcr.io/acme/train:v1": gcr.io/acme/train:v1: not found`:                                                                                                                   wantImage,
		`denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/acme" (or it may not exist)`:                                                                         wantImage,
		`failed to resolve reference "europe-docker.pkg.dev/acme/r/train:v1": unexpected status from HEAD request: 403 Forbidden`:                                                                               wantImage,
		`failed to resolve reference "1.dkr.ecr.eu-west-1.amazonaws.com/train:v1": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials`: wantImage,
		`unexpected status from HEAD request to https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/train/manifests/v1: 429 Too Many Requests - toomanyrequests: Rate exceeded`:                                        wantRegistry,
		// kubelet
		`pull QPS exceeded`:                      wantRegistry,
		`Back-off pulling image "acme/train:v1"`: wantPull,
		`Back-off pulling image "acme/train:v1": ErrImagePull: rpc error: code = NotFound desc = failed to resolve reference "docker.io/acme/train:v1": docker.io/acme/train:v1: not found`: wantImage,
		`Back-off pulling image "acme/notfound:v1"`: wantPull,
	} {
		if got := pulling(words); got != want {
			t.Errorf("%s\nis %d, want %d", words, got, want)
		}
	}
}

// aPod is a pod with a main container in a state.
func aPod(phase corev1.PodPhase, state corev1.ContainerState, edits ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "ex-8-abcde", UID: "pod"},
		Spec:       corev1.PodSpec{NodeName: "node-1"},
		Status: corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{
			{Name: "istio-proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			{Name: mainContainer, State: state},
		}},
	}
	for _, edit := range edits {
		edit(pod)
	}
	return pod
}

var (
	began    = metav1.NewTime(time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC))
	finished = metav1.NewTime(began.Add(time.Hour))
	runs     = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}
)

func exits(code int32, reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, Message: message, StartedAt: began, FinishedAt: finished,
	}}
}

func waits(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func disruption(reason string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: reason})
	}
}

func TestPhase(t *testing.T) {
	unbound := func(pod *corev1.Pod) {
		pod.Spec.NodeName, pod.Status.ContainerStatuses = "", nil
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}}
	}
	init := func(w corev1.ContainerState) func(*corev1.Pod) {
		return func(pod *corev1.Pod) {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: "fetch", State: w})
		}
	}
	leaving := func(pod *corev1.Pod) { pod.DeletionTimestamp = &finished }
	for name, c := range map[string]struct {
		suspended bool
		pod       *corev1.Pod
		want      want
		text      string
		running   bool
		leaving   bool
	}{
		"no pod":                   {want: wantController, text: "the Job controller"},
		"queued":                   {suspended: true, want: wantQueue, text: "its queue"},
		"queued again, pod going":  {suspended: true, pod: aPod(corev1.PodRunning, runs, leaving), want: wantQueue},
		"no node":                  {pod: aPod(corev1.PodPending, waits("", ""), unbound), want: wantScheduler, text: "Insufficient nvidia.com/gpu"},
		"getting ready":            {pod: aPod(corev1.PodPending, waits("ContainerCreating", "")), want: wantNode, text: "its node to get ready"},
		"initializing":             {pod: aPod(corev1.PodPending, waits("PodInitializing", "")), want: wantNode},
		"image of an init":         {pod: aPod(corev1.PodPending, waits("PodInitializing", ""), init(waits("ErrImagePull", "x: not found"))), want: wantImage, text: "not found"},
		"image name":               {pod: aPod(corev1.PodPending, waits("InvalidImageName", `couldn't parse image name "A:b:c"`)), want: wantImageName, text: "InvalidImageName: couldn't parse"},
		"never pull":               {pod: aPod(corev1.PodPending, waits("ErrImageNeverPull", "")), want: wantImageName},
		"missing key":              {pod: aPod(corev1.PodPending, waits("CreateContainerConfigError", "couldn't find key token in Secret ml/wandb")), want: wantConfig, text: "couldn't find key token in Secret ml/wandb"},
		"runs beside a sidecar":    {pod: aPod(corev1.PodRunning, runs), running: true},
		"runs and is going":        {pod: aPod(corev1.PodRunning, runs, leaving), running: true, leaving: true},
		"exited, sidecar runs":     {pod: aPod(corev1.PodRunning, exits(0, "Completed", "")), running: true},
		"succeeded, Job not yet":   {pod: aPod(corev1.PodSucceeded, exits(0, "Completed", "")), running: true},
		"failed, Job not yet":      {pod: aPod(corev1.PodFailed, exits(1, "Error", "")), running: true},
		"refused by node, not yet": {pod: aPod(corev1.PodFailed, corev1.ContainerState{})},
		"evicted, no other yet":    {pod: aPod(corev1.PodFailed, exits(137, "Error", ""), disruption("TerminationByKubelet")), want: wantController},
	} {
		s := sight{job: &batchv1.Job{Spec: batchv1.JobSpec{Suspend: &c.suspended}}}
		if c.pod != nil {
			kept, _ := stripPod(c.pod)
			s.pods = []*corev1.Pod{kept.(*corev1.Pod)}
		}
		p := s.phase()
		if p.want != c.want || !strings.Contains(p.text, c.text) || !p.running.IsZero() != c.running || p.leaving != c.leaving {
			t.Errorf("%s: %+v, want %+v", name, p, c)
		}
	}
}

func TestOutcome(t *testing.T) {
	failed := func(reason string) func(*corev1.Pod) {
		return func(pod *corev1.Pod) { pod.Status.Reason = reason }
	}
	ours := ending{sweep.Cancelled, sweep.User, "cancelled by ada"}.String()
	for name, c := range map[string]struct {
		end    batchv1.JobConditionType
		ending string
		pods   []*corev1.Pod
		state  sweep.State
		class  sweep.Class
		code   int
		reason string
		agrees bool
	}{
		"success":              {batchv1.JobComplete, "", []*corev1.Pod{aPod(corev1.PodSucceeded, exits(0, "Completed", ""))}, sweep.Succeeded, "", 0, "", true},
		"success in the end":   {batchv1.JobComplete, ours, []*corev1.Pod{aPod(corev1.PodSucceeded, exits(0, "Completed", ""))}, sweep.Succeeded, "", 0, "", true},
		"success, pod is gone": {batchv1.JobComplete, "", nil, sweep.Succeeded, "", 0, "", false},
		"success, only the evicted pod is known": {
			batchv1.JobComplete, "", []*corev1.Pod{aPod(corev1.PodFailed, exits(137, "Error", ""), disruption("EvictionByEvictionAPI"))}, sweep.Succeeded, "", 0, "", false,
		},
		"success, its end is not known": {batchv1.JobComplete, "", []*corev1.Pod{aPod(corev1.PodRunning, runs)}, sweep.Succeeded, "", 0, "", false},
		"exit code":                     {batchv1.JobFailed, "", []*corev1.Pod{aPod(corev1.PodFailed, exits(3, "Error", ""))}, sweep.Failed, sweep.User, 3, "exit code 3", true},
		"out of memory":                 {batchv1.JobFailed, "", []*corev1.Pod{aPod(corev1.PodFailed, exits(137, "OOMKilled", ""))}, sweep.OOM, sweep.Resource, 137, "max_memory", true},
		"timeout":                       {batchv1.JobFailed, "", []*corev1.Pod{aPod(corev1.PodFailed, exits(143, "Error", ""), failed("DeadlineExceeded"))}, sweep.TimedOut, sweep.Resource, 143, "timeout", true},
		"evicted for its use":           {batchv1.JobFailed, "", []*corev1.Pod{aPod(corev1.PodFailed, exits(137, "Error", ""), failed("Evicted"))}, sweep.Failed, sweep.Resource, 137, "evicted", true},
		"refused by the node":           {batchv1.JobFailed, "", []*corev1.Pod{aPod(corev1.PodFailed, corev1.ContainerState{}, failed("UnexpectedAdmissionError"))}, sweep.Failed, sweep.Infrastructure, sweep.CodeUnknown, "UnexpectedAdmissionError", false},
		"not started":                   {batchv1.JobFailed, "", []*corev1.Pod{aPod(corev1.PodFailed, exits(128, "StartError", `exec: "pyton": not found`))}, sweep.Failed, sweep.User, 128, `"pyton"`, true},
		"ended by us":                   {batchv1.JobFailed, ours, []*corev1.Pod{aPod(corev1.PodFailed, exits(143, "Error", ""))}, sweep.Cancelled, sweep.User, 143, "cancelled by ada", true},
		"ended by us, pod is gone":      {batchv1.JobFailed, ours, nil, sweep.Cancelled, sweep.User, sweep.CodeUnknown, "cancelled by ada", false},
		"ended, unreadable":             {batchv1.JobFailed, "{", nil, sweep.Failed, sweep.Infrastructure, sweep.CodeUnknown, "cannot be read", false},
		"failed, pod is gone":           {batchv1.JobFailed, "", nil, sweep.Failed, sweep.User, sweep.CodeUnknown, "its pod is gone", false},
	} {
		job := &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue}, {Type: c.end, Status: corev1.ConditionTrue, LastTransitionTime: finished},
		}}}
		if c.ending != "" {
			job.Annotations = map[string]string{annotationEnding: c.ending}
		}
		s := sight{job: job, pods: c.pods}
		o, pod := s.outcome()
		if o.State != c.state || o.Class != c.class || o.Code != c.code || !strings.Contains(o.Reason, c.reason) || s.agrees(pod) != c.agrees {
			t.Errorf("%s: %+v, agrees: %t", name, o, s.agrees(pod))
		}
	}
}

// The replacement decides, not what was taken away, whichever was seen first.
func TestDecisive(t *testing.T) {
	evicted := aPod(corev1.PodFailed, exits(137, "Error", ""), disruption("TerminationByKubelet"))
	own := aPod(corev1.PodFailed, exits(3, "Error", ""), func(pod *corev1.Pod) { pod.Name = "ex-8-aaaaa" })
	for _, pods := range [][]*corev1.Pod{{own, evicted}, {evicted, own}} {
		if got := (sight{pods: pods}).decisive(); got != own {
			t.Errorf("decided by %s", got.Name)
		}
	}
}

func TestPatienceByDefault(t *testing.T) {
	p := Patience{}.orDefaults()
	defaults := Patience{
		Image: 90 * time.Second, Registry: 15 * time.Minute, Pull: 5 * time.Minute, Config: 2 * time.Minute, Volume: 10 * time.Minute,
		Refused: 30 * time.Second, Unreachable: 10 * time.Minute, Denied: time.Minute, Stalled: 5 * time.Minute, Quiet: 3 * time.Second, Crowded: 30 * time.Minute,
	}
	if p != defaults {
		t.Errorf("%+v, want %+v", p, defaults)
	}
	for w, c := range map[want]struct {
		limit time.Duration
		class sweep.Class
		ok    bool
	}{
		wantNothing: {}, wantController: {}, wantQueue: {}, wantScheduler: {}, wantNode: {},
		wantVolume: {p.Volume, sweep.User, true}, wantImageName: {0, sweep.User, true}, wantImage: {p.Image, sweep.User, true},
		wantRegistry: {p.Registry, sweep.Infrastructure, true}, wantPull: {p.Pull, sweep.User, true}, wantConfig: {p.Config, sweep.User, true},
	} {
		if limit, class, ok := p.limit(w); limit != c.limit || class != c.class || ok != c.ok {
			t.Errorf("want %d: %v %s %t", w, limit, class, ok)
		}
	}
}

func TestTransient(t *testing.T) {
	jobs := schema.GroupResource{Group: "batch", Resource: "jobs"}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&url.Error{Op: "Post", URL: "https://x", Err: errors.New("http2: client connection lost")}, true},
		{fmt.Errorf("%w", &url.Error{Op: "Post", URL: "https://x", Err: errors.New("stream error: stream ID 5; INTERNAL_ERROR")}), true},
		{apierrors.NewTooManyRequests("slow down", 1), true},
		{apierrors.NewInternalError(errors.New(`failed calling webhook "a"`)), true},
		{apierrors.NewUnauthorized("token expired"), true},
		{apierrors.NewGenericServerResponse(http.StatusBadGateway, "POST", jobs, "ex-0", "<html>", 0, true), true},
		{apierrors.NewGenericServerResponse(http.StatusRequestEntityTooLarge, "POST", jobs, "ex-0", "<html>", 0, true), false},
		{apierrors.NewConflict(schema.GroupResource{Resource: "resourcequotas"}, "q", errors.New("the object has been modified")), true},
		{apierrors.NewConflict(jobs, "ex-0", errors.New("the UID in the precondition does not match")), false},
		{apierrors.NewForbidden(jobs, "ex-0", errors.New("exceeded quota: room")), false},
		{apierrors.NewAlreadyExists(jobs, "ex-0"), false},
		{apierrors.NewNotFound(jobs, "ex-0"), false},
	} {
		if got := transient(c.err); got != c.want {
			t.Errorf("%v: %t", c.err, got)
		}
	}
}

// Nodes tell the cause of a failed pull and, between two tries, only that they
// wait: that is one wait, not many short ones. Pods that were taken away count
// when they are gone, too.
func TestJudgeRemembers(t *testing.T) {
	u := &run{
		Runner: New(&Cluster{}, Options{Patience: Patience{Quiet: 1}}), follow: &follow{}, changed: func(runner.Change) {}, watcher: &watcher{}, taken: map[types.UID]bool{},
	}
	cause := aPod(corev1.PodPending, waits("ErrImagePull", "acme/train:v1: not found"))
	backoff := aPod(corev1.PodPending, waits("ImagePullBackOff", `Back-off pulling image "acme/train:v1"`))
	var since time.Time
	for i, pod := range []*corev1.Pod{cause, backoff, cause, backoff} {
		if _, err := u.judge(t.Context(), sight{job: &batchv1.Job{}, pods: []*corev1.Pod{pod}}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			since = u.since
		}
		if u.waits.want != wantImage || u.since != since || !strings.Contains(u.told.Waiting, "not found") {
			t.Errorf("at look %d it waits for %+v since %v", i, u.waits, u.since)
		}
	}
	for i := range maxDisruptions + 1 {
		taken := aPod(corev1.PodRunning, runs, disruption("PreemptionByScheduler"), func(pod *corev1.Pod) { pod.UID = types.UID(fmt.Sprint(i)) })
		s := sight{job: &batchv1.Job{}, pods: []*corev1.Pod{taken}}
		u.count(s)
		why, _ := u.impatience(t.Context(), s, s.phase())
		if last := i == maxDisruptions; last != (why != nil) || last && (why.Class != sweep.Infrastructure || why.State != sweep.Failed) {
			t.Errorf("after %d pods were taken away: %+v", i+1, why)
		}
	}
}

// TestEndingPatch takes any text that a person or a node may have given.
func TestEndingPatch(t *testing.T) {
	want := ending{sweep.Cancelled, sweep.User, "a\"b\n\x7f\a\u00a0\U000e0067<&>"}
	job := &batchv1.Job{}
	if err := json.Unmarshal([]byte(want.patch("uid")), job); err != nil {
		t.Fatal(err)
	}
	if got := endingOf(job); got == nil || *got != want {
		t.Errorf("%v is read as %v", want, got)
	}
}
