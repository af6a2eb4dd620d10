package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones on machines that know none

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/runner/kubernetes/schedule"
)

// ScheduleOptions are what `lxsweep schedule` is told.
type ScheduleOptions struct {
	*Factory
	InputOptions
	StateOptions
	ClusterOptions
	DriverOptions
	Cron           string
	TimeZone       string
	Crontab        bool
	Diff           bool
	Apply          bool
	ForceConflicts bool
	// DetailedExitCode is for Diff.
	DetailedExitCode bool
	// ForApply are options of apply, as they were typed behind --.
	ForApply []string
}

// DriverOptions say what an apply in the cluster is made of.
type DriverOptions struct{ Image, Name, Storage, StorageClass string }

func (o *DriverOptions) flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Image, "image", "", "the `image` of lxsweep that runs in the cluster")
	fs.StringVar(&o.Name, "name", "", "the `name` of all that is made in the cluster (default: the first file's)")
	fs.StringVar(&o.Storage, "storage", "", "the `size` of the claim that holds the ledger (default 1Gi)")
	fs.StringVar(&o.StorageClass, "storage-class", "", "the `class` of that claim (default: the cluster's)")
}

// driverFlags are their names.
var driverFlags = []string{"image", "name", "storage", "storage-class"}

func newScheduleCmd(f *Factory, run func(context.Context, *ScheduleOptions) error) *cobra.Command {
	o := &ScheduleOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "schedule FILE... --cron EXPRESSION [flags] [-- OPTIONS OF APPLY]",
		Short: "Run a sweep afresh every night, from a crontab or in a cluster",
		Long: `schedule prints what makes a cluster apply the files by itself: a CronJob whose
pod runs lxsweep, a ConfigMap of the files, a claim for the ledger, and an account
with the least Role. Every firing is a round, called as its Job: a pod that is
replaced goes on with it. With --diff it shows what the cluster has otherwise,
with --apply it makes it so; run-now starts a round at once.

With --crontab it prints a line for this machine's crontab instead. Options behind
-- go to apply, in both. The next five times are shown on stderr.

The files are those that were named, variable files, and what file() and inputs
name; values of --var and LXSWEEP_VAR_x go along, sensitive ones in a Secret that
is never printed. The ledger is a file in the claim, or what --state postgres://
or LXSWEEP_STATE says. Images must be there: build_steps are not run.

Exit codes: 0 done; 1 error; 2 --diff --detailed-exitcode: something differs;
4 a round is at work; 5 something in the cluster is another's.`,
		Example: `  lxsweep schedule grid.hcl --cron "0 2 * * *" --crontab
  lxsweep schedule grid.hcl --cron "0 2 * * *" --time-zone Europe/Berlin --image ghcr.io/acme/lxsweep:v1 --namespace ml
  lxsweep schedule grid.hcl --cron @daily --image ghcr.io/acme/lxsweep:v1 --apply -- --parallel 20
  lxsweep schedule run-now grid`,
		Args:              needFiles,
		ValidArgsFunction: completeFiles("hcl"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				o.Files, o.ForApply = args[:dash], args[dash:]
			}
			if err := needFiles(cmd, o.Files); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	fs := cmd.Flags()
	o.valueFlags(fs)
	o.StateOptions.flags(fs)
	o.ClusterOptions.flags(fs)
	o.DriverOptions.flags(fs)
	fs.StringVar(&o.Cron, "cron", "", "when: minute, hour, day, month, weekday as an `expression`: \"0 2 * * *\", @daily")
	fs.StringVar(&o.TimeZone, "time-zone", "", "the `zone` of that (default Etc/UTC; with --crontab this machine's)")
	fs.BoolVar(&o.Crontab, "crontab", false, "print a line for this machine's crontab")
	fs.BoolVar(&o.Diff, "diff", false, "show what --apply would change in the cluster")
	fs.BoolVar(&o.Apply, "apply", false, "apply it to the cluster, on the server's side")
	fs.BoolVar(&o.ForceConflicts, "force-conflicts", false, "apply fields too that somebody else has set")
	fs.BoolVar(&o.DetailedExitCode, "detailed-exitcode", false, "exit with 2 if something differs")
	cmd.AddCommand(newRunNowCmd(f, runRunNow))
	return cmd
}

func runSchedule(ctx context.Context, o *ScheduleOptions) error {
	times, err := o.times()
	if err != nil {
		return err
	}
	if n := count(o.Crontab, o.Diff, o.Apply); n > 1 {
		return errorf("leave all but one out", "--crontab, --diff and --apply do different things")
	}
	if o.DetailedExitCode && !o.Diff || o.ForceConflicts && !o.Apply {
		return errorf("add the one, or leave the other out", "--detailed-exitcode is for --diff, and --force-conflicts for --apply")
	}
	passed, err := o.forApply(ctx)
	if err != nil {
		return err
	}
	if o.Crontab {
		err = o.crontab(ctx, times, passed)
	} else {
		err = o.objects(ctx, passed)
	}
	if err != nil && !isChanges(err) {
		return err
	}
	o.tell(times)
	return err
}

func count(flags ...bool) (n int) {
	for _, flag := range flags {
		if flag {
			n++
		}
	}
	return n
}

func isChanges(err error) bool {
	var e *exitError
	return errors.As(err, &e) && e.code == ExitChanges
}

// objects prints, compares or applies what the cluster is to have.
func (o *ScheduleOptions) objects(ctx context.Context, passed []string) error {
	s, err := o.driver(ctx, o.InputOptions, o.DriverOptions, o.StateOptions.State, o.ClusterOptions, passed)
	if err != nil {
		return err
	}
	objects, err := s.Nightly(o.Cron, o.zone())
	if err != nil {
		return s.explained(err)
	}
	if !o.Diff && !o.Apply {
		text, err := objects.YAML()
		if err != nil {
			return err
		}
		if _, err = o.Out.Write(text); err != nil {
			return err
		}
		fmt.Fprintln(o.Err, "nothing was made: kubectl apply --server-side -f - takes it, or say --apply")
		return nil
	}
	where := o.ClusterOptions
	where.Namespace = s.Namespace
	c, err := o.connect(where)
	if err != nil {
		return err
	}
	client := schedule.NewClient(c)
	if o.Apply {
		if !slices.Contains(passed, "--take-over") {
			if err := o.notOurs(ctx, c, s, "-- --take-over"); err != nil {
				return err
			}
		}
		return refusedOr(client.Apply(ctx, objects, o.ForceConflicts, o.done))
	}
	text, err := client.Diff(ctx, objects)
	if err != nil {
		return refusedOr(err)
	}
	if _, err := o.Out.Write(text); err != nil {
		return err
	}
	if o.DetailedExitCode && len(text) > 0 {
		return said(ExitChanges)
	}
	return nil
}

// done tells what became of an object, as kubectl does.
func (f *Factory) done(object, done string) { fmt.Fprintln(f.Out, object, done) }

// refusedOr gives what is another's in the cluster its exit code.
func refusedOr(err error) error {
	if conflict := new(schedule.ConflictError); errors.As(err, &conflict) {
		return &exitError{ExitStale, err, conflict.Hint}
	}
	if run := new(schedule.RunError); errors.As(err, &run) {
		return &exitError{ExitLocked, err, "see how it ends: kubectl logs --follow --namespace " + run.Namespace + " job/" + run.Job + "; or have it end, while what it has started goes on: kubectl delete --namespace " + run.Namespace + " job/" + run.Job}
	}
	return err
}

// zone is the name of the schedule's.
func (o *ScheduleOptions) zone() string {
	switch {
	case o.TimeZone != "":
		return o.TimeZone
	case o.Crontab:
		return "Local"
	}
	return "Etc/UTC"
}

// times reads --cron and --time-zone.
func (o *ScheduleOptions) times() (*schedule.Times, error) {
	if o.Cron == "" {
		return nil, errorf(`for example: --cron "0 2 * * *"`, "--cron is missing: when is it to run?")
	}
	zone, err := time.LoadLocation(o.zone())
	if err != nil || strings.EqualFold(o.TimeZone, "Local") {
		hint := "name it as the tz database does: Etc/UTC, Europe/Berlin"
		if near := nearestZone(o.TimeZone); near != "" {
			hint = "did you mean: --time-zone " + near
		}
		return nil, errorf(hint, "--time-zone %q is not known", o.TimeZone)
	}
	times, err := schedule.ParseTimes(o.Cron, zone)
	if err != nil {
		return nil, errorf(`five fields, minute, hour, day, month and weekday (0 is Sunday): "30 2 * * 1-5"; or @daily, @hourly`,
			"--cron %q: %w", o.Cron, err)
	}
	return times, nil
}

// nearestZone is the zone that a name was probably meant to be, empty for none.
func nearestZone(wrong string) (best string) {
	const folder = "/usr/share/zoneinfo"
	least := len(wrong)/3 + 1
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error { // no folder, no suggestion
		name, _ := filepath.Rel(folder, path)
		if err != nil || d.IsDir() {
			if name == "posix" || name == "right" {
				return fs.SkipDir
			}
			return nil
		}
		_, city, _ := strings.Cut(name, "/")
		for _, known := range []string{name, city} {
			if n := levenshtein.Distance(strings.ToLower(wrong), strings.ToLower(known), nil); known != "" && n < least {
				best, least = name, n
			}
		}
		return nil
	})
	return best
}

// tell shows the next times, and what changes of the clocks do to them.
func (o *ScheduleOptions) tell(times *schedule.Times) {
	zone := o.zone()
	if zone == "Local" {
		zone = "this machine's zone"
	}
	fmt.Fprintf(o.Err, "next, in %s:\n", zone)
	for _, t := range times.Next(o.Now(), 5) {
		fmt.Fprintf(o.Err, "  %s\n", t.Format("Mon 2006-01-02 15:04 MST"))
	}
	if o.Crontab {
		return // most crons make up for a time that is left out, and run none twice
	}
	changes := times.Changes(o.Now())
	for _, change := range changes {
		o.note(change)
	}
	if len(changes) > 0 {
		fmt.Fprintln(o.Err, "  an hour that every day has once, or --time-zone Etc/UTC, avoids it")
	}
}

// forApply checks the options behind --, and gives them back as they are to be
// typed.
func (o *ScheduleOptions) forApply(ctx context.Context) ([]string, error) {
	var read *ApplyOptions
	cmd := newApplyCmd(o.Factory, func(_ context.Context, got *ApplyOptions) error { read = got; return nil })
	cmd.SetArgs(append(slices.Clone(o.ForApply), o.Files...))
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(ctx); err != nil {
		return nil, fmt.Errorf("behind --: %w", err)
	}
	if read == nil {
		return nil, errorf("see: lxsweep apply --help", "behind -- stand options of apply, not --help")
	}
	if err := noNegative(cmd.Flags()); err != nil {
		return nil, fmt.Errorf("behind --: %w", err)
	}
	if len(read.Files) != len(o.Files) {
		return nil, errorf("name files before it", "behind -- stand options of apply, and %q is none", read.Files[0])
	}
	if read.saved != nil {
		return nil, errorf("name the .hcl files", "%s is a saved plan, which does one thing once", o.Files[0])
	}
	return read.passOn(cmd.Flags(), o.Crontab)
}

// ownFlags are options of apply that its schedule has, too, or that it settles
// itself.
var ownFlags = slices.Concat([]string{"var", "var-file", "set", "config", "state", "context", "namespace", "kubeconfig", "detach"}, driverFlags)

// passOn are the options that were given, as they are typed for another apply.
// One that runs here may choose its runner.
func (o *ApplyOptions) passOn(given *pflag.FlagSet, here bool) (list []string, err error) {
	if _, err := o.parse(); err != nil {
		return nil, err
	}
	if _, err := o.parseFilter(o.Filter); err != nil {
		return nil, err
	}
	given.Visit(func(flag *pflag.Flag) {
		switch {
		case slices.Contains(ownFlags, flag.Name), flag.Name == "runner" && !here:
			err = errorf("leave it out, or see: lxsweep schedule --help", "--%s does not go behind --", flag.Name)
		case flag.Name == "round":
			err = errorf("leave it out", "--round does not go behind --: every firing is a round of its own")
		case flag.Name == "auto-approve" || flag.Name == "skip-build" && !here: // they are
		default:
			list = append(list, asTyped(flag)...)
		}
	})
	return list, err
}

// asTyped is a flag as it is typed, once for each of its values.
func asTyped(flag *pflag.Flag) (words []string) {
	values := []string{flag.Value.String()}
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		values = list.GetSlice()
	}
	for _, value := range values {
		word := "--" + flag.Name
		if flag.Value.Type() != "bool" || value != "true" {
			word += "=" + value
		}
		words = append(words, word)
	}
	return words
}

// executable is this program's path, for who starts it without a shell's PATH.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		return "lxsweep"
	}
	return path
}
