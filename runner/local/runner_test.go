package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestOutcomes(t *testing.T) {
	r := newRunner(t, nil)
	for i, c := range []struct {
		cmd    string
		state  sweep.State
		class  sweep.Class
		code   int
		reason string
		tail   string
	}{
		{"echo fine", sweep.Succeeded, "", 0, "", ""},
		{"echo one; echo two >&2; exit 3", sweep.Failed, sweep.User, 3, "exit code 3", "one\ntwo"},
		{"no-such-program", sweep.Failed, sweep.User, 127, "not found", "not found"},
		{"exec /etc/passwd", sweep.Failed, sweep.User, 126, "could not be executed", ""},
		{"kill -SEGV $$", sweep.Failed, sweep.User, 139, "killed by SIGSEGV (exit code 139)", ""},
		{"kill -KILL $$", sweep.Failed, sweep.Infrastructure, 137, "killed by SIGKILL (exit code 137), not by lxsweep", ""},
		{"exit 255", sweep.Failed, sweep.User, 255, "exit code 255", ""},
		{"cat; echo 'loss=0.5'", sweep.Succeeded, "", 0, "", ""},
	} {
		o := mustRun(t, r, attempt(int64(i+1), c.cmd))
		if o.State != c.state || o.Class != c.class || o.Code != c.code ||
			!strings.Contains(o.Reason, c.reason) || !strings.Contains(o.Tail, c.tail) {
			t.Errorf("%s: %+v", c.cmd, o)
		}
		if o.Started.IsZero() || o.Ended.Before(o.Started) {
			t.Errorf("%s: ran from %v to %v", c.cmd, o.Started, o.Ended)
		}
	}
	if n := len(r.idle); n != 1 {
		t.Errorf("%d slots were used for attempts in sequence", n)
	}
}

func TestContractWithTheProgram(t *testing.T) {
	r := newRunner(t, nil)
	dir := t.TempDir()
	t.Setenv("WANDB_API_KEY", "the secret")
	a := attempt(1, `test ! -e "$LXSWEEP_RESULT"; echo "step=3 loss=0.5 acc: 0.25"; pwd
		printf '{"acc": 0.75, "secret": "%s"}' "$WANDB_API_KEY" >"$LXSWEEP_RESULT"`)
	a.Command.WorkingDir = dir
	a.Command.OutputDir = filepath.Join(dir, "runs", "ex-1")
	a.Command.SecretEnv = []sweep.Var{{Name: "WANDB_API_KEY", Value: "wandb/api-key"}}
	if err := os.MkdirAll(filepath.Dir(r.ResultPath("ex-1", 1)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.ResultPath("ex-1", 1), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	var changes []runner.Change
	o, err := r.Run(t.Context(), a, func(c runner.Change) { changes = append(changes, c) })
	if err != nil || o.State != sweep.Succeeded {
		t.Fatalf("%v %+v", err, o)
	}
	want := []sweep.Metric{
		{Name: "acc", Last: 0.75, Min: 0.75, Max: 0.75, Count: 1},
		{Name: "loss", Last: 0.5, Min: 0.5, Max: 0.5, Count: 1, Step: 3, Steps: true},
	}
	if fmt.Sprint(o.Metrics) != fmt.Sprint(want) || string(o.Result) != `{"acc": 0.75, "secret": "the secret"}` {
		t.Errorf("%+v %s %s", o.Metrics, o.Result, o.ResultError)
	}
	if len(changes) != 1 || changes[0].State != sweep.Running || changes[0].Log != r.LogPath("ex-1", 1) || changes[0].Ref == "" {
		t.Errorf("%+v", changes)
	}
	if log, _ := os.ReadFile(changes[0].Log); !strings.Contains(string(log), "\n"+dir+"\n") {
		t.Errorf("log: %s", log)
	}
	if !exists(a.Command.OutputDir) {
		t.Error("the output folder was not made")
	}
	for _, path := range mustJournals(t, r) {
		if text, _ := os.ReadFile(path); strings.Contains(string(text), "the secret") {
			t.Error("the journal holds the secret")
		}
	}
}

func mustJournals(t *testing.T, r *Runner) []string {
	t.Helper()
	paths, err := journals(r.place.dir)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestRefused(t *testing.T) {
	r := newRunner(t, nil)
	for name, c := range map[string]struct {
		change func(*sweep.Command)
		want   string
	}{
		"secret":  {func(c *sweep.Command) { c.SecretEnv = []sweep.Var{{Name: "NOT_SET", Value: "a/b"}} }, "export it before"},
		"folder":  {func(c *sweep.Command) { c.WorkingDir = "/no/such" }, "working_dir"},
		"file":    {func(c *sweep.Command) { c.WorkingDir = "/etc/passwd" }, "is not a folder"},
		"gpus":    {func(c *sweep.Command) { c.Resources.GPUs = 1 }, "gpus asks for 1, there are 0"},
		"cpu":     {func(c *sweep.Command) { c.Resources.MilliCPU = 64500 }, "max_cpu asks for 64.5 cores, there are 64 cores"},
		"pattern": {func(c *sweep.Command) { c.MetricsPattern = "(" }, "metrics pattern"},
	} {
		a := attempt(1, "true")
		c.change(&a.Command)
		o := mustRun(t, r, a)
		if o.State != sweep.Failed || o.Class != sweep.User || o.Code != sweep.CodeUnknown || !strings.Contains(o.Reason, c.want) {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if exists(r.options.SlotsDir) {
		t.Error("something was started")
	}
}

func TestJournalGoesWhenReleased(t *testing.T) {
	r := newRunner(t, nil)
	a, b := attempt(1, "true"), attempt(2, "false")
	mustRun(t, r, a)
	mustRun(t, r, b)
	if err := r.Release(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	lives, err := r.Survey(t.Context())
	if err != nil || len(lives) != 1 || lives[0].AttemptID != 2 || lives[0].State != sweep.Failed {
		t.Fatalf("%v %+v", err, lives)
	}
	r.Close()
	if n := len(mustJournals(t, r)); n != 1 {
		t.Fatalf("%d journals, one attempt is not released", n)
	}
	if err := r.Release(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if n := len(mustJournals(t, r)); n != 0 {
		t.Fatalf("%d journals after all were released", n)
	}
	if err := r.Release(t.Context(), b); err != nil {
		t.Fatalf("released again: %v", err)
	}
}

// What a killed process could not remove is removed with the next first slot.
func TestTidy(t *testing.T) {
	r := newRunner(t, nil)
	dir := r.options.SlotsDir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]struct {
		text string
		age  time.Duration
		kept bool
	}{
		"done.journal": {firstLine + "b 1 5 0\ns 1\ne 1 0\nr 1\n", 0, false},
		"open.journal": {firstLine + "b 1 5 0\ns 1\ne 1 0\n", time.Hour, true},
		"odd.journal":  {"not a journal", time.Hour, true},
		"old.new":      {"", time.Hour, false},
		"fresh.new":    {"", 0, true},
		"notes.txt":    {"", time.Hour, true},
	}
	for name, f := range files {
		path, then := filepath.Join(dir, name), time.Now().Add(-f.age)
		if err := os.WriteFile(path, []byte(f.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, r, attempt(1, "true"))
	for name, f := range files {
		if exists(filepath.Join(dir, name)) != f.kept {
			t.Errorf("%s: kept: %v", name, !f.kept)
		}
	}
}

func TestOtherOwnersAreLeftAlone(t *testing.T) {
	r := newRunner(t, nil)
	mustRun(t, r, attempt(1, "true"))
	o := r.options
	o.Owner = "another ledger"
	other, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if lives, err := other.Survey(t.Context()); err != nil || len(lives) != 0 {
		t.Fatalf("%v %+v", err, lives)
	}
}

func TestLargeOutput(t *testing.T) {
	r := newRunner(t, nil)
	a := attempt(1, `head -c 40000000 /dev/zero; printf '\nloss=0.5\n'; head -c 20000000 /dev/zero | tr '\0' 'x'; exit 1`)
	o := mustRun(t, r, a)
	if len(o.Metrics) != 1 || o.Metrics[0].Last != 0.5 || len(o.Tail) > 4096 {
		t.Fatalf("%+v", o)
	}
	if info, err := os.Stat(r.LogPath("ex-1", 1)); err != nil || info.Size() != 60000010 {
		t.Fatalf("%v %v", err, info)
	}
}

func TestManyAtOnce(t *testing.T) {
	r := newRunner(t, func(o *Options) { o.Capacity.MilliCPU = 3000 })
	dir := t.TempDir()
	var all []*running
	for i := range 60 {
		a := attempt(int64(i+1), fmt.Sprintf("mkdir %s/$(ls %s | wc -l).%d; ls %s | wc -l; rmdir %s/*.%d", dir, dir, i, dir, dir, i))
		a.Command.Resources.MilliCPU = 1000
		all = append(all, runInBackground(r, a, nil))
	}
	for i, b := range all {
		if o := b.wait(t); o.State != sweep.Succeeded {
			t.Errorf("%+v", o)
		}
		var n int
		log, _ := os.ReadFile(r.LogPath(fmt.Sprintf("ex-%d", i+1), 1))
		if fmt.Sscan(string(log), &n); n < 1 || n > 3 {
			t.Errorf("attempt %d saw %d at once", i+1, n)
		}
	}
	if n := len(r.idle); n > 3 {
		t.Errorf("%d slots for 3 at once", n)
	}
}

func TestQueuedSaysWhatFor(t *testing.T) {
	r := newRunner(t, func(o *Options) { o.Capacity.MilliCPU = 1000 })
	first := attempt(1, "cat "+fifo(t))
	first.Command.Resources.MilliCPU = 1000
	a := runInBackground(r, first, nil)
	eventually(t, "the first runs", func() bool { return exists(r.LogPath("ex-1", 1)) })
	changes := make(chan runner.Change, 9)
	second := attempt(2, "true")
	second.Command.Resources.MilliCPU = 500
	b := runInBackground(r, second, func(c runner.Change) { changes <- c })
	if c := <-changes; c.State != sweep.Queued || c.Waiting != "cpu" {
		t.Errorf("%+v", c)
	}
	third := attempt(3, "true")
	third.Command.Resources.MilliCPU = 500
	c := runInBackground(r, third, nil)
	c.cancel(&runner.Ending{State: sweep.Cancelled, Reason: "by hand"})
	if o := c.wait(t); o.State != sweep.Cancelled || o.Reason != "by hand; it had not started" {
		t.Errorf("%+v", o)
	}
	a.cancel(&runner.Ending{State: sweep.Cancelled, Reason: "by hand"})
	a.wait(t)
	if o := b.wait(t); o.State != sweep.Succeeded {
		t.Errorf("%+v", o)
	}
}

// fifo returns a pipe by name, from which a reader reads for ever.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := mkfifo(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNewWritesNothing(t *testing.T) {
	r := newRunner(t, nil)
	if err := r.Fits(sweep.Resources{MilliCPU: 1000, Memory: 1 << 30}); err != nil {
		t.Error(err)
	}
	if lives, err := r.Survey(t.Context()); err != nil || lives != nil {
		t.Errorf("%v %v", err, lives)
	}
	if exists(r.options.SlotsDir) || exists(r.options.LogsDir) {
		t.Error("a folder was made")
	}
	if host, boot := r.Host(); host == "" || boot == "" || r.Name() != "local" {
		t.Error(host, boot)
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no folders are no error")
	}
	if o := r.options; o.Now().IsZero() || o.Grace != time.Minute {
		t.Errorf("%+v", o)
	}
}
