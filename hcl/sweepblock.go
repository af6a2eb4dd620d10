package hcl

import (
	"math"
	"slices"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lxsweep/lxsweep/sweep"
)

// sweepBlock is a sweep block, unevaluated.
type sweepBlock struct {
	name       string
	at         hcl2.Range // the label
	configs    []named
	attributes map[string]*expression
	spaces     []*spaceBlock
	skips      []*skipBlock
	includes   []*includeBlock
	repeat     *spaceBlock
	objective  *objectiveBlock
	onFinish   *onFinishBlock
}

// spaceBlock is a grid, a sample or a repeat.
type spaceBlock struct {
	at     hcl2.Range // the type
	method named      // of a sample, else empty
	count  *expression
	seed   *expression
	axes   []*entry
}

func (s *spaceBlock) isSample() bool { return s.method.name != "" }

// zipBlock is the name of the blocks in a space whose axes advance together.
const zipBlock = "zip"

type includeBlock struct {
	at     hcl2.Range
	values []*entry
}

var sweepSchema = &hcl2.BodySchema{
	Attributes: append([]hcl2.AttributeSchema{{Name: "config", Required: true}},
		attributesOf("max_parallel", "max_experiments", "runner", "order", "fail_fast", "max_failures", "overlap")...),
	Blocks: append(blocksOf("grid", "skip", "include", "repeat", "objective", "on_finish"), hcl2.BlockHeaderSchema{Type: "sample", LabelNames: []string{"method"}}),
}

func decodeSweep(block *hcl2.Block) (*sweepBlock, hcl2.Diagnostics) {
	s := &sweepBlock{name: block.Labels[0], at: block.LabelRanges[0]}
	body, diags := content(syntaxBody(block), "a sweep", sweepSchema)
	diags = append(diags, once(body.Blocks, "repeat", "objective", "on_finish")...)
	if !hclsyntax.ValidIdentifier(s.name) {
		diags = append(diags, problem(s.at, "Label that is no name", "A sweep's label is made of letters, digits, _ and -; %q is not.", s.name))
	}
	if config := body.Attributes["config"]; config != nil {
		var more hcl2.Diagnostics
		s.configs, more = configNames(config.Expr, "config")
		diags = append(diags, more...)
		if len(s.configs) == 0 && len(more) == 0 {
			diags = append(diags, problem(config.Expr.Range(), "Sweep without a config", "The list is empty: write config = config.NAME."))
		}
	}
	s.attributes = expressionsOf(body.Attributes, "config")
	for _, b := range body.Blocks {
		diags = append(diags, s.decodeBlock(b)...)
	}
	return s, diags
}

// expressionsOf are the attributes of a body, without one that is no value.
func expressionsOf(attributes hcl2.Attributes, without string) map[string]*expression {
	m := make(map[string]*expression, len(attributes))
	for name, a := range attributes {
		if name != without {
			m[name] = newExpression(a.Expr.(hclsyntax.Expression))
		}
	}
	return m
}

func (s *sweepBlock) decodeBlock(b *hcl2.Block) (diags hcl2.Diagnostics) {
	switch b.Type {
	case "grid":
		grid := &spaceBlock{at: b.TypeRange}
		grid.axes, diags = readTree(syntaxBody(b), zipBlock)
		s.spaces = append(s.spaces, grid)
	case "repeat":
		s.repeat = &spaceBlock{at: b.TypeRange}
		s.repeat.axes, diags = readTree(syntaxBody(b), zipBlock)
	case "sample":
		var sample *spaceBlock
		sample, diags = decodeSample(b)
		s.spaces = append(s.spaces, sample)
	case "skip":
		var skip *skipBlock
		skip, diags = decodeSkip(b)
		if skip.when != nil {
			s.skips = append(s.skips, skip)
		}
	case "include":
		include := &includeBlock{at: b.TypeRange}
		include.values, diags = readTree(syntaxBody(b), "")
		s.includes = append(s.includes, include)
	case "objective":
		s.objective, diags = decodeObjective(b)
	case "on_finish":
		s.onFinish, diags = decodeOnFinish(b)
	default:
		panic("hcl: a sweep has no block " + b.Type)
	}
	return diags
}

var sampleSchema = &hcl2.BodySchema{
	Attributes: []hcl2.AttributeSchema{{Name: "count", Required: true}, {Name: "seed"}},
	Blocks:     blocksOf("hp"),
}

func decodeSample(b *hcl2.Block) (*spaceBlock, hcl2.Diagnostics) {
	s := &spaceBlock{at: b.TypeRange, method: named{b.Labels[0], b.LabelRanges[0]}}
	body, diags := content(syntaxBody(b), "a sample", sampleSchema)
	diags = append(diags, once(body.Blocks, "hp")...)
	if methods := []string{sweep.MethodRandom, sweep.MethodSobol}; !slices.Contains(methods, s.method.name) {
		diags = append(diags, problem(s.method.at, "Unknown sample method", "There is no sample method %q; there are %s.%s", s.method.name, listed(methods, "and"), didYouMean(s.method.name, methods)))
		s.method.name = sweep.MethodRandom
	}
	attributes := expressionsOf(body.Attributes, "")
	s.count, s.seed = attributes["count"], attributes["seed"]
	for _, inner := range body.Blocks {
		axes, more := readTree(syntaxBody(inner), zipBlock)
		s.axes = append(s.axes, axes...)
		diags = append(diags, more...)
	}
	return s, diags
}

// checkNames reports wrong names in the sweep's expressions.
func (s *sweepBlock) checkNames(l *loader) {
	here := availability{where: "a sweep"}
	for _, e := range s.attributes {
		l.check(e, here)
	}
	for _, space := range s.spaces {
		if space.isSample() {
			l.checkEntries(space.axes, availability{where: "a sample", samples: true})
			for _, e := range []*expression{space.count, space.seed} {
				if e != nil {
					l.check(e, availability{where: "a sample"})
				}
			}
			continue
		}
		l.checkEntries(space.axes, availability{where: "a grid"})
	}
	if s.repeat != nil {
		l.checkEntries(s.repeat.axes, availability{where: "repeat"})
	}
	for _, include := range s.includes {
		l.checkEntries(include.values, availability{where: "include"})
	}
	for _, skip := range s.skips {
		l.check(skip.when, availability{where: "skip", hp: true})
		if skip.reason != nil {
			l.check(skip.reason, availability{where: "the reason of a skip"})
		}
	}
	if s.objective != nil {
		for _, e := range s.objective.attributes {
			l.check(e, availability{where: "objective"})
		}
	}
	if s.onFinish != nil {
		for _, e := range s.onFinish.attributes {
			l.check(e, availability{where: "on_finish"})
		}
	}
}

// defaultMaxExperiments is max_experiments where a sweep does not say.
const defaultMaxExperiments = 10_000

// build evaluates the sweep. The result is complete if nothing was reported.
func (l *loader) build(b *sweepBlock) *sweep.Sweep {
	s := &sweep.Sweep{Name: b.name, Pos: position(b.at), MaxExperiments: defaultMaxExperiments, Round: l.opts.Round}
	l.sweepAttributes(b, s)
	s.Objective = l.objective(b.objective)
	s.OnFinish = l.onFinish(b.onFinish)
	programs := l.bases(b, s)
	if len(programs) == 0 {
		return s
	}
	s.Namespace = l.namespace(programs)
	for i, p := range programs {
		built := l.spacesOf(b, p)
		if i == 0 {
			s.Spaces, s.Includes, s.Repeat = built.spaces, built.includes, built.repeat
		}
	}
	l.checkSets(b, programs)
	for _, skip := range b.skips {
		s.Skips = append(s.Skips, l.skip(skip, programs))
	}
	l.checkSize(b, s)
	if !l.diags.HasErrors() {
		l.checkUse(b, s, programs)
	}
	return s
}

// bases prepares the sweep's configs.
func (l *loader) bases(b *sweepBlock, s *sweep.Sweep) []*program {
	var programs []*program
	seen := map[string]bool{}
	for _, n := range b.configs {
		switch {
		case l.configs[n.name] == nil:
			l.report(problem(n.at, "Undeclared config", "There is no config %q.%s", n.name, didYouMean(n.name, l.names.configs)))
			continue
		case seen[n.name]:
			l.report(problem(n.at, "Config given twice", "config.%s is in this list already.", n.name))
			continue
		}
		seen[n.name] = true
		p, ok := l.program(n.name)
		if !ok {
			continue
		}
		p.prepare()
		programs = append(programs, p)
		s.Bases = append(s.Bases, sweep.Base{Config: n.name, Pos: position(p.config.at), Program: p, Identity: p.identity})
	}
	return programs
}

func position(r hcl2.Range) sweep.Pos { return sweep.Pos{File: r.Filename, Line: r.Start.Line} }

func (l *loader) sweepAttributes(b *sweepBlock, s *sweep.Sweep) {
	l.whole(b.attributes["max_parallel"], 1, math.MaxInt32, &s.MaxParallel)
	l.whole(b.attributes["max_experiments"], 1, math.MaxInt64, &s.MaxExperiments)
	l.whole(b.attributes["max_failures"], 1, math.MaxInt32, &s.MaxFailures)
	l.flag(b.attributes["fail_fast"], &s.FailFast)
	order := ""
	l.oneOf(b.attributes["order"], &order, "shuffle", "plan")
	s.Shuffle = order == "shuffle"
	l.oneOf(b.attributes["runner"], &s.Runner, "local", kubernetes)
	if l.opts.Runner != "" {
		s.Runner = l.opts.Runner
	}
	overlap := ""
	l.oneOf(b.attributes["overlap"], &overlap, string(sweep.OverlapSkip), string(sweep.OverlapWait))
	s.Overlap = sweep.Overlap(overlap)
}

// whole reads a whole number within bounds into a variable.
func (l *loader) whole(e *expression, least, most int64, into *int) {
	if e == nil {
		return
	}
	v, ok := l.value(e)
	if !ok {
		return
	}
	n, whole := v.AsInt()
	if !whole || n < least || n > most {
		l.report(problem(e.Range(), "Wrong number", "A whole number from %d is wanted, not %s.", least, v))
		return
	}
	*into = int(n)
}

func (l *loader) flag(e *expression, into *bool) {
	if e == nil {
		return
	}
	v, ok := l.value(e)
	if !ok {
		return
	}
	b, isBool := v.AsBool()
	if !isBool {
		l.report(problem(e.Range(), "Wrong type", "true or false is wanted, not %s.", v))
	}
	*into = b
}

func (l *loader) oneOf(e *expression, into *string, choices ...string) {
	if e == nil {
		return
	}
	text, ok := l.fileText(e)
	if ok && !slices.Contains(choices, text) {
		l.report(problem(e.Range(), "Unknown choice", "It is one of %s, not %q.%s", listed(choices, "or"), text, didYouMean(text, choices)))
		return
	}
	*into = text
}
