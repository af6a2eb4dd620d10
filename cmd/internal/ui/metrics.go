package ui

import (
	"io"
	"strconv"

	"github.com/lxsweep/lxsweep/sweep"
)

// WriteMetrics lists the metrics that were found, those of the objective with
// what it wants of them.
func WriteMetrics(w io.Writer, s Screen, list []sweep.Metric, o *sweep.Objective) {
	if len(list) == 0 {
		writeSentence(w, s, "", Plain, "no metrics: they are found in lines such as val_loss=0.21, and in the JSON object that LXSWEEP_RESULT names")
		return
	}
	table := &Table{Indent: 2, Columns: []Column{{Title: "metric", Shrink: 12}, {Title: "last"}, {Title: "values", Drop: 1}, {Shrink: 12}}}
	for _, m := range list {
		table.Rows = append(table.Rows, Texts(m.Name, Number(m.Last), strconv.Itoa(m.Count), role(o, m.Name)))
	}
	_, _ = table.Write(w, s)
}

// role is what an objective wants of a metric.
func role(o *sweep.Objective, metric string) string {
	if o != nil {
		for _, g := range o.Goals {
			if g.Metric == metric {
				return ObjectiveText(&sweep.Objective{Goals: []sweep.Goal{g}, Pick: o.Pick})
			}
		}
	}
	return ""
}
