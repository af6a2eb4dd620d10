package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

// tailLines is how much of a failure's log is shown.
const tailLines = 5

// harvest reads what an ended attempt has left. Its place is free meanwhile.
func (u *run) harvest(s sight) sweep.Outcome {
	o, pod := s.outcome()
	u.tell(runner.Change{State: o.State})
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if !s.agrees(pod) {
		// The informers do not tell of a Job and its pods in one order.
		if pods, err := u.podsOf(ctx); err == nil {
			s.pods = pods
			o, pod = s.outcome()
		}
	}
	if o.State == sweep.TimedOut && u.Command.Timeout > 0 {
		o.Reason += fmt.Sprintf(" (%v)", u.Command.Timeout)
	}
	result, tail := message(pod, &o)
	unread := u.keep(ctx, pod, result)
	found, err := metrics.Collect(u.LogPath(u.RunName, u.Number), u.ResultPath(u.RunName, u.Number), u.pattern)
	if err != nil {
		found.Error = err.Error()
	}
	o.Pattern, o.Metrics, o.Result = u.Command.MetricsPattern, found.Metrics, found.Result
	o.ResultError = sentence(o.ResultError, found.Error, unread)
	if o.State != sweep.Succeeded {
		o.Tail = metrics.FileTail(u.LogPath(u.RunName, u.Number), tailLines)
		if o.Tail == "" {
			o.Tail = metrics.Tail([]byte(tail), tailLines)
		}
	}
	return o
}

// podsOf asks the server for the pods of the attempt's Job, which may be gone.
func (u *run) podsOf(ctx context.Context) (pods []*corev1.Pod, err error) {
	ctx, end := insistently(ctx)
	defer end()
	var list *corev1.PodList
	err = u.cluster.patiently(ctx, u.patience.Unreachable, func(ctx context.Context) error {
		list, err = u.cluster.pods.List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + u.ref.name})
		return err
	})
	if err != nil {
		return nil, mayLive(named("looking for the pods of", u.ref.name, err))
	}
	for i := range list.Items {
		if by := metav1.GetControllerOfNoCopy(&list.Items[i]); by != nil && by.UID == u.ref.uid {
			pods = append(pods, &list.Items[i])
		}
	}
	return pods, nil
}

// keep writes the result and the log to files, and says why it could not.
func (u *run) keep(ctx context.Context, pod *corev1.Pod, result string) (unread string) {
	if err := os.MkdirAll(u.options.LogsDir, 0o755); err != nil {
		return "its log could not be kept: " + err.Error()
	}
	if result != "" {
		if err := os.WriteFile(u.ResultPath(u.RunName, u.Number), []byte(result), 0o644); err != nil {
			return "its result could not be kept: " + err.Error()
		}
	}
	path := u.LogPath(u.RunName, u.Number)
	if u.last != nil && u.last.wait(ctx) == nil {
		u.tell(runner.Change{State: u.told.State, Log: path})
		return ""
	}
	if pod == nil {
		return "its log is gone with its pod"
	}
	select {
	case u.logs <- struct{}{}:
		defer func() { <-u.logs }()
	case <-ctx.Done():
		return "its log was not read: too many others were"
	}
	if err := u.copyLog(ctx, pod.Name, path); err != nil {
		return "its log could not be read whole: " + err.Error()
	}
	u.tell(runner.Change{State: u.told.State, Log: path})
	return ""
}

// copyLog writes what the node still has of the log to a file; none if it has
// none.
func (u *run) copyLog(ctx context.Context, pod, path string) error {
	var stream io.ReadCloser
	err := repeat(ctx, callTimeout, func() (err error) {
		stream, err = u.cluster.logs(ctx, pod, false)
		if apierrors.IsInternalError(err) {
			return errors.New(err.Error()) // the node's, and final
		}
		return err
	})
	if err != nil {
		return err
	}
	return save(stream, path)
}

func (c *Cluster) logs(ctx context.Context, pod string, follow bool) (io.ReadCloser, error) {
	o := &corev1.PodLogOptions{Container: mainContainer, Follow: follow}
	return c.core.Get().Namespace(c.Namespace).Resource("pods").Name(pod).SubResource("log").VersionedParams(o, c.codec).Stream(ctx)
}

// Logs copies the output of an attempt's pod to w; with follow until the program
// ends. It is for attempts that are not harvested: the others' logs are files.
func (r *Runner) Logs(ctx context.Context, runName string, attempt int, follow bool, w io.Writer) error {
	s, err := r.look(ctx, jobName(runName, attempt))
	if err != nil {
		return err
	}
	pod := s.pod()
	if pod == nil {
		return fmt.Errorf("%s, attempt %d, has no pod in namespace %s", runName, attempt, r.cluster.Namespace)
	}
	stream, err := r.cluster.logs(ctx, pod.Name, follow)
	if err != nil {
		return fmt.Errorf("reading the log of pod %s: %w", pod.Name, err)
	}
	defer stream.Close()
	_, err = io.Copy(w, stream)
	return err
}

func sentence(texts ...string) string {
	all := ""
	for _, text := range texts {
		if text != "" && all != "" {
			all += "; "
		}
		all += text
	}
	return all
}
