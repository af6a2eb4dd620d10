package hcl

import (
	"slices"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

type objectiveBlock struct {
	at         hcl2.Range
	attributes map[string]*expression
}

var objectiveSchema = &hcl2.BodySchema{Attributes: attributesOf("minimize", "maximize", "target", "value")}

func decodeObjective(b *hcl2.Block) (*objectiveBlock, hcl2.Diagnostics) {
	body, diags := content(syntaxBody(b), "objective", objectiveSchema)
	return &objectiveBlock{b.TypeRange, expressionsOf(body.Attributes, "")}, diags
}

func (l *loader) objective(b *objectiveBlock) *sweep.Objective {
	if b == nil {
		return nil
	}
	o := &sweep.Objective{Pick: sweep.PickLast}
	for _, direction := range []string{"minimize", "maximize"} {
		e := b.attributes[direction]
		if e == nil {
			continue
		}
		for _, metric := range l.metrics(e) {
			if slices.ContainsFunc(o.Goals, func(g sweep.Goal) bool { return g.Metric == metric }) {
				l.report(problem(e.Range(), "Metric given twice", "%q is a goal already: a metric is minimized or maximized, once.", metric))
			}
			o.Goals = append(o.Goals, sweep.Goal{Metric: metric, Maximize: direction == "maximize"})
		}
	}
	if b.attributes["minimize"] == nil && b.attributes["maximize"] == nil {
		l.report(problem(b.at, "Objective without a metric", `Write minimize = "val_loss", or maximize.`))
	}
	if e := b.attributes["target"]; e != nil {
		if v, ok := l.value(e); ok {
			f, number := v.AsFloat()
			if !number {
				l.report(problem(e.Range(), "Wrong type", "A number is wanted, not %s.", v))
			}
			o.Target = &f
		}
	}
	pick := string(sweep.PickLast)
	l.oneOf(b.attributes["value"], &pick, string(sweep.PickLast), string(sweep.PickMin), string(sweep.PickMax))
	o.Pick = sweep.Pick(pick)
	return o
}

// metrics reads one metric's name or a list of them.
func (l *loader) metrics(e *expression) []string {
	v, ok := l.fileValue(e, l.atFile)
	if !ok {
		return nil
	}
	if !isList(v) {
		v = cty.TupleVal([]cty.Value{v})
	}
	names, err := settingTexts(v)
	if err == nil && (len(names) == 0 || slices.Contains(names, "")) {
		l.report(problem(e.Range(), "Objective without a metric", "A metric has a name."))
	}
	if err != nil {
		l.report(problem(e.Range(), "Wrong type", "A metric's name or a list of names is wanted: %s", punctuated(err.Error())))
	}
	return names
}
