package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// ResultsOptions are what `lxsweep results` is told.
type ResultsOptions struct {
	*Factory
	ReadOptions
	RankOptions
	Output string // "table", "json" or "csv"
	Limit  int    // rows of a table, 0 for all
}

func newResultsCmd(f *Factory, run func(context.Context, *ResultsOptions) error) *cobra.Command {
	o := &ResultsOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "results",
		Short: "List the experiments by their objective, best first",
		Long: `results ranks the experiments of each sweep by its objective, with the
hyperparameters that differ between them; on a Pareto front several are first.
Experiments without a value of the objective come last, with their state.

--minimize and --maximize rank by the last value of another metric, or by a
Pareto front of several.

json and csv hold every metric and every hyperparameter.` + readsNewest + filterRuns,
		Example: `  lxsweep results
  lxsweep results --sweep nightly --limit 10
  lxsweep results --maximize val_acc --minimize train_seconds
  lxsweep results --filter 'metric.val_loss < 0.3 && hp.depth == 8'
  lxsweep results -o csv > results.csv`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.complete(cmd.Flags())
			if err := oneOf("--output", o.Output, "table", "json", "csv"); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	o.ReadOptions.flags(cmd.Flags())
	o.RankOptions.flags(cmd.Flags())
	outputFlag(cmd.Flags(), &o.Output, "table", "json", "csv")
	cmd.Flags().IntVar(&o.Limit, "limit", 0, "show the best so many of each sweep")
	return cmd
}

func runResults(ctx context.Context, o *ResultsOptions) (err error) {
	l, err := o.reading(ctx, o.State)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	boards, err := o.boards(ctx, l, o.ReadOptions, selection{by: o.objective()})
	if err != nil {
		return err
	}
	if len(boards) == 0 {
		o.note("no run matches --filter " + sweep.ShellQuote(o.Filter))
	}
	switch o.Output {
	case "json":
		return writeResultsJSON(o.Out, boards, o.Limit)
	case "csv":
		return writeResultsCSV(o.Out, boards, o.Limit)
	}
	for i, b := range boards {
		if i > 0 {
			fmt.Fprintln(o.Out)
		}
		b.Limit = o.Limit
		if err := b.Write(o.Out, o.screen(o.Out)); err != nil {
			return err
		}
	}
	return nil
}

// resultLine is an experiment of a board as JSON.
type resultLine struct {
	Sweep     string             `json:"sweep"`
	Round     string             `json:"round"`
	Run       string             `json:"run"`
	Rank      int                `json:"rank,omitempty"`
	State     sweep.State        `json:"state"`
	HP        *sweep.Object      `json:"hp"`
	Metrics   map[string]float64 `json:"metrics"`
	Seconds   float64            `json:"seconds,omitempty"`
	OutputDir string             `json:"output_dir,omitempty"`
	PrunedAt  *time.Time         `json:"pruned_at,omitempty"` // when OutputDir was removed
	Reason    string             `json:"reason,omitempty"`
}

func lineOf(b *ui.Board, r analysis.Row) resultLine {
	line := resultLine{
		Sweep: b.Sweep, Round: r.Record.Round, Run: r.Record.RunName(), Rank: r.Rank, State: r.State,
		HP: r.Record.HP, Metrics: map[string]float64{},
	}
	if last := r.Record.Last; last != nil {
		line.Metrics = finite(b.Objective, last.Metrics)
		line.Seconds, line.OutputDir, line.Reason = ui.Seconds(last.Duration()), last.OutputDir, last.Reason
		line.PrunedAt = timeOf(last.Pruned)
	}
	return line
}

// finite leaves out what JSON cannot write. The objective's metrics have the
// value that counts.
func finite(o *sweep.Objective, metrics []sweep.Metric) map[string]float64 {
	values := map[string]float64{}
	for _, m := range metrics {
		v := m.Last
		if o != nil {
			for _, g := range o.Goals {
				if g.Metric == m.Name {
					v, _ = o.Score(g, metrics)
				}
			}
		}
		if v-v == 0 { // neither NaN nor infinite
			values[m.Name] = v
		}
	}
	return values
}

// eachLine yields the lines of boards, at most limit of each.
func eachLine(boards []*ui.Board, limit int, f func(resultLine) error) error {
	for _, b := range boards {
		for i, r := range b.Rows {
			if limit > 0 && i == limit {
				break
			}
			if err := f(lineOf(b, r)); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeResultsJSON(w io.Writer, boards []*ui.Board, limit int) error {
	lines := []resultLine{}
	_ = eachLine(boards, limit, func(l resultLine) error { lines = append(lines, l); return nil })
	return writeJSON(w, lines)
}

// writeJSON writes a value for people and programs: in lines, and < as it is.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func writeResultsCSV(w io.Writer, boards []*ui.Board, limit int) error {
	metrics, paths := map[string]bool{}, map[string]bool{}
	_ = eachLine(boards, limit, func(l resultLine) error {
		for name := range l.Metrics {
			metrics[name] = true
		}
		for path := range l.HP.Leaves() {
			paths[path] = true
		}
		return nil
	})
	metricNames, hpPaths := slices.Sorted(maps.Keys(metrics)), slices.Sorted(maps.Keys(paths))
	c := csv.NewWriter(w)
	titles := []string{"sweep", "round", "run", "rank", "state", "seconds"}
	for _, name := range metricNames {
		titles = append(titles, "metric."+name)
	}
	for _, path := range hpPaths {
		titles = append(titles, "hp."+path)
	}
	_ = c.Write(titles)
	_ = eachLine(boards, limit, func(l resultLine) error { return c.Write(csvRow(l, metricNames, hpPaths)) })
	c.Flush()
	return c.Error()
}

func csvRow(l resultLine, metrics, paths []string) []string {
	rank, seconds := "", ""
	if l.Rank > 0 {
		rank = strconv.Itoa(l.Rank)
	}
	if l.Seconds > 0 {
		seconds = strconv.FormatFloat(l.Seconds, 'f', -1, 64)
	}
	row := []string{l.Sweep, l.Round, l.Run, rank, string(l.State), seconds}
	for _, name := range metrics {
		text := ""
		if v, ok := l.Metrics[name]; ok {
			text = strconv.FormatFloat(v, 'g', -1, 64)
		}
		row = append(row, text)
	}
	for _, path := range paths {
		text := ""
		if v, ok := l.HP.Get(path); ok {
			text = v.Text()
		}
		row = append(row, text)
	}
	return row
}
