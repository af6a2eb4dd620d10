package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// TryOptions are what `lxsweep try` is told.
type TryOptions struct {
	*Factory
	InputOptions
	StateOptions
	Run    string // "ex-8", empty for the first experiment
	Filter string
}

func newTryCmd(f *Factory, run func(context.Context, *TryOptions) error) *cobra.Command {
	o := &TryOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "try FILE... [RUN]",
		Short: "Run one experiment in the foreground, and record nothing",
		Long: `try runs one experiment of the plan on this terminal: the first, the one that is
named as plan names it, or the first that a filter selects. It then says which
metrics it found, and whether the objective's was among them.

The program has the environment that apply would give it, and an output folder
of its own in the temporary folder, which stays if anything was written there.
Ctrl-C goes to the program. The ledger is only read, for the numbers; nothing is
kept, retried, timed out or waited for, and no GPU is set aside.

It exits with 0 where apply would call it a success, with 3 where it would not.
A file or folder that is named like a run is written ./ex-8.` + filterPlans,
		Example: `  lxsweep try grid.hcl
  lxsweep try grid.hcl ex-8
  lxsweep try grid.hcl --filter 'hp.depth == 8' --set hp.epochs=1
  lxsweep try grid.hcl --config base`,
		Args:              needFiles,
		ValidArgsFunction: f.completeTry,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.take(args); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	filterFlag(fs, &o.Filter)
	o.InputOptions.flags(fs)
	o.StateOptions.flags(fs)
	return cmd
}

// planNameForm is a run name as a plan writes it.
var planNameForm = regexp.MustCompile(strings.TrimSuffix(runNameForm.String(), "$") + `\??$`)

// take reads the arguments: files, then perhaps a run name.
func (o *TryOptions) take(args []string) error {
	last := len(args) - 1
	if last == 0 || !planNameForm.MatchString(args[last]) {
		o.Files = args
		return nil
	}
	o.Files, o.Run = args[:last], strings.TrimSuffix(args[last], "?")
	if o.Filter != "" {
		return errorf("leave one of them out", "both a run and --filter were given: %s, %s", o.Run, o.Filter)
	}
	return nil
}

func runTry(ctx context.Context, o *TryOptions) (err error) {
	module, err := o.load(o.InputOptions)
	if err != nil {
		return err
	}
	p, err := o.open(ctx, module, o.InputOptions, o.State, []string{}, ledger.ReadOnly)
	if err != nil {
		return err
	}
	defer closing(p, &err)
	pl, err := newPlanning(p, RerunOptions{}, o.Filter)
	if err != nil {
		return err
	}
	action, err := o.choose(ctx, pl)
	if err != nil {
		return err
	}
	t, err := o.prepare(p, action)
	if err != nil {
		return err
	}
	defer t.tidy()
	return t.run(ctx)
}

// errChosen ends the walk through a plan.
var errChosen = errors.New("chosen")

// choose returns the row that was asked for.
func (o *TryOptions) choose(ctx context.Context, pl *planning) (*sweep.Action, error) {
	plan, err := pl.plan(ctx)
	if err != nil {
		return nil, err
	}
	var chosen *sweep.Action
	filtered := newUnread(pl.filter)
	err = pl.walk(ctx, plan, func(a *sweep.Action) error {
		filtered.row(a)
		if a.Experiment == nil || a.Excluded || o.Run != "" && o.Run != sweep.RunName(a.Experiment.Name, a.Number) {
			return nil
		}
		chosen = a
		return errChosen
	})
	switch {
	case chosen != nil:
		return chosen, nil
	case err != nil:
		return nil, err
	}
	for _, w := range filtered.warnings() {
		o.note(w)
	}
	return nil, o.none()
}

// none says that no row is the one that was asked for.
func (o *TryOptions) none() error {
	hint := "lxsweep plan " + quoteAll(o.Files) + " lists the experiments"
	switch {
	case o.Run != "":
		return errorf(hint, "no experiment of the plan is %s", o.Run)
	case o.Filter != "":
		return errorf(hint, "no experiment of the plan matches --filter %s", sweep.ShellQuote(o.Filter))
	}
	return errorf(hint, "the plan has no experiment")
}

// prepare resolves the command with a scratch folder of its own.
func (o *TryOptions) prepare(p *project, a *sweep.Action) (t *trying, err error) {
	t = &trying{TryOptions: o, action: a, name: sweep.RunName(a.Experiment.Name, a.Number)}
	if t.scratch, err = os.MkdirTemp("", "lxsweep-try-"); err != nil {
		return nil, fmt.Errorf("making a scratch folder: %w", err)
	}
	t.command, err = a.Experiment.Work.Resolve(sweep.Place{
		Runner: p.runner.Name(), RunName: t.name, Number: a.Number, Round: a.Experiment.Round,
		OutputName: t.name, OutputRoot: t.scratch,
	})
	if err == nil {
		err = p.runner.Check(t.command)
	}
	if err == nil {
		err = os.MkdirAll(t.command.OutputDir, 0o755)
	}
	if err != nil {
		t.tidy()
		return nil, fmt.Errorf("%s: %w", a.RunName(), err)
	}
	if t.command.MLflowDir != "" {
		t.command.MLflowDir = filepath.Join(t.command.OutputDir, "mlflow")
	}
	return t, nil
}
