package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// CancelOptions are what `lxsweep cancel` is told.
type CancelOptions struct {
	*Factory
	StateOptions
	ClusterOptions
	Runs   []string
	Sweep  string
	Filter string
	Reason string
	Gone   bool
}

func newCancelCmd(f *Factory, run func(context.Context, *CancelOptions) error) *cobra.Command {
	o := &CancelOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "cancel RUN... | --sweep SWEEP | --filter EXPRESSION",
		Short: "End runs, and keep those that wait from being started",
		Long: `cancel asks the apply that runs the experiments to end them and waits until it
has; where no apply runs, it ends them itself. The request is kept in the
ledger. Programs get TERM, and KILL after a grace. On a cluster the Job is given
a deadline that has passed, and is deleted once its log is here.

What runs on another machine, or in another cluster, is to be cancelled there. If
that is gone for good, --gone records it as lost, without having looked.

What is cancelled stays so: apply leaves it alone until --rerun cancelled.` + filterRuns + `
What comes to match later is not cancelled.`,
		Example: `  lxsweep cancel ex-8 ex-9
  lxsweep cancel --sweep nightly
  lxsweep cancel --filter 'hp.lr > 0.1 && state == "running"'
  lxsweep cancel ex-8 --reason 'the wrong data'
  lxsweep cancel --gone ex-8`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.Filter != "" {
				return withFilter(args, o.Filter)
			}
			if o.Sweep == "" {
				return needRuns(1, -1)(cmd, args)
			}
			return noArgs(cmd, args)
		},
		ValidArgsFunction: f.completeRuns(isOpen),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Runs = args
			return run(cmd.Context(), o)
		},
	}
	o.readerFlags(cmd.Flags())
	o.ClusterOptions.flags(cmd.Flags())
	cmd.Flags().StringVar(&o.Sweep, "sweep", "", "all of a `sweep`, in its newest round")
	filterFlag(cmd.Flags(), &o.Filter)
	cmd.Flags().BoolVar(&o.Gone, "gone", false, "the machine or cluster that they run on is gone for good: they are lost")
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for the record")
	return cmd
}

func runCancel(ctx context.Context, o *CancelOptions) (err error) {
	l, err := o.existing(ctx, o.State, ledger.ReadWrite)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	names, err := o.targets(ctx, l)
	if err != nil {
		return err
	}
	c := &cancelling{CancelOptions: o, ledger: l}
	if c.where, err = o.places(l, o.ClusterOptions); err != nil {
		return err
	}
	defer c.where.Close()
	for _, name := range names {
		if err := c.name(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// choose makes Runs those that the filter selects and that have not ended, and
// returns their experiment names.
func (o *CancelOptions) choose(ctx context.Context, l *ledger.Ledger) ([]string, error) {
	list, err := o.matching(ctx, l, ReadOptions{Sweep: o.Sweep, Filter: o.Filter})
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, r := range list {
		if r.Last == nil || !r.Last.State.Final() {
			o.Runs = append(o.Runs, r.RunName())
			names[r.Name] = true
		}
	}
	if len(names) == 0 {
		fmt.Fprintln(o.Err, "everything that matches has ended")
	}
	return sortedKeys(names), nil
}

// targets are the experiment names that have to do with what is to be
// cancelled.
func (o *CancelOptions) targets(ctx context.Context, l *ledger.Ledger) ([]string, error) {
	if o.Filter != "" {
		return o.choose(ctx, l)
	}
	names := map[string]bool{}
	for _, run := range o.Runs {
		r, err := find(ctx, l, run)
		if err != nil {
			return nil, err
		}
		names[r.Name] = true
	}
	if o.Sweep != "" {
		for r, err := range l.Records(ctx, ledger.Query{Sweep: o.Sweep}) {
			if err != nil {
				return nil, err
			}
			names[r.Name] = true
		}
		if len(names) == 0 {
			return nil, errorf("lxsweep status lists the sweeps that there are", "no sweep %q was applied in the newest round", o.Sweep)
		}
	}
	return sortedKeys(names), nil
}

// cancelling is a cancel at work.
type cancelling struct {
	*CancelOptions
	ledger *ledger.Ledger
	mu     sync.Mutex // guards where
	where  *places
}

// name cancels what is meant under one experiment name: by the process that
// holds its lock, or here.
func (c *cancelling) name(ctx context.Context, name string) error {
	for {
		session, err := c.ledger.Lock(ctx, []string{name}, 0, c.info())
		var locked *ledger.LockedError
		if err == nil {
			return errors.Join(c.here(ctx, session, name), session.Close())
		}
		if !errors.As(err, &locked) {
			return err
		}
		done, err := c.ask(ctx, name, locked.Holder)
		if done || err != nil {
			return err
		}
	}
}

func (c *cancelling) info() ledger.Info { return c.Factory.info(c.line()) }

// info says who writes, with which command.
func (f *Factory) info(command string) ledger.Info {
	info := ledger.Info{Version: f.version(), Command: command, User: f.user()}
	info.Host, _ = os.Hostname()
	return info
}

// line is the command line, for the record.
func (o *CancelOptions) line() string {
	words := []string{"lxsweep cancel"}
	if o.Sweep != "" {
		words = append(words, "--sweep", sweep.ShellQuote(o.Sweep))
	}
	if o.Filter != "" {
		words = append(words, "--filter", sweep.ShellQuote(o.Filter))
	} else {
		words = append(words, o.Runs...)
	}
	return strings.Join(words, " ")
}

func (c *cancelling) reason() string {
	info := c.info()
	by := "lxsweep cancel by " + info.User
	if c.Reason != "" {
		return c.Reason + " (" + by + ")"
	}
	return by
}

// holderPoll is how often the process that was asked is looked for.
const holderPoll = time.Second

// ask writes a request and waits for the answer. done is false if whoever was
// asked is gone.
func (c *cancelling) ask(ctx context.Context, name string, holder ledger.Holder) (done bool, err error) {
	info := c.info()
	request := ledger.CancelRequest{
		ExperimentName: name, RunNames: c.under(name), Reason: c.reason(), By: info.User + "@" + info.Host,
	}
	if c.whole() {
		request.Sweep = c.Sweep
	}
	id, err := c.ledger.RequestCancel(ctx, request)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(c.Err, "asked %s; waiting until it has\n", holder)
	for {
		waiting, cancel := context.WithTimeout(ctx, holderPoll)
		r, err := c.ledger.WaitAcknowledged(waiting, id)
		cancel()
		switch {
		case err == nil && r.Answer == tooLate:
			return false, nil
		case err == nil:
			fmt.Fprintf(c.Err, "%s\n", r.Answer)
			return true, nil
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return false, err
		}
		now, err := c.ledger.Holder(name)
		if err != nil {
			return false, err
		}
		if now == nil {
			return false, c.ledger.Acknowledge(ctx, id, tooLate)
		}
	}
}

// whole says that a sweep is meant, and not runs.
func (c *cancelling) whole() bool { return c.Filter == "" && c.Sweep != "" }

// under are the chosen runs of an experiment name.
func (c *cancelling) under(name string) []string {
	return slices.DeleteFunc(slices.Clone(c.Runs), func(run string) bool {
		return run[:strings.LastIndexByte(run, '-')] != name
	})
}

// here ends what runs and is meant, and settles what has ended.
func (c *cancelling) here(ctx context.Context, session *ledger.Session, name string) error {
	meant, err := c.meant(ctx, name)
	if err != nil {
		return err
	}
	// One at a time on a machine, whose programs may have a grace each; all at
	// once would be no faster there, and is on a cluster.
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(endedAtOnce)
	for _, r := range meant {
		group.Go(func() error { return c.one(ctx, session, r) })
	}
	return group.Wait()
}

// meant are the records to be cancelled under a name: those that were named, or
// those of the sweep or the filter that have an open attempt.
func (c *cancelling) meant(ctx context.Context, name string) ([]*sweep.Record, error) {
	if c.whole() {
		return c.read(ctx, nil, ledger.Query{Sweep: c.Sweep, Names: []string{name}})
	}
	var list []*sweep.Record
	for some := range slices.Chunk(c.under(name), 100) { // SQL is as deep as they are many
		var err error
		if list, err = c.read(ctx, list, ledger.Query{RunNames: some}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// read appends the records of q to list.
func (c *cancelling) read(ctx context.Context, list []*sweep.Record, q ledger.Query) ([]*sweep.Record, error) {
	for r, err := range c.ledger.Records(ctx, q) {
		if err != nil {
			return nil, err
		}
		if c.Filter == "" && c.Sweep == "" || r.Last != nil && !r.Last.State.Final() {
			list = append(list, r)
		}
	}
	return list, nil
}

// endedAtOnce is how many runs are ended at a time.
const endedAtOnce = 64

func (c *cancelling) one(ctx context.Context, session *ledger.Session, r *sweep.Record) error {
	say := func(text string) { fmt.Fprintf(c.Err, "%s %s\n", r.RunName(), text) }
	switch {
	case r.Last == nil:
		say("was never started, and no apply is running that could start it")
		return nil
	case r.Last.State.Final():
		say("has ended: " + string(r.Last.State))
		return nil
	}
	where, states, err := c.look(ctx, r.Last)
	switch {
	case c.Gone && (where == nil || err != nil):
		say("is lost")
		return (&unobserved{recorder: session}).record(ctx, r.Last.ID, sweep.Outcome{
			State: sweep.Lost, Class: sweep.Infrastructure, Code: sweep.CodeUnknown,
			Reason: "what it ran on is gone (" + c.reason() + ")",
		})
	case err != nil:
		return err
	case where == nil:
		return errorf("run lxsweep cancel "+r.RunName()+" there; if that is gone for good: lxsweep cancel --gone "+r.RunName(), "%s runs on %s (%s), which cannot be reached from here", r.RunName(), r.Last.Host, r.Last.Runner)
	}
	u := &unobserved{keepLogs(where, c.ledger), session}
	state, known := states[r.Last.ID]
	if !known {
		gone := where.Gone(r.Last)
		say("is " + string(gone.State) + ": " + gone.Reason)
		return u.record(ctx, r.Last.ID, gone)
	}
	settle := u.end
	if state.Final() {
		settle = u.settle
	}
	o, err := settle(ctx, r, c.reasonFor(state))
	if err == nil {
		say(string(o.State))
	}
	return err
}

// look asks the place of an attempt what lives there.
func (c *cancelling) look(ctx context.Context, t *sweep.Tried) (place, map[int64]sweep.State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	where := c.where.of(t)
	if where == nil {
		return nil, nil, nil
	}
	states, err := c.where.survey(ctx, where)
	return where, states, err
}

// reasonFor is the reason of an ending; what has ended is only recorded.
func (c *cancelling) reasonFor(s sweep.State) string {
	if s.Final() {
		return ""
	}
	return c.reason()
}
