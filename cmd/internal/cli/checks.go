package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/sweep"
)

// checks looks at the starts of a plan with the eyes of the runner. It
// remembers one problem of each kind.
type checks struct {
	*project
	seen    map[string]bool // problems
	configs map[[2]string]bool
	// examples are what a cluster is asked about: one of each config, and what
	// has a long command.
	examples []runner.Attempt
	// misfits ask for more than there is: a warning, the rest can go on.
	// refused cannot be started as things are.
	misfits, refused []string
}

func newChecks(p *project) *checks {
	return &checks{project: p, seen: map[string]bool{}, configs: map[[2]string]bool{}}
}

// maxProblems is how many problems are told.
const maxProblems = 10

func (c *checks) row(a *sweep.Action) {
	if !a.Start {
		return
	}
	if err := c.runner.Fits(a.Experiment.Command.Resources); err != nil {
		c.misfits = c.add(c.misfits, a, err)
	}
	// What a command needs of the machine differs by config, hardly by point,
	// but for its length.
	config := [2]string{a.Experiment.Sweep, a.Experiment.Config}
	if !c.configs[config] || long(&a.Experiment.Command) {
		c.configs[config] = true
		if err := c.check(a); err != nil {
			c.refused = c.add(c.refused, a, err)
		}
	}
}

// long reports whether a command has a text that might be longer than a system
// passes on.
func long(c *sweep.Command) bool {
	const suspect = 64 << 10
	return len(c.Shell) > suspect || slices.ContainsFunc(c.Args, func(arg string) bool { return len(arg) > suspect })
}

func (c *checks) check(a *sweep.Action) error {
	command, err := c.resolve(a)
	if err != nil {
		return err
	}
	if c.local != nil {
		return c.local.Check(command)
	}
	example := runner.Attempt{ID: 1, Number: 1, RunName: sweep.RunName(a.Experiment.Name, a.Number), JobID: a.Number, Experiment: a.Experiment, Command: command}
	example.Command = runner.Equipped(example, "")
	c.examples = append(c.examples, example)
	return nil
}

// finish asks the cluster, if there is one, whether the starts could be made.
func (c *checks) finish(ctx context.Context) error {
	if c.cluster == nil || c.examples == nil {
		return nil
	}
	ready, err := c.cluster.Preflight(ctx, c.examples)
	if err != nil {
		return err
	}
	c.refused = append(c.refused, ready.Problems...)
	c.misfits = append(c.misfits, ready.Notes...)
	if len(ready.Problems) > 0 {
		return nil
	}
	names := map[string]bool{}
	for _, a := range c.examples {
		names[a.Experiment.Name] = true
	}
	err = c.cluster.Owned(ctx, sortedKeys(names))
	if owned := new(kubernetes.OwnedError); errors.As(err, &owned) {
		c.misfits = append(c.misfits, owned.Error()+"; apply takes them over with --take-over only")
		return nil
	}
	return err
}

func (c *checks) add(list []string, a *sweep.Action, err error) []string {
	text := err.Error()
	if c.seen[text] || len(list) == maxProblems {
		return list
	}
	c.seen[text] = true
	return append(list, a.RunName()+": "+text)
}
