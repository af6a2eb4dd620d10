package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/sweep"
)

// ValidateOptions are what `lxsweep validate` is told.
type ValidateOptions struct {
	*Factory
	InputOptions
	Output string // "text" or "json"
}

func newValidateCmd(f *Factory, run func(context.Context, *ValidateOptions) error) *cobra.Command {
	o := &ValidateOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check files and evaluate every experiment, without a ledger",
		Long: `validate reads the files and evaluates every experiment of their sweeps, and
reports everything that is wrong or doubtful, each with its place, its source and
the values involved. It looks at no ledger and starts nothing.

With -o json it writes one object to stdout, in the shape of terraform validate:
valid, error_count, warning_count, and diagnostics with severity, summary,
detail, range and snippet. It exits with 1 if there are errors.`,
		Example: `  lxsweep validate grid.hcl
  lxsweep validate grid.hcl --var tag=v13
  lxsweep validate grid.hcl -o json | jq -r '.diagnostics[].summary'`,
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
	outputFlag(cmd.Flags(), &o.Output, "text", "json")
	o.InputOptions.flags(cmd.Flags())
	return cmd
}

func runValidate(ctx context.Context, o *ValidateOptions) error {
	if o.Output == "json" {
		return o.json(ctx)
	}
	module, err := o.load(o.InputOptions)
	if err != nil {
		return err
	}
	total, diags, err := evaluate(ctx, module, func(*sweep.Experiment) {})
	if err != nil {
		return err
	}
	if err := o.diagnose(diags); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Out, "valid: %s, %s\n", ui.Count(len(module.Sweeps), "sweep", "sweeps"), ui.Count(total, "experiment", "experiments"))
	return err
}

// json writes everything that is wrong to stdout.
func (o *ValidateOptions) json(ctx context.Context) error {
	module, diags := hcl.Load(o.Files, o.languageOptions(o.InputOptions))
	if !diags.HasErrors() {
		_, more, err := evaluate(ctx, module, func(*sweep.Experiment) {})
		if err != nil {
			return err
		}
		diags = diags.With(more)
	}
	if err := diags.WriteJSON(o.Out); err != nil {
		return err
	}
	if diags.HasErrors() {
		return said(ExitError)
	}
	return nil
}

// evaluate goes through all experiments and counts them.
func evaluate(ctx context.Context, m *hcl.Module, each func(*sweep.Experiment)) (total int, diags hcl.Diagnostics, err error) {
	failures := m.Failures()
	for _, s := range m.Sweeps {
		for e, err := range s.Experiments() {
			if err != nil {
				failures.Add(err)
			} else {
				each(e)
			}
			if total++; total%1024 == 0 && ctx.Err() != nil {
				return total, diags, ctx.Err()
			}
		}
	}
	return total, failures.Diagnostics(), nil
}
