package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestSourceName(t *testing.T) {
	for _, c := range []struct {
		paths []string
		state string
		want  string
	}{
		{[]string{"/p/grid.hcl"}, "/p/.lxsweep/lxsweep.db", "grid.hcl"},
		{[]string{"/p/b.hcl", "/p/sub/a.hcl", "/p/b.hcl"}, "/p/.lxsweep/lxsweep.db", "b.hcl, sub/a.hcl"},
		{[]string{"/q/grid.hcl"}, "/p/.lxsweep/lxsweep.db", "../q/grid.hcl"},
		{[]string{"/p/grid.hcl"}, "/p/state.db", "grid.hcl"},
	} {
		if got := sourceName(c.paths, c.state); got != c.want {
			t.Errorf("sourceName(%q, %q) = %q, want %q", c.paths, c.state, got, c.want)
		}
	}
}

func TestSavedPlanRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.lxplan")
	want := &savedPlan{
		Magic: savedMagic, Lxsweep: "v1", Files: []string{"/p/grid.hcl"}, Kept: map[string][]byte{"/p/grid.hcl": []byte("sweep {}\n")},
		Vars: []string{"x=1"}, Environ: map[string]string{"LXSWEEP_VAR_y": "2"}, Sensitive: []string{"token"}, Round: "r", State: "/p/s.db", Starts: 2,
	}
	rows := []savedRow{{"ex-0?", "+", "aa", "bb"}, {"ex-1", "~", "cc", "dd"}}
	var b bytes.Buffer
	if err := writeSaved(&b, want, rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	got, gotRows, err := readSaved(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got) + cmp.Diff(rows, gotRows); d != "" {
		t.Error(d)
	}
	for n := range b.Len() { // cut anywhere, it is an error or no plan at all, never another plan
		if err := os.WriteFile(path, b.Bytes()[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		if s, _, err := readSaved(path); s != nil && err == nil {
			t.Errorf("cut to %d of %d bytes it is read as whole", n, b.Len())
		}
	}
}

// TestSavedEnvironment gives back what was used then, and asks the present one
// for what must not be kept.
func TestSavedEnvironment(t *testing.T) {
	s := &savedPlan{Environ: map[string]string{"LXSWEEP_VAR_tag": "v1"}, Sensitive: []string{"token"}}
	now := map[string]string{"LXSWEEP_VAR_tag": "v2", "LXSWEEP_VAR_new": "3", "LXSWEEP_VAR_token": "secret", "HOME": "/h"}
	look := s.environ(func(name string) (string, bool) { v, ok := now[name]; return v, ok })
	for name, want := range map[string]string{"LXSWEEP_VAR_tag": "v1", "LXSWEEP_VAR_new": "", "LXSWEEP_VAR_token": "secret", "HOME": "/h"} {
		if got, _ := look(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestSensitiveVariablesAreNotSaved(t *testing.T) {
	f, _, _ := world(t)
	o := &PlanOptions{Factory: f, InputOptions: InputOptions{Vars: []string{"token=hunter2", "tag=v1"}}}
	s := &savedPlan{Environ: map[string]string{}}
	variables := []hcl.Variable{{Name: "tag", Source: "--var"}, {Name: "token", Source: "--var", Sensitive: true}}
	if err := s.variables(o, variables); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Vars, []string{"tag=v1"}) || !slices.Equal(s.Sensitive, []string{"token"}) {
		t.Errorf("%+v", s)
	}
	s.VarFiles, s.Kept = []string{"/s.hclvars"}, map[string][]byte{"/s.hclvars": []byte("tag = 1\n  token = 2\n")}
	if err := s.variables(o, variables); err == nil {
		t.Error("a variable file with a sensitive value was accepted")
	}
}

func TestDiffStarts(t *testing.T) {
	row := func(run, key, work string) savedRow { return savedRow{Run: run, Key: key, Work: work} }
	saved := []savedRow{row("ex-0", "a", "1"), row("ex-1", "b", "1"), row("ex-2", "c", "1")}
	now := []savedRow{row("ex-0", "a", "1"), row("ex-2", "c", "2"), row("ex-3", "d", "1")}
	d := diffStarts(saved, now)
	want := difference{missing: saved[1:], added: now[1:]}
	if diff := cmp.Diff(want, d, cmp.AllowUnexported(difference{})); diff != "" {
		t.Error(diff)
	}
	if !diffStarts(saved, []savedRow{saved[2], saved[0], saved[1]}).empty() {
		t.Error("the order of starts counts")
	}
}

// TestOrder adopts first, keeps plan order, and shuffles what asks for it by
// key, whatever order the tasks come in.
func TestOrder(t *testing.T) {
	task := func(label string, number int, key byte) runner.Task {
		return runner.Task{Experiment: &sweep.Experiment{Sweep: label, Key: sweep.Hash{key}}, Number: number}
	}
	adopted := task("b", 9, 0)
	adopted.Adopt = &sweep.Tried{}
	x := &execution{applying: &applying{module: &hcl.Module{Sweeps: []*sweep.Sweep{{Name: "a"}, {Name: "b", Shuffle: true}}}}}
	x.tasks = []runner.Task{task("b", 3, 30), task("a", 2, 20), task("b", 4, 10), task("a", 1, 40), adopted}
	x.order()
	var got []int
	for _, task := range x.tasks {
		got = append(got, task.Number)
	}
	if want := []int{9, 2, 1, 4, 3}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestExitCodeOfAnApply(t *testing.T) {
	interrupted := map[sweep.State]int{sweep.Interrupted: 1}
	for _, c := range []struct {
		name string
		ran  ran
		now  tallied
		want ExitCode
	}{
		{"nothing to do", ran{}, tallied{}, ExitOK},
		{"all succeeded", ran{summary: runner.Summary{Succeeded: 3}}, tallied{}, ExitOK},
		{"one failed", ran{summary: runner.Summary{Succeeded: 3, Failed: 1}}, tallied{}, ExitUnsuccessful},
		{"a failure kept", ran{}, tallied{kept: 1}, ExitUnsuccessful},
		{"one runs on another machine", ran{}, tallied{absent: 1}, ExitUnsuccessful},
		{"halted by fail_fast", ran{summary: runner.Summary{NotStarted: 1}}, tallied{}, ExitUnsuccessful},
		{"stopped", ran{summary: runner.Summary{NotStarted: 1}, stopped: true}, tallied{}, ExitInterrupted},
		{"stopped after the last start", ran{summary: runner.Summary{Succeeded: 1}, stopped: true}, tallied{}, ExitOK},
		{"ended by the second signal", ran{summary: runner.Summary{Failed: 1, ByState: interrupted}, stopped: true}, tallied{}, ExitInterrupted},
		{"detached", ran{summary: runner.Summary{Live: 1}, stopped: true}, tallied{}, ExitInterrupted},
	} {
		x := &execution{now: c.now}
		if got := x.exitCode(c.ran); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

func TestInFlightOf(t *testing.T) {
	w := &watcher{inFlight: map[string]string{"ex-1": "a", "ex-2": "b", "ex-3": "a"}}
	if got := w.inFlightOf(ledger.CancelRequest{Sweep: "a"}); !slices.Equal(got, []string{"ex-1", "ex-3"}) {
		t.Errorf("sweep a: %v", got)
	}
	if got := w.inFlightOf(ledger.CancelRequest{RunNames: []string{"ex-2", "ex-9"}}); !slices.Equal(got, []string{"ex-2"}) {
		t.Errorf("ex-2: %v", got)
	}
}

func TestAgainShowsNoSecret(t *testing.T) {
	env := map[string]string{}
	a := &applying{
		ApplyOptions: &ApplyOptions{
			Factory:      &Factory{Environ: func(name string) (string, bool) { value, ok := env[name]; return value, ok }},
			InputOptions: InputOptions{Files: []string{"my grid.hcl"}, Vars: []string{"token=hunter2", "tag=v1"}, Round: "r 1", Sets: []string{"hp.x=1"}},
			StateOptions: StateOptions{State: "s.db"}, Filter: "number > 1",
		},
		module: &hcl.Module{Variables: []hcl.Variable{{Name: "tag"}, {Name: "token", Sensitive: true}}},
	}
	want := `lxsweep apply --rerun failed 'my grid.hcl' --state s.db --round 'r 1' --set hp.x=1 --var token=... --var tag=v1 --filter 'number > 1'`
	if got := a.again("--rerun", "failed"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	env[besideVariable] = "k8s://ml/grid"
	want = strings.Replace(want, "failed", "failed --detach --image IMAGE --name grid --namespace ml", 1)
	if got := a.again("--rerun", "failed"); got != want {
		t.Errorf("in a driver got  %s\nwant %s", got, want)
	}
}
