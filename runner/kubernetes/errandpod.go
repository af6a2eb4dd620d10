package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// started returns the pod of an errand once its program runs or has run, and
// tells what it waits for until then.
func (c *Cluster) started(ctx context.Context, job *batchv1.Job, notice func(string)) (*corev1.Pod, error) {
	begun, told := time.Now(), ""
	return c.podUntil(ctx, job.Name, func(pod *corev1.Pod) (bool, error) {
		p := phase{want: wantController, text: "the Job controller"}
		if pod != nil {
			p = podPhase(pod)
		}
		waits, waited := "the Job "+job.Name+" waits for "+p.text, time.Since(begun)
		switch {
		case p.want == wantNothing:
			return true, nil
		case slices.Contains([]want{wantImageName, wantImage, wantConfig}, p.want):
			return false, errors.New(waits)
		case waited < errandQuiet:
			return false, nil
		}
		words := ""
		if p.want == wantController || p.want == wantNode {
			words = because(c.complaint(ctx, job, pod))
		}
		if waited > errandStarts {
			return false, fmt.Errorf("%s%s, and has for %v", waits, words, errandStarts)
		}
		if news := fmt.Sprint(waits, words != ""); news != told { // the words are others each time
			notice(waits + words)
			told = news
		}
		return false, nil
	})
}

// complaint is the newest warning about a pod, or about its Job while there is
// none; empty for none, or if it cannot be read.
func (c *Cluster) complaint(ctx context.Context, job *batchv1.Job, pod *corev1.Pod) string {
	of := job.UID
	if pod != nil {
		of = pod.UID
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.events.List(ctx, metav1.ListOptions{FieldSelector: "type=Warning,involvedObject.uid=" + string(of)})
	if err != nil || len(found.Items) == 0 {
		return ""
	}
	return slices.MaxFunc(found.Items, func(a, b corev1.Event) int { return eventTime(&a).Compare(eventTime(&b)) }).Message
}

// glance is how often a pod is looked at that does not change.
const glance = time.Second

// podUntil watches the pod of a Job until it is so: enough is asked whenever the
// pod changes and now and then beside, and of nil while there is none.
func (c *Cluster) podUntil(ctx context.Context, job string, enough func(*corev1.Pod) (bool, error)) (pod *corev1.Pod, err error) {
	for ; ctx.Err() == nil; sleep(ctx, glance/4) {
		var changes watch.Interface
		err := repeat(ctx, callTimeout, func() (err error) {
			changes, err = c.pods.Watch(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + job})
			return err
		})
		if err != nil {
			return nil, named("watching the pod of", job, err)
		}
		for open := true; open; {
			var change watch.Event
			select {
			case change, open = <-changes.ResultChan():
			case <-time.After(glance):
			case <-ctx.Done():
				changes.Stop()
				return nil, context.Cause(ctx)
			}
			if now, ok := change.Object.(*corev1.Pod); ok {
				pod = now
			}
			if done, err := enough(pod); done || err != nil {
				changes.Stop()
				return pod, err
			}
		}
	}
	return nil, context.Cause(ctx)
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// listen hands on what a pod's program writes, until the last line has come or
// it has ended. A log that breaks off is read again from where it was.
func (c *Cluster) listen(ctx context.Context, pod *corev1.Pod, line func([]byte) (bool, error)) (code int, err error) {
	heard := 0
	for {
		ended := mainExit(pod) != nil // what is read from now on is whole
		n, last, err := c.hear(ctx, pod.Name, heard, line)
		if last || err != nil {
			return -1, err
		}
		heard = max(n, heard)
		if ended {
			return exitOf(pod)
		}
		if pod, err = c.again(ctx, pod); err != nil {
			return 0, err
		}
		if pod.Status.Phase == corev1.PodFailed && mainExit(pod) == nil {
			return exitOf(pod)
		}
	}
}

// hear reads a log from its beginning, hands on the lines after the first known
// ones, and returns how many there were.
func (c *Cluster) hear(ctx context.Context, pod string, known int, line func([]byte) (bool, error)) (n int, last bool, err error) {
	var stream io.ReadCloser
	err = repeat(ctx, callTimeout, func() (err error) {
		stream, err = c.logs(ctx, pod, true)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("reading the log of pod %s: %w", pod, err)
	}
	defer stream.Close()
	for lines := bufio.NewReader(stream); ; n++ {
		text, err := lines.ReadBytes('\n')
		if err != nil { // the end, or the connection's
			return n, false, context.Cause(ctx)
		}
		if n < known {
			continue
		}
		if last, err := line(text); last || err != nil {
			return n, last, err
		}
	}
}

// again reads a pod again, a moment later.
func (c *Cluster) again(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	sleep(ctx, glance/4)
	var list *corev1.PodList
	err := c.patiently(ctx, callTimeout, func(ctx context.Context) (err error) {
		list, err = c.pods.List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + pod.Labels[batchv1.JobNameLabel]})
		return err
	})
	if err == nil && len(list.Items) == 0 {
		err = fmt.Errorf("the pod %s was deleted before it had ended", pod.Name)
	}
	if err != nil {
		return nil, err
	}
	return &list.Items[0], nil
}

// exitOf is what a pod's program has ended with, an error if that was not its
// own doing.
func exitOf(pod *corev1.Pod) (code int, err error) {
	end := mainExit(pod)
	switch {
	case end == nil:
		return 0, fmt.Errorf("the pod %s failed (%s)%s", pod.Name, pod.Status.Reason, because(pod.Status.Message))
	case end.Reason != "Completed" && end.Reason != "Error":
		return 0, fmt.Errorf("the pod %s ended with exit code %d (%s)%s", pod.Name, end.ExitCode, end.Reason, because(end.Message))
	}
	return int(end.ExitCode), nil
}
