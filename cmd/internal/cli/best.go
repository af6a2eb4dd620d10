package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/ledger"
)

// BestOptions are what `lxsweep best` is told.
type BestOptions struct {
	*Factory
	ReadOptions
	RankOptions
	Output string // "table" or "json"
}

func newBestCmd(f *Factory, run func(context.Context, *BestOptions) error) *cobra.Command {
	o := &BestOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "best",
		Short: "Show the best experiment of each sweep, and how to run it again by hand",
		Long: `best shows the winner of each sweep that has an objective: its score, its
hyperparameters and its output folder. Equals, and a whole Pareto front, are all
shown. With -o json there is the command, too.

--minimize and --maximize name another metric, whose last value counts, or
several, for a Pareto front.` + readsNewest + filterRuns,
		Example: `  lxsweep best
  lxsweep best --maximize val_acc
  lxsweep best --filter 'hp.depth <= 4'
  lxsweep best --sweep nightly -o json | jq .[0].hp`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.complete(cmd.Flags())
			if err := oneOf("--output", o.Output, "table", "json"); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	o.ReadOptions.flags(cmd.Flags())
	o.RankOptions.flags(cmd.Flags())
	outputFlag(cmd.Flags(), &o.Output, "table", "json")
	return cmd
}

func runBest(ctx context.Context, o *BestOptions) (err error) {
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
		return noMatch(o.Filter)
	}
	lines := []bestLine{}
	var none *ui.Board
	for _, b := range boards {
		if b.Objective == nil || len(b.Rows) == 0 || b.Rows[0].Rank == 0 {
			none = b
			continue
		}
		for _, row := range b.Rows {
			if row.Rank == 1 {
				lines = append(lines, bestLine{lineOf(b, row), row.Record.Last.Command})
			}
		}
		if o.Output == "table" {
			writeBest(o, l, b)
		}
	}
	if len(lines) == 0 && none.Objective == nil {
		return errorf("name a metric: lxsweep best --minimize val_loss", "sweep %q has no objective", none.Sweep)
	}
	if len(lines) == 0 {
		return errorf("lxsweep results lists what there is", "no experiment of sweep %q has a value for: %s", none.Sweep, ui.ObjectiveText(none.Objective))
	}
	if o.Output == "json" {
		e := json.NewEncoder(o.Out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(lines)
	}
	return nil
}

type bestLine struct {
	resultLine
	Command string `json:"command"`
}

// writeBest draws a board's winners: several where scores are equal, or on a
// Pareto front.
func writeBest(o *BestOptions, l *ledger.Ledger, b *ui.Board) {
	s := o.screen(o.Out)
	fmt.Fprintf(o.Out, "%s  %s\n", s.Paint(ui.Bold, "sweep "+ui.Clean(b.Sweep)), s.Paint(ui.Dim, ui.Clean(ui.ObjectiveText(b.Objective))))
	for _, row := range b.Rows {
		if row.Rank != 1 {
			break
		}
		fmt.Fprintf(o.Out, "  %s  %s\n", s.Paint(ui.Green, row.Record.RunName()), ui.Score(b.Objective, row.Record.Last.Metrics))
		t := &ui.Table{Indent: 4, NoTitles: true, Columns: []ui.Column{{}, {Shrink: 20}}}
		for path, v := range row.Record.HP.Leaves() {
			t.Rows = append(t.Rows, ui.Texts(path, v.Text()))
		}
		if row.Record.Last.OutputDir != "" {
			t.Rows = append(t.Rows, ui.Texts("output", o.short(row.Record.Last.OutputDir)))
		}
		_, _ = t.Write(o.Out, s)
		ui.WriteHints(o.Out, s, []ui.Hint{{Command: o.reader("show "+row.Record.RunName()+" --cmd", l), What: "a line to paste that runs it again"}})
	}
}
