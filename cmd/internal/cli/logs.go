package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// LogsOptions are what `lxsweep logs` is told.
type LogsOptions struct {
	*Factory
	RunOptions
	ClusterOptions
	Follow  bool
	Attempt int // 0 for the newest
}

func newLogsCmd(f *Factory, run func(context.Context, *LogsOptions) error) *cobra.Command {
	o := &LogsOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "logs RUN | --filter EXPRESSION",
		Short: "Print the output of a run",
		Long: `logs prints what a run's program wrote to stdout and stderr, in the order of
writing: the newest attempt, unless --attempt names another. To a terminal
control characters are made visible, but for colours, and a carriage return ends
a line; anywhere else the bytes are as they were.

What runs on a cluster is read from its pod; what has ended there, from the copy
that apply has made. A ledger in PostgreSQL keeps the last MiB of it for machines
that do not have the file.

With -f it goes on until the attempt has ended. With --filter it prints every run
that matches and was started, each under its name where there are several.` + filterRuns,
		Example: `  lxsweep logs ex-8
  lxsweep logs ex-8 -f
  lxsweep logs ex-8 --attempt 1 > first.log
  lxsweep logs --filter 'state == "failed"'`,
		Args:              func(cmd *cobra.Command, args []string) error { return o.take(cmd, args) },
		ValidArgsFunction: f.completeRun(hasStarted),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), o)
		},
	}
	o.RunOptions.flags(cmd.Flags())
	o.ClusterOptions.flags(cmd.Flags())
	cmd.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on until the run ends")
	cmd.Flags().IntVar(&o.Attempt, "attempt", 0, "the `number` of the attempt (default: the newest)")
	return cmd
}

func runLogs(ctx context.Context, o *LogsOptions) (err error) {
	l, err := o.reading(ctx, o.State)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	records, err := o.chosen(ctx, l, o.RunOptions, func(r *sweep.Record) bool { return r.Last != nil && !r.Last.Started.IsZero() })
	if err != nil {
		return err
	}
	if o.Follow && len(records) > 1 {
		return errorf("lxsweep logs -f "+records[0].RunName(), "-f follows one run, and %d match", len(records))
	}
	for i, r := range records {
		if len(records) > 1 {
			fmt.Fprintf(o.Out, "%s==> %s <==\n", strings.Repeat("\n", min(i, 1)), r.RunName())
		}
		t, err := chooseAttempt(ctx, l, r, o.Attempt)
		if err != nil {
			return err
		}
		if err := o.print(ctx, l, r, t); err != nil {
			return err
		}
	}
	return nil
}

// chooseAttempt returns the attempt with the number, the newest for 0.
func chooseAttempt(ctx context.Context, l *ledger.Ledger, r *sweep.Record, number int) (*sweep.Tried, error) {
	attempts, err := l.Attempts(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if len(attempts) == 0 {
		return nil, errorf("lxsweep status shows how things stand", "%s was never started", r.RunName())
	}
	if number == 0 {
		return attempts[len(attempts)-1], nil
	}
	for _, t := range attempts {
		if t.Number == number {
			return t, nil
		}
	}
	return nil, errorf("", "%s has no attempt %d; it has %d", r.RunName(), number, len(attempts))
}

// print copies the log; with Follow it goes on until the attempt has ended.
func (o *LogsOptions) print(ctx context.Context, l *ledger.Ledger, r *sweep.Record, t *sweep.Tried) error {
	where, err := o.places(l, o.ClusterOptions)
	if err != nil {
		return err
	}
	defer where.Close()
	if live, ok := where.of(t).(*kubernetes.Runner); ok && !t.State.Final() {
		return live.Logs(ctx, r.RunName(), t.Number, o.Follow, o.Out)
	}
	path := cmp.Or(t.Log, where.here.LogPath(r.RunName(), t.Number))
	file, err := o.openLog(ctx, where, r, t, path)
	if err != nil {
		return err
	}
	defer file.Close()
	tick := time.NewTicker(followPoll)
	defer tick.Stop()
	for {
		ended := true
		if o.Follow {
			if ended, err = hasEnded(ctx, where, r, t.Number); err != nil {
				return err
			}
		}
		// What was written before the end was seen is read after it.
		if _, err := io.Copy(o.Out, file); err != nil || ended {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// followPoll is how often a log that is followed is read.
const followPoll = 200 * time.Millisecond

// openLog opens the file, and with Follow waits for it; or what the ledger keeps
// of it.
func (o *LogsOptions) openLog(ctx context.Context, where *places, r *sweep.Record, t *sweep.Tried, path string) (io.ReadCloser, error) {
	for {
		file, err := os.Open(path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
		ended := true
		if o.Follow {
			if ended, err = hasEnded(ctx, where, r, t.Number); err != nil {
				return nil, err
			}
		}
		if ended && !t.Pruned.IsZero() {
			return nil, errorf("", "%s, attempt %d, has no log any more: what it left was pruned on %s", r.RunName(), t.Number, ui.When(t.Pruned))
		}
		if ended {
			if kept, err := o.keptLog(ctx, where.ledger, t); kept != nil || err != nil {
				return kept, err
			}
			return nil, errorf("it was removed, or is on the machine where it ran: "+t.Host, "%s, attempt %d (%s), has no log at %s", r.RunName(), t.Number, t.State, path)
		}
		select {
		case <-time.After(followPoll):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// keptLog is what the ledger keeps of a log whose file is not here, nil for
// nothing.
func (o *LogsOptions) keptLog(ctx context.Context, l *ledger.Ledger, t *sweep.Tried) (io.ReadCloser, error) {
	end, before, err := l.Log(ctx, t.ID)
	if err != nil || end == nil {
		return nil, err
	}
	if before > 0 {
		o.note(fmt.Sprintf("the ledger has the end of it; the first %d bytes are in %s on %s", before, t.Log, t.Host))
	}
	return io.NopCloser(bytes.NewReader(end)), nil
}

// hasEnded reports whether the attempt lives no more, by the ledger or by what
// this machine knows.
func hasEnded(ctx context.Context, where *places, r *sweep.Record, number int) (bool, error) {
	t, err := chooseAttempt(ctx, where.ledger, r, number)
	if err != nil || t.State.Final() {
		return true, err
	}
	clear(where.lives) // what it was a moment ago is no answer
	now := *r
	now.Last = t
	return where.state(ctx, &now).Final(), nil
}
