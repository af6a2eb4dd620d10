package local

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestOOM(t *testing.T) {
	const count = 5
	for _, c := range []struct {
		before int64
		want   sweep.State
	}{{count - 1, sweep.OOM}, {count, sweep.Failed}, {-1, sweep.Failed}} {
		state, class, reason := exited(entry{ended: true, code: 137, oomKills: c.before}, func() int64 { return count })
		if state != c.want || reason == "" || (state == sweep.OOM) != (class == sweep.Resource) {
			t.Errorf("%d before: %s %s %s", c.before, state, class, reason)
		}
	}
}

func TestOOMWatchReadsBeforeNow(t *testing.T) {
	var o oomWatch
	now := time.Now()
	o.recent(now)
	o.count = -7
	if got := o.recent(now.Add(time.Second / 2)); got != -7 {
		t.Errorf("read again after half a second: %d", got)
	}
	if got := o.recent(now.Add(2 * time.Second)); got == -7 {
		t.Error("not read again after two seconds")
	}
}

func TestLogThatCannotBeMade(t *testing.T) {
	r := newRunner(t, nil)
	a := attempt(1, "true")
	if err := os.MkdirAll(r.options.LogsDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/no/such/folder/log", r.LogPath("ex-1", 1)); err != nil {
		t.Fatal(err)
	}
	o := mustRun(t, r, a)
	if o.State != sweep.Failed || o.Class != sweep.Infrastructure || !strings.Contains(o.Reason, "its log could not be made") {
		t.Errorf("%+v", o)
	}
}

// A failure whose log was removed while it ran is a failure of the program: it
// must not be tried again as if it had never started.
func TestLogThatWasRemoved(t *testing.T) {
	r := newRunner(t, nil)
	o := mustRun(t, r, attempt(1, "rm "+r.LogPath("ex-1", 1)+"; exit 3"))
	if o.State != sweep.Failed || o.Class != sweep.User || o.Code != 3 || o.Reason != "exit code 3" {
		t.Errorf("%+v", o)
	}
}

func TestFoldersThatCannotBeMade(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"slots": func(o *Options) { o.SlotsDir = file + "/slots" },
		"logs":  func(o *Options) { o.LogsDir = file + "/logs" },
	} {
		r := newRunner(t, change)
		if _, err := r.Run(t.Context(), attempt(1, "true"), nil); err == nil || !strings.Contains(err.Error(), "ex-1: making the "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
