package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/kubernetes/schedule"
	"github.com/lxsweep/lxsweep/sweep"
)

// RunNowOptions are what `lxsweep schedule run-now` is told.
type RunNowOptions struct {
	*Factory
	ClusterOptions
	Name string
}

func newRunNowCmd(f *Factory, run func(context.Context, *RunNowOptions) error) *cobra.Command {
	o := &RunNowOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "run-now NAME",
		Short: "Start a round of a schedule at once",
		Long: `run-now makes a Job of the schedule's CronJob, as kubectl create job --from does:
a round beside those of the nights, called as the Job. It does not wait for it.`,
		Example:           `  lxsweep schedule run-now grid --namespace ml`,
		ValidArgsFunction: cobra.NoFileCompletions,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errorf("for example: "+cmd.CommandPath()+" grid", "it takes the name of one schedule")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			return run(cmd.Context(), o)
		},
	}
	o.ClusterOptions.flags(cmd.Flags())
	return cmd
}

func runRunNow(ctx context.Context, o *RunNowOptions) error {
	c, err := o.connect(o.ClusterOptions)
	if err != nil {
		return err
	}
	job, err := schedule.NewClient(c).RunNow(ctx, o.Name, o.Now())
	if err != nil {
		return refusedOr(err)
	}
	o.done("job/"+job, "created")
	o.follow(c.Namespace, job, "k8s://"+c.Namespace+"/"+o.Name)
	return nil
}

// follow says how to see what a driver does.
func (f *Factory) follow(namespace, job, state string) {
	status := "lxsweep status"
	if state != "" {
		status += " --state " + sweep.ShellQuote(state)
	}
	ui.WriteHints(f.Err, f.screen(f.Err), []ui.Hint{
		{Command: status, What: "where its experiments are"},
		{Command: "kubectl logs --namespace " + namespace + " --follow job/" + job, What: "what the driver says"},
	})
}
