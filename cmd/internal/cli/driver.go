package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/kubernetes/schedule"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// An apply in the cluster, made of what is here.

// driver is such an apply.
type driver struct {
	*schedule.Driver
	module *hcl.Module
	names  []string // of its experiments
	total  int
}

// environment looks variables up and remembers those that there were.
type environment struct {
	lookup func(string) (string, bool)
	found  map[string]string
}

func (e *environment) get(name string) (string, bool) {
	value, ok := e.lookup(name)
	if ok {
		e.found[name] = value
	}
	return value, ok
}

// loadNoting reads the files, and notes which variables of the environment they
// have asked for.
func (f *Factory) loadNoting(in InputOptions) (*hcl.Module, *environment, error) {
	used := &environment{f.Environ, map[string]string{}}
	options := f.languageOptions(in)
	options.Environ = used.get
	module, err := f.loadWith(in.Files, options)
	return module, used, err
}

// driver reads the files and goes through all experiments, as the cluster will.
func (f *Factory) driver(ctx context.Context, in InputOptions, d DriverOptions, state string, where ClusterOptions, passed []string) (*driver, error) {
	if d.Image == "" {
		return nil, errorf("push one that make image has built, and name it: --image ghcr.io/acme/lxsweep:v1",
			"--image is missing: what runs in the cluster is an image of lxsweep")
	}
	module, used, err := f.loadNoting(in)
	if err != nil {
		return nil, err
	}
	s := &driver{Driver: &schedule.Driver{Name: d.Name, Image: d.Image, Storage: d.Storage, StorageClass: d.StorageClass}, module: module}
	if s.Database, err = f.database(state); err != nil {
		return nil, err
	}
	if s.Database != "" {
		password, err := ledger.PasswordBeside(s.Database)
		if err != nil {
			return nil, err
		}
		if password != "" { // the driver has neither this variable nor ~/.pgpass
			used.found["PGPASSWORD"] = password
		}
	}
	if err := s.survey(ctx, f); err != nil {
		return nil, err
	}
	if s.Namespace, err = f.driverNamespace(module, where); err != nil {
		return nil, err
	}
	sources := f.sources(in.Files, module)
	s.Name = cmp.Or(d.Name, driverName(sources[0]))
	if err := s.files(f); err != nil {
		return nil, err
	}
	values, err := s.values(f, in, used)
	if err != nil {
		return nil, err
	}
	for _, path := range sources {
		s.Args = append(s.Args, s.relative(path))
	}
	s.Args = append(s.Args,
		"--auto-approve", "--progress=plain", "--runner=kubernetes", "--namespace="+s.Namespace)
	if overlapOf(module) != sweep.OverlapWait { // which waits longer by itself
		s.Args = append(s.Args, "--lock-timeout=2m")
	}
	s.Args = append(s.Args, "--skip-build")
	s.Args = slices.Concat(s.Args, values, passed)
	return s, nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// driverName is a name for what a file has.
func driverName(path string) string {
	base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(base), "-"), "-")
	return cmp.Or(strings.TrimRight(name[:min(len(name), schedule.MaxName)], "-"), "sweep")
}

// database is the shared ledger's URL, empty for a file that the driver has for
// itself.
func (f *Factory) database(state string) (string, error) {
	url := cmp.Or(state, f.Getenv(stateVariable))
	switch {
	case strings.HasPrefix(state, inCluster):
		return "", errorf("leave --state out; the claim is called as the driver: --name", "--state %s is to read a driver's claim, not to choose it", state)
	case strings.HasPrefix(url, inCluster):
		return "", nil // it is for the commands that read
	case ledger.IsURL(url):
		return url, nil
	case state != "":
		return "", errorf("leave --state out for a claim in the cluster, or share one: --state postgres://...",
			"--state %s is on this machine, and the driver is not", state)
	case url != "":
		f.note("LXSWEEP_STATE names a file of this machine; the driver's ledger is in a claim of its own")
	}
	return "", nil
}

// driverNamespace is the one on the command line, in the files, or in the
// kubeconfig.
func (f *Factory) driverNamespace(m *hcl.Module, o ClusterOptions) (string, error) {
	if o.Namespace != "" {
		return o.Namespace, nil
	}
	if named, err := namespaceOf(m); named != "" || err != nil {
		return named, err
	}
	c, err := f.connect(o)
	if err != nil {
		return "", errorf("name it: --namespace ml", "no namespace is named: %w", err)
	}
	return c.Namespace, nil
}

// survey goes through all experiments: what is wrong with one is said today, not
// at night.
func (s *driver) survey(ctx context.Context, f *Factory) error {
	names, imageless, builds := map[string]bool{}, "", ""
	total, diags, err := evaluate(ctx, s.module, func(e *sweep.Experiment) {
		names[e.Name] = true
		if e.Command.Image == "" {
			imageless = e.Config
		}
		if len(e.Command.BuildSteps) > 0 {
			builds = e.Config
		}
	})
	if err != nil {
		return err
	}
	if err := f.diagnose(diags); err != nil {
		return err
	}
	if imageless != "" {
		return errorf("resources { build { image_url = ... } }", "config %q names no container image, and its experiments run in a cluster", imageless)
	}
	if builds != "" {
		f.note(fmt.Sprintf("config %q has build_steps, which the driver does not run: build and push its images before", builds))
	}
	for _, one := range s.module.Sweeps {
		if one.OnFinish != nil && one.OnFinish.Command != nil {
			f.note(fmt.Sprintf("sweep %q has a command in on_finish, which the driver runs in its own image: that has no shell and no programs, and a webhook needs none", one.Name))
		}
	}
	s.names, s.total = sortedKeys(names), total
	return nil
}

// files gathers what the experiments are made of, under their common folder.
func (s *driver) files(f *Factory) error {
	found := map[string]schedule.File{}
	for _, file := range s.module.Files {
		path := filepath.Clean(f.abs(file.Path))
		found[path] = schedule.File{Size: int64(len(file.Bytes)), Bytes: file.Bytes}
	}
	for _, name := range s.module.Inputs() {
		path := filepath.Join(s.module.Dir, filepath.FromSlash(name))
		file, err := schedule.ReadFile(path)
		if err != nil {
			return err
		}
		found[path] = file
	}
	common := s.module.Dir
	for path := range found {
		for !strings.HasPrefix(path, strings.TrimSuffix(common, "/")+"/") {
			common = filepath.Dir(common)
		}
	}
	if common == "/" {
		return errorf("keep them in one folder, or below it", "the files have no folder in common but /: %s", strings.Join(slices.Sorted(maps.Keys(found)), ", "))
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		file := found[path]
		file.Path = below(common, path)
		s.Files = append(s.Files, file)
	}
	if s.Dir = below(common, s.module.Dir); s.Dir == "." {
		s.Dir = ""
	}
	return nil
}

func below(folder, path string) string {
	rel, err := filepath.Rel(folder, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// relative is a path as the driver names it, from the first file's folder.
func (s *driver) relative(path string) string { return below(s.module.Dir, path) }

const variablePrefix = "LXSWEEP_VAR_"

// values are the options that give the driver the values that were given here.
// Sensitive ones become Secrets, as does what env() has read: nobody says what
// that is.
func (s *driver) values(f *Factory, in InputOptions, used *environment) (options []string, err error) {
	given := map[string]string{}
	for _, assignment := range in.Vars {
		name, value, _ := strings.Cut(assignment, "=")
		given[strings.TrimSpace(name)] = value
	}
	for _, v := range s.module.Variables {
		if path := variableFileWith(f, in, s.module, v); path != "" {
			return nil, errorf("give it by the environment instead: "+variablePrefix+v.Name,
				"%s holds the sensitive variable %q, and variable files are kept in a ConfigMap", f.short(path), v.Name)
		}
		value, option := given[v.Name], "--var="+v.Name+"="+given[v.Name]
		if v.Source == variablePrefix+v.Name {
			value, option = used.found[v.Source], ""
		} else if v.Source != "--var" {
			continue
		}
		one := schedule.Variable{Name: variablePrefix + v.Name, Value: value}
		switch {
		case v.Sensitive:
			s.Secrets = append(s.Secrets, one)
		case option == "":
			s.Environ = append(s.Environ, one)
		default:
			options = append(options, option)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used.found)) {
		if !strings.HasPrefix(name, variablePrefix) {
			s.Secrets = append(s.Secrets, schedule.Variable{Name: name, Value: used.found[name]})
		}
	}
	for _, path := range f.absAll(in.VarFiles) {
		options = append(options, "--var-file="+s.relative(path))
	}
	for _, set := range in.Sets {
		options = append(options, "--set="+set)
	}
	for _, config := range in.Configs {
		options = append(options, "--config="+config)
	}
	return options, nil
}

// variableFileWith is the variable file that gives a sensitive variable, empty
// for none.
func variableFileWith(f *Factory, in InputOptions, m *hcl.Module, v hcl.Variable) string {
	if !v.Sensitive {
		return ""
	}
	kept := &savedPlan{VarFiles: f.absAll(in.VarFiles), Kept: map[string][]byte{}}
	for _, file := range m.Files {
		kept.Kept[f.abs(file.Path)] = file.Bytes
	}
	return kept.varFileWith(v.Name)
}

// explained says how to mend what a driver cannot be made of.
func (s *driver) explained(err error) error {
	if large := new(schedule.TooLargeError); errors.As(err, &large) {
		return hinted(err, "take data out of run.inputs: bake it into the experiments' image, and let inputs name a small file that changes with it, such as its checksum")
	}
	return err
}
