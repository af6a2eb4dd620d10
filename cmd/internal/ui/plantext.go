package ui

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

// PlanText draws a plan for people. It keeps a few rows of each sweep, whatever
// their number: the first and last of each sign.
type PlanText struct {
	out    io.Writer
	screen Screen
	header PlanHeader
	sweeps map[string]*sample
	gone   *sample // rows of what is no longer asked for
	signs  map[sweep.Sign]bool
	// Command returns the command to show for the first start.
	Command func(*sweep.Action) sweep.Command
}

// NewPlanText makes one. Nothing is drawn before Finish.
func NewPlanText(out io.Writer, s Screen, h PlanHeader) *PlanText {
	return &PlanText{
		out: out, screen: s, header: h, signs: map[sweep.Sign]bool{},
		sweeps: map[string]*sample{}, gone: newSample(),
		Command: func(a *sweep.Action) sweep.Command { return a.Experiment.Command },
	}
}

// Row takes a row of the plan.
func (t *PlanText) Row(a *sweep.Action) error {
	if a.Excluded {
		return nil
	}
	t.signs[a.Sign] = true
	if a.Experiment == nil {
		t.gone.add(a)
		return nil
	}
	s := t.sweeps[a.Experiment.Sweep]
	if s == nil {
		s = newSample()
		t.sweeps[a.Experiment.Sweep] = s
	}
	s.add(a)
	return nil
}

// Finish draws everything.
func (t *PlanText) Finish(p *sweep.Plan, warnings []string) error {
	w := &errWriter{w: t.out}
	t.writeHeader(w)
	for i, s := range p.Sweeps {
		t.writeSweep(w, s, p.Stages[i])
	}
	if t.gone.total > 0 {
		fmt.Fprintf(w, "%s\n", t.screen.Paint(Bold, "no longer asked for"))
		t.writeRows(w, t.gone, nil, false)
		fmt.Fprintln(w)
	}
	t.writeLegend(w)
	t.writeFirst(w, p)
	t.writeResources(w, p)
	for _, warning := range warnings {
		WriteWarning(w, t.screen, warning)
	}
	if len(warnings) > 0 {
		fmt.Fprintln(w)
	}
	writeSentence(w, t.screen, "", Bold, ClosingLine(p, t.header.Parallel))
	return w.err
}

// WriteWarning writes "warning: " and the text; what follows its first line is
// indented.
func WriteWarning(w io.Writer, s Screen, text string) {
	writeMessage(w, s, s.Paint(Yellow, "warning: "), text)
}

// WriteError writes "error: ", the text and below it the way out, if there is
// one.
func WriteError(w io.Writer, s Screen, text, hint string) {
	writeMessage(w, s, s.Paint(Red, "error: "), text)
	writeIndented(w, s, "  ", hint)
}

func writeMessage(w io.Writer, s Screen, kind, text string) {
	first, rest, _ := strings.Cut(text, "\n")
	fmt.Fprintln(w, kind+s.Clean(first))
	writeIndented(w, s, "  ", rest)
}

func (t *PlanText) writeHeader(w io.Writer) {
	h := t.header
	where := h.Ledger.Path
	if h.Ledger.New {
		where += " (new: apply makes it)"
	}
	if h.Ledger.Note != "" {
		where += " (" + h.Ledger.Note + ")"
	}
	facts := &Table{NoTitles: true, Columns: make([]Column, 3)}
	facts.Columns[1].Shrink = 20
	facts.Rows = append(facts.Rows, Texts("ledger", where))
	facts.Rows = append(facts.Rows, Texts("runner", h.Runner))
	if c := h.Cluster; c != nil {
		facts.Rows = append(facts.Rows, Texts("context", c.Context, c.Server), Texts("namespace", c.Namespace))
	}
	if h.Round != "" {
		facts.Rows = append(facts.Rows, Texts("round", h.Round))
	}
	for _, v := range h.Variables {
		facts.Rows = append(facts.Rows, Texts("var."+v.Name, v.Text, v.Source))
	}
	for _, s := range h.Settings {
		facts.Rows = append(facts.Rows, Texts("option", s))
	}
	_, _ = facts.Write(w, t.screen)
	fmt.Fprintln(w)
}

func (t *PlanText) writeSweep(w io.Writer, s *sweep.Sweep, st sweep.Stages) {
	fmt.Fprintf(w, "%s  %s\n", t.screen.Paint(Bold, "sweep "+t.screen.Clean(s.Name)), t.screen.Paint(Dim, t.screen.Clean(s.Pos.String())))
	writeSentence(w, t.screen, "  ", Plain, describe(s))
	fmt.Fprintln(w)
	t.writeAxes(w, s)
	t.writeStages(w, s, st)
	rows := t.sweeps[s.Name]
	if rows == nil {
		return
	}
	t.writeRows(w, rows, VaryingPaths(s), len(s.Bases) > 1)
	fmt.Fprintln(w)
}

// cellWidth is what one value may take in a table of rows.
const cellWidth = 24

func (t *PlanText) writeRows(w io.Writer, rows *sample, paths []string, configs bool) {
	columns := []Column{{}, {Title: "run", Tail: runTail}, {Title: "config", Drop: 1}}
	for _, path := range paths {
		columns = append(columns, Column{Title: path, Drop: 2, Most: cellWidth})
	}
	columns = append(columns, Column{Title: "why", Shrink: 16})
	if paths == nil {
		columns = append(columns, Column{Title: "hp", Shrink: 20})
	}
	table := &Table{Indent: 2, Columns: columns}
	last := -1
	for _, k := range rows.kept() {
		if skipped := k.index - last - 1; skipped > 0 {
			table.Rows = append(table.Rows, Row{Span: "   " + ellipsis + " " + Thousands(strconv.Itoa(skipped)) + " more"})
		}
		last = k.index
		table.Rows = append(table.Rows, actionRow(k.action, paths, configs))
	}
	dropped, _ := table.Write(w, t.screen)
	_ = writeDropped(w, t.screen, "     ", dropped, "")
}

func actionRow(a *sweep.Action, paths []string, configs bool) Row {
	c := SignColor(a.Sign)
	cells := []Cell{{a.Sign.String(), c}, {a.RunName(), c}, {}}
	if configs {
		cells[2].Text = a.Experiment.Config
	}
	for _, path := range paths {
		text := ""
		if v, ok := a.Experiment.HP.Get(path); ok {
			text = v.Text()
		}
		cells = append(cells, Cell{Text: text})
	}
	cells = append(cells, Cell{Text: why(a)})
	if paths == nil && a.Experiment == nil {
		cells = append(cells, Cell{Text: pairs(a.Record.HP), Color: Dim})
	}
	return Row{Cells: cells}
}

func why(a *sweep.Action) string {
	parts := []string{a.Why}
	if a.Shared != "" {
		parts = []string{"shared with sweep " + a.Shared}
		if a.Shared == a.Experiment.Sweep {
			parts = []string{"asked for above"}
		}
	}
	if a.Start && (a.Sign == sweep.SignChanged || a.Sign == sweep.SignFailed || a.Sign == sweep.SignUnchanged) {
		parts = append(parts, "runs again")
	}
	if a.Sign == sweep.SignRemoved && a.State != "" {
		parts = append(parts, string(a.State))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

func pairs(hp *sweep.Object) string {
	var parts []string
	for path, v := range hp.Leaves() {
		parts = append(parts, path+"="+v.Text())
	}
	return strings.Join(parts, " ")
}

// SignColor is the colour of rows with the sign.
func SignColor(s sweep.Sign) Color {
	switch s {
	case sweep.SignNew:
		return Green
	case sweep.SignLive:
		return Cyan
	case sweep.SignChanged:
		return Yellow
	case sweep.SignFailed, sweep.SignRemoved:
		return Red
	}
	return Plain
}

// legend explains the signs, in the order of precedence.
var legend = []struct {
	sign sweep.Sign
	text string
}{
	{sweep.SignLive, "running or queued: apply waits for it"},
	{sweep.SignNew, "no finished attempt: apply runs it"},
	{sweep.SignChanged, "its work changed: a failure runs again, a success is kept unless --rerun changed (--accept-changed: the same work)"},
	{sweep.SignFailed, "ended without success: kept unless --rerun failed, lost or cancelled"},
	{sweep.SignUnchanged, "succeeded: kept"},
	{sweep.SignRemoved, "no longer asked for: kept (--cancel-removed ends those that run)"},
}

func (t *PlanText) writeLegend(w io.Writer) {
	drawn := false
	for _, l := range legend {
		if !t.signs[l.sign] {
			continue
		}
		drawn = true
		for i, line := range Wrap(l.text, t.screen.proseWidth(5)) {
			mark := " "
			if i == 0 {
				mark = t.screen.Paint(SignColor(l.sign), l.sign.String())
			}
			fmt.Fprintf(w, "  %s  %s\n", mark, line)
		}
	}
	if drawn {
		fmt.Fprintln(w)
	}
}

func (t *PlanText) writeFirst(w io.Writer, p *sweep.Plan) {
	if p.First == nil {
		return
	}
	fmt.Fprintf(w, "first command (%s)\n", p.First.RunName())
	writeIndented(w, t.screen, "  ", t.Command(p.First).Line())
	fmt.Fprintln(w)
}

func writeIndented(w io.Writer, s Screen, indent, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintln(w, indent+s.Clean(strings.TrimRight(line, "\n")))
	}
}

func (t *PlanText) writeResources(w io.Writer, p *sweep.Plan) {
	one := Resources(p.Most)
	if one == "" || p.Starts == 0 {
		return
	}
	text := "each run asks for at most " + one
	if n := AtOnce(p, t.header.Parallel); n > 1 {
		most := sweep.Resources{MilliCPU: p.Most.MilliCPU * int64(n), Memory: p.Most.Memory * int64(n), GPUs: p.Most.GPUs * n}
		text += fmt.Sprintf("; %d at once for %s", n, Resources(most))
	}
	writeSentence(w, t.screen, "", Plain, text)
	switch {
	case p.Unbounded:
		writeSentence(w, t.screen, "", Plain, "GPU-hours are not bounded: a run with a gpu has no run.timeout")
	case p.GPUHours > 0:
		writeSentence(w, t.screen, "", Plain, "at most "+Amount(p.GPUHours)+" GPU-hours, if every run takes its whole timeout")
	}
	fmt.Fprintln(w)
}

// errWriter keeps the first error, so that drawing need not ask after each line.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(b []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.w.Write(b)
	e.err = err
	return n, err
}
