package hcl

import (
	"cmp"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// Load reads files, or the *.hcl of folders, as one configuration. Without
// errors the module is usable; its diagnostics may then hold warnings. With
// errors the module holds what could be made of the files and is only good for
// showing. It never panics, and evaluates no experiment.
func Load(paths []string, opts Options) (m *Module, diags Diagnostics) {
	src := newSources(opts.ReadFile)
	defer func() {
		if bug := recover(); bug != nil {
			m = &Module{Files: src.files, Dir: folder(src, paths), sources: src.parsed}
			diags = newDiagnostics(append(src.diags, internalError(bug)), src.parsed)
		}
	}()
	for _, path := range paths {
		src.add(path)
	}
	m = &Module{Files: src.files, Dir: folder(src, paths), sources: src.parsed}
	if src.diags.HasErrors() {
		return m, newDiagnostics(src.diags, src.parsed)
	}
	l := newLoader(m.Dir, src, opts)
	l.report(src.diags...)
	m.Sweeps, m.Variables = l.load()
	m.Configs, m.inputs = l.names.configs, l.inputs
	m.Files = append(append(m.Files, l.varFiles...), src.kept...)
	return m, newDiagnostics(l.diags, src.parsed)
}

// internalError is what becomes of a panic: a file is data, and the caller may
// hold things that must be let go of in order.
func internalError(bug any) *hcl2.Diagnostic {
	return &hcl2.Diagnostic{
		Severity: hcl2.DiagError, Summary: "Internal error",
		Detail: fmt.Sprintf("This is a bug of lxsweep and not of the files: %v\n\n%s", bug, debug.Stack()),
	}
}

// folder is that of the first file.
func folder(src *sources, paths []string) string {
	first := "."
	switch {
	case len(src.files) > 0:
		first = src.files[0].Path
	case len(paths) > 0:
		first = paths[0]
	}
	dir, err := filepath.Abs(filepath.Dir(first))
	if err != nil { // the working directory is gone
		return filepath.Dir(first)
	}
	return dir
}

func newLoader(dir string, src *sources, opts Options) *loader {
	l := &loader{
		opts: opts, dir: dir, src: src,
		locals:   map[string]*thunk{},
		configs:  map[string]*config{},
		programs: map[string]*program{},
		inputs:   &inputFiles{dir: dir},
	}
	l.functionContexts(functions(dir, src.keep))
	return l
}

// declarations are the blocks of all files, in order.
type declarations struct {
	variables []*hclsyntax.Block
	locals    []*entry
	configs   []*config
	sweeps    []*sweepBlock
}

func (l *loader) load() ([]*sweep.Sweep, []Variable) {
	d := l.decode()
	l.declare(d)
	in, diags := resolveInputs(inputs{d.variables, l.opts, l.dir})
	l.report(diags...)
	l.vars, l.varFiles = in.values, in.files
	for _, f := range in.files {
		l.src.parsed[f.Path] = &hcl2.File{Bytes: f.Bytes}
	}
	l.checkNames(d)
	l.checkAncestors(d.configs)
	l.readSets()
	for _, t := range l.localsInOrder(d) {
		l.pull(t)
	}
	return l.sweeps(d), in.shown
}

func (l *loader) decode() *declarations {
	d := &declarations{}
	for _, body := range l.src.bodies {
		known, diags := content(body, "a file", fileSchema)
		l.report(diags...)
		for _, b := range known.Blocks {
			l.report(d.add(b)...)
		}
	}
	return d
}

func (d *declarations) add(b *hcl2.Block) (diags hcl2.Diagnostics) {
	switch b.Type {
	case "variable":
		d.variables = append(d.variables, syntaxBlock(b))
	case "locals":
		var entries []*entry
		entries, diags = decodeLocals(b)
		d.locals = append(d.locals, entries...)
	case "config":
		var c *config
		c, diags = decodeConfig(b)
		d.configs = append(d.configs, c)
	case "sweep":
		var s *sweepBlock
		s, diags = decodeSweep(b)
		d.sweeps = append(d.sweeps, s)
	default:
		panic("hcl: a file has no block " + b.Type)
	}
	return diags
}

// syntaxBlock is a block as the parser made it.
func syntaxBlock(b *hcl2.Block) *hclsyntax.Block {
	return &hclsyntax.Block{
		Type: b.Type, Labels: b.Labels, Body: syntaxBody(b),
		TypeRange: b.TypeRange, LabelRanges: b.LabelRanges,
		OpenBraceRange: b.DefRange, CloseBraceRange: b.DefRange,
	}
}

func decodeLocals(b *hcl2.Block) ([]*entry, hcl2.Diagnostics) {
	var diags hcl2.Diagnostics
	var entries []*entry
	body := syntaxBody(b)
	for _, a := range body.Attributes {
		entries = append(entries, &entry{name: a.Name, at: a.NameRange, expr: newExpression(a.Expr)})
	}
	for _, inner := range body.Blocks {
		diags = append(diags, problem(inner.TypeRange, "Block in locals", "locals holds attributes: write %s = { ... }.", inner.Type))
	}
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.at.Start.Byte, b.at.Start.Byte) })
	return entries, diags
}

// declare makes the tables that names are looked up in.
func (l *loader) declare(d *declarations) {
	for _, b := range d.variables {
		l.names.vars = append(l.names.vars, b.Labels...)
	}
	localsAt := map[string]hcl2.Range{}
	for _, e := range d.locals {
		if was, ok := localsAt[e.name]; ok {
			l.report(problem(e.at, "Local given twice", "local.%s is given at %s already.", e.name, placed(was)))
			continue
		}
		localsAt[e.name] = e.at
		l.names.locals = append(l.names.locals, e.name)
		l.addLocal(e.name, e.at, e.expr)
	}
	for _, c := range d.configs {
		if was := l.configs[c.name]; was != nil {
			l.report(problem(c.at, "Config given twice", "There is a config %q at %s already. Give it another label.", c.name, placed(was.at)))
			continue
		}
		l.configs[c.name] = c
		l.names.configs = append(l.names.configs, c.name)
		l.names.hp = append(l.names.hp, pathsOf(c.hp, "")...)
	}
	d.configs = slices.DeleteFunc(d.configs, func(c *config) bool { return l.configs[c.name] != c })
}

func pathsOf(entries []*entry, prefix string) []string {
	var paths []string
	for _, e := range entries {
		path := join(prefix, e.name)
		paths = append(paths, path)
		paths = append(paths, pathsOf(e.kids, path)...)
	}
	return paths
}

func (l *loader) localsInOrder(d *declarations) []*thunk {
	var list []*thunk
	for _, e := range d.locals {
		list = append(list, l.locals[e.name])
	}
	return list
}

// checkNames reports every wrong name in every expression, before anything is
// evaluated.
func (l *loader) checkNames(d *declarations) {
	for _, e := range d.locals {
		l.check(e.expr, availability{where: "locals"})
	}
	for _, c := range d.configs {
		l.checkEntries(c.hp, availability{where: "hp", hp: true})
		l.checkEntries(c.assume, availability{where: "identity"})
		for _, s := range c.settings {
			here := availability{where: "run and resources", hp: true, run: true}
			if s.path == "run.experiment_name" {
				here = availability{where: "experiment_name", hp: true, round: true}
			}
			l.check(s.expr, here)
		}
	}
	for _, s := range d.sweeps {
		s.checkNames(l)
	}
}

func (l *loader) checkEntries(entries []*entry, here availability) {
	for _, e := range entries {
		if !e.isBlock() {
			l.check(e.expr, here)
		}
		l.checkEntries(e.kids, here)
	}
}

// check reports wrong names; what has them is not evaluated.
func (l *loader) check(e *expression, here availability) {
	diags := l.names.check(e, here)
	e.unsound = diags.HasErrors()
	l.report(diags...)
}

// fileText evaluates an expression of file scope to a string.
func (l *loader) fileText(e *expression) (string, bool) {
	v, ok := l.fileValue(e, l.atFile)
	if !ok {
		return "", false
	}
	return l.textOr(e, v)
}

func (l *loader) textOr(e *expression, v cty.Value) (string, bool) {
	text, err := settingText(v)
	if err != nil {
		l.report(problem(e.Range(), "Wrong type", "%s", sentence(err.Error())))
	}
	return text, err == nil
}
