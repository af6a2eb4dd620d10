package cli

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/metrics"
	"github.com/lxsweep/lxsweep/sweep"
)

// report says how the program ended and which metrics it gave. good is whether
// an apply would call that a success.
func (t *trying) report(code int, took time.Duration, found metrics.Found) (good bool) {
	s := t.screen(t.Err)
	color := ui.Green
	if code != 0 {
		color = ui.Red
	}
	fmt.Fprintf(t.Err, "\n%s after %s\n", s.Paint(color, "exit code "+strconv.Itoa(code)), ui.Duration(took))
	ui.WriteMetrics(t.Err, s, found.Metrics, t.action.Experiment.Objective)
	if found.Error != "" {
		t.note(found.Error)
	}
	missing := t.missing(found.Metrics)
	for _, goal := range missing {
		t.note(goal)
	}
	if left, err := os.ReadDir(t.command.OutputDir); err == nil && len(left) > 0 {
		fmt.Fprintf(t.Err, "left in %s: %s\n", ui.Clean(t.command.OutputDir), ui.Count(len(left), "entry", "entries"))
	}
	return code == 0 && len(missing) == 0
}

// missing says which of the objective's metrics have no value.
func (t *trying) missing(list []sweep.Metric) (texts []string) {
	o := t.action.Experiment.Objective
	if o == nil {
		return nil
	}
	for _, g := range o.Goals {
		if _, ok := o.Score(g, list); !ok {
			texts = append(texts, fmt.Sprintf(
				"the objective's metric %q has no value here: apply would call this no-result\nin the objective of sweep %q name one that was found, or print %s=0.5",
				g.Metric, t.action.Experiment.Sweep, g.Metric))
		}
	}
	return texts
}
