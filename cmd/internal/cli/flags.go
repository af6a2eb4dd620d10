package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/sweep"
)

// InputOptions say which experiments are wanted: files, and what the command
// line adds to them.
type InputOptions struct {
	Files    []string
	Vars     []string
	VarFiles []string
	Sets     []string
	Configs  []string
	Round    string
	Runner   string
}

func (o *InputOptions) flags(fs *pflag.FlagSet) {
	o.valueFlags(fs)
	fs.StringVar(&o.Round, "round", "", "the `round`: every round runs everything afresh")
	fs.StringVar(&o.Runner, "runner", "", "the `name` of where experiments run, whatever the files say: local, kubernetes")
	offer(fs, "runner", onLocal, onKubernetes)
}

// valueFlags are what is added to the files themselves.
func (o *InputOptions) valueFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.Vars, "var", nil, "give a variable a value: `name=value`")
	fs.StringArrayVar(&o.VarFiles, "var-file", nil, "read values of variables from a `file`")
	fs.StringArrayVar(&o.Sets, "set", nil, "replace an attribute in every config: `run.max_memory=8Gi`")
	fs.StringArrayVar(&o.Configs, "config", nil, "run this `config` by itself in place of the sweeps")
}

// settings are the inputs as they would be typed, less files and variables.
func (o *InputOptions) settings() []string {
	var list []string
	for _, set := range o.Sets {
		list = append(list, "--set "+sweep.ShellQuote(set))
	}
	for _, config := range o.Configs {
		list = append(list, "--config "+sweep.ShellQuote(config))
	}
	return list
}

// StateOptions say where the ledger is.
type StateOptions struct{ State string }

func (o *StateOptions) flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.State, "state", "", "the ledger's `place`: a file or a postgres:// URL (default: LXSWEEP_STATE, or .lxsweep/lxsweep.db beside the first .hcl file)")
}

// readerFlags is for commands that take no files.
func (o *StateOptions) readerFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.State, "state", "", "the ledger's `place`: a file or a postgres:// URL (default: LXSWEEP_STATE, or .lxsweep/lxsweep.db here or in the nearest folder above)")
}

func filterFlag(fs *pflag.FlagSet, filter *string) {
	fs.StringVar(filter, "filter", "", "select by an `expression`: 'hp.depth == 8 && state == \"oom\"'")
}

func outputFlag(fs *pflag.FlagSet, output *string, choices ...string) {
	fs.StringVarP(output, "output", "o", choices[0], "how it is written: "+strings.Join(choices, ", "))
	offer(fs, "output", choices...)
}

func parallelFlags(fs *pflag.FlagSet, parallel *int, gpus *[]string) {
	fs.IntVar(parallel, "parallel", 0, "run at most so many at once (default: one a core)")
	fs.StringSliceVar(gpus, "gpus", nil, "the `devices` to hand out, as CUDA_VISIBLE_DEVICES names them")
}

// offer gives a flag's values to completion.
func offer(fs *pflag.FlagSet, flag string, choices ...string) {
	_ = fs.SetAnnotation(flag, offered, choices) // fails for a flag that there is not
}

// offered is the annotation of a flag that holds its values.
const offered = "lxsweep_values"

// oneOf checks a flag whose values are known.
func oneOf(flag, value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return errorf("it is one of: "+strings.Join(choices, ", "), "%s %q is not known", flag, value)
}

// RerunOptions say what to do about experiments that have run.
type RerunOptions struct {
	Rerun         []string
	AcceptChanged bool
}

func (o *RerunOptions) flags(fs *pflag.FlagSet) {
	fs.StringSliceVar(&o.Rerun, "rerun", nil, "run again: `failed`, changed, lost, cancelled, or run names, with commas")
	offer(fs, "rerun", "failed", "changed", "lost", "cancelled")
	fs.BoolVar(&o.AcceptChanged, "accept-changed", false, "take changed work as equivalent to what ran, and keep the results")
}

var runNameForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?-(0|[1-9][0-9]*)$`)

// parse reads --rerun.
func (o *RerunOptions) parse() (sweep.Rerun, error) {
	rerun := sweep.Rerun{RunNames: map[string]bool{}}
	for _, word := range o.Rerun {
		switch word {
		case "failed":
			rerun.Failed = true
		case "changed":
			rerun.Changed = true
		case "lost":
			rerun.Lost = true
		case "cancelled":
			rerun.Cancelled = true
		default:
			if !runNameForm.MatchString(word) {
				return rerun, errorf("it takes failed, changed, lost, cancelled, or run names such as ex-8", "--rerun %q is not known", word)
			}
			rerun.RunNames[word] = true
		}
	}
	return rerun, nil
}

// needFiles is the argument check of commands that take files.
func needFiles(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errorf("for example: "+cmd.CommandPath()+" grid.hcl", "no file was named")
	}
	return nil
}

// RunOptions say which run is read: one that is named, or all that a filter
// selects.
type RunOptions struct {
	StateOptions
	Run    string // empty where Filter is not
	Filter string
}

func (o *RunOptions) flags(fs *pflag.FlagSet) {
	o.readerFlags(fs)
	filterFlag(fs, &o.Filter)
}

// take reads the arguments.
func (o *RunOptions) take(cmd *cobra.Command, args []string) error {
	if o.Filter != "" {
		return withFilter(args, o.Filter)
	}
	if err := needRuns(1, 1)(cmd, args); err != nil {
		return err
	}
	o.Run = args[0]
	return nil
}

// withFilter refuses names beside a filter.
func withFilter(args []string, filter string) error {
	if len(args) > 0 {
		return errorf("leave one of them out", "both a run and --filter were given: %s, %s", args[0], filter)
	}
	return nil
}

// needRuns is the argument check of commands that take so many run names; most
// is -1 for any number.
func needRuns(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least {
			return errorf("for example: "+cmd.CommandPath()+" ex-8", "no run was named")
		}
		if most >= 0 && len(args) > most {
			return errorf("for example: "+cmd.CommandPath()+" "+args[0], "it takes one run, %d were named", len(args))
		}
		for _, name := range args {
			if !runNameForm.MatchString(name) {
				return errorf("run names look like ex-8; lxsweep status lists them", "%q is no run name", name)
			}
		}
		return nil
	}
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return hinted(fmt.Errorf("%q is one argument too many", args[0]), "see: "+cmd.CommandPath()+" --help")
	}
	return nil
}

func (o *ReadOptions) flags(fs *pflag.FlagSet) {
	o.readerFlags(fs)
	fs.StringVar(&o.Sweep, "sweep", "", "only what this `sweep` asked for")
	fs.StringVar(&o.Round, "round", "", "the `round` to read (default: the newest)")
	filterFlag(fs, &o.Filter)
}

// RankOptions are what experiments are ranked by in place of their sweep's
// objective.
type RankOptions struct{ Minimize, Maximize []string }

func (o *RankOptions) flags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.Minimize, "minimize", nil, "rank by this `metric` in place of the objective, the least first")
	fs.StringArrayVar(&o.Maximize, "maximize", nil, "rank by this `metric` in place of the objective, the greatest first")
}

// objective is nil for the sweep's own.
func (o RankOptions) objective() *sweep.Objective {
	var goals []sweep.Goal
	for _, metric := range o.Minimize {
		goals = append(goals, sweep.Goal{Metric: metric})
	}
	for _, metric := range o.Maximize {
		goals = append(goals, sweep.Goal{Metric: metric, Maximize: true})
	}
	if goals == nil {
		return nil
	}
	return &sweep.Objective{Goals: goals}
}

// complete notes which flags were given.
func (o *ReadOptions) complete(fs *pflag.FlagSet) { o.RoundGiven = fs.Changed("round") }
