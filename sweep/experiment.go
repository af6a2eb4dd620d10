package sweep

import (
	"slices"
	"strings"
	"time"
)

// Experiment is one fully resolved point of a sweep. It is immutable.
type Experiment struct {
	Sweep  string // the sweep's label
	Config string // the config's label
	// Name is the experiment_name: the prefix of the run name, a DNS-1123 label
	// of at most 50 bytes.
	Name  string
	Round string // empty unless asked for
	// HP holds every hyperparameter, nested as declared.
	HP    *Object
	Point Hash // identity without the round
	Key   Hash // identity
	// WorkHash is the identity of what it does: Work resolved with stand-ins.
	WorkHash Hash
	Work     Work
	// Command is Work resolved with stand-ins at plan time: its Resources,
	// Timeout and the like hold on every place; its arguments, environment and
	// directories are for showing only.
	Command Command
	// Objective is the sweep's, nil if it has none.
	Objective *Objective
	// Repeated are the paths in which the sweep's repeats of one point differ,
	// sorted; nil if it repeats nothing.
	Repeated []string
}

// Work separates what an experiment does from where it runs.
type Work interface {
	// Resolve fills in the place. It is pure and safe for concurrent use: the
	// same place gives the same bytes.
	Resolve(Place) (Command, error)
}

// Place is where and as what an attempt runs. The zero Place stands for "not
// known yet": Resolve then uses fixed stand-ins, so that the result depends on
// no runner, name, number, round or directory.
type Place struct {
	Runner  string // "local" or "kubernetes"; empty for the stand-ins
	RunName string // "ex-8"
	Number  int    // 8: run.jobid
	Round   string
	// OutputName is the folder below the output root: the run name, or
	// "<run name>-rN" for a re-run with other work.
	OutputName string
	// OutputRoot is an absolute folder that takes the place of the output root
	// that the experiment names; empty for that one.
	OutputRoot string
}

// Command is what a runner starts, and what it needs.
type Command struct {
	// Shell is run by /bin/sh -ec. It is empty where Args is the argument
	// vector to run as it is.
	Shell string
	Args  []string
	// Env is sorted by name; it does not hold the LXSWEEP_ variables, which the
	// dispatcher adds.
	Env []Var
	// SecretEnv maps a variable to a reference "secret/key", sorted by name.
	SecretEnv []Var
	// Image is the container image, empty if the config names none.
	Image string
	// Absolute directories at the place.
	WorkingDir, DataDir, OutputDir string
	Resources                      Resources
	// Timeout is 0 for none.
	Timeout time.Duration
	// Retries is how often a failed program is started again.
	Retries          int
	NoRetryExitCodes []int
	// MetricsPattern is the regular expression that finds metrics in lines,
	// empty for the default forms.
	MetricsPattern string
	// MLflowDir is host.mlflow_dir, empty if not set.
	MLflowDir string
	// BuildSteps are the commands that make the image.
	BuildSteps []string
	// Cluster is what it asks of a cluster, nil for nothing.
	Cluster *Cluster
}

// Var is an environment variable.
type Var struct{ Name, Value string }

// Resources is what an experiment asks of a node; 0 is "not stated".
type Resources struct {
	MilliCPU int64 // thousandths of a core
	Memory   int64 // bytes
	GPUs     int
}

// Add returns the sum.
func (r Resources) Add(o Resources) Resources {
	return Resources{r.MilliCPU + o.MilliCPU, r.Memory + o.Memory, r.GPUs + o.GPUs}
}

// Line is the command as one line that can be pasted into a shell.
func (c Command) Line() string {
	if c.Args == nil {
		return c.Shell
	}
	quoted := make([]string, len(c.Args))
	for i, a := range c.Args {
		quoted[i] = ShellQuote(a)
	}
	return strings.Join(quoted, " ")
}

// Script is a line to paste into a shell: it goes to the folder, sets the
// environment, but for secrets and the LXSWEEP_ variables, and runs the program.
func (c Command) Script() string {
	var b strings.Builder
	if c.WorkingDir != "" {
		b.WriteString("cd " + ShellQuote(c.WorkingDir) + " && ")
	}
	if len(c.Env) > 0 {
		b.WriteString("env ")
	}
	for _, v := range c.Env {
		b.WriteString(ShellQuote(v.Name+"="+v.Value) + " ")
	}
	if c.Args == nil && !isPlain(c.Shell) {
		b.WriteString("/bin/sh -ec " + ShellQuote(c.Shell))
	} else {
		b.WriteString(c.Line())
	}
	return b.String()
}

// isPlain reports whether a shell takes the text for one program with its
// arguments, so that it means the same behind "cd x && env y".
func isPlain(shell string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(shell), " ")
	return !strings.ContainsAny(shell, "\n;&|<>()$`#!{}") && !strings.Contains(first, "=") && first != "exec" && first != "cd"
}

// ShellQuote quotes s for a POSIX shell, leaving alone what needs no quotes.
func ShellQuote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("_-./:=@%+,", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !safe(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// SortVars sorts by name, in place.
func SortVars(vars []Var) {
	slices.SortFunc(vars, func(a, b Var) int { return strings.Compare(a.Name, b.Name) })
}
