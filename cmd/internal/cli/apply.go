package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// ApplyOptions are what `lxsweep apply` is told.
type ApplyOptions struct {
	*Factory
	InputOptions
	StateOptions
	ClusterOptions
	RerunOptions
	BaselineOptions
	Filter        string
	AutoApprove   bool
	CancelRemoved bool
	Parallel      int
	GPUs          []string
	FailFast      bool
	MaxFailures   int
	LockTimeout   time.Duration
	Until         string
	TakeOver      bool
	SkipBuild     bool
	Progress      string // "auto", "tty", "plain" or "quiet"
	DriverOptions
	Detach bool

	passed    []string   // options for a driver in the cluster
	given     []string   // with --detach: the other options, but for variables and the ledger
	saved     *savedPlan // nil if files were named
	savedRows []savedRow
	withheld  *withheld // nil unless quiet
}

func newApplyCmd(f *Factory, run func(context.Context, *ApplyOptions) error) *cobra.Command {
	o := &ApplyOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "apply FILE... | PLAN",
		Short: "Run the experiments that have not run",
		Long: `apply plans, asks, and runs what is to run, so many at a time. What has
succeeded or failed is kept unless --rerun says otherwise. It can be interrupted
and started again at any time: the same command goes on.

Ctrl-C once starts nothing more and waits for what runs; twice ends that too.
SIGHUP leaves the programs running, and the next apply adopts them. On a cluster
once is enough: what runs there goes on, and the next apply adopts it.

With --detach a Job in the cluster applies the files, with a ledger there, and
this returns when it has started; see lxsweep schedule --help for what is made.

--until 06:00 starts nothing from then on, and the first such moment after the
round's first apply counts. In the files, overlap says what to do if an earlier
round still runs, and on_finish who is told at the end.

--baseline compares the round with an earlier one at the end, and says in five
lines what got worse; lxsweep compare --help tells when a point has. A night that
goes well prints nothing with --progress quiet.

It exits with 0 if every experiment that is wanted has succeeded, with 3 if one
has not, 4 if another process holds the lock, 5 if a saved plan no longer holds
or the cluster has something else under a name, 6 if something is worse than in
the baseline or failed-now, whatever else failed, 130 if it was interrupted.` + filterPlans,
		Example: `  lxsweep apply grid.hcl
  lxsweep apply grid.hcl --rerun failed
  lxsweep apply night.lxplan
  lxsweep apply --detach grid.hcl --image ghcr.io/acme/lxsweep:v1 --namespace ml
  lxsweep apply --round night-2 --baseline last grid.hcl
  lxsweep apply --auto-approve --until 06:00 grid.hcl
  lxsweep apply --auto-approve --progress quiet --round "$(date +%F)" grid.hcl`,
		Args:              needFiles,
		ValidArgsFunction: completeFiles("hcl", "lxplan"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			if err := oneOf("--progress", o.Progress, "auto", "tty", "plain", "quiet"); err != nil {
				return err
			}
			if _, err := parseUntil(o.Until); err != nil {
				return err
			}
			if err := o.BaselineOptions.complete(cmd.Flags()); err != nil {
				return err
			}
			if err := o.takeSaved(cmd.Flags()); err != nil {
				return err
			}
			if err := o.takeDetach(cmd.Flags()); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	o.InputOptions.flags(fs)
	o.StateOptions.flags(fs)
	o.ClusterOptions.flags(fs)
	o.DriverOptions.flags(fs)
	o.RerunOptions.flags(fs)
	o.BaselineOptions.flags(fs)
	filterFlag(fs, &o.Filter)
	parallelFlags(fs, &o.Parallel, &o.GPUs)
	fs.BoolVar(&o.Detach, "detach", false, "have the cluster apply them, and return when that has started")
	fs.BoolVar(&o.AutoApprove, "auto-approve", false, "do not ask")
	fs.BoolVar(&o.CancelRemoved, "cancel-removed", false, "end runs that the files no longer ask for")
	fs.BoolVar(&o.FailFast, "fail-fast", false, "start nothing more after the first failure")
	fs.IntVar(&o.MaxFailures, "max-failures", 0, "start nothing more after so many failures")
	fs.DurationVar(&o.LockTimeout, "lock-timeout", 0, "wait so long for another apply to end (-1s: as long as it takes)")
	fs.StringVar(&o.Until, "until", "", "start nothing from then on: a `time` of day such as 06:00, or RFC 3339")
	fs.BoolVar(&o.TakeOver, "take-over", false, "take runs over that a lost ledger has in the cluster, and their numbers")
	fs.BoolVar(&o.SkipBuild, "skip-build", false, "run no build_steps: the images are there")
	fs.StringVar(&o.Progress, "progress", "auto", "how progress is shown: auto, tty, plain, quiet")
	offer(fs, "progress", "auto", "tty", "plain", "quiet")
	return cmd
}

// planFlags may not be given with a saved plan, which has its own.
var planFlags = []string{"var-file", "set", "config", "round", "runner", "state", "kubeconfig", "context", "namespace", "rerun", "accept-changed", "filter", "var"}

// takeSaved reads a saved plan, if that is what was named.
func (o *ApplyOptions) takeSaved(fs *pflag.FlagSet) error {
	if len(o.Files) != 1 {
		return nil
	}
	var err error
	o.saved, o.savedRows, err = readSaved(o.abs(o.Files[0]))
	if err != nil || o.saved == nil {
		return err
	}
	for _, name := range planFlags {
		if fs.Changed(name) {
			return errorf("lxsweep apply "+sweep.ShellQuote(o.Files[0]), "a saved plan is applied as it is: --%s belongs to the plan command", name)
		}
	}
	s := o.saved
	o.InputOptions = InputOptions{
		Files: s.Files, Vars: s.Vars, VarFiles: s.VarFiles, Sets: s.Sets, Configs: s.Configs, Round: s.Round, Runner: s.Runner,
	}
	o.RerunOptions = RerunOptions{Rerun: s.Rerun, AcceptChanged: s.Accept}
	o.State, o.ClusterOptions, o.Filter = o.savedState(s.State), s.Cluster, s.Filter
	return nil
}

func (o *ApplyOptions) loadModule() (*hcl.Module, error) {
	if o.saved == nil {
		return o.load(o.InputOptions)
	}
	return o.loadWith(o.Files, hcl.Options{
		Vars: o.Vars, VarFiles: o.VarFiles, Sets: o.Sets, Configs: o.Configs, Round: o.Round, Runner: o.Runner,
		Environ: o.saved.environ(o.Environ), ReadFile: o.saved.readFile,
	})
}

func runApply(ctx context.Context, o *ApplyOptions) (err error) {
	if o.Detach {
		return runDetach(ctx, o)
	}
	o.KeepWriting()
	f := *o.Factory
	f.Out.Writer, f.Err.Writer, f.Err.Raw = lenient{f.Out.Writer}, lenient{f.Err.Writer}, lenient{f.Err.Raw}
	o.Factory = &f
	if o.quiet() && o.AutoApprove {
		o.withheld = f.withhold()
		defer func() {
			if err != nil {
				o.withheld.reveal()
			}
		}()
	}
	module, err := o.loadModule()
	if err != nil {
		return err
	}
	a := newApplying(o, module)
	if err := a.show(ctx); err != nil {
		return err
	}
	if err := a.approve(); err != nil {
		return err
	}
	return a.run(ctx)
}

// open opens the project for an apply; see Factory.open.
func (o *ApplyOptions) open(ctx context.Context, m *hcl.Module, mode ledger.Mode) (*planning, error) {
	p, err := o.Factory.open(ctx, m, o.InputOptions, where{o.State, o.ClusterOptions, o.GPUs}, mode)
	if err != nil {
		return nil, err
	}
	return newPlanning(p, o.RerunOptions, o.Filter)
}
