package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/runner/local"
	"github.com/lxsweep/lxsweep/sweep"
)

// Where experiments run: this machine, or a namespace of a cluster.

// The names of the runners.
const (
	onLocal      = "local"
	onKubernetes = "kubernetes"
)

// ClusterOptions say which cluster, as kubectl's flags of these names do.
type ClusterOptions struct{ Kubeconfig, Context, Namespace string }

func (o *ClusterOptions) flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", "", "the kubeconfig `file` (default: KUBECONFIG, or ~/.kube/config)")
	fs.StringVar(&o.Context, "context", "", "the kubeconfig's `context` (default: the current one)")
	fs.StringVar(&o.Namespace, "namespace", "", "the `namespace` of the Jobs (default: that of the files, or the context's)")
}

// place is a runner with what commands need of it beside running.
type place interface {
	runner.Runner
	// LogPath and ResultPath are where an attempt's output and result are kept.
	LogPath(runName string, attempt int) string
	ResultPath(runName string, attempt int) string
	// Close names what attempts left running.
	Close() (left []string)
}

// runnerOf is the one runner of what the files want.
func runnerOf(m *hcl.Module, named string) (string, error) {
	if named != "" {
		return named, oneOf("--runner", named, onLocal, onKubernetes)
	}
	chosen := ""
	for _, s := range m.Sweeps {
		wants := cmp.Or(s.Runner, onLocal)
		if chosen != "" && wants != chosen {
			return "", errorf("name one with --runner, or keep the sweeps in files of their own",
				"%s: sweep %q runs on %q, the sweeps before it on %q, and one command serves one runner", s.Pos, s.Name, wants, chosen)
		}
		chosen = wants
	}
	if chosen = cmp.Or(chosen, onLocal); oneOf("", chosen, onLocal, onKubernetes) != nil {
		return "", errorf("it is one of: local, kubernetes", "%s: the runner %q is not known", m.Sweeps[0].Pos, chosen)
	}
	return chosen, nil
}

// namespaceOf is the one namespace that the files name, empty for none.
func namespaceOf(m *hcl.Module) (string, error) {
	chosen := ""
	for _, s := range m.Sweeps {
		if s.Namespace != "" && chosen != "" && s.Namespace != chosen {
			return "", errorf("name one with --namespace, or keep the sweeps in files of their own",
				"%s: sweep %q is for the namespace %q, one before it for %q, and one command serves one namespace", s.Pos, s.Name, s.Namespace, chosen)
		}
		chosen = cmp.Or(chosen, s.Namespace)
	}
	return chosen, nil
}

// mostJobs is how many Jobs are live at once in a cluster where nobody says.
const mostJobs = 100

// parallel is how many run at once in all.
func (p *project) parallel(asked int) int {
	switch {
	case asked > 0:
		return asked
	case p.cluster != nil:
		return mostJobs
	}
	return max(1, p.f.CPUs)
}

// files is a folder beside the ledger for what runners keep.
func files(l *ledger.Ledger, name string) string {
	if l.Folder != "" {
		return filepath.Join(l.Folder, name)
	}
	if filepath.Base(l.Path()) != filepath.Base(ledgerFile) {
		return l.Path() + "." + name
	}
	return filepath.Join(filepath.Dir(l.Path()), name)
}

// localRunner makes the runner of this machine.
func (f *Factory) localRunner(l *ledger.Ledger, gpus []string) (*local.Runner, error) {
	o := local.Options{SlotsDir: files(l, "slots"), LogsDir: files(l, "logs"), Owner: l.ID(), Now: f.Now}
	if gpus != nil {
		o.GPUs = local.Devices(gpus)
	}
	return local.New(o)
}

// connect reads the kubeconfig; the cluster is not asked anything yet.
func (f *Factory) connect(o ClusterOptions) (*kubernetes.Cluster, error) {
	return kubernetes.Connect(kubernetes.Target{Kubeconfig: f.abs(o.Kubeconfig), Context: o.Context, Namespace: o.Namespace}, "lxsweep/"+f.version())
}

// clusterRunner makes the runner of a namespace of a cluster.
func (f *Factory) clusterRunner(c *kubernetes.Cluster, l *ledger.Ledger, p kubernetes.Patience, notice func(string)) *kubernetes.Runner {
	return kubernetes.New(c, kubernetes.Options{Ledger: l.ID(), LogsDir: files(l, "logs"), Now: f.Now, Patience: p, Notice: notice})
}

// notice passes on what a runner says, to where progress is drawn while it is.
func (p *project) notice(text string) {
	if say := p.say.Load(); say != nil {
		(*say)(text)
		return
	}
	p.f.note(text)
}

// places are where a ledger's attempts live, asked when they are needed and as
// far as they can be reached from here. They must be closed.
type places struct {
	*Factory
	ledger  *ledger.Ledger
	options ClusterOptions
	here    *local.Runner
	known   map[string]place // by runner and host; nil for what cannot be reached
	lives   map[place]map[int64]sweep.State
}

// brief is how long a command that only reads waits for a cluster.
const brief = 5 * time.Second

func (f *Factory) places(l *ledger.Ledger, o ClusterOptions) (*places, error) {
	here, err := f.localRunner(l, []string{})
	if err != nil {
		return nil, err
	}
	host, _ := here.Host()
	return &places{
		Factory: f, ledger: l, options: o, here: here,
		known: map[string]place{onLocal + " " + host: here}, lives: map[place]map[int64]sweep.State{},
	}, nil
}

func (p *places) Close() {
	for _, known := range p.known {
		if known != nil {
			known.Close()
		}
	}
}

// of is where an attempt was started, nil if that cannot be reached from here.
func (p *places) of(t *sweep.Tried) place {
	where := t.Runner + " " + t.Host
	known, asked := p.known[where]
	if !asked && t.Runner == onKubernetes {
		known = p.reach(t.Host)
	}
	p.known[where] = known
	return known
}

// reach connects to the cluster and namespace that attempts are recorded with.
func (p *places) reach(host string) place {
	o := p.options
	_, namespace, _ := strings.Cut(host, "/")
	o.Namespace = cmp.Or(o.Namespace, namespace)
	c, err := p.connect(o)
	if err != nil {
		p.note(err.Error())
		return nil
	}
	if c.Place() != host {
		p.note(fmt.Sprintf("runs are on the cluster and namespace %s, and context %s is for %s; name another with --context", host, c.Context, c.Place()))
		return nil
	}
	return p.clusterRunner(c, p.ledger, kubernetes.Patience{Unreachable: brief}, p.note)
}

// state is what has become of an open attempt. What cannot be asked is told
// once, and is then as the ledger has it.
func (p *places) state(ctx context.Context, r *sweep.Record) sweep.State {
	t := r.Last
	where := p.of(t)
	if t.State.Final() || where == nil {
		return t.State
	}
	lives, err := p.survey(ctx, where)
	if err != nil {
		p.unreachable(t, err)
		return t.State
	}
	if state, known := lives[t.ID]; known {
		return state
	}
	// No trace of it: either an apply is about to start it, or one that was has
	// ended.
	if holder, err := p.ledger.Holder(r.Name); err != nil || holder != nil {
		return t.State
	}
	return where.Gone(t).State
}

// unreachable says, once, why the place of an attempt cannot be asked.
func (p *places) unreachable(t *sweep.Tried, err error) {
	p.note(err.Error())
	p.known[t.Runner+" "+t.Host] = nil
}

// survey asks a place once.
func (p *places) survey(ctx context.Context, where place) (map[int64]sweep.State, error) {
	if states, asked := p.lives[where]; asked {
		return states, nil
	}
	lives, err := where.Survey(ctx)
	if err != nil {
		return nil, err
	}
	states := make(map[int64]sweep.State, len(lives))
	for _, l := range lives {
		states[l.AttemptID] = l.State
	}
	p.lives[where] = states
	return states, nil
}

// claim takes the experiment names of an apply in the cluster, and takes over
// what lives of another ledger if the user says so.
func (x *execution) claim(ctx context.Context) error {
	cluster := x.pl.cluster
	if cluster == nil {
		return nil
	}
	host, _ := os.Hostname()
	claim, err := cluster.Claim(ctx, x.names, kubernetes.ClaimOptions{
		Host: host, Holder: fmt.Sprintf("%s@%s, process %d", x.info.User, host, os.Getpid()),
		Shared: ledger.IsURL(x.pl.ledger.Path()), TakeOver: x.TakeOver, Waiting: func(text string) { fmt.Fprintln(x.Err, text) },
	})
	if owned := new(kubernetes.OwnedError); errors.As(err, &owned) {
		return &exitError{ExitStale, err, "run lxsweep there; or, if that ledger is lost, take them over: " + x.again("--take-over")}
	}
	if err != nil {
		return err
	}
	x.claimed = claim
	if claim.TakingOver() {
		if err := x.takeOver(ctx); err != nil {
			return err
		}
	}
	for _, name := range x.names {
		if err := x.session.Skip(ctx, name, claim.Next(name)); err != nil {
			return err
		}
	}
	return nil
}

// takeOver records what another ledger has started in the cluster.
func (x *execution) takeOver(ctx context.Context) error {
	orphans, err := x.pl.cluster.Orphans(ctx, x.names)
	if err != nil {
		return err
	}
	ids, err := x.session.TakeOver(ctx, orphans)
	if err != nil {
		return err
	}
	for i, orphan := range orphans {
		if err := x.pl.cluster.TakeOver(ctx, orphan, ids[i]); err != nil {
			return err
		}
		fmt.Fprintf(x.Err, "%s taken over\n", orphan.RunName())
	}
	return x.claimed.TookOver(ctx)
}

// reserve tells the cluster which numbers are given, before any of them starts.
func (x *execution) reserve(ctx context.Context) error {
	if x.claimed == nil {
		return nil
	}
	for _, name := range x.names {
		next, err := x.pl.ledger.NextNumber(ctx, name)
		if err != nil {
			return err
		}
		if err := x.claimed.Reserve(ctx, name, next); err != nil {
			return fmt.Errorf("reserving the numbers of %s: %w", name, err)
		}
	}
	return nil
}
