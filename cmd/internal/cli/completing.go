package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// What completion offers is read from the ledger and from the files that are
// named already, within bounds, and writes nothing. Where it cannot read it
// offers nothing and is silent: the command itself says what is wrong.

const (
	// maxOffered is how many runs are offered.
	maxOffered = 500
	// completionTime is how long it may look for them.
	completionTime = 500 * time.Millisecond
)

// described is a text with what it is, as shells show it.
func described(text, what string) cobra.Completion { return cobra.CompletionWithDesc(text, what) }

// completeFiles offers files with these extensions, and folders.
func completeFiles(extensions ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// completeRun offers one run of the ledger, completeRuns any number.
func (f *Factory) completeRun(keep func(*sweep.Record) bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f.completeRuns(keep)(cmd, args, begun)
	}
}

func (f *Factory) completeRuns(keep func(*sweep.Record) bool) cobra.CompletionFunc {
	return f.fromLedger(func(ctx context.Context, l *ledger.Ledger, begun string) (list []cobra.Completion, err error) {
		queries := []ledger.Query{{}}
		if dash := strings.LastIndexByte(begun, '-'); dash > 0 { // of the name, or in it
			queries = []ledger.Query{{AllRounds: true, Names: []string{begun[:dash]}}, {}}
		}
		for _, q := range queries {
			for r, err := range l.Records(ctx, q) {
				if err != nil || len(list) == maxOffered {
					return list, err
				}
				if strings.HasPrefix(r.RunName(), begun) && (keep == nil || keep(r)) {
					list = append(list, described(r.RunName(), string(verdict(r, nil))))
				}
			}
			if len(list) > 0 {
				break
			}
		}
		return list, nil
	})
}

func hasStarted(r *sweep.Record) bool { return r.Last != nil }

func isOpen(r *sweep.Record) bool { return r.Last != nil && !r.Last.State.Final() }

// fromLedger offers what read finds in the ledger that the command would read.
func (f *Factory) fromLedger(read func(context.Context, *ledger.Ledger, string) ([]cobra.Completion, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		path, err := f.ledgerOf(cmd, args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		l, err := f.openLedger(ctx, path, ledger.ReadOnly)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer l.Close()
		list, _ := read(ctx, l, begun)
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// ledgerOf is --state, else the ledger beside the first file, for commands that
// take files, else the nearest.
func (f *Factory) ledgerOf(cmd *cobra.Command, args []string) (string, error) {
	state, _ := cmd.Flags().GetString("state")
	if where := f.stateOf(state); where != "" {
		return where, nil
	}
	if cmd.Flags().Lookup("var") == nil {
		return f.nearestState()
	}
	if len(args) == 0 {
		return "", errors.New("no file yet")
	}
	module, _ := f.moduleOf(cmd, args)
	return filepath.Join(module.Dir, ledgerFile), nil
}

// moduleOf is what can be made of the files that are named already.
func (f *Factory) moduleOf(cmd *cobra.Command, args []string) (*hcl.Module, hcl.Diagnostics) {
	list := func(flag string) []string {
		values, _ := cmd.Flags().GetStringArray(flag) // every such command has it
		return values
	}
	round, _ := cmd.Flags().GetString("round")
	return hcl.Load(args, f.languageOptions(InputOptions{
		Vars: list("var"), VarFiles: list("var-file"), Sets: list("set"), Configs: list("config"), Round: round,
	}))
}

// completeTry offers files, and runs of the plan of those that are named.
func (f *Factory) completeTry(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return completeFiles("hcl")(cmd, args, begun)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	list, _ := f.planned(ctx, cmd, args, begun)
	return list, cobra.ShellCompDirectiveDefault
}

// planned are the runs of a plan, as far as there is time for them.
func (f *Factory) planned(ctx context.Context, cmd *cobra.Command, args []string, begun string) (list []cobra.Completion, err error) {
	module, diags := f.moduleOf(cmd, args)
	if diags.HasErrors() {
		return nil, diags
	}
	state, _ := cmd.Flags().GetString("state")
	p, err := f.open(ctx, module, InputOptions{Runner: onLocal}, where{state: state, gpus: []string{}}, ledger.ReadOnly)
	if err != nil {
		return nil, err
	}
	defer closing(p, &err)
	pl := &planning{project: p}
	for a, err := range pl.planAfter(nil).Actions(ctx) {
		if err != nil || len(list) == maxOffered {
			return list, err
		}
		if a.Experiment == nil {
			continue
		}
		if name := sweep.RunName(a.Experiment.Name, a.Number); strings.HasPrefix(name, begun) {
			list = append(list, described(name, a.Experiment.HP.String()))
		}
	}
	return list, nil
}

// completeFlags gives the flags of all commands their completions.
func (f *Factory) completeFlags(root *cobra.Command) {
	file := cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	ways := map[string]cobra.CompletionFunc{
		"state": file, "var-file": file, "out": file,
		"sweep": f.fromLedger(sweepNames), "round": f.fromLedger(rounds), "baseline": f.fromLedger(baselines),
		"minimize": f.fromLedger(metricNames), "maximize": f.fromLedger(metricNames),
		"config": f.completeConfigs, "var": f.completeVariables,
	}
	var all []*cobra.Command
	for _, cmd := range root.Commands() {
		all = append(append(all, cmd), cmd.Commands()...)
	}
	for _, cmd := range all {
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			way := ways[flag.Name]
			if choices := flag.Annotations[offered]; choices != nil {
				way = cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)
			}
			if way == nil {
				way = cobra.NoFileCompletions
			}
			_ = cmd.RegisterFlagCompletionFunc(flag.Name, way) // fails for a flag that there is not
		})
	}
}

// sweepNames are the labels of all sweeps that were ever applied.
func sweepNames(ctx context.Context, l *ledger.Ledger, _ string) (list []cobra.Completion, err error) {
	asked, err := l.Asked(ctx)
	seen := map[string]bool{}
	for _, a := range asked {
		if !seen[a.Sweep] {
			seen[a.Sweep] = true
			list = append(list, described(a.Sweep, a.Source))
		}
	}
	return list, err
}

func metricNames(ctx context.Context, l *ledger.Ledger, _ string) ([]cobra.Completion, error) {
	return l.MetricNames(ctx)
}

func rounds(ctx context.Context, l *ledger.Ledger, _ string) ([]cobra.Completion, error) {
	return l.Rounds(ctx)
}

// baselines are the rounds, and what stands for one.
func baselines(ctx context.Context, l *ledger.Ledger, begun string) ([]cobra.Completion, error) {
	list, err := rounds(ctx, l, begun)
	return append([]cobra.Completion{described(lastRound, "the newest complete one before")}, list...), err
}

// completeRounds offers the arguments of compare.
func (f *Factory) completeRounds(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return f.fromLedger(baselines)(cmd, args, begun)
	case 1:
		return f.fromLedger(rounds)(cmd, args, begun)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func (f *Factory) completeConfigs(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	module, _ := f.moduleOf(cmd, args)
	return module.Configs, cobra.ShellCompDirectiveNoFileComp
}

func (f *Factory) completeVariables(cmd *cobra.Command, args []string, _ string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
	module, _ := f.moduleOf(cmd, args)
	for _, v := range module.Variables {
		list = append(list, described(v.Name+"=", v.Text))
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
