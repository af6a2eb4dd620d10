package cli

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/draft"
	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/hcl"
)

// InitOptions are what `lxsweep init` is told.
type InitOptions struct {
	*Factory
	// File is to be written.
	File string
	// Command is a program with the arguments that it needs in any case; empty
	// for a file about no program in particular.
	Command []string
	// Timeout bounds what the program takes to say its options.
	Timeout time.Duration
}

func newInitCmd(f *Factory, run func(context.Context, *InitOptions) error) *cobra.Command {
	o := &InitOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "init [FILE] [-- COMMAND [ARG]...]",
		Short: "Write a first .hcl file, for a program of yours if you name it",
		Long: `init writes a commented file to begin with (default grid.hcl), and never over
one that is there.

With a command it asks the program for its options: it runs it with --help,
bounded in time, without a shell and without input. A Python program that uses
argparse is stopped where it would read its arguments, and its parser asked for
exact types and defaults; the program's code above that line runs, as it does for
--help. The file's first experiment runs the program with its own defaults. What
could not be read is said in comments.`,
		Example: `  lxsweep init
  lxsweep init -- python train.py
  lxsweep init cnn.hcl -- python train.py fit --data data/cifar`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args, cmd.ArgsLenAtDash()); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 30*time.Second, "how long the program may take to say its options")
	return cmd
}

// complete parts the file from the command, which follows -- (dash is -1 if
// there is none).
func (o *InitOptions) complete(args []string, dash int) error {
	files := args
	if dash >= 0 {
		files, o.Command = args[:dash], args[dash:]
		if len(o.Command) == 0 {
			return errorf("for example: lxsweep init -- python train.py", "no command follows --")
		}
	}
	if len(files) > 1 {
		return errorf("put -- before a program: lxsweep init -- "+strings.Join(args, " "), "%q is one argument too many", files[1])
	}
	o.File = "grid.hcl"
	if len(files) == 1 {
		o.File = files[0]
	}
	if filepath.Ext(o.File) != ".hcl" {
		return errorf("for example: lxsweep init grid.hcl, or for a program: lxsweep init -- "+o.File, "%q does not end in .hcl", o.File)
	}
	return nil
}

// blankFile is a file about no program, less draft.Steps.
//
//go:embed init.hcl
var blankFile string

func runInit(ctx context.Context, o *InitOptions) error {
	target := o.abs(o.File)
	if _, err := os.Lstat(target); err == nil {
		return o.isThere()
	}
	drafted := draft.Draft{Text: []byte(strings.Replace(blankFile, "# STEPS\n", draft.Steps(filepath.Base(target)), 1))}
	if len(o.Command) > 0 {
		p, err := o.program(ctx, target)
		if err != nil {
			return err
		}
		drafted = draft.Write(p)
	}
	if err := o.create(target, drafted.Text); err != nil {
		return err
	}
	return o.tell(target, drafted)
}

func (o *InitOptions) isThere() error {
	command := "lxsweep init other.hcl"
	if len(o.Command) > 0 {
		command += " -- " + strings.Join(o.Command, " ")
	}
	return errorf("write another: "+command, "%s is there already, and is left as it is", o.File)
}

// create never writes over a file, even one that came just now.
func (o *InitOptions) create(target string, text []byte) error {
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return o.isThere()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return errorf("mkdir -p "+filepath.Dir(o.File), "%s: there is no such folder", filepath.Dir(o.File))
	}
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// tell says what was written, and loads it: a mistake of ours is told at once.
func (o *InitOptions) tell(target string, d draft.Draft) error {
	if _, err := o.loadWith([]string{target}, hcl.Options{Environ: o.Environ}); err != nil {
		return errorf("please mend the file by hand, and report it as a bug with the program's --help", "%s was written but does not load", o.File)
	}
	text := "wrote " + o.File
	if len(o.Command) > 0 {
		text += ": " + ui.Count(d.Hyperparameters, "hyperparameter", "hyperparameters")
	}
	if len(o.Command) > 0 && d.Hyperparameters == 0 {
		text += "\nno option could be read of its --help: write hp and cmd in the file"
	}
	for _, m := range d.Missing {
		text += "\nchange in the file what is required: " + m
	}
	_, err := fmt.Fprintf(o.Out, "%s\nnext: lxsweep plan %s\n", text, o.File)
	return err
}
