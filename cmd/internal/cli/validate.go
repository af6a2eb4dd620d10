package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
)

// ValidateOptions are what `lxsweep validate` is told.
type ValidateOptions struct {
	*Factory
	InputOptions
}

func newValidateCmd(f *Factory, run func(context.Context, *ValidateOptions) error) *cobra.Command {
	o := &ValidateOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check files and evaluate every experiment, without a ledger",
		Example: `  lxsweep validate grid.hcl
  lxsweep validate grid.hcl --var tag=v13`,
		Args: needFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return run(cmd.Context(), o)
		},
	}
	o.InputOptions.flags(cmd.Flags())
	return cmd
}

func runValidate(ctx context.Context, o *ValidateOptions) error {
	module, err := o.load(o.InputOptions)
	if err != nil {
		return err
	}
	failures := module.Failures()
	total := 0
	for _, s := range module.Sweeps {
		for _, err := range s.Experiments() {
			if err != nil {
				failures.Add(err)
			}
			if total++; total%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	if err := o.diagnose(failures.Diagnostics()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Out, "valid: %s, %s\n", ui.Count(len(module.Sweeps), "sweep", "sweeps"), ui.Count(total, "experiment", "experiments"))
	return err
}
