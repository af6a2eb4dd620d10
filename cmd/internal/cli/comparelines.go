package cli

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// changeLine is a point of a comparison as JSON.
type changeLine struct {
	Sweep    string           `json:"sweep"`
	Round    string           `json:"round"`
	Baseline string           `json:"baseline"`
	Verdict  analysis.Verdict `json:"verdict"`
	// Run is the one to look at: it failed, or is the first of the repeats.
	Run    string        `json:"run"`
	HP     *sweep.Object `json:"hp"` // less what is repeated
	Goals  []goalLine    `json:"goals"`
	Then   []sideLine    `json:"runs_then"`
	Now    []sideLine    `json:"runs_now"`
	Reason string        `json:"reason,omitempty"`
}

// goalLine leaves out what there is not, and what JSON cannot write.
type goalLine struct {
	Metric  string           `json:"metric"`
	Verdict analysis.Verdict `json:"verdict,omitempty"`
	Then    *float64         `json:"then,omitempty"`
	Now     *float64         `json:"now,omitempty"`
	Change  *float64         `json:"change,omitempty"`
	Percent *float64         `json:"percent,omitempty"`
	SDThen  *float64         `json:"sd_then,omitempty"`
	SDNow   *float64         `json:"sd_now,omitempty"`
	NThen   int              `json:"n_then"`
	NNow    int              `json:"n_now"`
}

type sideLine struct {
	Run   string      `json:"run"`
	State sweep.State `json:"state"`
}

// changeLines are the changes that choose takes of each comparison.
func changeLines(list []*ui.Comparison, choose func(*ui.Comparison) []analysis.Change) []changeLine {
	lines := []changeLine{}
	for _, c := range list {
		for _, ch := range choose(c) {
			lines = append(lines, lineOfChange(c, ch))
		}
	}
	return lines
}

// every is all changes; (*ui.Comparison).Regressions is those for the worse.
func every(c *ui.Comparison) []analysis.Change { return c.Changes }

func lineOfChange(c *ui.Comparison, ch analysis.Change) changeLine {
	shown := ch.Shown().Record
	line := changeLine{
		Sweep: c.Sweep, Round: c.Round, Baseline: c.Baseline, Verdict: ch.Verdict,
		Run: shown.RunName(), HP: ch.HP, Goals: []goalLine{}, Then: sideLines(ch.Then), Now: sideLines(ch.Now),
	}
	if shown.Last != nil {
		line.Reason = shown.Last.Reason
	}
	if c.Rule.Objective == nil {
		return line
	}
	for i, g := range c.Rule.Objective.Goals {
		d := analysis.Delta{Goal: g, Then: ch.Then.Stat(i), Now: ch.Now.Stat(i)}
		if ch.Goals != nil {
			d = ch.Goals[i]
		}
		line.Goals = append(line.Goals, lineOfGoal(d))
	}
	return line
}

func lineOfGoal(d analysis.Delta) goalLine {
	line := goalLine{Metric: d.Goal.Metric, Verdict: d.Verdict, NThen: d.Then.N, NNow: d.Now.N}
	set := func(to **float64, v float64, known bool) {
		if known && v-v == 0 {
			*to = &v
		}
	}
	then, now := d.Then.N > 0, d.Now.N > 0
	set(&line.Then, d.Then.Mean, then)
	set(&line.Now, d.Now.Mean, now)
	set(&line.Change, d.By(), then && now)
	set(&line.Percent, d.Percent(), then && now)
	set(&line.SDThen, d.Then.SD, d.Then.N > 1)
	set(&line.SDNow, d.Now.SD, d.Now.N > 1)
	return line
}

func sideLines(s analysis.Side) []sideLine {
	lines := make([]sideLine, len(s))
	for i, row := range s {
		lines[i] = sideLine{row.Record.RunName(), row.State}
	}
	return lines
}

func writeCompareJSON(w io.Writer, list []*ui.Comparison) error {
	return writeJSON(w, changeLines(list, every))
}

// writeCompareCSV writes a row a goal.
func writeCompareCSV(w io.Writer, list []*ui.Comparison) error {
	lines := changeLines(list, every)
	known := map[string]bool{}
	for _, l := range lines {
		for path := range l.HP.Leaves() {
			known[path] = true
		}
	}
	paths := slices.Sorted(maps.Keys(known))
	titles := strings.Split("sweep,round,baseline,verdict,run,metric,then,now,change,percent,sd_then,sd_now,n_then,n_now", ",")
	for _, path := range paths {
		titles = append(titles, "hp."+path)
	}
	c := csv.NewWriter(w)
	_ = c.Write(titles)
	for _, l := range lines {
		goals := l.Goals
		if len(goals) == 0 {
			goals = []goalLine{{}}
		}
		for _, g := range goals {
			_ = c.Write(l.csv(g, paths))
		}
	}
	c.Flush()
	return c.Error()
}

func (l changeLine) csv(g goalLine, paths []string) []string {
	verdict := l.Verdict
	if g.Verdict != "" && l.Verdict != analysis.FailedNow {
		verdict = g.Verdict
	}
	row := []string{l.Sweep, l.Round, l.Baseline, string(verdict), l.Run, g.Metric}
	for _, v := range []*float64{g.Then, g.Now, g.Change, g.Percent, g.SDThen, g.SDNow} {
		text := ""
		if v != nil {
			text = strconv.FormatFloat(*v, 'g', -1, 64)
		}
		row = append(row, text)
	}
	row = append(row, strconv.Itoa(g.NThen), strconv.Itoa(g.NNow))
	for _, path := range paths {
		text := ""
		if v, ok := l.HP.Get(path); ok {
			text = v.Text()
		}
		row = append(row, text)
	}
	return row
}
