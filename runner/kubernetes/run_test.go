package kubernetes

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		annotations []string
		edit        func(*sweep.Command)
		want        sweep.Outcome // State, Class, Code
		reason      string
		metric      float64 // of val_loss
		resultError string
	}{
		"success with a result": {
			annotations: []string{kubetest.Message, `{"val_loss": 0.25}`, kubetest.Logs, "hello\n"},
			want:        sweep.Outcome{State: sweep.Succeeded}, metric: 0.25,
		},
		"success with metrics in its output": {
			annotations: []string{kubetest.Logs, "epoch=1 val_loss=0.5\nepoch=2 val_loss=0.75\n"},
			want:        sweep.Outcome{State: sweep.Succeeded}, metric: 0.75,
		},
		"exit code": {
			annotations: []string{kubetest.ExitCode, "3", kubetest.Logs, "no such file\n"},
			want:        sweep.Outcome{State: sweep.Failed, Class: sweep.User, Code: 3}, reason: "exit code 3",
		},
		"out of memory": {
			annotations: []string{kubetest.ExitCode, "137", kubetest.Reason, "OOMKilled"},
			want:        sweep.Outcome{State: sweep.OOM, Class: sweep.Resource, Code: 137}, reason: "max_memory",
		},
		"timeout": {
			annotations: []string{kubetest.RunFor, "1h"},
			edit:        func(c *sweep.Command) { c.Timeout = 1 },
			want:        sweep.Outcome{State: sweep.TimedOut, Class: sweep.Resource}, reason: "timeout",
		},
		"a result that is no JSON": {
			annotations: []string{kubetest.Message, "val_loss is 3"},
			want:        sweep.Outcome{State: sweep.Succeeded}, resultError: "JSON",
		},
		"a result that is too long": {
			annotations: []string{kubetest.Message, `{"a": "` + strings.Repeat("x", 5000) + `"}`},
			want:        sweep.Outcome{State: sweep.Succeeded}, resultError: "longer than 4096 bytes",
		},
		"the log cannot be read": {
			annotations: []string{kubetest.LogsError, "the node is busy", kubetest.Message, `{"val_loss": 1}`},
			want:        sweep.Outcome{State: sweep.Succeeded}, metric: 1, resultError: "its log could not be read",
		},
		"no image": {
			edit: func(c *sweep.Command) { c.Image = "" },
			want: sweep.Outcome{State: sweep.Failed, Class: sweep.User, Code: sweep.CodeUnknown}, reason: "image_url",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Options{})
			a := simulatedAttempt(8, c.annotations...)
			if c.edit != nil {
				c.edit(&a.Command)
			}
			o, err := g.run(t.Context(), g.Runner, a)
			if err != nil {
				t.Fatal(err)
			}
			if o.State != c.want.State || o.Class != c.want.Class || o.Code != c.want.Code && c.want.State != sweep.TimedOut || !strings.Contains(o.Reason, c.reason) {
				t.Errorf("ended as %+v, want %+v because of %q", o, c.want, c.reason)
			}
			if c.metric != 0 && (len(o.Metrics) != 1 || o.Metrics[0].Last != c.metric) {
				t.Errorf("metrics %v", o.Metrics)
			}
			if !strings.Contains(o.ResultError, c.resultError) || c.resultError == "" && o.ResultError != "" {
				t.Errorf("result error %q, want %q", o.ResultError, c.resultError)
			}
			if err := g.Release(t.Context(), a); err != nil {
				t.Error(err)
			}
			g.await("its Job is gone", func() bool { return len(g.jobs()) == 0 })
		})
	}
}

func TestLogIsKept(t *testing.T) {
	g := newRig(t, Options{})
	a := simulatedAttempt(0, kubetest.Logs, "one\ntwo\n", kubetest.ExitCode, "1")
	o, err := g.run(t.Context(), g.Runner, a)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(g.LogPath("ex-0", 1))
	if err != nil || string(text) != "one\ntwo\n" || o.Tail != "one\ntwo" {
		t.Errorf("log %q, tail %q, %v", text, o.Tail, err)
	}
	if c := g.last("ex-0"); c.Log != g.LogPath("ex-0", 1) {
		t.Errorf("the last change is %+v", c)
	}
}

// What the informers keep has no pod templates: thousands of Jobs are held.
func TestInformersKeepNoTemplates(t *testing.T) {
	t.Parallel()
	g := newRig(t, Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	done := g.start(ctx, g.Runner, simulatedAttempt(0, kubetest.RunFor, "1h"))
	g.await("it runs", func() bool { return g.last("ex-0").State == sweep.Running })
	s := g.watcher.sight("ex-0")
	if s.job == nil || len(s.job.Spec.Template.Spec.Containers) > 0 || s.job.Spec.Selector != nil || len(s.job.ManagedFields) > 0 || len(s.job.Annotations) > 0 {
		t.Errorf("of the Job is kept %+v", s.job)
	}
	if pod := s.pod(); pod == nil || len(pod.Spec.Containers) > 0 || len(pod.Spec.Volumes) > 0 || len(pod.ManagedFields) > 0 || len(pod.Annotations) > 0 {
		t.Errorf("of its pod is kept %+v", pod)
	}
	cancel(runner.ErrDetach)
	<-done
}
