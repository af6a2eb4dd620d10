package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/sweep"
)

// ShowOptions are what `lxsweep show` is told.
type ShowOptions struct {
	*Factory
	RunOptions
	ClusterOptions
	Output string // "yaml" or "json"
	Cmd    bool
}

func newShowCmd(f *Factory, run func(context.Context, *ShowOptions) error) *cobra.Command {
	o := &ShowOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "show RUN | --filter EXPRESSION",
		Short: "Show everything about a run: hyperparameters, attempts, metrics",
		Long: `show prints what the ledger knows of a run: its hyperparameters, which sweeps
asked for it, and every attempt with its command, its state and reason, times,
metrics, output folder and the commit of the code. Of an attempt that lives on a
cluster it shows the Job, pod and node, what it waits for, and the newest events.

With --cmd it prints the newest attempt's command and folder as one line for a
shell, to run it again by hand. With --filter there is a line, a document or an
object for every run that matches.` + filterRuns,
		Example: `  lxsweep show ex-8
  lxsweep show ex-8 -o json | jq .hp
  lxsweep show ex-8 --cmd
  lxsweep show --filter 'state == "oom"' -o json | jq -c .hp`,
		Args:              func(cmd *cobra.Command, args []string) error { return o.take(cmd, args) },
		ValidArgsFunction: f.completeRun(nil),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("--output", o.Output, "yaml", "json"); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	o.RunOptions.flags(cmd.Flags())
	o.ClusterOptions.flags(cmd.Flags())
	outputFlag(cmd.Flags(), &o.Output, "yaml", "json")
	cmd.Flags().BoolVar(&o.Cmd, "cmd", false, "print a line that runs it by hand, to paste into a shell")
	return cmd
}

func runShow(ctx context.Context, o *ShowOptions) (err error) {
	l, err := o.reading(ctx, o.State)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	keep := hasStarted
	if !o.Cmd {
		keep = nil
	}
	records, err := o.chosen(ctx, l, o.RunOptions, keep)
	if err != nil {
		return err
	}
	where, err := o.places(l, o.ClusterOptions)
	if err != nil {
		return err
	}
	defer where.Close()
	for i, r := range records {
		if i > 0 && !o.Cmd && o.Output == "yaml" {
			fmt.Fprintln(o.Out, "---")
		}
		if err := o.one(ctx, where, r); err != nil {
			return err
		}
	}
	return nil
}

func (o *ShowOptions) one(ctx context.Context, where *places, r *sweep.Record) error {
	if o.Cmd {
		return o.command(r)
	}
	attempts, err := where.ledger.Attempts(ctx, r.ID)
	if err != nil {
		return err
	}
	run := shown(r, attempts)
	for i, t := range attempts {
		run.Attempts[i].Cluster = onCluster(ctx, where, r.RunName(), t)
	}
	if o.Output == "json" {
		return writeJSON(o.Out, run)
	}
	text, err := json.Marshal(run)
	if err != nil {
		return err
	}
	if text, err = asYAML(text); err != nil {
		return err
	}
	_, err = o.Out.Write(text)
	return err
}

// asYAML turns JSON into YAML, with quotes where YAML has to escape.
func asYAML(text []byte) ([]byte, error) {
	var v any
	if err := yaml.UnmarshalWithOptions(text, &v, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	return yaml.MarshalWithOptions(v, yaml.CustomMarshaler(func(s string) ([]byte, error) {
		if ui.Clean(strings.ReplaceAll(s, "\n", "")) == strings.ReplaceAll(s, "\n", "") {
			return yaml.Marshal(s)
		}
		return []byte(strconv.Quote(s)), nil
	}))
}

// command prints the newest attempt's command with its folder and environment.
func (o *ShowOptions) command(r *sweep.Record) error {
	if r.Last == nil {
		return errorf("lxsweep plan shows the command of what has not run", "%s was never started, so no command is recorded", r.RunName())
	}
	_, err := fmt.Fprintln(o.Out, r.Last.Script)
	return err
}

// shownRun is a run as `show` writes it.
type shownRun struct {
	Run      string         `json:"run"`
	Number   int            `json:"number"`
	Round    string         `json:"round"`
	Sweeps   []string       `json:"sweeps"`
	State    sweep.State    `json:"state"`
	HP       *sweep.Object  `json:"hp"`
	Key      string         `json:"key"`
	Point    string         `json:"point"`
	Attempts []shownAttempt `json:"attempts"`
}

type shownAttempt struct {
	Attempt     int             `json:"attempt"`
	State       sweep.State     `json:"state"`
	Why         string          `json:"why"`
	Class       sweep.Class     `json:"class,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Code        *int            `json:"code,omitempty"`
	Command     string          `json:"command"`
	Runner      string          `json:"runner"`
	Host        string          `json:"host"`
	Intended    *time.Time      `json:"intended,omitempty"`
	Started     *time.Time      `json:"started,omitempty"`
	Ended       *time.Time      `json:"ended,omitempty"`
	Seconds     float64         `json:"seconds,omitempty"`
	OutputDir   string          `json:"output_dir,omitempty"`
	PrunedAt    *time.Time      `json:"pruned_at,omitempty"` // when OutputDir was removed
	Log         string          `json:"log,omitempty"`
	GitCommit   string          `json:"git_commit,omitempty"`
	GitDirty    bool            `json:"git_dirty,omitempty"`
	Work        string          `json:"work"`
	Metrics     []shownMetric   `json:"metrics,omitempty"`
	Result      json.RawMessage `json:"result,omitempty"`
	ResultError string          `json:"result_error,omitempty"`
	Tail        string          `json:"tail,omitempty"`
	Cluster     *shownCluster   `json:"cluster,omitempty"` // nil for what does not live on one
}

// shownCluster is what a cluster has of an attempt now.
type shownCluster struct {
	Job        string       `json:"job"`
	Pods       []string     `json:"pods,omitempty"`
	Node       string       `json:"node,omitempty"`
	Phase      string       `json:"phase"`
	Conditions []string     `json:"conditions,omitempty"`
	Events     []shownEvent `json:"events,omitempty"`
}

type shownEvent struct {
	Time   time.Time `json:"time"`
	Count  int       `json:"count"`
	Object string    `json:"object"`
	Reason string    `json:"reason"`
	Text   string    `json:"text"`
}

// shownMetric has no value where it is not finite.
type shownMetric struct {
	Name  string   `json:"name"`
	Last  *float64 `json:"last"`
	Min   *float64 `json:"min"`
	Max   *float64 `json:"max"`
	Count int      `json:"count"`
	Step  *int64   `json:"step,omitempty"`
}

func shown(r *sweep.Record, attempts []*sweep.Tried) shownRun {
	run := shownRun{
		Run: r.RunName(), Number: r.Number, Round: r.Round, Sweeps: append([]string{}, r.Sweeps...), State: sweep.Pending,
		HP: r.HP, Key: r.Key.String(), Point: r.Point.String(), Attempts: []shownAttempt{},
	}
	for _, t := range attempts {
		run.State = t.State
		run.Attempts = append(run.Attempts, attemptShown(t))
	}
	return run
}

func attemptShown(t *sweep.Tried) shownAttempt {
	a := shownAttempt{
		Attempt: t.Number, State: t.State, Why: t.Why, Class: t.Class, Reason: t.Reason, Command: t.Command,
		Runner: t.Runner, Host: t.Host, Intended: timeOf(t.Intended), Started: timeOf(t.Started), Ended: timeOf(t.Ended),
		Seconds: ui.Seconds(t.Duration()), OutputDir: t.OutputDir, PrunedAt: timeOf(t.Pruned), Log: t.Log, GitCommit: t.GitCommit, GitDirty: t.GitDirty,
		Work: t.Work.String(), ResultError: t.ResultError, Tail: t.Tail,
	}
	if t.State.Final() && t.Code != sweep.CodeUnknown {
		a.Code = &t.Code
	}
	if json.Valid(t.Result) {
		a.Result = t.Result
	}
	for _, m := range t.Metrics {
		shown := shownMetric{Name: m.Name, Last: finiteOf(m.Last), Min: finiteOf(m.Min), Max: finiteOf(m.Max), Count: m.Count}
		if m.Steps {
			shown.Step = &m.Step
		}
		a.Metrics = append(a.Metrics, shown)
	}
	return a
}

// onCluster asks the cluster where an open attempt is, if it is on one that can
// be reached.
func onCluster(ctx context.Context, where *places, runName string, t *sweep.Tried) *shownCluster {
	if t.State.Final() {
		return nil
	}
	cluster, ok := where.of(t).(*kubernetes.Runner)
	if !ok {
		return nil
	}
	d, err := cluster.Describe(ctx, runName, t.Number)
	if err != nil {
		where.unreachable(t, err)
		return nil
	}
	if d.Job == "" {
		return nil
	}
	c := &shownCluster{Job: d.Job, Pods: d.Pods, Node: d.Node, Phase: d.Phase, Conditions: d.Conditions}
	for _, e := range d.Events {
		c.Events = append(c.Events, shownEvent(e))
	}
	return c
}

func finiteOf(f float64) *float64 {
	if f-f != 0 {
		return nil
	}
	return &f
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
