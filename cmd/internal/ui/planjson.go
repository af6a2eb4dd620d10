package ui

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/lxsweep/lxsweep/sweep"
)

// PlanJSONVersion is the version of the lines that PlanJSON writes: a change of
// the first number may break readers, one of the second only adds.
const PlanJSONVersion = "1.0"

// PlanJSON writes a plan as one JSON object a line: a header, the experiments,
// a summary.
type PlanJSON struct {
	out      *bufio.Writer
	parallel int
	line     []byte // reused
}

// NewPlanJSON writes the header and returns the rest.
func NewPlanJSON(out io.Writer, h PlanHeader) (*PlanJSON, error) {
	j := &PlanJSON{out: bufio.NewWriterSize(out, 1<<16), parallel: h.Parallel}
	return j, j.object(jsonHeader(h))
}

type headerLine struct {
	Type      string       `json:"type"`
	Version   string       `json:"version"`
	Lxsweep   string       `json:"lxsweep"`
	Ledger    ledgerLine   `json:"ledger"`
	Runner    string       `json:"runner"`
	Cluster   *Cluster     `json:"cluster,omitempty"`
	Round     string       `json:"round"`
	Variables []Variable   `json:"variables"`
	Settings  []string     `json:"settings"`
	Sweeps    []headerItem `json:"sweeps"`
}

type ledgerLine struct {
	Path string `json:"path"`
	ID   string `json:"id,omitempty"`
	New  bool   `json:"new"`
}

type headerItem struct {
	Name        string   `json:"name"`
	Pos         string   `json:"pos"`
	Configs     []string `json:"configs"`
	Varying     []string `json:"varying"`
	Objective   string   `json:"objective,omitempty"`
	MaxParallel int      `json:"max_parallel,omitempty"`
}

func jsonHeader(h PlanHeader) headerLine {
	line := headerLine{
		Type: "plan", Version: PlanJSONVersion, Lxsweep: h.Version, Runner: h.Runner, Cluster: h.Cluster, Round: h.Round,
		Ledger:    ledgerLine{h.Ledger.Path, h.Ledger.ID, h.Ledger.New},
		Variables: append([]Variable{}, h.Variables...), Settings: append([]string{}, h.Settings...),
		Sweeps: []headerItem{},
	}
	for _, s := range h.Sweeps {
		item := headerItem{Name: s.Name, Pos: s.Pos.String(), Varying: append([]string{}, VaryingPaths(s)...), MaxParallel: s.MaxParallel}
		for _, base := range s.Bases {
			item.Configs = append(item.Configs, base.Config)
		}
		if s.Objective != nil {
			item.Objective = ObjectiveText(s.Objective)
		}
		line.Sweeps = append(line.Sweeps, item)
	}
	return line
}

// Row writes an experiment.
func (j *PlanJSON) Row(a *sweep.Action) error {
	if a.Excluded {
		return nil
	}
	b := append(j.line[:0], `{"type":"experiment","sign":"`...)
	b = append(b, byte(a.Sign))
	b = append(b, `","start":`...)
	b = strconv.AppendBool(b, a.Start)
	b = append(b, `,"run":`...)
	b = j.appendRunName(b, a)
	if e := a.Experiment; e != nil {
		b = appendExperiment(b, e)
	} else {
		b = append(b, `,"hp":`...)
		b = a.Record.HP.AppendJSON(b)
		b = append(b, `,"key":"`...)
		b = append(b, a.Record.Key.String()...)
		b = append(b, '"')
	}
	b = appendWord(b, "state", string(a.State))
	b = appendWord(b, "why", a.Why)
	b = appendWord(b, "shared", a.Shared)
	b = append(b, "}\n"...)
	j.line = b
	_, err := j.out.Write(b)
	return err
}

func (j *PlanJSON) appendRunName(b []byte, a *sweep.Action) []byte {
	name := ""
	if a.Experiment != nil {
		name = a.Experiment.Name
	} else {
		name = a.Record.Name
	}
	b = append(b, '"')
	b = append(b, name...) // a DNS label: nothing to escape
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(a.Number), 10)
	b = append(b, `","tentative":`...)
	return strconv.AppendBool(b, a.Tentative)
}

func appendExperiment(b []byte, e *sweep.Experiment) []byte {
	b = appendWord(b, "sweep", e.Sweep)
	b = appendWord(b, "config", e.Config)
	b = append(b, `,"hp":`...)
	b = e.HP.AppendJSON(b)
	b = append(b, `,"key":"`...)
	b = appendHex(b, e.Key)
	b = append(b, `","work":"`...)
	b = appendHex(b, e.WorkHash)
	b = append(b, '"')
	if e.Command.Args == nil {
		return appendWord(b, "command", e.Command.Shell)
	}
	return appendWord(b, "command", e.Command.Line())
}

func appendHex(b []byte, h sweep.Hash) []byte {
	const digits = "0123456789abcdef"
	for _, c := range h {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// appendWord appends a member, unless the value is empty.
func appendWord(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, `":`...)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(value) // a string always can
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, value...)
	return append(b, '"')
}

type summaryLine struct {
	Type      string         `json:"type"`
	Counts    map[string]int `json:"counts"`
	Starts    int            `json:"starts"`
	Kept      map[string]int `json:"kept"`
	AtOnce    int            `json:"at_once"`
	Stages    []stagesLine   `json:"stages"`
	CPU       float64        `json:"most_cpu,omitempty"`
	Memory    int64          `json:"most_memory_bytes,omitempty"`
	GPUs      int            `json:"most_gpus,omitempty"`
	GPUHours  float64        `json:"gpu_hours,omitempty"`
	Unbounded bool           `json:"gpu_hours_unbounded,omitempty"`
	Digest    string         `json:"digest"`
	Warnings  []string       `json:"warnings"`
	Summary   string         `json:"summary"`
}

// Finish writes the summary.
func (j *PlanJSON) Finish(p *sweep.Plan, warnings []string) error {
	line := summaryLine{
		Type: "summary", Counts: bySign(p.Counts), Kept: bySign(p.Kept), Starts: p.Starts,
		AtOnce: AtOnce(p, j.parallel), Stages: stagesLines(p),
		CPU: float64(p.Most.MilliCPU) / 1000, Memory: p.Most.Memory, GPUs: p.Most.GPUs,
		GPUHours: p.GPUHours, Unbounded: p.Unbounded,
		Digest: p.Digest(), Warnings: append([]string{}, warnings...), Summary: ClosingLine(p, j.parallel),
	}
	if err := j.object(line); err != nil {
		return err
	}
	return j.out.Flush()
}

func bySign(counts map[sweep.Sign]int) map[string]int {
	named := map[string]int{}
	for sign, n := range counts {
		named[sign.String()] = n
	}
	return named
}

type stagesLine struct {
	Sweep       string `json:"sweep"`
	Points      int    `json:"points"`
	Skipped     []int  `json:"skipped"`
	Included    int    `json:"included"`
	Repeats     int    `json:"repeats"`
	Duplicates  int    `json:"duplicates"`
	Failed      int    `json:"failed"`
	Experiments int    `json:"experiments"`
}

func stagesLines(p *sweep.Plan) []stagesLine {
	lines := make([]stagesLine, len(p.Stages))
	for i, st := range p.Stages {
		lines[i] = stagesLine{
			p.Sweeps[i].Name, st.Points, append([]int{}, st.Skipped...), st.Included,
			st.Repeats, st.Duplicates, st.Failed, st.Experiments,
		}
	}
	return lines
}

func (j *PlanJSON) object(v any) error {
	e := json.NewEncoder(j.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
