package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// PruneOptions are what `lxsweep prune` is told: which rounds, what of them, and
// whether all of that goes or the output folders only.
type PruneOptions struct {
	*Factory
	StateOptions
	Round      string
	RoundGiven bool // for the empty round is one, too
	KeepRounds int  // 0 for any number
	OlderThan  time.Duration
	Sweep      string
	Ended      []string // states, nil for all
	Filter     string
	Outputs    bool
	KeepBest   int

	AutoApprove bool
	LockTimeout time.Duration
	Output      string // "table" or "json"
}

func newPruneCmd(f *Factory, run func(context.Context, *PruneOptions) error) *cobra.Command {
	o := &PruneOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "prune --keep-rounds N | --older-than TIME | --outputs",
		Short: "Remove old rounds, or output folders",
		Long: `prune removes rounds: their experiments from the ledger, their logs and their
output folders. It shows what goes and how much that is, and asks. Numbers are
never given again: what was pruned and is asked for again gets a new one.

With --outputs only output folders go, and everything else stays. What another
attempt may go on from stays, too: the folder of a run that ended without
success, unless --ended names how it ended.

--keep-rounds and --older-than never take the newest round of a sweep; --round
does. --sweep, --ended and --filter leave in place what they do not select. What
has not ended keeps its round, and what another sweep asks for stays with that.

Folders are removed here only, where lxsweep made them and under the name that
it gave them; others are named and left.` + filterNames,
		Example: `  lxsweep prune --keep-rounds 14
  lxsweep prune --older-than 30d --auto-approve
  lxsweep prune --round 2026-01-31 --sweep nightly
  lxsweep prune --outputs --keep-best 3
  lxsweep prune --outputs --ended failed,oom --keep-rounds 2`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fs := cmd.Flags()
			o.RoundGiven = fs.Changed("round")
			if fs.Changed("keep-rounds") && o.KeepRounds == 0 {
				return errorf("--round names one that is to go", "--keep-rounds takes a number from 1 on: the newest round stays")
			}
			if err := o.check(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	o.readerFlags(fs)
	fs.StringVar(&o.Round, "round", "", "this `round`, even if it is the newest")
	fs.IntVar(&o.KeepRounds, "keep-rounds", 0, "all but the newest `N` rounds of each sweep")
	fs.Var((*age)(&o.OlderThan), "older-than", "rounds whose last apply ended longer ago: `30d`, 12h")
	fs.StringVar(&o.Sweep, "sweep", "", "only what this `sweep` asked for")
	fs.StringSliceVar(&o.Ended, "ended", nil, "only what ended so: `failed`, oom and other states, with commas")
	offer(fs, "ended", endStates...)
	filterFlag(fs, &o.Filter)
	fs.BoolVar(&o.Outputs, "outputs", false, "remove output folders only")
	fs.IntVar(&o.KeepBest, "keep-best", 0, "keep the output folders of the best `N` of each sweep in each round")
	fs.BoolVar(&o.AutoApprove, "auto-approve", false, "do not ask")
	fs.DurationVar(&o.LockTimeout, "lock-timeout", 0, "wait so long for an apply to end (-1s: as long as it takes)")
	outputFlag(fs, &o.Output, "table", "json")
	return cmd
}

// endStates are how an experiment can end.
var endStates = []string{
	string(sweep.Succeeded), string(sweep.Failed), string(sweep.OOM), string(sweep.TimedOut), string(sweep.NoResult),
	string(sweep.Cancelled), string(sweep.Interrupted), string(sweep.Lost),
}

func (o *PruneOptions) check() error {
	for _, state := range o.Ended {
		if err := oneOf("--ended", state, endStates...); err != nil {
			return err
		}
	}
	if !o.Outputs && !o.RoundGiven && o.KeepRounds == 0 && o.OlderThan == 0 {
		return errorf("for example: lxsweep prune --keep-rounds 14, or lxsweep prune --outputs --keep-best 3",
			"say which rounds are to go, with --keep-rounds, --older-than or --round; or take --outputs")
	}
	if o.KeepBest > 0 && !o.Outputs {
		return errorf("lxsweep prune --outputs --keep-best "+strconv.Itoa(o.KeepBest), "--keep-best keeps output folders, and goes with --outputs")
	}
	return oneOf("--output", o.Output, "table", "json")
}

// age is a flag's length of time, with days.
type age time.Duration

// Set implements pflag.Value.
func (a *age) Set(text string) error {
	d, err := hcl.ParseDuration(text)
	*a = age(d)
	return err
}

func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

// Type implements pflag.Value.
func (a *age) Type() string { return "duration" }

// line is the command line, for the record and to type again.
func (o *PruneOptions) line(more ...string) string {
	words := []string{"lxsweep prune"}
	add := func(given bool, flag, value string) {
		if given {
			words = append(words, flag, sweep.ShellQuote(value))
		}
	}
	add(o.RoundGiven, "--round", o.Round)
	add(o.KeepRounds > 0, "--keep-rounds", strconv.Itoa(o.KeepRounds))
	add(o.OlderThan > 0, "--older-than", o.OlderThan.String())
	add(o.Sweep != "", "--sweep", o.Sweep)
	add(len(o.Ended) > 0, "--ended", strings.Join(o.Ended, ","))
	add(o.Filter != "", "--filter", o.Filter)
	if o.Outputs {
		words = append(words, "--outputs")
	}
	add(o.KeepBest > 0, "--keep-best", strconv.Itoa(o.KeepBest))
	add(o.State != "", "--state", ledger.WithoutPassword(o.State))
	return strings.Join(append(words, more...), " ")
}

func runPrune(ctx context.Context, o *PruneOptions) error {
	path, err := o.findState(o.State)
	if err != nil {
		return err
	}
	shown, err := o.show(ctx, path)
	if err != nil || len(shown.rounds) == 0 {
		return err
	}
	if err := o.approve(); err != nil {
		return err
	}
	return o.remove(ctx, path, shown)
}

// show writes what there is to be removed, which takes no lock.
func (o *PruneOptions) show(ctx context.Context, path string) (p *pruning, err error) {
	l, err := o.openLedger(ctx, path, ledger.ReadOnly)
	if err != nil {
		return nil, err
	}
	defer closing(l, &err)
	if p, err = o.choose(ctx, l, nil); err != nil {
		return nil, err
	}
	if err := p.measure(ctx); err != nil {
		return nil, err
	}
	if o.Output == "json" {
		return p, writeJSON(o.Out, &p.report)
	}
	return p, p.report.Write(o.Out, o.screen(o.Out), o.short)
}

func (o *PruneOptions) approve() error {
	if o.AutoApprove {
		return nil
	}
	if !o.canAsk() {
		return errorf(o.line("--auto-approve"), "prune needs approval, and there is no terminal to ask at")
	}
	yes, err := o.ask("Remove this for good?")
	if err == nil && !yes {
		err = errorf("", "nothing was removed: the answer was not yes")
	}
	return err
}

// remove takes the locks, looks again, and removes what was shown and is still
// to be removed.
func (o *PruneOptions) remove(ctx context.Context, path string, shown *pruning) (err error) {
	l, err := o.openLedger(ctx, path, ledger.ReadWrite)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	session, err := o.lock(ctx, l, sortedKeys(shown.names), o.LockTimeout, o.info(o.line()))
	if err != nil {
		return err
	}
	defer closing(session, &err)
	p, err := o.choose(ctx, l, shown)
	if err != nil {
		return err
	}
	for _, r := range shown.rounds {
		if !p.has(r.SweepRound) {
			o.note(fmt.Sprintf("sweep %q of round %q was applied meanwhile, and stays", r.Sweep, r.Round))
		}
	}
	if removed, err := p.remove(ctx, session); err != nil {
		return err
	} else if left := len(shown.rounds) - removed; left > 0 {
		return errorf("when that is mended: "+o.line(), "not all was removed: something is left in %s", ui.Count(left, "round", "rounds"))
	}
	_, err = o.Err.Write([]byte("Pruned.\n"))
	return err
}

// takes reports whether a state is one of --ended.
func (o *PruneOptions) takes(s sweep.State) bool {
	return len(o.Ended) == 0 || slices.Contains(o.Ended, string(s))
}
