package cli

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// TestEndedAfterTheSurvey lets a program that nobody watches end, with code 3,
// after the survey under the lock has seen it alive: it must be adopted and
// concluded by this very apply, neither forgotten nor started again.
func TestEndedAfterTheSurvey(t *testing.T) {
	f, _, _ := world(t)
	f.Now, f.KeepWriting = time.Now, func() {}
	marker := func(name string) string { return filepath.Join(f.Dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(marker(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("grid.hcl", `config "ex" {
  hp { x = 1 }
  run {
    cmd = "touch started-${hp.x}; until test -e go; do sleep 0.02; done; exit 3"
  }
}
sweep "s" { config = config.ex }
`)
	t.Cleanup(func() { write("go", "") })
	o := &ApplyOptions{Factory: f, InputOptions: InputOptions{Files: []string{marker("grid.hcl")}}, AutoApprove: true, Progress: "plain", Parallel: 1}
	signals := make(chan os.Signal, 1)
	f.Signals = func() (<-chan os.Signal, func()) { return signals, func() {} }
	ended := make(chan error, 1)
	go func() { ended <- runApply(t.Context(), o) }()
	await(t, "the program is started", func() bool { _, err := os.Stat(marker("started-1")); return err == nil })
	signals <- syscall.SIGHUP
	<-ended

	module, err := o.loadModule()
	if err != nil {
		t.Fatal(err)
	}
	a := newApplying(o, module)
	if err := a.show(t.Context()); err != nil {
		t.Fatal(err)
	}
	pl, err := a.open(t.Context(), module, ledger.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer pl.Close()
	x := &execution{applying: a, pl: pl, began: f.Now()}
	if x.session, err = x.lock(t.Context(), pl.ledger, x.names, 0, x.info); err != nil {
		t.Fatal(err)
	}
	defer x.session.Close()
	if err := x.settleUnobserved(t.Context()); err != nil {
		t.Fatal(err)
	}
	write("go", "")
	await(t, "the program has ended", func() bool {
		live, err := pl.survey(t.Context())
		return err == nil && len(live) == 1 && live[0].State == sweep.Failed
	})
	if err := x.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(x.tasks) != 1 || x.tasks[0].Adopt == nil {
		t.Fatalf("tasks %+v, want the adoption of the one attempt", x.tasks)
	}
	r, err := x.dispatch(t.Context())
	if err != nil || r.summary.ByState[sweep.Failed] != 1 {
		t.Errorf("%+v (%v), want one failure", r.summary, err)
	}
	if open, err := pl.ledger.OpenAttempts(t.Context(), nil); err != nil || len(open) != 0 {
		t.Errorf("%d attempts are open in the ledger (%v)", len(open), err)
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not yet, after a minute: " + what)
		}
	}
}
