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
	t.metricsTable(found.Metrics)
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

// metricsTable lists what was found, the objective's marked.
func (t *trying) metricsTable(list []sweep.Metric) {
	if len(list) == 0 {
		fmt.Fprintln(t.Err, "no metrics: they are found in lines such as val_loss=0.21, and in the JSON object that LXSWEEP_RESULT names")
		return
	}
	table := &ui.Table{Indent: 2, Columns: []ui.Column{{Title: "metric"}, {Title: "last"}, {Title: "values"}, {}}}
	for _, m := range list {
		table.Rows = append(table.Rows, ui.Texts(m.Name, ui.Number(m.Last), strconv.Itoa(m.Count), t.role(m.Name)))
	}
	_, _ = table.Write(t.Err, t.screen(t.Err))
}

// role says what the objective wants of a metric.
func (t *trying) role(metric string) string {
	if o := t.action.Experiment.Objective; o != nil {
		for _, g := range o.Goals {
			if g.Metric == metric {
				return ui.ObjectiveText(&sweep.Objective{Goals: []sweep.Goal{g}, Pick: o.Pick})
			}
		}
	}
	return ""
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
				"the objective's metric %q has no value here: apply would call this no-result\nname one of those found in the objective of sweep %q, or print %s=0.5",
				g.Metric, t.action.Experiment.Sweep, g.Metric))
		}
	}
	return texts
}
