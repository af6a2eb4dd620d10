package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
)

// FmtOptions are what `lxsweep fmt` is told.
type FmtOptions struct {
	*Factory
	Files []string // empty for the current folder
	Check bool
	Diff  bool
}

func newFmtCmd(f *Factory, run func(context.Context, *FmtOptions) error) *cobra.Command {
	o := &FmtOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "fmt [FILE|DIR...]",
		Short: "Lay files out in the canonical way",
		Long: `fmt rewrites files, or the .hcl files of folders, in the canonical layout of HCL,
and prints the names of those that it changed. Without a name it takes the
current folder; - reads stdin and writes to stdout. A file is replaced as a whole
or not at all; one that does not parse is left alone and reported.

With --check nothing is written, and it exits with 1 if a file would change.`,
		Example: `  lxsweep fmt
  lxsweep fmt --check --diff sweeps/
  lxsweep fmt - < grid.hcl`,
		ValidArgsFunction: completeFiles("hcl"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Check, "check", false, "write nothing; list the files that would change and exit with 1 if there are any")
	cmd.Flags().BoolVar(&o.Diff, "diff", false, "print what changes instead of names")
	return cmd
}

// stdinName is how diagnostics call what was read from stdin.
const stdinName = "<stdin>"

func runFmt(_ context.Context, o *FmtOptions) error {
	paths := slices.Clone(o.Files)
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for i, path := range paths {
		if path == "-" {
			paths[i] = stdinName
		}
	}
	list, diags := hcl.Format(paths, o.readInput)
	wrong := o.diagnose(diags)
	changed := 0
	for _, f := range list {
		if f.Changed() {
			changed++
		}
		if err := o.format(f); err != nil {
			return err
		}
	}
	if wrong == nil && changed > 0 && o.Check {
		return errorf(strings.TrimSpace("lxsweep fmt "+quoteAll(o.Files)), "%s laid out otherwise", ui.Count(changed, "file is", "files are"))
	}
	return wrong
}

func (o *FmtOptions) readInput(path string) ([]byte, error) {
	if path == stdinName {
		return io.ReadAll(o.In)
	}
	return hcl.ReadFile(path)
}

// format writes a file's layout, or says what it would be.
func (o *FmtOptions) format(f hcl.Formatted) error {
	if f.Path == stdinName && !o.Check && !o.Diff {
		_, err := o.Out.Write(f.Text)
		return err
	}
	if !f.Changed() {
		return nil
	}
	if err := o.show(f); err != nil || o.Check || f.Path == stdinName {
		return err
	}
	if err := replaceFile(o.abs(f.Path), f.Text); err != nil {
		return fmt.Errorf("writing %s: %w", f.Path, err)
	}
	return nil
}

func (o *FmtOptions) show(f hcl.Formatted) error {
	if o.Diff {
		_, err := o.Out.Write(diff.Diff("old/"+f.Path, f.Bytes, "new/"+f.Path, f.Text))
		return err
	}
	_, err := fmt.Fprintln(o.Out, f.Path)
	return err
}

// replaceFile gives a file that exists other content, all or nothing. What a
// link names is replaced, not the link.
func replaceFile(path string, data []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already if all went well
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(info.Mode().Perm()), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
