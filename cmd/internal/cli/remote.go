package cli

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"os/user"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/sweep"
)

// A ledger that a schedule keeps in a cluster is read there: a command that is
// told --state k8s://NAMESPACE/NAME runs in a pod beside it, and its streams and
// exit code become ours.

// inCluster begins the name of such a ledger.
const inCluster = "k8s://"

// besideLedger are the commands that can be run so: they take no files, make
// none, and ask nothing.
var besideLedger = []string{"status", "results", "best", "logs", "show", "cancel", "compare", "prune", "ledger export"}

// forward has the commands that have --state run beside a ledger in a cluster,
// or say that they cannot.
func (f *Factory) forward(cmds ...*cobra.Command) {
	for _, cmd := range cmds {
		f.forward(cmd.Commands()...)
		if cmd.RunE == nil || cmd.Flags().Lookup("state") == nil {
			continue
		}
		here := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			state := cmp.Or(cmd.Flags().Lookup("state").Value.String(), f.Getenv(stateVariable))
			if !strings.HasPrefix(state, inCluster) || goesThere(cmd) {
				return here(cmd, args)
			}
			return f.beside(cmd, state)
		}
	}
}

// goesThere says that a command is about what runs in the cluster anyway.
func goesThere(cmd *cobra.Command) bool {
	return cmd.Name() == "schedule" || cmd.Flags().Changed("detach")
}

// beside runs the command line of cmd where the ledger is.
func (f *Factory) beside(cmd *cobra.Command, state string) error {
	words := strings.Fields(cmd.CommandPath())[1:]
	if !slices.Contains(besideLedger, strings.Join(words, " ")) {
		return errorf("lxsweep schedule and lxsweep apply --detach work with it; these can read it: "+strings.Join(besideLedger, ", "),
			"lxsweep %s cannot use the ledger %s, which is in a cluster", strings.Join(words, " "), state)
	}
	where, driver, err := driverOf(state)
	if err != nil {
		return err
	}
	args, err := f.withoutPlace(cmd, len(words), &where)
	if err != nil {
		return err
	}
	cluster, err := f.connect(where)
	if err != nil {
		return err
	}
	if !cmd.Flags().Changed("state") {
		state = "" // the environment says it
	}
	env := append(f.surroundings(), sweep.Var{Name: besideVariable, Value: state})
	return f.errand(cmd.Context(), cluster, kubernetes.Errand{Driver: driver, Args: args, Env: env, Notice: f.note})
}

// driverOf reads k8s://NAMESPACE/NAME, with ?context= for a kubeconfig's context.
func driverOf(state string) (where ClusterOptions, name string, err error) {
	u, err := url.Parse(state)
	if err == nil {
		where, name = ClusterOptions{Context: u.Query().Get("context"), Namespace: u.Host}, strings.TrimPrefix(u.Path, "/")
	}
	if err != nil || where.Namespace == "" || name == "" || strings.Contains(name, "/") {
		return where, "", errorf("for example: --state k8s://ml/nightly, or k8s://ml/nightly?context=prod", "%q names no ledger in a cluster", state)
	}
	return where, name, nil
}

// withoutPlace is the command line as it is to be run elsewhere: as it was given,
// less what says how to get there, which it notes in where.
func (f *Factory) withoutPlace(cmd *cobra.Command, words int, where *ClusterOptions) ([]string, error) {
	var flags []string
	err := cmd.Flags().ParseAll(f.args, func(flag *pflag.Flag, value string) error {
		switch flag.Name {
		case "state":
		case "kubeconfig":
			where.Kubeconfig = value
		case "context":
			where.Context = value
		default:
			flags = append(flags, "--"+flag.Name+"="+value)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	given := cmd.Flags().Args()
	line := slices.Concat(given[:words], flags)
	if len(given) > words {
		line = append(append(line, "--"), given[words:]...)
	}
	return line, nil
}

// What a command that runs elsewhere is told, beside framedVariable.
const (
	userVariable   = "LXSWEEP_USER"   // who asks, for the record
	besideVariable = "LXSWEEP_BESIDE" // what --state was, for hints
)

// surroundings are what the command is to know of here.
func (f *Factory) surroundings() (list []sweep.Var) {
	list = []sweep.Var{{Name: framedVariable, Value: framedTo(f.Out, f.Err)}, {Name: userVariable, Value: f.user()}}
	for _, name := range []string{"NO_COLOR", "CLICOLOR_FORCE", "TERM", "LC_ALL", "LC_CTYPE", "LANG", "TZ"} {
		if value, ok := f.Environ(name); ok {
			list = append(list, sweep.Var{Name: name, Value: value})
		} else if zone := localZone(); name == "TZ" && zone != "" {
			list = append(list, sweep.Var{Name: name, Value: zone})
		}
	}
	return list
}

// user is who asks for what is done, here or from elsewhere; empty if nobody
// knows.
func (f *Factory) user() string {
	if name := f.Getenv(userVariable); name != "" {
		return name
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// localZone is the machine's zone by its name, empty if that is not known.
func localZone() string {
	file, err := os.Readlink("/etc/localtime")
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(file, "zoneinfo/")
	return name
}

// errand runs a command in the cluster and ends as it does. An interrupt here
// ends it there.
func (f *Factory) errand(ctx context.Context, cluster *kubernetes.Cluster, e kubernetes.Errand) error {
	f.KeepWriting() // the pod is to go, whoever has gone before
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	signals, ignore := f.Signals()
	defer ignore()
	go func() {
		select {
		case <-signals:
			ignore() // another ends us at once
			cancel(errEnough)
		case <-ctx.Done():
		}
	}()
	var code ExitCode
	lines := 0
	e.Line = func(line []byte) (last bool, err error) {
		code, last, err = f.unframed(line, lines)
		lines++
		return last, err
	}
	own, err := cluster.Beside(ctx, e)
	none := new(kubernetes.NoDriverError)
	switch {
	case errors.Is(err, errEnough):
		return said(ExitInterrupted)
	case errors.Is(err, syscall.EPIPE):
		return said(exitPipe)
	case errors.As(err, &none):
		return hinted(err, "kubectl get cronjobs,jobs --namespace "+none.Namespace+" --selector lxsweep.dev/schedule")
	case err != nil:
		return err
	case own >= 0: // it did not tell: an older lxsweep, or one that has crashed
		code = ExitCode(own)
	}
	return said(code)
}

// errEnough says that somebody here has had enough.
var errEnough = errors.New("interrupted")

// exitPipe is what a shell makes of a program whose reader has gone.
const exitPipe ExitCode = 141
