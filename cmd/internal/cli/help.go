package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
)

// A command's help is its Long, its Example and its flags, which stand under
// these titles, in this order.
var flagGroups = []struct {
	title string
	flags []string
}{
	{"Which experiments", []string{"config", "sweep", "filter", "round", "minimize", "maximize", "baseline", "tolerance", "rerun", "accept-changed", "cancel-removed", "attempt", "keep-rounds", "older-than", "ended", "outputs", "keep-best"}},
	{"Inputs", []string{"var", "var-file", "set"}},
	{"When", []string{"cron", "time-zone"}},
	{"Where", []string{"runner", "state", "storage", "storage-class", "image", "name", "context", "namespace", "kubeconfig"}},
	{"How", []string{"apply", "force-conflicts", "crontab", "detach", "parallel", "gpus", "fail-fast", "max-failures", "lock-timeout", "until", "take-over", "skip-build", "auto-approve", "follow", "reason", "gone", "check", "timeout"}},
	{"Output", []string{"output", "out", "progress", "detailed-exitcode", "limit", "all", "rounds", "cmd", "diff", "no-color", "help"}},
}

// The groups of commands, in the order of a day's work.
var commandGroups = []*cobra.Group{
	{ID: "write", Title: "Write a sweep:"},
	{ID: "run", Title: "Run it:"},
	{ID: "read", Title: "Read what came out:"},
	{ID: "other", Title: "More:"},
}

// grouped puts commands into a group.
func grouped(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = id
	}
	return commands
}

// usage is how every command writes its usage.
func (f *Factory) usage(cmd *cobra.Command) error {
	w, s := cmd.OutOrStderr(), f.screen(f.Out)
	title := func(text string) { fmt.Fprintf(w, "\n%s\n", s.Paint(ui.Bold, text+":")) }
	line := cmd.UseLine()
	if len(cmd.Groups()) > 0 {
		line = cmd.CommandPath() + " COMMAND"
	}
	fmt.Fprintf(w, "%s\n  %s\n", s.Paint(ui.Bold, "Usage:"), line)
	if len(cmd.Groups()) == 0 {
		for _, sub := range cmd.Commands() {
			fmt.Fprintf(w, "  %s\n", sub.UseLine())
		}
	}
	if cmd.HasExample() {
		title("Examples")
		fmt.Fprintln(w, cmd.Example)
	}
	if len(cmd.Groups()) > 0 {
		f.commands(w, cmd)
	}
	for _, g := range flagGroups {
		if flags := chosenFlags(cmd, g.flags); flags.HasAvailableFlags() {
			title(g.title)
			fmt.Fprint(w, flags.FlagUsagesWrapped(helpWidth(f.Out.Width())))
		}
	}
	return nil
}

// help is what --help says: the Long or the Short, and the usage.
func (f *Factory) help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	for _, paragraph := range strings.Split(cmp.Or(cmd.Long, cmd.Short), "\n\n") {
		lines := ui.Wrap(paragraph, min(helpWidth(f.Out.Width()), 80))
		fmt.Fprintf(w, "%s\n\n", strings.Join(lines, "\n"))
	}
	_ = cmd.Usage()
}

// helpWidth is that of lines that can still be read.
func helpWidth(columns int) int {
	if columns <= 0 {
		return 80
	}
	return min(columns, 100)
}

// commands lists the commands below cmd.
func (f *Factory) commands(w io.Writer, cmd *cobra.Command) {
	for _, g := range cmd.Groups() {
		fmt.Fprintf(w, "\n%s\n", f.screen(f.Out).Paint(ui.Bold, g.Title))
		for _, sub := range cmd.Commands() {
			if sub.GroupID == g.ID && sub.IsAvailableCommand() {
				lines := ui.Wrap(sub.Short, helpWidth(f.Out.Width())-14)
				fmt.Fprintf(w, "  %-11s %s\n", sub.Name(), strings.Join(lines, "\n"+strings.Repeat(" ", 14)))
			}
		}
	}
	last := ui.Wrap(cmd.CommandPath()+" COMMAND --help tells more of each.", helpWidth(f.Out.Width()))
	fmt.Fprintf(w, "\n%s\n", strings.Join(last, "\n"))
}

// chosenFlags are those of a command that have one of the names, in their order.
func chosenFlags(cmd *cobra.Command, names []string) *pflag.FlagSet {
	chosen := pflag.NewFlagSet("", pflag.ContinueOnError)
	chosen.SortFlags = false
	for _, name := range names {
		if flag := cmd.Flags().Lookup(name); flag != nil {
			chosen.AddFlag(flag)
		} else if flag := cmd.InheritedFlags().Lookup(name); flag != nil {
			chosen.AddFlag(flag)
		}
	}
	return chosen
}

// What several commands have to say.
const (
	readsNewest = `

It reads the ledger of this folder or of the nearest above, in the newest
round, and writes nothing; --sweep, --round and --filter choose otherwise.`

	filterNames = `

A filter is an expression over hp.NAME, metric.NAME, state, run_name, number,
attempts, sweep and round, with the operators of the language.`

	filterPlans = filterNames + `
In a plan there are config and sign, too: 'sign == "+"'.`

	filterRuns = filterNames + ` One that reads
round looks at every round.`
)
