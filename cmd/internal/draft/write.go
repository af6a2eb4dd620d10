package draft

import (
	"fmt"
	"slices"
	"strings"
)

// writer writes the file; hcl.Layout puts it into columns.
type writer struct {
	Program
	levels []*level
	b      strings.Builder
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func (w *writer) file() {
	command := short(strings.Join(w.Command, " "))
	w.line("# A first sweep over %s, drafted from what it says of its options.", command)
	w.line("#")
	w.b.WriteString(Steps(w.Name))
	w.missing()
	w.line("")
	w.line("config %q {", w.title())
	w.hp()
	w.run()
	w.resources()
	w.line("}")
	w.line("")
	w.sweep()
}

// Steps is what to do with a file of that name, as comments of it.
func Steps(name string) string {
	var b strings.Builder
	for _, step := range [][2]string{
		{"try " + name, "does one experiment work?"},
		{"plan " + name, "what would run"},
		{"apply " + name, "run it, as many at once as there are cores"},
		{"results", "which experiment won"},
	} {
		fmt.Fprintf(&b, "#   lxsweep %-*s  # %s\n", len("apply ")+len(name), step[0], step[1])
	}
	return b.String()
}

func (w *writer) missing() {
	var all []string
	for _, l := range w.levels {
		all = append(all, l.missing...)
	}
	if len(all) == 0 {
		return
	}
	w.line("#")
	w.line("# CHANGE_ME: required, without a default:")
	for _, m := range all {
		w.line("#   %s", short(m))
	}
}

func (w *writer) hp() {
	if !slices.ContainsFunc(w.levels, func(l *level) bool { return len(l.hypers)+len(l.left) > 0 }) {
		w.line("hp { # --help names no option that could be read: write them here")
		w.line("# lr = 0.1 # and ${flags(hp)} in cmd passes --lr 0.1")
		w.line("}")
		return
	}
	w.line("# Every hyperparameter, with the program's own default.")
	w.line("hp {")
	root := &node{}
	for _, l := range w.levels {
		for _, h := range l.hypers {
			root.add(h.path, h.literal, h.comment, false)
		}
	}
	w.nodes(root)
	w.left()
	w.line("}")
}

// left says what is no hyperparameter, and why.
func (w *writer) left() {
	for _, l := range w.levels {
		var reasons []string
		flags := map[string][]string{}
		for _, left := range l.left {
			if flags[left.why] == nil {
				reasons = append(reasons, left.why)
			}
			flags[left.why] = append(flags[left.why], short(left.flag))
		}
		if len(reasons) > 0 {
			w.line("")
			w.line("# Left to the program%s:", within(l))
		}
		for _, why := range reasons {
			w.reason(why, flags[why])
		}
	}
}

// reason writes a few flags a line.
func (w *writer) reason(why string, flags []string) {
	if len(flags) == 1 {
		w.line("# %s: %s", flags[0], short(why))
		return
	}
	w.line("# %s:", short(why))
	for few := range slices.Chunk(flags, 6) {
		w.line("#   %s", strings.Join(few, ", "))
	}
}

func within(l *level) string {
	if l.command == "" {
		return ""
	}
	return "'s " + l.command
}

func (w *writer) run() {
	w.line("run {")
	w.line(`cmd = "%s"`, w.cmd())
	if w.Script != "" {
		w.line(`inputs = [%s] # when these change, results are stale`, literalText(w.Script))
	}
	w.line(`# max_cpu    = "1" # what an experiment needs: as many run at once as fit`)
	w.line(`# max_memory = "4Gi"`)
	w.line(`# timeout    = "4h"`)
	w.line("}")
}

// cmd is the command line, level by level.
func (w *writer) cmd() string {
	words := quoteAll(w.Command)
	for _, l := range w.levels {
		if l.command != "" {
			words = append(words, quoteAll([]string{l.command})...)
		}
		words = append(words, l.before...)
		if len(l.hypers) > 0 {
			words = append(words, l.flags())
		}
		words = append(words, l.after...)
	}
	return strings.Join(words, " ")
}

// flags is the call that writes a level's options.
func (l *level) flags() string {
	hp := "hp"
	if l.group != "" {
		hp += "." + l.group
	}
	var options []string
	if l.noPrefix {
		options = append(options, `bool = "no-prefix"`)
	}
	if l.kebab {
		options = append(options, `case = "kebab"`)
	}
	if len(options) == 0 {
		return "${flags(" + hp + ")}"
	}
	return "${flags(" + hp + ", { " + strings.Join(options, ", ") + " })}"
}

func (w *writer) resources() {
	dataDir := w.levels[len(w.levels)-1].dataDir
	used := strings.Contains(w.cmd(), "run.data_dir")
	if !used && w.WorkingDir == "" {
		return
	}
	w.line("resources {")
	w.line("host {")
	if w.WorkingDir != "" {
		w.line("working_dir = %s", literalText(w.WorkingDir))
	}
	switch {
	case dataDir != "":
		w.line("data_dir = %s", literalText(dataDir))
	case used:
		w.line(`# data_dir = "data" # CHANGE_ME: where the data is, if not beside this file`)
	}
	w.line("}")
	w.line("}")
}

func (w *writer) sweep() {
	w.line(`sweep "first" {`)
	w.line("config = config.%s", w.title())
	w.line("")
	w.grid(likely(w.levels))
	if path, values := seeds(w.levels); path != nil {
		w.line("# repeat { %s } # every point once with each: is it the hyperparameters, or luck?", oneLine(path, values))
	}
	if l := w.levels[0]; len(l.commands) > 1 {
		w.line("# The subcommands are %s.", short(strings.Join(l.commands, ", ")))
	}
	w.objective()
	w.line("}")
}

func (w *writer) grid(axes []axis) {
	if len(axes) == 0 {
		w.line("# grid { NAME = [1, 2, 3] } # no option has a name that is swept over as a rule: choose one")
		return
	}
	w.line("grid { # every combination, the last varying fastest")
	root := &node{}
	for _, a := range axes {
		root.add(a.path, a.values, "", !a.active)
	}
	w.nodes(root)
	w.line("}")
}

func (w *writer) objective() {
	metric, maximize := objective(w.Source)
	switch {
	case metric == "":
		w.line(`# objective { minimize = "val_loss" } # a metric, found in lines such as val_loss=0.21`)
	case maximize:
		w.line("objective { maximize = %q } # the program's text prints it as %s=...", metric, metric)
	default:
		w.line("objective { minimize = %q } # the program's text prints it as %s=...", metric, metric)
	}
}

func oneLine(path []string, values string) string {
	text := path[len(path)-1] + " = " + values
	for i := len(path) - 2; i >= 0; i-- {
		text = path[i] + " { " + text + " }"
	}
	return text
}

// node is a block, or an attribute in one.
type node struct {
	name, value, comment string
	off                  bool // it is written as a comment
	below                []*node
}

func (n *node) add(path []string, value, comment string, off bool) {
	if len(path) == 1 {
		n.below = append(n.below, &node{name: path[0], value: value, comment: comment, off: off})
		return
	}
	for _, b := range n.below {
		if b.name == path[0] && b.value == "" {
			b.add(path[1:], value, comment, off)
			return
		}
	}
	b := &node{name: path[0]}
	n.below = append(n.below, b)
	b.add(path[1:], value, comment, off)
}

// nodes writes attributes ahead of blocks, so that columns line up.
func (w *writer) nodes(n *node) {
	for _, b := range n.below {
		if b.value == "" {
			continue
		}
		text := b.name + " = " + b.value
		if b.off {
			text = "# " + text
		}
		if b.comment != "" {
			text += " # " + b.comment
		}
		w.line("%s", text)
	}
	for _, b := range n.below {
		switch {
		case b.value != "":
		case b.idle():
			w.idle(b, "")
		default:
			w.line("%s {", b.name)
			w.nodes(b)
			w.line("}")
		}
	}
}

// idle writes a block as a comment, which hcl.Layout leaves as it is.
func (w *writer) idle(n *node, indent string) {
	if n.value != "" {
		w.line("# %s%s = %s", indent, n.name, n.value)
		return
	}
	w.line("# %s%s {", indent, n.name)
	for _, b := range n.below {
		w.idle(b, indent+"  ")
	}
	w.line("# %s}", indent)
}

// idle reports whether all that is in a block is written as a comment.
func (n *node) idle() bool {
	return !slices.ContainsFunc(n.below, func(b *node) bool { return !b.off && (b.value != "" || !b.idle()) })
}
