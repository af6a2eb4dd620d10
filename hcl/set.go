package hcl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// set is one --set: an attribute that is replaced in every config used.
type set struct {
	path string // "hp.lr", "run.max_memory"
	text string
	at   hcl2.Range
	used *bool // some config has the hyperparameter
}

// readSets splits the --set options. Each is a source of its own for snippets.
func (l *loader) readSets() {
	for _, option := range l.opts.Sets {
		name := "--set " + option
		l.src.parsed[name] = &hcl2.File{Bytes: []byte(option)}
		at := rangeAt(name, []byte(option), 0)
		at.End = hcl2.Pos{Line: 1, Column: len(option) + 1, Byte: len(option)}
		path, text, ok := strings.Cut(option, "=")
		path = strings.TrimSpace(path)
		root, rest, dotted := strings.Cut(path, ".")
		if !ok || !dotted || rest == "" || root != "hp" && root != "run" && root != "resources" {
			l.report(problem(at, "Unreadable --set", "--set takes an attribute and a value: --set hp.epochs=1, --set run.max_memory=8Gi.%s", l.setHint(path, text, ok)))
			continue
		}
		s := set{path: path, text: strings.TrimSpace(text), at: at, used: new(bool)}
		if root != "hp" {
			if _, known := s.setting(); !known {
				r := reference{root: root, at: at}
				for _, name := range strings.Split(rest, ".") {
					r.steps = append(r.steps, step{name, at})
				}
				l.report((&program{}).unknownSetting(r))
				continue
			}
		}
		l.sets = append(l.sets, s)
	}
}

// setHint offers the whole path of a name that was given without its block.
func (l *loader) setHint(name, text string, hasValue bool) string {
	if name == "" || !hasValue {
		return ""
	}
	known := slices.Sorted(maps.Keys(settingTypes))
	for _, path := range l.names.hp {
		known = append(known, "hp."+path)
	}
	for _, path := range known {
		if strings.HasSuffix(path, "."+name) {
			return fmt.Sprintf(" Did you mean --set %s=%s?", path, text)
		}
	}
	return ""
}

// laySets lays --set over the config.
func (p *program) laySets(sets []set) {
	for _, s := range sets {
		name, isHP := strings.CutPrefix(s.path, "hp.")
		if !isHP {
			p.laySettings([]setting{s.asSetting()})
			continue
		}
		q := p.hp.find(name)
		switch {
		case q == nil:
			continue // checkSets reports it if no config has it
		case q.isGroup():
			*s.used = true // or it would be reported as undeclared too
			p.loader.report(problem(s.at, "Value for a group", "%s is a group of hyperparameters: --set one of %s.", s.path, listed(q.kidNames(), "or")))
		default:
			*s.used = true
			text := p.takesText(q)
			q.given = source{at: s.at, expr: constantExpression(s.literal(text), s.at)}
		}
	}
}

// setting finds the attribute that is set, or the map that one name of is.
func (s set) setting() (path string, ok bool) {
	if _, known := typeOfSetting(s.path); known {
		return s.path, true
	}
	i := strings.LastIndexByte(s.path, '.')
	kind, known := typeOfSetting(s.path[:i])
	return s.path[:i], known && kind == textMapSetting
}

func (s set) asSetting() setting {
	path, _ := s.setting() // readSets has found it
	if path != s.path {
		v := cty.ObjectVal(map[string]cty.Value{s.path[len(path)+1:]: s.literal(true)})
		return setting{path, s.at, constantExpression(v, s.at)}
	}
	kind, _ := typeOfSetting(path)
	return setting{path, s.at, constantExpression(s.literal(kind == textSetting || kind == commandSetting), s.at)}
}

// takesText reports whether a bare word is a value of q: its default is text.
func (p *program) takesText(q *parameter) bool {
	_, isTemplate := q.declared[0].expr.Expression.(*hclsyntax.TemplateExpr)
	return isTemplate && !q.declared[0].free
}

// literal reads the value: a number, bool, null, list or object as HCL writes
// them, anything else as the text that it is. Where text is wanted, only quotes
// make it anything else.
func (s set) literal(text bool) cty.Value {
	if text && !strings.HasPrefix(s.text, `"`) && !strings.HasPrefix(s.text, "[") && s.text != "null" {
		return cty.StringVal(s.text)
	}
	if tooDeep("--set", []byte(s.text)) == nil {
		expr, diags := hclsyntax.ParseExpression([]byte(s.text), s.at.Filename, hcl2.InitialPos)
		if !diags.HasErrors() && len(expr.Variables()) == 0 {
			if v, diags := expr.Value(nil); !diags.HasErrors() {
				return v
			}
		}
	}
	return cty.StringVal(s.text)
}

// checkSets reports --set of what a sweep varies.
func (l *loader) checkSets(b *sweepBlock, programs []*program) {
	for _, s := range l.sets {
		path, isHP := strings.CutPrefix(s.path, "hp.")
		if !isHP {
			continue
		}
		blocks := b.spaces
		if b.repeat != nil {
			blocks = append(blocks[:len(blocks):len(blocks)], b.repeat)
		}
		for _, space := range blocks {
			if e := sets(space.axes, path, ""); e != nil {
				l.report(problem(s.at, "Swept hyperparameter", "sweep %q varies hp.%s at %s, so --set would change nothing. Change the axis there, or plan one point with --config.", b.name, path, placed(e.at)))
			}
		}
	}
}

// sets finds the entry that varies a path.
func sets(entries []*entry, path, prefix string) *entry {
	for _, e := range entries {
		if e.name == zipBlock && e.isBlock() {
			if found := sets(e.kids, path, prefix); found != nil {
				return found
			}
		}
		own := join(prefix, e.name)
		switch {
		case own == path || !e.isBlock() && strings.HasPrefix(path, own+"."):
			return e
		case e.isBlock():
			if found := sets(e.kids, path, own); found != nil {
				return found
			}
		}
	}
	return nil
}

// checkUnusedSets reports --set of hyperparameters that no used config has.
func (l *loader) checkUnusedSets(used []*program) {
	for _, s := range l.sets {
		path, isHP := strings.CutPrefix(s.path, "hp.")
		if isHP && !*s.used && len(used) > 0 {
			l.report(used[0].undeclared(s.at, path))
		}
	}
}
