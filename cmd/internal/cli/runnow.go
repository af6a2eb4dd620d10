package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
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
	client, err := o.driverClient(o.ClusterOptions, c.Namespace)
	if err != nil {
		return err
	}
	job, err := client.RunNow(ctx, o.Name, o.Now())
	if err != nil {
		return refusedOr(err)
	}
	o.done("job/"+job, "created")
	o.follow(c.Namespace, job, "k8s://"+c.Namespace+"/"+o.Name)
	return nil
}

// follow says how to see what a driver does.
func (f *Factory) follow(namespace, job, state string) {
	if state != "" {
		state = " --state " + state
	}
	fmt.Fprintf(f.Err, "\n  lxsweep status%s   where its experiments are\n  kubectl logs --namespace %s --follow job/%s   what the driver says\n", state, namespace, job)
}
