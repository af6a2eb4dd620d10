package argparse

import (
	"regexp"
	"slices"
	"strings"
)

var (
	escapes  = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)
	heading  = regexp.MustCompile(`^(\S[^:]*):$`)
	boxed    = regexp.MustCompile(`^[╭┌]─+ (.*?) ─*[╮┐]$`)
	gap      = regexp.MustCompile(`\s{2,}`)
	bothWays = regexp.MustCompile(`--\[no-\]([A-Za-z0-9][\w-]*)`)
	flag     = regexp.MustCompile(`^--?[A-Za-z0-9]`)
)

// Read reads the text of --help.
func Read(text string) Help {
	text = strings.ReplaceAll(escapes.ReplaceAllString(text, ""), "\r", "")
	text = bothWays.ReplaceAllString(text, "--$1, --no-$1")
	u := readUsage(text)
	h := Help{}
	for _, e := range entries(text) {
		switch {
		case flag.MatchString(e.invocation):
			o := readOption(e)
			o.Required = o.Required || u.requires(o.Flags)
			if !usual(o) {
				h.Options = append(h.Options, o)
			}
		case e.section == commandSection:
			h.Commands = append(h.Commands, strings.Fields(e.invocation)[0])
		case e.section == positionalSection:
			h.positional(e, u)
		}
	}
	if len(h.Positionals) == 0 {
		h.Positionals = u.clickArguments()
	}
	if len(h.Options)+len(h.Positionals) == 0 {
		h.Options = u.options()
	}
	return h
}

// positional adds an entry of the section of positional arguments, where
// argparse has the subcommands, too.
func (h *Help) positional(e entry, u usage) {
	name := strings.Fields(e.invocation)[0]
	switch {
	case u.subcommands(e.invocation):
		h.Commands = append(h.Commands, braced(e.invocation)...)
	case e.deep && !slices.Contains(h.Commands, name):
		h.Commands = append(h.Commands, name)
	case !e.deep:
		h.Positionals = append(h.Positionals, readPositional(e, u))
	}
}

// entry is an option, a positional argument or a subcommand in a help text.
type entry struct {
	section    section
	invocation string // --lr LR, with several columns joined by two spaces
	help       string
	deep       bool // below another one
}

type section int

const (
	otherSection section = iota
	positionalSection
	commandSection
)

// sectionOf is by the words of argparse, click and typer.
func sectionOf(title string) section {
	switch strings.ToLower(title) {
	case "positional arguments", "arguments":
		return positionalSection
	case "commands", "subcommands":
		return commandSection
	}
	return otherSection
}

// entries cuts a text into entries.
func entries(text string) []entry {
	var all []entry
	r := entryReader{section: otherSection}
	for line := range strings.Lines(text) {
		all = r.line(all, strings.TrimRight(line, " \n"))
	}
	return all
}

type entryReader struct {
	section section
	box     bool
	indent  int // of the entry that is read
	open    bool
}

func (r *entryReader) line(all []entry, line string) []entry {
	if m := boxed.FindStringSubmatch(line); m != nil {
		r.section, r.box, r.open = sectionOf(m[1]), true, false
		return all
	}
	line = r.unboxed(line)
	body := strings.TrimLeft(line, " ")
	indent := len(line) - len(body)
	switch {
	case body == "":
		return all
	case indent == 0 && !flag.MatchString(body):
		r.open = false
		if m := heading.FindStringSubmatch(body); m != nil {
			r.section = sectionOf(m[1])
		}
		return all
	case r.begins(body, indent):
		r.indent, r.open = r.shallow(indent), true
		invocation, help := r.split(body)
		return append(all, entry{r.section, invocation, help, indent > 2 && !r.box})
	case r.open && len(all) > 0:
		last := &all[len(all)-1]
		last.help = strings.TrimSpace(last.help + " " + gap.ReplaceAllString(body, " "))
	}
	return all
}

// shallow keeps the indent of the entries when one lies below another.
func (r *entryReader) shallow(indent int) int {
	if r.open {
		return min(r.indent, indent)
	}
	return indent
}

// begins reports whether a line begins an entry and does not go on with one.
func (r *entryReader) begins(body string, indent int) bool {
	const helpColumn = 10 // or more: nobody indents an option so far
	near := indent < helpColumn || r.open && indent <= r.indent
	return near && (flag.MatchString(body) || r.section != otherSection)
}

// unboxed takes the frame off, and typer's asterisk for what is required.
func (r *entryReader) unboxed(line string) string {
	if !strings.HasPrefix(line, "│") {
		return line
	}
	line = strings.TrimRight(strings.Trim(line, "│"), " ")
	if rest, ok := strings.CutPrefix(line, " *"); ok {
		line = "  " + rest
	}
	body := strings.TrimLeft(line, " ")
	if len(line)-len(body) <= 5 {
		return "  " + body
	}
	return line
}

// split divides the first line of an entry into invocation and help.
func (r *entryReader) split(body string) (invocation, help string) {
	columns := gap.Split(body, -1)
	n := 1
	for n < len(columns) && r.box && spelling.MatchString(columns[n]) {
		n++
	}
	return strings.Join(columns[:n], "  "), strings.Join(columns[n:], " ")
}

// spelling is a column of typer's that belongs to the invocation.
var spelling = regexp.MustCompile(`^(-\S.*|\[[^\]: ]+\]|<[^>]+>(\.\.\.)?|(INTEGER|FLOAT|TEXT|BOOLEAN|PATH|FILE|DIRECTORY|FILENAME|UUID)( RANGE)?( \[[^\]]*\])?(\.\.\.)?|[A-Z][A-Z0-9_]*(\.\.\.)?)$`)
