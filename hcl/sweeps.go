package hcl

import (
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"

	"github.com/lxsweep/lxsweep/sweep"
)

// sweeps builds the sweeps of the files, or of --config.
func (l *loader) sweeps(d *declarations) []*sweep.Sweep {
	blocks := d.sweeps
	if len(l.opts.Configs) > 0 {
		blocks = l.configSweeps()
	}
	first := map[string]*sweepBlock{}
	var list []*sweep.Sweep
	for _, b := range blocks {
		if was := first[b.name]; was != nil {
			l.report(problem(b.at, "Sweep given twice", "There is a sweep %q at %s already. Give it another label.", b.name, placed(was.at)))
			continue
		}
		first[b.name] = b
		list = append(list, l.build(b))
	}
	if len(blocks) == 0 && len(l.opts.Configs) == 0 {
		l.report(l.noSweep(d))
	}
	var used []*program
	for _, name := range l.names.configs {
		if p := l.programs[name]; p != nil && p.prepared {
			used = append(used, p)
		}
	}
	l.checkUnusedSets(used)
	return list
}

// configSweeps makes sweeps of one point of --config.
func (l *loader) configSweeps() []*sweepBlock {
	var blocks []*sweepBlock
	for _, name := range l.opts.Configs {
		name = strings.TrimPrefix(name, "config.")
		c := l.configs[name]
		if c == nil {
			l.report(&hcl2.Diagnostic{
				Severity: hcl2.DiagError, Summary: "Undeclared config",
				Detail: "--config " + name + ": the files declare no such config." + didYouMean(name, l.names.configs),
			})
			continue
		}
		blocks = append(blocks, &sweepBlock{name: name, at: c.at, configs: []named{{name, c.at}}})
	}
	return blocks
}

// noSweep says what to write into files that start nothing.
func (l *loader) noSweep(d *declarations) *hcl2.Diagnostic {
	config := "base"
	if len(d.configs) > 0 {
		config = d.configs[len(d.configs)-1].name
	}
	diag := &hcl2.Diagnostic{
		Severity: hcl2.DiagError, Summary: "No sweep",
		Detail: "The files declare no sweep, so there is nothing to run. Write one:\n\n  sweep \"first\" {\n    config = config." + config + "\n    grid {\n      lr = [0.1, 0.01]\n    }\n  }\n\nor name a config: --config " + config + ".",
	}
	if len(l.src.files) > 0 {
		name := l.src.files[0].Path
		at := rangeAt(name, l.src.files[0].Bytes, 0)
		diag.Summary += " in " + name
		if len(l.src.files[0].Bytes) > 0 {
			diag.Summary = "No sweep"
			diag.Subject = &at
		}
	}
	return diag
}
