package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
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
	var won []*ui.Board
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
		won = append(won, b)
	}
	if len(lines) == 0 && none.Objective == nil {
		return errorf("name a metric: lxsweep best --minimize val_loss", "sweep %q has no objective", none.Sweep)
	}
	if len(lines) == 0 {
		return errorf("lxsweep results lists what there is", "no experiment of sweep %q has a value for: %s", none.Sweep, ui.ObjectiveText(none.Objective))
	}
	if o.Output == "json" {
		return writeJSON(o.Out, lines)
	}
	again := func(run string) string { return o.reader("show "+run+" --cmd", l) }
	return ui.WriteBest(o.Out, o.screen(o.Out), won, o.short, again)
}

type bestLine struct {
	resultLine
	Command string `json:"command"`
}
