package hcl

import (
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// thunk is a named value that is evaluated when it is first asked for.
type thunk struct {
	name  string // as the file would refer to it: "local.a", "config.base.hp.lr"
	at    hcl2.Range
	state thunkState
	expr  *expression // of a local
	eval  func() (cty.Value, bool)
	value cty.Value
}

type thunkState uint8

const (
	unasked thunkState = iota
	busy               // being evaluated: asking again is a cycle
	good
	broken // its problem, or that of something it needs, is reported
)

// pulling evaluates thunks on demand. It reports each problem once: what needs
// a broken thunk is broken in silence.
type pulling struct {
	stack []*thunk
	diags hcl2.Diagnostics
}

// pull returns a thunk's value, and whether it has one.
func (p *pulling) pull(t *thunk) (cty.Value, bool) {
	switch t.state {
	case good:
		return t.value, true
	case broken:
		return cty.DynamicVal, false
	case busy:
		p.report(p.cycle(t))
		return cty.DynamicVal, false
	}
	t.state = busy
	p.stack = append(p.stack, t)
	value, ok := t.eval()
	p.stack = p.stack[:len(p.stack)-1]
	if t.state == broken || !ok { // a cycle through it breaks it
		t.state = broken
		return cty.DynamicVal, false
	}
	t.state, t.value = good, value
	return value, true
}

func (p *pulling) report(diags ...*hcl2.Diagnostic) { p.diags = append(p.diags, diags...) }

// cycle describes the way from t back to t, and breaks all of it.
func (p *pulling) cycle(t *thunk) *hcl2.Diagnostic {
	start := len(p.stack) - 1
	for p.stack[start] != t {
		start--
	}
	var path strings.Builder
	for _, on := range p.stack[start:] {
		on.state = broken
		path.WriteString(on.name + " (" + placed(on.at) + ") -> ")
	}
	return problem(t.at, "Cycle", "%s refers to itself: %s%s. Give one of them a value of its own.", t.name, path.String(), t.name)
}
