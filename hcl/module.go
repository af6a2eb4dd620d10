package hcl

import (
	hcl2 "github.com/hashicorp/hcl/v2"

	"github.com/lxsweep/lxsweep/sweep"
)

// Options are what the command line and the environment add to the files. The
// zero value adds nothing.
type Options struct {
	Vars     []string // --var name=value, in order
	VarFiles []string // --var-file, in order
	Sets     []string // --set run.max_memory=8Gi, --set hp.epochs=1
	// Configs (--config) are labels of configs that take the place of the
	// files' sweeps, each as a sweep of one point.
	Configs []string
	Round   string
	// Runner is "local" or "kubernetes" and takes the place of the sweeps' own;
	// empty leaves it to them.
	Runner string
	// Environ looks up an environment variable; nil knows none.
	Environ func(string) (string, bool)
	// ReadFile reads a file by its path; nil is the file system, with the size
	// checked before anything is read. A saved plan gives the bytes it kept.
	ReadFile func(path string) ([]byte, error)
}

// Module is everything that the files of one configuration declare.
type Module struct {
	Sweeps    []*sweep.Sweep // in source order
	Variables []Variable     // sorted by name
	Configs   []string       // labels, in source order
	Files     []File         // all that was read
	// Dir is the absolute folder of the first file: relative paths start here.
	Dir string

	sources map[string]*hcl2.File // for snippets
	inputs  *inputFiles
}

// Inputs are the files that run.inputs named, as far as experiments were
// evaluated: relative to Dir, with slashes, sorted.
func (m *Module) Inputs() []string { return m.inputs.paths() }

// Variable is an input as a plan shows it.
type Variable struct {
	Name string
	// Text is its value; "(sensitive)" where that must not be seen.
	Text string
	// Source says where the value came from: "default", "LXSWEEP_VAR_tag",
	// "--var-file prod.tfvars", "--var".
	Source    string
	Sensitive bool
}

// File is a file that was read: a source, a variable file, or what file() was
// given. With their bytes for Options.ReadFile, Load makes the same module.
type File struct {
	Path  string // as named, or found in the folder that was named
	Bytes []byte
}
