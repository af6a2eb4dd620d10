package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// What nobody wants now counts nowhere, what never started is not worth a line,
// and a retry that launching leaves is not announced.
func TestLinesOfWhatIsNotCounted(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC) }
	var out strings.Builder
	l := NewLines(&out, Screen{}, 2, now)
	of := func(n int, round string) runner.Attempt {
		return runner.Attempt{RunName: sweep.RunName("ex", n), Experiment: &sweep.Experiment{Sweep: "s", Round: round}, Bystander: round != ""}
	}
	failed := sweep.Outcome{State: sweep.Failed, Reason: "exit code 1"}
	for _, e := range []runner.Event{
		runner.Started{Attempt: runner.Attempt{RunName: "ex-9", Adopt: true, Bystander: true, Experiment: &sweep.Experiment{Round: "one"}}},
		runner.Ended{Attempt: of(9, "one"), State: sweep.Failed, Outcome: failed, Retry: true},
		runner.Ended{Attempt: of(0, ""), State: sweep.Failed, Outcome: failed, Retry: true},
		runner.Halted{Why: "until 06:00"},
		runner.Ended{Attempt: of(1, ""), State: sweep.Interrupted, Outcome: sweep.Outcome{State: sweep.Interrupted}},
		runner.Ended{Attempt: of(0, ""), State: sweep.Failed, Outcome: failed, Retry: true},
		runner.Ended{Attempt: of(2, ""), State: sweep.Succeeded, Outcome: sweep.Outcome{State: sweep.Succeeded}},
	} {
		l.Event(e)
	}
	const want = `06:00:00 ex-9 found running (round one)
06:00:00 ex-9 failed: exit code 1 (round one)
06:00:00 ex-0 failed: exit code 1; tries again
06:00:00 nothing more is started: until 06:00
06:00:00 ex-0 failed: exit code 1; the next apply tries it again
06:00:00 ex-2 succeeded (1/2)
`
	if out.String() != want {
		t.Errorf("%s", &out)
	}
}
