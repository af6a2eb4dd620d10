package draft

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lxsweep/lxsweep/cmd/internal/argparse"
)

// level is a program or its subcommand: each has options of its own, which stand
// before the next one's name.
type level struct {
	command string // the subcommand, empty for the program itself
	group   string // the block of hp that its options are in, empty for hp itself
	hypers  []hyper
	before  []string // of the command line, ahead of the flags: positional arguments
	after   []string // behind them: folders
	left    []left
	missing []string
	dataDir string // what data_dir must be for the program's own default
	kebab   bool
	// noPrefix says that --no-x is how a bool is turned off.
	noPrefix bool
	commands []string // the subcommands that there are
}

// hyper is an option that is a hyperparameter.
type hyper struct {
	path    []string
	literal string
	comment string
	option  argparse.Option
}

// left is an option that is not, and why.
type left struct{ flag, why string }

// decide reads the levels from the program down.
func decide(p Program) []*level {
	var levels []*level
	words, dataDir := p.Args, ""
	for h, command := &p.Help, ""; h != nil; h, command = h.Sub, h.Chosen {
		d := decider{level: &level{command: command, dataDir: dataDir}, folder: p.Folder}
		if h.Sub != nil {
			d.commands = h.Commands
		}
		words = d.given(h, words)
		d.last = h.Sub == nil
		d.options(h)
		levels, dataDir = append(levels, d.level), d.dataDir
	}
	levels[len(levels)-1].before = append(levels[len(levels)-1].before, quoteAll(words)...)
	group(levels)
	return levels
}

// group puts the options of each level into a block where several levels have
// some.
func group(levels []*level) {
	with := slices.DeleteFunc(slices.Clone(levels), func(l *level) bool { return len(l.hypers) == 0 })
	if len(with) < 2 {
		return
	}
	for i, l := range with {
		l.group = l.command
		if !identifier.MatchString(l.group) || i == 0 {
			l.group = [...]string{"main", "sub", "subsub"}[min(i, 2)]
		}
		for j := range l.hypers {
			l.hypers[j].path = append([]string{l.group}, l.hypers[j].path...)
		}
	}
}

// decider decides about the options of one level.
type decider struct {
	*level
	folder string
	last   bool // no subcommand follows
}

func (d *decider) options(h *argparse.Help) {
	for _, o := range h.Positionals {
		d.positional(o)
	}
	all := slices.Clone(h.Options)
	d.styles(all)
	for _, o := range all {
		if !d.folders(o) {
			d.option(o)
		}
	}
}

// styles chooses how flags() is to write this level's names.
func (d *decider) styles(all []argparse.Option) {
	dashes, underscores, switches, toggles := 0, 0, 0, 0
	for i := range all {
		name := strings.TrimLeft(all[i].Long(), "-")
		switch {
		case strings.Contains(name, "_"):
			underscores++
		case strings.Contains(name, "-"):
			dashes++
		}
		switch all[i].Kind {
		case argparse.Switch:
			switches++
		case argparse.Toggle:
			toggles++
			if !slices.Contains(all[i].Negative, "--no-"+name) {
				switches++
			}
		}
	}
	d.kebab = dashes > 0 && underscores == 0
	d.noPrefix = toggles > 0 && switches == 0
}

// option makes a hyperparameter of an option, or leaves it.
func (d *decider) option(o argparse.Option) {
	literal, why := "", d.refusal(&o)
	if why == "" {
		literal, why = d.literal(&o)
	}
	name := strings.TrimLeft(d.spelling(&o), "-")
	if d.kebab {
		name = strings.ReplaceAll(name, "-", "_")
	}
	at := strings.Split(name, ".")
	if why == "" && (d.taken(at) || slices.ContainsFunc(at, func(s string) bool { return !identifier.MatchString(s) })) {
		why = "its name cannot be that of a hyperparameter beside the others"
	}
	if why != "" {
		d.left = append(d.left, left{o.Long(), why})
		return
	}
	d.hypers = append(d.hypers, hyper{at, literal, remark(&o), o})
}

// spelling is the flag that the program is to get.
func (d *decider) spelling(o *argparse.Option) string {
	if o.Kind == argparse.Toggle && !d.noPrefix && on(o) {
		return o.Negative[0]
	}
	return o.Long()
}

func on(o *argparse.Option) bool { return len(o.Default) == 1 && o.Default[0] == "true" }

// taken reports whether a path is another's, or lies above or below it.
func (d *decider) taken(at []string) bool {
	return slices.ContainsFunc(d.hypers, func(h hyper) bool {
		n := min(len(h.path), len(at))
		return slices.Equal(h.path[:n], at[:n])
	})
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	secret     = regexp.MustCompile(`(^|_)(token|password|secret|api_key)$`)
)

// refusal says why an option cannot be a hyperparameter, empty if it can.
func (d *decider) refusal(o *argparse.Option) string {
	switch {
	case o.Kind == argparse.Count:
		return "it is counted"
	case !strings.HasPrefix(o.Long(), "--"):
		return "it has no spelling with two dashes: write it in cmd by hand"
	case secret.MatchString(plainName(o)):
		return "secrets go by the environment: secret_env"
	case o.Kind == argparse.Repeat:
		return `it is given several times: flags(hp, { list = "repeat" }) writes a list so`
	case o.Kind == argparse.Toggle && o.State != argparse.Given:
		return "its default is not known"
	case o.Trouble != "":
		return o.Trouble
	case strings.ContainsRune(strings.Join(slices.Concat(o.Default, o.Choices), ""), 0):
		return "no command line holds a zero byte"
	case o.List && !d.last:
		return "its values would take in the subcommand"
	case o.Kind == argparse.Value && o.State == argparse.Unstated && !o.Required:
		return "its default is not shown by --help: add NAME = VALUE above to pass it"
	case o.List && len(o.Default) == 0 && o.State == argparse.Given:
		return "no values at all cannot be written"
	}
	return ""
}

// positional puts an argument without a name into the command.
func (d *decider) positional(o argparse.Option) {
	role, known := roleOf(&o)
	switch {
	case o.State == argparse.Given && len(o.Default) > 0 && o.Trouble == "":
		if known && role == data {
			d.before = append(d.before, d.place(role, o.Default[0]))
			return
		}
		d.before = append(d.before, quoteAll(o.Default)...)
	case known:
		d.before = append(d.before, d.place(role, ""))
	case !o.Required:
		d.left = append(d.left, left{o.Name, "an argument by position, which can be left out"})
	default:
		d.before = append(d.before, quoteAll([]string{d.standIn(&o)})...)
	}
}

// standIn is a value for what is required and has none.
func (d *decider) standIn(o *argparse.Option) string {
	if len(o.Choices) > 0 {
		d.missing = append(d.missing, fmt.Sprintf("%s (%s was put in)", o.Long(), o.Choices[0]))
		return o.Choices[0]
	}
	value := "CHANGE_ME"
	if o.Type == argparse.Int || o.Type == argparse.Float {
		value = "1"
	}
	d.missing = append(d.missing, fmt.Sprintf("%s (%s was put in)", o.Long(), value))
	return value
}

// role is what a folder is for.
type role int

const (
	data role = iota
	output
)

var (
	dataName   = regexp.MustCompile(`^((data|dataset|datasets|input|train|img|image|images)_?(dir|path|root|folder|file)|data|root|datadir|dataroot)$`)
	outputName = regexp.MustCompile(`^((out|output|outputs|save|log|logs|logging|checkpoint|checkpoints|ckpt|results?|exp|run|work|tensorboard|tb)_?(dir|path|root|folder|file)|out|output|save|save_model|save_to|default_root_dir)$`)
	folderName = regexp.MustCompile(`(dir|root|folder)$`)
	pathLike   = regexp.MustCompile(`^[./~]|/|^(data|datasets?|input|out|outputs?|results?|runs|logs?|checkpoints?|ckpts?)$|\.[A-Za-z][A-Za-z0-9]{0,4}$`)
)

// fileLike is an output that is one file.
var fileLike = regexp.MustCompile(`(?i)(^|_|\b)file\b`)

// roleOf reports what folder an option names, if it does.
func roleOf(o *argparse.Option) (role, bool) {
	name := plainName(o)
	if o.Kind != argparse.Value || o.List || len(o.Choices) > 0 || o.Type == argparse.Int || o.Type == argparse.Float || o.Type == argparse.Bool {
		return 0, false
	}
	if o.State == argparse.Given && len(o.Default) == 1 && o.Default[0] != "" && o.Type != argparse.Path && !pathLike.MatchString(o.Default[0]) && !folderName.MatchString(name) {
		return 0, false
	}
	switch {
	case dataName.MatchString(name):
		return data, true
	case outputName.MatchString(name):
		return output, true
	}
	return 0, false
}

// folders writes an option that names a folder. Data that a program can do
// without stays out: there is no telling where it is.
func (d *decider) folders(o argparse.Option) bool {
	role, known := roleOf(&o)
	if !known {
		return false
	}
	value := ""
	if o.State == argparse.Given && len(o.Default) == 1 {
		value = o.Default[0]
	}
	if role == data && (value == "" && !o.Required || strings.HasPrefix(value, "~")) {
		d.left = append(d.left, left{o.Long(), "data: add " + o.Long() + " ${shellquote(run.data_dir)} to cmd, and data_dir below"})
		return true
	}
	if name := plainName(&o); role == output && value == "" && fileLike.MatchString(name+" "+o.Help) {
		d.after = append(d.after, o.Long()+" ${shellquote(run.output_dir)}/"+quote(name))
		return true
	}
	d.after = append(d.after, o.Long()+" "+d.place(role, value))
	return true
}

// place is a folder of the run's, or a file in it, for a program's own default.
func (d *decider) place(r role, value string) string {
	folder, file := value, ""
	if path.Ext(value) != "" && strings.Trim(value, "./") != "" && !strings.HasPrefix(path.Base(value), ".") {
		folder, file = path.Dir(value), "/"+quote(path.Base(value))
	}
	if r == output {
		return "${shellquote(run.output_dir)}" + file
	}
	if value == "" {
		d.missing = append(d.missing, "the data's folder (data_dir)")
		return "${shellquote(run.data_dir)}"
	}
	if rel, err := filepath.Rel(d.folder, folder); err == nil && filepath.IsAbs(folder) && !strings.HasPrefix(rel, "..") {
		folder = rel
	}
	if d.dataDir != "" && folder != d.dataDir { // there is one data_dir
		return quoteAll([]string{value})[0]
	}
	d.dataDir = folder
	return "${shellquote(run.data_dir)}" + file
}

// plainName is an option's name as people say it: data_dir.
func plainName(o *argparse.Option) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimLeft(o.Long(), "-"), "-", "_"))
}
