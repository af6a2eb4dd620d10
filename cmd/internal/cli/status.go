package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// StatusOptions are what `lxsweep status` is told.
type StatusOptions struct {
	*Factory
	ReadOptions
	ClusterOptions
	Output string // "table" or "json"
	All    bool
	Rounds bool
}

func newStatusCmd(f *Factory, run func(context.Context, *StatusOptions) error) *cobra.Command {
	o := &StatusOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how each sweep stands, what runs, and what failed",
		Long: `status counts the experiments of each sweep by state, and lists those that run,
wait or failed, with the reason. It looks at the machine or the cluster too, so
that a run whose apply is gone is shown as it is. Who holds a lock is told on
stderr.

--rounds lists the rounds that there are instead, the newest first: when each
began, how it went, and its best run.` + readsNewest + filterRuns,
		Example: `  lxsweep status
  lxsweep status --all
  lxsweep status --rounds
  lxsweep status --round 2026-01-30
  lxsweep status --filter 'state == "oom"'`,
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
	o.ClusterOptions.flags(cmd.Flags())
	outputFlag(cmd.Flags(), &o.Output, "table", "json")
	cmd.Flags().BoolVar(&o.All, "all", false, "list the runs that succeeded or have not started, too")
	cmd.Flags().BoolVar(&o.Rounds, "rounds", false, "list the rounds, the newest first")
	return cmd
}

func runStatus(ctx context.Context, o *StatusOptions) (err error) {
	l, err := o.reading(ctx, o.State)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	where, err := o.places(l, o.ClusterOptions)
	if err != nil {
		return err
	}
	defer where.Close()
	live := func(r *sweep.Record) sweep.State { return where.state(ctx, r) }
	if o.Rounds {
		return o.rounds(ctx, l, live)
	}
	boards, err := o.boards(ctx, l, o.ReadOptions, selection{live: live})
	if err != nil {
		return err
	}
	if len(boards) == 0 {
		o.note("no run matches --filter " + sweep.ShellQuote(o.Filter))
	}
	status := ui.Status{Now: o.Now(), All: o.All || o.Filter != ""}
	for _, b := range boards {
		status.Add(b, live)
	}
	if o.Output == "json" {
		return writeJSON(o.Out, &status)
	}
	if err := status.Write(o.Out, o.screen(o.Out)); err != nil {
		return err
	}
	return o.holders(l, boards)
}

// rounds lists every round of the sweeps that are selected.
func (o *StatusOptions) rounds(ctx context.Context, l *ledger.Ledger, live func(*sweep.Record) sweep.State) error {
	filter, err := o.ledgerFilter(o.Filter)
	if err != nil {
		return err
	}
	list, err := o.asked(ctx, l, o.ReadOptions, !o.RoundGiven)
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b sweep.Asked) int { return cmp.Compare(b.Apply, a.Apply) })
	var rounds ui.Rounds
	for _, a := range list {
		b, err := readBoard(ctx, l, a, selection{filter: filter, live: live})
		if err != nil {
			return err
		}
		if filter == nil || len(b.Rows) > 0 {
			rounds.Add(a, b, live)
		}
	}
	if o.Output == "json" {
		return writeJSON(o.Out, &rounds)
	}
	return rounds.Write(o.Out, o.screen(o.Out), o.Now().Location())
}

// holders says who is at work on the experiments.
func (o *StatusOptions) holders(l *ledger.Ledger, boards []*ui.Board) error {
	seen := map[string]bool{}
	for _, b := range boards {
		for _, row := range b.Rows {
			name := row.Record.Name
			if seen[name] {
				continue
			}
			seen[name] = true
			holder, err := l.Holder(name)
			if err != nil {
				return err
			}
			if holder != nil {
				fmt.Fprintf(o.Err, "%s-* is being run by %s\n", name, ui.Clean(holder.String()))
			}
		}
	}
	return nil
}
