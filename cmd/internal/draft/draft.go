// Package draft writes the first .hcl file for a program: what the program says
// of its arguments goes in (argparse.Help), a text goes out.
//
// The file's first experiment is to run the program with the program's own
// defaults, so an option whose default is unknown, or cannot be written on a
// command line, is left out and named in a comment. Start at Write; decide.go
// says what becomes of an option, likely.go what the first sweep is over.
//
// It is pure: it looks at no file and runs nothing.
package draft

import (
	"path"
	"regexp"
	"strings"

	"github.com/lxsweep/lxsweep/cmd/internal/argparse"
	"github.com/lxsweep/lxsweep/hcl"
)

// Program is a program, and where the file is to be.
type Program struct {
	// Command is the program's words, python train.py, without the arguments.
	Command []string
	// Args are the arguments that were given with it: a subcommand, values of
	// options and of what has no default.
	Args []string
	Help argparse.Help
	// Script is the program's own file, relative to the .hcl file's folder;
	// empty if it is not known or not below that folder.
	Script string
	// Source is the text of the script, for the names of metrics.
	Source string
	// Name is the file's own name, for the commands in its comments.
	Name string
	// WorkingDir is where the program runs, relative to the file's folder; empty
	// for that folder.
	WorkingDir string
	// Folder is the absolute path of the working folder: defaults below it are
	// written relative to it. It may be empty.
	Folder string
}

// Draft is a file and what its reader must know.
type Draft struct {
	Text []byte
	// Hyperparameters is how many there are.
	Hyperparameters int
	// Missing names what is required and has no default: the file has a stand-in.
	Missing []string
}

// Write drafts a file.
func Write(p Program) Draft {
	levels := decide(p)
	w := writer{Program: p, levels: levels}
	w.file()
	d := Draft{Text: hcl.Layout([]byte(w.b.String()))}
	for _, l := range levels {
		d.Hyperparameters += len(l.hypers)
		d.Missing = append(d.Missing, l.missing...)
	}
	return d
}

var extension = regexp.MustCompile(`\.(py|sh|jl|R|js|rb|pl)$`)

// title is what the config is called: a DNS label out of the script's name.
func (p *Program) title() string {
	word := p.Command[len(p.Command)-1]
	base := extension.ReplaceAllString(path.Base(word), "")
	var b strings.Builder
	for _, c := range strings.ToLower(base) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9' && b.Len() > 0:
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	const longest = 40
	label := b.String()
	label = strings.Trim(label[:min(len(label), longest)], "-")
	if label == "" {
		return "ex"
	}
	return label
}
