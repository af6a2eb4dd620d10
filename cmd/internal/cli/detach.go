package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/runner/kubernetes/schedule"
	"github.com/lxsweep/lxsweep/runner/ledger"
)

// takeDetach reads what belongs to --detach.
func (o *ApplyOptions) takeDetach(fs *pflag.FlagSet) (err error) {
	if !o.Detach {
		for _, name := range driverFlags {
			if fs.Changed(name) {
				return errorf("add --detach", "--%s is for a driver in the cluster", name)
			}
		}
		return nil
	}
	if o.saved != nil {
		return errorf("lxsweep apply --detach FILE...", "a saved plan is of a ledger here, and the driver has its own")
	}
	if o.Runner == onLocal {
		return errorf("leave --runner out", "--detach runs experiments in the cluster")
	}
	fs.Visit(func(flag *pflag.Flag) {
		switch name := flag.Name; {
		case slices.Contains([]string{"detach", "runner", "auto-approve", "skip-build", "var", "state"}, name):
		case slices.Contains(ownFlags, name):
			o.given = append(o.given, asTyped(flag)...)
		default:
			o.passed = append(o.passed, asTyped(flag)...)
		}
	})
	return nil
}

// runDetach hands the sweep over to a driver in the cluster.
func runDetach(ctx context.Context, o *ApplyOptions) error {
	d, err := o.driver(ctx, o.InputOptions, o.DriverOptions, o.State, o.ClusterOptions, o.passed)
	if err != nil {
		return err
	}
	job := schedule.JobName(d.Name, o.Now())
	objects, err := d.Once(job)
	if err != nil {
		return d.explained(err)
	}
	where := o.ClusterOptions
	where.Namespace = d.Namespace
	c, err := o.connect(where)
	if err != nil {
		return err
	}
	client := schedule.NewClient(c)
	if !o.TakeOver {
		if err := o.notOurs(ctx, c, d, "--take-over"); err != nil {
			return err
		}
	}
	if err := client.Running(ctx, d.Name); err != nil {
		return refusedOr(err)
	}
	if err := o.approveDriver(d, job); err != nil {
		return err
	}
	if err := client.Apply(ctx, objects, false, o.done); err != nil {
		return refusedOr(err)
	}
	if err := client.Own(ctx, objects); err != nil {
		return err
	}
	if err := client.Await(ctx, job, func(text string) { fmt.Fprintln(o.Err, text) }); err != nil {
		if errors.Is(err, schedule.ErrNotStarted) {
			return errors.Join(err, client.Delete(ctx, job))
		}
		return err
	}
	fmt.Fprintf(o.Err, "the driver runs: %s go on without this machine\n", ui.Count(d.total, "experiment", "experiments"))
	o.follow(d.Namespace, job, d.stateHere(o.Factory))
	return nil
}

// stateHere is the driver's ledger as --state takes it here, empty for the
// environment's. A password is left out.
func (s *driver) stateHere(f *Factory) string {
	switch {
	case s.Database == "":
		return "k8s://" + s.Namespace + "/" + s.Name
	case f.Getenv(stateVariable) == s.Database:
		return ""
	}
	return ledger.WithoutPassword(s.Database)
}

// notOurs refuses experiment names that the file here has in the cluster: the
// driver has another ledger, and would be refused. takeOver is how to have them
// all the same.
func (f *Factory) notOurs(ctx context.Context, c *kubernetes.Cluster, d *driver, takeOver string) (err error) {
	path := filepath.Join(d.module.Dir, ledgerFile)
	here, err := f.openLedger(ctx, path, ledger.ReadOnly)
	if err != nil {
		return err
	}
	defer closing(here, &err)
	// To a ledger that there is not, everything is another's.
	stranger := kubernetes.New(c, kubernetes.Options{Patience: kubernetes.Patience{Unreachable: brief}})
	err = stranger.Owned(ctx, d.names)
	owned := new(kubernetes.OwnedError)
	switch {
	case kubernetes.Forbidden(err):
		return hinted(err, "ask for the Roles in examples/nightly/README.md")
	case !errors.As(err, &owned):
		return err
	}
	if owned.Ledger != here.ID() {
		return nil // the driver's own, as far as anybody knows here
	}
	return &exitError{
		ExitStale,
		fmt.Errorf("the experiments %s-* in namespace %s belong to the ledger here, %s, and the driver would have another", owned.ExperimentName, owned.Namespace, f.short(path)),
		"go on from here, by hand or from a crontab; or, if what is recorded here is to stay behind or was taken along, add " + takeOver,
	}
}

// approveDriver asks, unless the answer is known.
func (o *ApplyOptions) approveDriver(d *driver, job string) error {
	fmt.Fprintf(o.Err, "%s as the Job %s in namespace %s, with the image %s\n",
		ui.Count(d.total, "experiment", "experiments"), job, d.Namespace, d.Image)
	if o.AutoApprove {
		return nil
	}
	return o.agree(o.detachAgain(d))
}

// detachAgain is the command line that does not ask. Secrets are left out.
func (o *ApplyOptions) detachAgain(d *driver) string {
	words := slices.Concat([]string{"lxsweep", "apply", "--detach", "--auto-approve"}, o.given, o.passed)
	for _, shown := range shownVars(d.module, o.Vars) {
		words = append(words, "--var="+shown)
	}
	if o.State != "" {
		words = append(words, "--state="+ledger.WithoutPassword(o.State))
	}
	return quoteAll(append(words, o.Files...))
}
