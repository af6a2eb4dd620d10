package ui

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Pruned is what a prune removes, and what it leaves of what was named.
type Pruned struct {
	Outputs bool          `json:"outputs_only"`
	Partial bool          `json:"partial"` // not all of the rounds
	Rounds  []PrunedRound `json:"rounds"`
	// Kept are rounds in which something has not ended.
	Kept []KeptRound `json:"kept"`
	// Unsuccessful is how many output folders stay because another attempt may
	// go on from them, Elsewhere of how many runs the folders are not here.
	Unsuccessful int          `json:"kept_unsuccessful"`
	Elsewhere    int          `json:"elsewhere"`
	Left         []LeftFolder `json:"left"`
}

// PrunedRound is what goes of a round.
type PrunedRound struct {
	Round       string    `json:"round"`
	Applied     time.Time `json:"applied"` // when its last apply ended
	Experiments int       `json:"experiments"`
	Attempts    int       `json:"attempts"`
	OutputBytes int64     `json:"output_bytes"`
	LogBytes    int64     `json:"log_bytes"`
}

// KeptRound is a round that stays, with the runs that have not ended.
type KeptRound struct {
	Round string   `json:"round"`
	Open  []string `json:"open"`
}

// LeftFolder is an output folder that is not removed.
type LeftFolder struct {
	Run string `json:"run"`
	Dir string `json:"dir"`
	Why string `json:"why"`
}

// Add adds what goes of one sweep in a round.
func (p *Pruned) Add(r PrunedRound) {
	for i := range p.Rounds {
		if was := &p.Rounds[i]; was.Round == r.Round {
			if r.Applied.After(was.Applied) {
				was.Applied = r.Applied
			}
			was.Experiments += r.Experiments
			was.Attempts += r.Attempts
			was.OutputBytes += r.OutputBytes
			was.LogBytes += r.LogBytes
			return
		}
	}
	p.Rounds = append(p.Rounds, r)
}

// Keep says once that a round stays for the sake of open runs.
func (p *Pruned) Keep(round string, open []string) {
	if n := len(p.Kept); n == 0 || p.Kept[n-1].Round != round {
		p.Kept = append(p.Kept, KeptRound{round, open})
	}
}

// Leave says why a folder stays.
func (p *Pruned) Leave(run, dir, why string) { p.Left = append(p.Left, LeftFolder{run, dir, why}) }

// Write draws it. short names a path as a person would type it.
func (p *Pruned) Write(w io.Writer, s Screen, short func(string) string) error {
	e := &errWriter{w: w}
	if len(p.Rounds) > 0 {
		p.writeRounds(e, s)
		fmt.Fprintln(e)
	}
	stays := p.stays(short)
	for _, line := range stays {
		writeSentence(e, s, "", Plain, line)
	}
	if len(stays) > 0 {
		fmt.Fprintln(e)
	}
	writeSentence(e, s, "", Bold, p.line())
	return e.err
}

func (p *Pruned) writeRounds(w io.Writer, s Screen) {
	t := &Table{Columns: []Column{
		{Title: "round", Shrink: 12},
		{Title: "applied", Drop: 1},
		{Title: "experiments"},
		{Title: "attempts", Drop: 3},
		{Title: "outputs"},
		{Title: "logs", Drop: 2},
	}}
	for _, r := range p.Rounds {
		cells := Texts(roundText(r.Round), When(r.Applied), Thousands(fmt.Sprint(r.Experiments)), Thousands(fmt.Sprint(r.Attempts)), Size(r.OutputBytes), Size(r.LogBytes))
		if p.Outputs {
			cells.Cells = cells.Cells[:5]
		}
		t.Rows = append(t.Rows, cells)
	}
	_, _ = t.Write(w, s)
}

func roundText(round string) string {
	if round == "" {
		return "(no name)"
	}
	return round
}

// few is how many names or folders are listed.
const few = 3

// stays says what is left, and why.
func (p *Pruned) stays(short func(string) string) (lines []string) {
	for _, k := range p.Kept {
		runs := strings.Join(k.Open[:min(few, len(k.Open))], ", ")
		if more := len(k.Open) - few; more > 0 {
			runs += fmt.Sprintf(" and %d more", more)
		}
		have := "have"
		if len(k.Open) == 1 {
			have = "has"
		}
		lines = append(lines, fmt.Sprintf("Kept: round %s, of which %s %s not ended. The next apply, or lxsweep cancel, sees to that.", roundText(k.Round), runs, have))
	}
	if p.Unsuccessful > 0 {
		lines = append(lines, "Kept: outputs of "+Count(p.Unsuccessful, "run", "runs")+" without success, from which another attempt may go on (--ended failed takes those of failures).")
	}
	if p.Elsewhere > 0 {
		lines = append(lines, "Left: outputs of "+Count(p.Elsewhere, "run", "runs")+" that are elsewhere, where they ran.")
	}
	for i, l := range p.Left {
		if i == few {
			lines = append(lines, fmt.Sprintf("Left: %d more output folders for such reasons.", len(p.Left)-few))
			break
		}
		lines = append(lines, fmt.Sprintf("Left: %s: %s.", short(l.Dir), l.Why))
	}
	return lines
}

// line is "Prune: 3 rounds, 120 experiments, 14.2 GiB to remove."
func (p *Pruned) line() string {
	if len(p.Rounds) == 0 {
		return "Prune: nothing to remove."
	}
	var experiments, attempts int
	var size int64
	for _, r := range p.Rounds {
		experiments += r.Experiments
		attempts += r.Attempts
		size += r.OutputBytes + r.LogBytes
	}
	rounds := Count(len(p.Rounds), "round", "rounds")
	what := rounds + ", " + Count(experiments, "experiment", "experiments")
	switch {
	case p.Outputs:
		what = "outputs of " + Count(attempts, "attempt", "attempts") + " in " + rounds
	case p.Partial:
		what = Count(experiments, "experiment", "experiments") + " of " + rounds
	}
	return "Prune: " + what + ", " + Size(size) + " to remove."
}
