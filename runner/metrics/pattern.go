package metrics

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
)

// Pattern is a regular expression that finds metrics in lines.
type Pattern struct {
	expr        *regexp.Regexp
	name, value int // the groups "name" and "value", or -1
}

// Compile reads a pattern (https://pkg.go.dev/regexp/syntax). Either it has the
// named groups name and value, or its named groups are called as the metrics
// whose values they match. Groups called step and epoch are the step. An empty
// expression gives nil: the default forms.
func Compile(expr string) (*Pattern, error) {
	if expr == "" {
		return nil, nil
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("metrics pattern: %w", err)
	}
	p := &Pattern{re, re.SubexpIndex("name"), re.SubexpIndex("value")}
	if p.name >= 0 != (p.value >= 0) {
		return nil, fmt.Errorf("metrics pattern %q: of the groups name and value it has only one; "+
			"write both, as in (?P<name>\\w+) is (?P<value>\\S+)", expr)
	}
	if !slices.ContainsFunc(re.SubexpNames(), func(n string) bool { return n != "" && !isStep([]byte(n)) }) {
		return nil, fmt.Errorf("metrics pattern %q: it has no named group to take a metric from; "+
			"write (?P<val_loss>\\S+), or (?P<name>\\w+) and (?P<value>\\S+)", expr)
	}
	return p, nil
}

// scan finds the metrics of a line.
func (p *Pattern) scan(line []byte, s *Scanner) {
	for _, match := range p.expr.FindAllSubmatchIndex(line, -1) {
		group := func(i int) []byte {
			if match[2*i] < 0 {
				return nil
			}
			return line[match[2*i]:match[2*i+1]]
		}
		for i, called := range p.expr.SubexpNames() {
			switch {
			case called == "" || i == p.name:
			case i == p.value:
				take(s, group(p.name), group(i))
			default:
				take(s, []byte(called), group(i))
			}
		}
	}
}

// take notes a value if text is a number and nothing else.
func take(s *Scanner, name, text []byte) {
	name, text = bytes.TrimSpace(name), bytes.TrimSpace(text)
	v, end, ok := numberAt(text, 0)
	if ok && end == len(text) && len(name) > 0 && len(name) <= maxName {
		s.value(name, v)
	}
}
