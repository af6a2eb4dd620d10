package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// PlanOptions are what `lxsweep plan` is told.
type PlanOptions struct {
	*Factory
	InputOptions
	StateOptions
	ClusterOptions
	RerunOptions
	Filter           string
	Output           string // "text" or "json"
	SaveTo           string // the saved plan's file, empty for none
	DetailedExitCode bool
	Parallel         int
	GPUs             []string
}

func newPlanCmd(f *Factory, run func(context.Context, *PlanOptions) error) *cobra.Command {
	o := &PlanOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "plan FILE...",
		Short: "Show which experiments there are, and what apply would do to each",
		Long: `plan expands the sweeps of the files and compares every experiment with the
ledger: what apply would start and why, what it would keep and why. It prints the
count of every stage, the first command in full, and what the machine lacks. It
takes no lock and changes nothing. For a cluster it says which permissions are
missing, and lets the server check a Job of each kind without making it.

--filter narrows it, --rerun and --accept-changed say what to do about what has
run; give apply the same. A plan that --out saves is applied exactly, or refused.

With -o json it writes an object a line: a header, the experiments, a summary.
Commands have stand-ins such as /OUTPUT_DIR there, for what depends on the place.` + filterPlans,
		Example: `  lxsweep plan grid.hcl
  lxsweep plan grid.hcl --filter 'hp.depth == 8'
  lxsweep plan grid.hcl --var tag=v13 --set run.max_memory=8Gi
  lxsweep plan grid.hcl -o json | jq -r 'select(.start).hp'
  lxsweep plan grid.hcl --out night.lxplan && lxsweep apply night.lxplan`,
		Args:              needFiles,
		ValidArgsFunction: completeFiles("hcl"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			if err := oneOf("--output", o.Output, "text", "json"); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	o.InputOptions.flags(fs)
	o.StateOptions.flags(fs)
	o.ClusterOptions.flags(fs)
	o.RerunOptions.flags(fs)
	filterFlag(fs, &o.Filter)
	outputFlag(fs, &o.Output, "text", "json")
	fs.StringVar(&o.SaveTo, "out", "", "save the plan to a `file` that apply takes")
	fs.BoolVar(&o.DetailedExitCode, "detailed-exitcode", false, "exit with 2 if something would start")
	parallelFlags(fs, &o.Parallel, &o.GPUs)
	return cmd
}

func runPlan(ctx context.Context, o *PlanOptions) (err error) {
	module, err := o.load(o.InputOptions)
	if err != nil {
		return err
	}
	p, err := o.open(ctx, module, o.InputOptions, where{o.State, o.ClusterOptions, o.GPUs}, ledger.ReadOnly)
	if err != nil {
		return err
	}
	defer closing(p, &err)
	pl, err := newPlanning(p, o.RerunOptions, o.Filter)
	if err != nil {
		return err
	}
	plan, err := pl.plan(ctx)
	if err != nil {
		return err
	}
	saved := newSavedRows(o.SaveTo != "")
	w, err := o.writer(p)
	if err != nil {
		return err
	}
	if err := pl.draw(ctx, plan, w, saved.row); err != nil {
		return err
	}
	if o.SaveTo != "" {
		if err := o.save(p, plan, saved); err != nil {
			return err
		}
	}
	if o.DetailedExitCode && plan.Starts > 0 {
		return said(ExitChanges)
	}
	return nil
}

func (o *PlanOptions) writer(p *project) (ui.PlanWriter, error) {
	h := p.header(planSettings(o.InputOptions, o.RerunOptions, o.Filter), p.parallel(o.Parallel))
	if o.Output == "json" {
		return ui.NewPlanJSON(o.Factory.Out, h)
	}
	return o.planText(p, h), nil
}

// planText draws a plan with the first command as this machine would run it.
func (f *Factory) planText(p *project, h ui.PlanHeader) *ui.PlanText {
	text := ui.NewPlanText(f.Out, f.screen(f.Out), h)
	text.Command = p.command
	return text
}

// planSettings are the options that change a plan, as they would be typed.
func planSettings(in InputOptions, rerun RerunOptions, filter string) []string {
	list := in.settings()
	for _, word := range rerun.Rerun {
		list = append(list, "--rerun "+word)
	}
	if rerun.AcceptChanged {
		list = append(list, "--accept-changed")
	}
	if filter != "" {
		list = append(list, "--filter "+sweep.ShellQuote(filter))
	}
	return list
}

// closing closes at the end of a command; its error counts if there is no other.
func closing(c interface{ Close() error }, err *error) {
	if e := c.Close(); e != nil && *err == nil {
		*err = fmt.Errorf("closing: %w", e)
	}
}
