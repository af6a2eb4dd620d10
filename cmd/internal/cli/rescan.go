package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

// Metrics are facts found by a pattern. When the files give another pattern,
// the kept logs are read again; nothing has to run again.

// toRescan reports whether the row's last attempt was read with another pattern
// than the files have now, and its log is still there.
func (pl *planning) toRescan(a *sweep.Action) bool {
	last := lastOf(a)
	if last == nil || a.Experiment == nil || a.Excluded || a.Shared != "" || !pl.own(last) {
		return false
	}
	if !last.State.Final() || last.Pattern == a.Experiment.Command.MetricsPattern || last.Log == "" {
		return false
	}
	_, err := os.Stat(last.Log)
	return err == nil
}

// rescanWarning says what apply will read again; empty for nothing.
func rescanWarning(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("the metrics pattern changed: apply reads %s again, and runs nothing for it", ui.Count(n, "kept log", "kept logs"))
}

// rescan reads the logs of attempts again and replaces their metrics.
func (x *execution) rescan(ctx context.Context) error {
	for _, a := range x.rescans {
		last, pattern := a.Record.Last, a.Experiment.Command.MetricsPattern
		p, err := metrics.Compile(pattern)
		if err != nil {
			return err
		}
		found, err := metrics.Collect(last.Log, x.pl.runner.ResultPath(a.Record.RunName(), last.Number), p)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Record.RunName(), err)
		}
		if err := x.session.ReplaceMetrics(ctx, last.ID, pattern, found.Metrics); err != nil {
			return err
		}
	}
	return nil
}
