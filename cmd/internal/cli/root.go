package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
)

// Main runs the process' own command line and returns its exit code. Version is
// what `lxsweep version` says, empty where nobody knows.
func Main(args []string, version string) ExitCode {
	f, err := SystemFactory(version)
	if err != nil {
		return ExitError
	}
	code := Run(context.Background(), f, args)
	f.frames.end(code)
	return code
}

// Run runs a command line in the factory's world.
func Run(ctx context.Context, f *Factory, args []string) ExitCode {
	defer f.filter()()
	f.args = args
	root := newRootCmd(f)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var diags hcl.Diagnostics
	if errors.As(err, &diags) {
		err = f.diagnose(diags)
	}
	code, text, hint := outcome(err)
	if text != "" {
		ui.WriteError(f.Err, f.screen(f.Err), text, hint)
	}
	return code
}

func newRootCmd(f *Factory) *cobra.Command {
	root := &cobra.Command{
		Use:   "lxsweep",
		Short: "Declare, plan and apply hyperparameter sweeps",
		Long: `lxsweep runs hyperparameter sweeps: files say which experiments there are, plan
shows what would happen to each, apply runs those that have not run, and nothing
is ever run twice, lost or renumbered.

stdout is data, stderr is everything else. Exit codes: 0 done; 1 error; 2 plan
--detailed-exitcode would start something; 3 some wanted experiment has not
succeeded; 4 locked; 5 stale plan; 6 worse than the baseline; 130 interrupted,
resumable. The environment: LXSWEEP_VAR_x gives a variable its value; LXSWEEP_STATE
is the default of --state; NO_COLOR and CLICOLOR_FORCE turn colour off and on.`,
		Example: `  lxsweep try grid.hcl       # does one experiment work?
  lxsweep plan grid.hcl      # what would run
  lxsweep apply grid.hcl     # run it
  lxsweep results            # which experiment won`,
		Args:              known,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return noNegative(cmd.Flags()) },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.PersistentFlags().BoolFunc("no-color", "write without colour (--no-color=false: with)", func(value string) error {
		off, err := strconv.ParseBool(value)
		f.noColor = &off
		return err
	})
	root.SetIn(f.In)
	root.SetOut(f.Out)
	root.SetErr(f.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hinted(err, "see: "+cmd.CommandPath()+" --help")
	})
	root.SetHelpFunc(f.help)
	root.SetUsageFunc(f.usage)
	root.AddGroup(commandGroups...)
	f.addCommands(root)
	f.forward(root)
	f.completeFlags(root)
	return root
}

func (f *Factory) addCommands(root *cobra.Command) {
	root.AddCommand(grouped("write", newInitCmd(f, runInit), newValidateCmd(f, runValidate), newFmtCmd(f, runFmt), newTryCmd(f, runTry))...)
	root.AddCommand(grouped("run", newPlanCmd(f, runPlan), newApplyCmd(f, runApply), newCancelCmd(f, runCancel), newScheduleCmd(f, runSchedule))...)
	root.AddCommand(grouped("read",
		newStatusCmd(f, runStatus), newResultsCmd(f, runResults), newBestCmd(f, runBest), newCompareCmd(f, runCompare), newLogsCmd(f, runLogs), newShowCmd(f, runShow))...)
	root.AddCommand(grouped("other", newPruneCmd(f, runPrune), newLedgerCmd(f, runExport, runImport), newCompletionCmd(f), newVersionCmd(f))...)
}

// noNegative refuses whole numbers below 0: no flag has a use for them.
func noNegative(fs *pflag.FlagSet) (err error) {
	fs.Visit(func(flag *pflag.Flag) {
		if value := flag.Value.String(); flag.Value.Type() == "int" && strings.HasPrefix(value, "-") {
			err = fmt.Errorf("--%s takes a number from 0 on, and %s was given", flag.Name, value)
		}
	})
	return err
}

// known refuses the name of a command that there is not.
func known(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := "see: lxsweep --help"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean: lxsweep " + near[0]
	}
	return errorf(hint, "unknown command %q", args[0])
}

// cpus is how many cores this process may use.
func cpus() int { return runtime.GOMAXPROCS(0) }
