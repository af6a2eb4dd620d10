package metrics

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

// Bounds on what a scanner keeps.
const (
	maxLine  = 64 << 10 // bytes of a line looked at together
	maxNames = 1000     // different names
	maxName  = 128      // bytes of a name
)

// Scanner finds metrics in a program's output, which is written to it in any
// pieces. Its zero value looks for the default forms. It is not safe for
// concurrent use.
type Scanner struct {
	pattern *Pattern // nil for the default forms
	line    []byte   // an unfinished line
	clean   []byte   // a line without escape sequences
	found   map[string]*series
	dropped bool // there were more names
	now     lineValues
}

// lineValues are those of the line being scanned.
type lineValues struct {
	touched         []*series
	step, epoch     int64
	hasStep, hasEpo bool
}

// series is what is kept of one metric.
type series struct {
	metric sweep.Metric
	finite int     // how many values were
	last   float64 // the last value as it was, also if it was not finite
}

// NewScanner returns a scanner for the pattern; nil is the default forms.
func NewScanner(p *Pattern) *Scanner { return &Scanner{pattern: p} }

// Write takes in output. It never fails.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.addPart(p)
			break
		}
		s.addPart(p[:i])
		s.endLine()
		p = p[i+1:]
	}
	return n, nil
}

// addPart takes in part of a line that may hold carriage returns.
func (s *Scanner) addPart(p []byte) {
	for {
		i := bytes.IndexByte(p, '\r')
		if i < 0 {
			s.add(p)
			return
		}
		s.add(p[:i])
		s.endLine()
		p = p[i+1:]
	}
}

// add appends to the unfinished line, scanning what is too long for one.
func (s *Scanner) add(p []byte) {
	for len(s.line)+len(p) > maxLine {
		n := maxLine - len(s.line)
		s.line = append(s.line, p[:n]...)
		p = p[n:]
		// Cut between words, lest a number lose its digits.
		cut := bytes.LastIndexAny(s.line[maxLine-2*maxName:], " \t") + maxLine - 2*maxName + 1
		if cut <= maxLine-2*maxName {
			cut = maxLine
		}
		s.scan(s.line[:cut])
		s.line = append(s.line[:0], s.line[cut:]...)
	}
	s.line = append(s.line, p...)
}

func (s *Scanner) endLine() {
	if len(s.line) > 0 {
		s.scan(s.line)
		s.line = s.line[:0]
	}
}

// scan finds the metrics of one line.
func (s *Scanner) scan(line []byte) {
	if bytes.IndexByte(line, escape) >= 0 {
		s.clean = appendPlain(s.clean[:0], line)
		line = s.clean
	}
	if s.pattern != nil {
		s.pattern.scan(line, s)
	} else {
		scanForms(line, s)
	}
	s.settleSteps()
}

// value notes a metric's value, or the step of the line.
func (s *Scanner) value(name []byte, v float64) {
	switch {
	case bytes.EqualFold(name, []byte("step")):
		s.now.step, s.now.hasStep = whole(v)
	case bytes.EqualFold(name, []byte("epoch")):
		s.now.epoch, s.now.hasEpo = whole(v)
	default:
		s.count(name, v)
	}
}

func whole(v float64) (int64, bool) {
	return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
}

func (s *Scanner) count(name []byte, v float64) {
	m := s.found[string(name)]
	if m == nil {
		if len(s.found) >= maxNames {
			s.dropped = true
			return
		}
		if s.found == nil {
			s.found = map[string]*series{}
		}
		m = &series{metric: sweep.Metric{Name: strings.ToValidUTF8(string(name), "?")}}
		s.found[string(name)] = m
	}
	m.add(v)
	s.now.touched = append(s.now.touched, m)
}

func (m *series) add(v float64) {
	m.last = v
	m.metric.Count++
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	if m.finite == 0 {
		m.metric.Min, m.metric.Max = v, v
	}
	m.finite++
	m.metric.Min = min(m.metric.Min, v)
	m.metric.Max = max(m.metric.Max, v)
}

// settleSteps gives the values of the line its step.
func (s *Scanner) settleSteps() {
	step, has := s.now.step, s.now.hasStep
	if !has {
		step, has = s.now.epoch, s.now.hasEpo
	}
	for _, m := range s.now.touched {
		m.metric.Step, m.metric.Steps = 0, has
		if has {
			m.metric.Step = step
		}
	}
	s.now = lineValues{touched: s.now.touched[:0]}
}

// Close takes what was written since the last line's end as a line.
func (s *Scanner) Close() error {
	s.endLine()
	return nil
}

// Metrics returns what was found, sorted by name, and in words what of it
// cannot be used.
func (s *Scanner) Metrics() (found []sweep.Metric, unusable []string) {
	for _, name := range slices.Sorted(maps.Keys(s.found)) {
		m := s.found[name]
		metric := m.metric
		metric.Last = m.last
		if math.IsNaN(m.last) || math.IsInf(m.last, 0) {
			metric.Last = math.NaN()
			unusable = append(unusable, fmt.Sprintf("the last value of %s is %v", metric.Name, m.last))
		}
		if m.finite == 0 {
			metric.Min, metric.Max = math.NaN(), math.NaN()
		}
		found = append(found, metric)
	}
	if s.dropped {
		unusable = append(unusable, fmt.Sprintf("only the first %d names of metrics are kept", maxNames))
	}
	return found, unusable
}
