// Package argparse reads what a program says of its own options.
//
// Read takes the text of --help, in the form of argparse, click or typer, and
// Decode takes what Hook makes a Python program say in their place: the parser
// itself, with exact types and defaults. Both return a Help. Start at Option.
//
// It is pure: texts in, values out, and it runs nothing. It knows no
// hyperparameters and no HCL; what an option is good for is decided by whoever
// asks. It is bad at help that was written by hand: what does not look like an
// option's line is passed over, and a type that is not said stays unknown.
package argparse

import "slices"

// Help is what a program says of its arguments.
type Help struct {
	Options []Option // with a flag, in the order of the text, less --help and --version
	// Positionals are told apart by place. They are in order.
	Positionals []Option
	// Commands are the names of subcommands, of which one must follow.
	Commands []string
	// Chosen is the subcommand that was read to its end, with what it takes.
	// Only Decode knows; with Read, --help of the subcommand is another text.
	Chosen string
	Sub    *Help
}

// Option is an option or a positional argument.
type Option struct {
	// Flags are its spellings with their dashes; none for a positional argument.
	Flags []string `json:"flags,omitempty"`
	// Negative are the spellings that turn a Toggle off: --no-x.
	Negative []string `json:"negative,omitempty"`
	// Name is what it is called where it has no flag.
	Name    string   `json:"name,omitempty"`
	Kind    Kind     `json:"kind"`
	Type    Type     `json:"type,omitempty"`
	Choices []string `json:"choices,omitempty"`
	// List says that it takes several values at once: --widths 64 64.
	List     bool `json:"list,omitempty"`
	Required bool `json:"required,omitempty"`
	// State says whether Default is known.
	State   State    `json:"state,omitempty"`
	Default []string `json:"default,omitempty"` // as typed, a word a value
	// Trouble is why a default cannot be passed on the command line.
	Trouble string `json:"trouble,omitempty"`
	Help    string `json:"help,omitempty"` // on one line
}

// Kind is how an option is written.
type Kind string

// The kinds.
const (
	Value  Kind = "value"  // --x 1
	Switch Kind = "switch" // --x, or nothing
	Toggle Kind = "toggle" // --x or --no-x
	Repeat Kind = "repeat" // --x 1 --x 2
	Count  Kind = "count"  // -vv
)

// Type is what a value is.
type Type string

// The types.
const (
	Unknown Type = ""
	Int     Type = "int"
	Float   Type = "float"
	Text    Type = "text"
	Path    Type = "path"
	Bool    Type = "bool"
)

// State is what is known of a default.
type State string

// The states.
const (
	Unstated State = ""      // the program does not say
	None     State = "none"  // there is none: what happens then is the program's own affair
	Given    State = "given" // it is Default
)

// Long is its first spelling with two dashes, or one without any.
func (o *Option) Long() string {
	for _, f := range o.Flags {
		if len(f) > 2 && f[:2] == "--" {
			return f
		}
	}
	if len(o.Flags) > 0 {
		return o.Flags[0]
	}
	return o.Name
}

// usual reports an option of every program, which says nothing of this one.
func usual(o Option) bool {
	return slices.Contains(o.Flags, "--help") || slices.Contains(o.Flags, "-h") && len(o.Flags) == 1 ||
		slices.Contains(o.Flags, "--version") || slices.Contains(o.Flags, "--install-completion") || slices.Contains(o.Flags, "--show-completion")
}
