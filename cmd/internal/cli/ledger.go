package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// LedgerOptions are what `lxsweep ledger export` and `import` are told.
type LedgerOptions struct {
	*Factory
	StateOptions
	File string // of import; - for stdin
}

func newLedgerCmd(f *Factory, export, read func(context.Context, *LedgerOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Move the ledger to another place",
		Long: `ledger moves a ledger between a file and PostgreSQL: export writes all that it
holds, import reads that into an empty place. Sweeps then go on there under the
same numbers, and nothing runs again.`,
		Example: `  lxsweep ledger export > ledger.jsonl
  lxsweep ledger import ledger.jsonl --state postgres://ann@db/sweeps`,
		Args: known,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddGroup(&cobra.Group{ID: "ledger", Title: "Commands:"})
	cmd.AddCommand(grouped("ledger", newExportCmd(f, export), newImportCmd(f, read))...)
	return cmd
}

func newExportCmd(f *Factory, run func(context.Context, *LedgerOptions) error) *cobra.Command {
	o := &LedgerOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all that the ledger holds to stdout",
		Long: `export writes the ledger as JSON lines to stdout, as it is at one moment; an apply
may run meanwhile. The files of logs and outputs are not in it.`,
		Example: `  lxsweep ledger export > ledger.jsonl
  lxsweep ledger export --state postgres://ann@db/sweeps | gzip > ledger.jsonl.gz`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	o.readerFlags(cmd.Flags())
	return cmd
}

func newImportCmd(f *Factory, run func(context.Context, *LedgerOptions) error) *cobra.Command {
	o := &LedgerOptions{Factory: f}
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Read an export into an empty place",
		Long: `import reads what export wrote, all or nothing, into a place where no ledger is;
- is stdin. The new ledger is the same as the old one, by its id, too: go on with
one of the two. Where it is to be a file, import in the folder of the .hcl files:
what runners keep in .lxsweep there belongs to it.`,
		Example: `  lxsweep ledger import ledger.jsonl --state postgres://ann@db/sweeps
  lxsweep ledger import - < ledger.jsonl`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errorf("for example: lxsweep ledger import ledger.jsonl", "it takes one file, %d were named", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File = args[0]
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.State, "state", "", "the new ledger's `place`: a file or a postgres:// URL (default: LXSWEEP_STATE, or .lxsweep/lxsweep.db here)")
	return cmd
}

func runExport(ctx context.Context, o *LedgerOptions) (err error) {
	l, err := o.reading(ctx, o.State)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	if !l.Exists() {
		return noLedger(o.shortState(l.Path()))
	}
	if o.Out.Terminal {
		return errorf("lxsweep ledger export > ledger.jsonl", "an export is for a file, and stdout is a terminal")
	}
	n, err := l.Export(ctx, o.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Err, "exported %s of %s; the files of logs and outputs are not in it, and stay where they are\n",
		ui.Count(n, "experiment", "experiments"), o.shortState(l.Path()))
	return nil
}

func runImport(ctx context.Context, o *LedgerOptions) (err error) {
	var from io.Reader = o.In
	if o.File != "-" {
		file, err := os.Open(o.abs(o.File))
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	where := cmp.Or(o.stateOf(o.State), filepath.Join(o.Dir, ledgerFile))
	l, err := o.openLedger(ctx, where, ledger.ReadWrite)
	if err != nil {
		return err
	}
	defer closing(l, &err)
	n, err := l.Import(ctx, from)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Err, "imported %s into %s; go on there, and no longer with the ledger that they are from: %s\n",
		ui.Count(n, "experiment", "experiments"), o.shortState(l.Path()), "lxsweep apply --state "+sweep.ShellQuote(o.shortState(l.Path()))+" FILE")
	return nil
}
