package cli

import (
	"github.com/spf13/cobra"
)

func newCompletionCmd(f *Factory) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	cmd := &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a script that completes commands in your shell",
		Long: `completion prints a script for your shell that completes commands, flags, files,
and what is in your ledger and files: runs, sweeps, rounds, metrics, configs,
variables.

bash needs the package bash-completion; zsh needs this in ~/.zshrc:
  fpath+=~/.zfunc; autoload -Uz compinit; compinit`,
		Example: `  eval "$(lxsweep completion bash)"     # in ~/.bashrc
  lxsweep completion zsh > ~/.zfunc/_lxsweep
  lxsweep completion fish > ~/.config/fish/completions/lxsweep.fish`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errorf("for example: lxsweep completion bash", "name one shell: bash, zsh or fish")
			}
			return oneOf("shell", args[0], shells...)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(f.Out, true)
			case "zsh":
				return root.GenZshCompletion(f.Out)
			}
			return cmd.Root().GenFishCompletion(f.Out, true)
		},
	}
	return cmd
}
