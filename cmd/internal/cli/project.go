package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/runner/local"
	"github.com/lxsweep/lxsweep/sweep"
)

// project is a configuration with its ledger and its runner: what plan and
// apply work on. It must be closed.
type project struct {
	f      *Factory
	module *hcl.Module
	ledger *ledger.Ledger
	runner place
	// The runner again, as what it is: one of them is nil.
	local   *local.Runner
	cluster *kubernetes.Runner
	// target is the cluster of cluster.
	target *kubernetes.Cluster
	say    atomic.Pointer[func(string)] // draws notices, nil for a line of their own
	// state is the ledger's path as a person would type it.
	state string
	// source names the files in the ledger, relative to its folder, so that it
	// stays when the whole tree moves.
	source string
	round  string
}

// load reads the files and prints what is wrong with them.
func (f *Factory) load(o InputOptions) (*hcl.Module, error) {
	return f.loadWith(o.Files, f.languageOptions(o))
}

func (f *Factory) languageOptions(o InputOptions) hcl.Options {
	return hcl.Options{
		Vars: o.Vars, VarFiles: f.absAll(o.VarFiles), Sets: o.Sets, Configs: o.Configs, Round: o.Round, Runner: o.Runner,
		Environ: f.Environ,
	}
}

func (f *Factory) loadWith(files []string, o hcl.Options) (*hcl.Module, error) {
	module, diags := hcl.Load(files, o)
	if err := f.diagnose(diags); err != nil {
		return nil, err
	}
	return module, nil
}

// diagnose prints diagnostics; the error ends the command.
func (f *Factory) diagnose(diags hcl.Diagnostics) error {
	s := f.screen(f.Err)
	if err := diags.WriteText(f.Err, s.Width, s.Color); err != nil {
		return err
	}
	if diags.HasErrors() {
		return said(ExitError)
	}
	return nil
}

// note prints a line that is worth reading and no error.
func (f *Factory) note(text string) {
	ui.WriteWarning(f.Err, f.screen(f.Err), text)
}

// abs makes a path absolute; empty stays empty.
func (f *Factory) abs(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.Dir, path)
}

func (f *Factory) absAll(paths []string) []string {
	list := make([]string, len(paths))
	for i, path := range paths {
		list[i] = f.abs(path)
	}
	return list
}

// short is a path as a person here would type it.
func (f *Factory) short(path string) string {
	rel, err := filepath.Rel(f.Dir, path)
	if err != nil || strings.HasPrefix(rel, filepath.Join("..", "..", "..")) {
		return path
	}
	return rel
}

// ledgerFile is where a ledger is, below the folder that it belongs to.
const ledgerFile = ".lxsweep/lxsweep.db"

// open opens the ledger and the runner of a module. With ReadOnly nothing is
// created.
func (f *Factory) open(ctx context.Context, m *hcl.Module, o InputOptions, w where, mode ledger.Mode) (*project, error) {
	beside := filepath.Join(m.Dir, ledgerFile)
	path := cmp.Or(f.stateOf(w.state), beside)
	p := &project{f: f, module: m, source: sourceName(f.fileNames(m), path), round: roundOf(m), state: f.shortState(path)}
	if ledger.IsURL(path) {
		p.source = sourceName(f.fileNames(m), beside)
	}
	for _, config := range o.Configs {
		p.source += " --config " + config // wanted apart from what the sweeps want
	}
	var err error
	if p.ledger, err = f.openLedger(ctx, path, mode); err != nil {
		return nil, err
	}
	if p.ledger.Folder != "" {
		p.ledger.Folder = besideFiles(m.Dir)
		if mode == ledger.ReadWrite {
			err = ledger.MakeFolder(p.ledger.Folder)
		}
	}
	if err != nil {
		return nil, errors.Join(err, p.ledger.Close())
	}
	if err := p.choose(o.Runner, w.cluster, w.gpus); err != nil {
		return nil, errors.Join(err, p.ledger.Close())
	}
	return p, nil
}

// where is the command line's word on a project's ledger and runner.
type where struct {
	state   string
	cluster ClusterOptions
	gpus    []string // nil for all that there are
}

// choose makes the runner that the files, or the command line, ask for.
func (p *project) choose(named string, o ClusterOptions, gpus []string) error {
	name, err := runnerOf(p.module, named)
	if err != nil {
		return err
	}
	if name == onLocal {
		p.local, err = p.f.localRunner(p.ledger, gpus)
		p.runner = keepLogs(p.local, p.ledger)
		return err
	}
	if o.Namespace == "" {
		if o.Namespace, err = namespaceOf(p.module); err != nil {
			return err
		}
	}
	if p.target, err = p.f.connect(o); err != nil {
		return err
	}
	p.cluster = p.f.clusterRunner(p.target, p.ledger, kubernetes.Patience{}, p.notice)
	p.runner = keepLogs(p.cluster, p.ledger)
	return nil
}

// Close ends the runner's slots and closes the ledger.
func (p *project) Close() error {
	for _, left := range p.runner.Close() {
		p.f.note("left running by a run that has ended: " + left)
	}
	return p.ledger.Close()
}

// fileNames are the absolute paths of the module's sources.
func (f *Factory) fileNames(m *hcl.Module) []string {
	var paths []string
	for _, file := range m.Files {
		if filepath.Ext(file.Path) == ".hcl" {
			paths = append(paths, f.abs(file.Path))
		}
	}
	return paths
}

// sourceName names files as seen from the folder that the ledger belongs to.
func sourceName(paths []string, state string) string {
	base := filepath.Dir(state)
	if filepath.Base(base) == filepath.Dir(ledgerFile) {
		base = filepath.Dir(base)
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = path
		if rel, err := filepath.Rel(base, path); err == nil {
			names[i] = filepath.ToSlash(rel)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// roundOf is the round that all sweeps of a module are in.
func roundOf(m *hcl.Module) string {
	if len(m.Sweeps) == 0 {
		return ""
	}
	return m.Sweeps[0].Round
}

// survey asks the runner what lives, if anything was ever started here.
func (p *project) survey(ctx context.Context) ([]sweep.Live, error) {
	if !p.ledger.Exists() {
		return nil, nil
	}
	return p.runner.Survey(ctx)
}

// own reports whether the runner can judge an open attempt.
func (p *project) own(t *sweep.Tried) bool {
	host, _ := p.runner.Host()
	return t.Runner == p.runner.Name() && t.Host == host
}

// gone is how an open attempt ended that the survey does not tell of, if the
// runner can judge that.
func (p *project) gone(t *sweep.Tried) (sweep.State, bool) {
	if !p.own(t) {
		return "", false
	}
	return p.runner.Gone(t).State, true
}

// resolve is the command that a start would run here, under the number that it
// is expected to get.
func (p *project) resolve(a *sweep.Action) (sweep.Command, error) {
	return a.Experiment.Work.Resolve(sweep.Place{
		Runner: p.runner.Name(), RunName: sweep.RunName(a.Experiment.Name, a.Number),
		Number: a.Number, Round: a.Experiment.Round, OutputName: a.OutputName(),
	})
}

// command is resolve for showing: with stand-ins where it fails.
func (p *project) command(a *sweep.Action) sweep.Command {
	c, err := p.resolve(a)
	if err != nil {
		return a.Experiment.Command
	}
	return c
}

// place is what a saved plan is for, empty for this machine.
func (p *project) place() string {
	if p.target == nil {
		return ""
	}
	return p.target.Place()
}

// header is what a plan says first.
func (p *project) header(settings []string, parallel int) ui.PlanHeader {
	h := ui.PlanHeader{
		Version: p.f.version(), Runner: p.runner.Name(), Round: p.round, Settings: settings, Parallel: parallel,
		Ledger: ui.Ledger{Path: p.state, ID: p.ledger.ID(), New: !p.ledger.Exists()},
		Sweeps: p.module.Sweeps,
	}
	if c := p.target; c != nil {
		h.Cluster = &ui.Cluster{Context: c.Context, Server: c.Server, Namespace: c.Namespace}
	}
	if strings.HasPrefix(p.ledger.JournalMode(), "rollback") {
		h.Ledger.Note = p.ledger.JournalMode()
	}
	for _, v := range p.module.Variables {
		h.Variables = append(h.Variables, ui.Variable{Name: v.Name, Text: v.Text, Source: v.Source})
	}
	return h
}

// limits are the bounds of the sweeps, with those of the command line.
func (p *project) limits(failFast bool, maxFailures int) map[string]runner.Limits {
	limits := map[string]runner.Limits{}
	for _, s := range p.module.Sweeps {
		l := runner.Limits{MaxParallel: s.MaxParallel, FailFast: s.FailFast || failFast, MaxFailures: s.MaxFailures}
		if maxFailures > 0 {
			l.MaxFailures = maxFailures
		}
		limits[s.Name] = l
	}
	return limits
}

// findState is the ledger of commands that take no files: the one named, or the
// nearest in this folder or above it.
func (f *Factory) findState(state string) (string, error) {
	if path := f.stateOf(state); path != "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !ledger.IsURL(path) {
			return "", noLedger(cmp.Or(state, f.short(path)))
		}
		return path, nil
	}
	path, err := f.nearestState()
	if err == nil && filepath.Dir(filepath.Dir(path)) != f.Dir {
		fmt.Fprintf(f.Err, "reading the ledger %s\n", f.short(path))
	}
	return path, err
}

func (f *Factory) nearestState() (string, error) {
	if path := f.nearest(ledgerFile); path != "" {
		return path, nil
	}
	return "", errorf("go to the folder of your .hcl file, name the ledger with --state, or run: lxsweep apply grid.hcl",
		"there is no ledger (%s) here or in a folder above", ledgerFile)
}

// nearest is what has the name in this folder or the nearest above, empty for
// nothing.
func (f *Factory) nearest(name string) string {
	for dir := f.Dir; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// reader is a command that reads the ledger, as it has to be typed here.
func (f *Factory) reader(command string, l *ledger.Ledger) string {
	found := f.stateOf("")
	if found == "" {
		found, _ = f.nearestState()
	}
	if found != "" && l.Is(found) {
		return "lxsweep " + command
	}
	return "lxsweep " + command + " --state " + sweep.ShellQuote(f.shortState(l.Path()))
}
