//go:build linux

package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// summary is what on_finish is told, as far as these tests read it.
type summary struct {
	Version     int
	Text        string
	Sweep       string
	Round       string
	Started     time.Time
	ExitCode    int `json:"exit_code"`
	Stopped     string
	Error       string
	Experiments map[string]int
	Applied     map[string]int
	Best        []row
	Regressions []any
	Failures    []struct{ Run, State, Reason, Tail string }
	Next        []string
}

func readSummary(t *testing.T, text []byte) (s summary) {
	t.Helper()
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return s
}

// hookGrid is three programs, of which the second fails, and a webhook.
const hookGrid = `variable "hook" { sensitive = true }
config "ex" {
  hp { x = 1 }
  run { cmd = "echo loss=${hp.x}; echo oh dear; test ${hp.x} != 2" }
}
sweep "night" {
  config = config.ex
  grid { x = [1, 2, 3] }
  objective { minimize = "loss" }
  on_finish { webhook = var.hook }
}
`

// TestWebhook has a night told once, an uneventful one not at all, and the URL
// known to nobody.
func TestWebhook(t *testing.T) {
	told := make(chan summary, 9)
	var gone atomic.Bool
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			http.NotFound(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		told <- readSummary(t, body)
	}))
	defer hook.Close()
	const secret = "the-secret-of-the-hook"
	f := newFaults(t, hookGrid)
	f.env = []string{"LXSWEEP_VAR_hook=" + hook.URL + "/" + secret}
	var said []string
	tell := func(code int, args ...string) {
		out, err := f.lxsweep(code, args...)
		said = append(said, out, err)
	}
	tell(0, "plan", "-o", "json", "--round", "r1", "--out", "night.lxplan", "grid.hcl")
	tell(3, "apply", "night.lxplan")
	s := <-told
	if s.Version != 1 || s.Sweep != "night" || s.Round != "r1" || s.ExitCode != 3 || s.Started.IsZero() || s.Stopped+s.Error != "" {
		t.Errorf("%+v", s)
	}
	if s.Experiments["succeeded"] != 2 || s.Experiments["failed"] != 1 || s.Applied["succeeded"] != 2 || s.Applied["failed"] != 1 || s.Applied["not_started"] != 0 {
		t.Errorf("%v, %v", s.Experiments, s.Applied)
	}
	if len(s.Best) != 1 || s.Best[0].Run != "ex-0" || s.Best[0].Metrics["loss"] != 1 || s.Regressions == nil {
		t.Errorf("%+v, %v", s.Best, s.Regressions)
	}
	if len(s.Failures) != 1 || s.Failures[0].Run != "ex-1" || s.Failures[0].Reason != "exit code 1" || !strings.Contains(s.Failures[0].Tail, "oh dear") {
		t.Errorf("%+v", s.Failures)
	}
	if s.Text != "sweep night, round r1: 2 succeeded, 1 failed; best ex-0 loss=1" || len(s.Next) == 0 {
		t.Errorf("%q, %q", s.Text, s.Next)
	}
	tell(3, "apply", "--auto-approve", "--round", "r1", "grid.hcl")
	tell(3, "apply", "--auto-approve", "--round", "r1", "--rerun", "failed", "grid.hcl")
	if again := <-told; again.Applied["failed"] != 1 || again.Applied["succeeded"] != 0 || again.Experiments["succeeded"] != 2 {
		t.Errorf("%+v", again)
	}
	if len(told) > 0 {
		t.Errorf("told once more than something happened: %+v", <-told)
	}
	gone.Store(true)
	tell(3, "apply", "--auto-approve", "--round", "r1", "--rerun", "failed", "grid.hcl")
	if last := said[len(said)-1]; !strings.Contains(last, "warning: on_finish of sweep \"night\": the webhook at 127.0.0.1:") || !strings.Contains(last, "answered 404 Not Found") {
		t.Errorf("it said %s", last)
	}
	said = append(said, unzipped(t, f.path("night.lxplan")))
	for _, text := range append(digest(t, f.dir), said...) {
		if strings.Contains(text, secret) {
			t.Errorf("the secret is in\n%.300s", text)
		}
	}
}

// TestInterruptedHook interrupts an apply, which tells, and again while it
// waits for an answer: the locks are free meanwhile, and the exit code is that
// of the apply.
func TestInterruptedHook(t *testing.T) {
	told := make(chan summary, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- readSummary(t, body)
		<-r.Context().Done()
	}))
	defer hook.Close()
	f := newFaults(t, strings.Replace(waitingGrid, "sweep \"s\" {", "sweep \"s\" {\n  on_finish { webhook = \""+hook.URL+"\" }", 1))
	apply := f.apply("--parallel", "1")
	f.awaitStarts(1)
	signalTo(t, apply, syscall.SIGINT)
	f.await("it stops", func() bool { return strings.Contains(f.text(apply), "interrupted: nothing more") })
	f.write("go-0", "")
	s := <-told
	if s.ExitCode != 130 || s.Stopped != "interrupted" || s.Applied["succeeded"] != 1 || s.Applied["not_started"] != 3 {
		t.Errorf("%+v", s)
	}
	if _, err := f.lxsweep(0, "status"); strings.Contains(err, "is being run by") {
		t.Errorf("the lock is held: %s", err)
	}
	f.await("it says what takes so long", func() bool { return strings.Contains(f.text(apply), "telling on_finish") })
	signalTo(t, apply, syscall.SIGINT)
	if said := f.end(apply, 130); !strings.Contains(said, "Apply: 1 succeeded, 3 not started") || !strings.Contains(said, "was given up: interrupted") {
		t.Errorf("it said\n%s", said)
	}
}

func signalTo(t *testing.T, b *background, s os.Signal) {
	t.Helper()
	if err := b.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// TestBrokenApplyIsTold fills the ledger's disk under an apply: what is known
// of it is told.
func TestBrokenApplyIsTold(t *testing.T) {
	f := newFaults(t, strings.ReplaceAll(waitingGrid, "go-${hp.x}", "go"))
	f.edit("grid.hcl", "sweep \"s\" {", "sweep \"s\" {\n  on_finish { command = \"cat >told\" }")
	disk := mount(t, "tmpfs", "tmpfs", 0, "size=4m")
	apply := f.apply("--parallel", "2", "--state", filepath.Join(disk, "ledger.db"))
	f.awaitStarts(2)
	fill(t, filepath.Join(disk, "full"))
	f.write("go", "")
	f.end(apply, 1)
	text, err := os.ReadFile(f.path("told"))
	if err != nil {
		t.Fatal(err)
	}
	s := readSummary(t, text)
	if s.ExitCode != 1 || !strings.Contains(s.Error, "no space left for the ledger") || s.Applied["not_started"] == 0 {
		t.Errorf("%s", text)
	}
}
