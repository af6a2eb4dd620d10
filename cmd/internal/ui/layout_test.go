package ui

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// TestLayouts draws everything for people on a narrow, a usual and a wide
// screen, and on one that shows no UTF-8.
func TestLayouts(t *testing.T) {
	defer goleak.VerifyNone(t)
	for name, draw := range map[string]func(*testing.T, io.Writer, Screen){
		"plan-4":  drawPlan(4),
		"plan-40": drawPlan(40),
		"board":   func(_ *testing.T, w io.Writer, s Screen) { _ = board().Write(w, s) },
		"strange": func(_ *testing.T, w io.Writer, s Screen) { _ = strange().Write(w, s) },
		"best": func(_ *testing.T, w io.Writer, s Screen) {
			boards := []*Board{board(), strange()}
			_ = WriteBest(w, s, boards, strings.ToLower, func(run string) string { return "lxsweep show " + run + " --cmd --state elsewhere.db" })
		},
		"status": func(_ *testing.T, w io.Writer, s Screen) {
			status := &Status{Now: began}
			status.Add(board(), func(r *sweep.Record) sweep.State { return r.Last.State })
			status.Add(strange(), nil)
			_ = status.Write(w, s)
		},
		"compare": func(_ *testing.T, w io.Writer, s Screen) {
			_ = comparison(40).Write(w, s)
			_ = WriteRegressions(w, s, []*Comparison{comparison(40)}, "lxsweep compare 2026-11-22 2026-11-23")
		},
		"rounds": func(_ *testing.T, w io.Writer, s Screen) {
			var rounds Rounds
			for i, b := range []*Board{board(), comparedBoard(), strange()} {
				a := sweep.Asked{Source: "a/grid.hcl", Sweep: b.Sweep, Round: []string{"2026-01-31", "nightly-29384756-" + strings.Repeat("x", 40), ""}[i], Began: after(-86400 * float64(i))}
				rounds.Add(a, b, func(r *sweep.Record) sweep.State { return r.Last.State })
			}
			_ = rounds.Write(w, s, began.Location())
		},
		"metrics": func(_ *testing.T, w io.Writer, s Screen) {
			list := []sweep.Metric{{Name: "val_loss", Last: 0.25, Count: 3}, {Name: "val/top5@coarse-labels-of-the-second-head", Last: 1, Count: 1}}
			WriteMetrics(w, s, list, board().Objective)
			WriteMetrics(w, s, nil, nil)
		},
		"pruned": func(_ *testing.T, w io.Writer, s Screen) {
			for _, p := range prunes() {
				_ = p.Write(w, s, strings.ToLower)
			}
		},
		"summary": func(_ *testing.T, w io.Writer, s Screen) { _ = applied().Write(w, s) },
		"messages": func(_ *testing.T, w io.Writer, s Screen) {
			WriteWarning(w, s, "grid.hcl:17: this skip drops no point\nand \x1b[2J学 follows")
			WriteError(w, s, "there is no run \u202eex-9", "lxsweep status lists the runs that there are")
		},
		"lines": func(_ *testing.T, w io.Writer, s Screen) {
			c := &clock{began}
			replay(c, NewLines(w, s, 6, c.Now))
		},
		// The bytes as a terminal gets them, a redrawing a line.
		"statusline": func(_ *testing.T, w io.Writer, s Screen) {
			var b bytes.Buffer
			c := &clock{began}
			replay(c, NewStatusLine(&b, func() int { return s.Width }, s, 6, c.Now))
			_, _ = w.Write(bytes.ReplaceAll(b.Bytes(), []byte(clearLine), []byte("\n<clear>")))
		},
	} {
		for suffix, s := range map[string]Screen{"40": {Width: 40}, "80": {Width: 80}, "200": {Width: 200}, "ascii": {Width: 80, ASCII: true}} {
			t.Run(name+"-"+suffix, func(t *testing.T) {
				var b bytes.Buffer
				draw(t, &b, s)
				golden(t, name+"-"+suffix+".golden", b.Bytes())
				for _, r := range b.String() {
					if r != '\n' && hostile(r) || s.ASCII && r >= utf8.RuneSelf {
						t.Errorf("it holds %q", r)
					}
				}
			})
		}
	}
}

func drawPlan(points int) func(*testing.T, io.Writer, Screen) {
	return func(t *testing.T, w io.Writer, screen Screen) {
		s := sweepOf(points)
		draw(t, s, pastOf(t, s), NewPlanText(w, screen, header()))
	}
}

// strangeTexts are of few columns or many bytes, or mean harm.
var strangeTexts = []string{
	"plain", "学習率", "e\u0301te\u0301", "👩‍🔬👍🏽", "🇯🇵", "שלום", "a\u200bb\u200d", "ｌｒ", "한글",
	"\x1b]0;title\a", "\x1b[2J\x1b[H", "over\rwritten", "gone\b\b\b\b", "\u009b2J", "\u202etxt.exe", "\u2066x\u2069", "\xff\xfe", "line\u2028end",
}

// strange is a board whose hyperparameters, reasons and names are such texts.
func strange() *Board {
	loss := &sweep.Objective{Goals: []sweep.Goal{{Metric: "val_loss"}}}
	var records []*sweep.Record
	for i, text := range strangeTexts {
		hp := sweep.NewObject(map[string]sweep.Value{"学": sweep.String(strings.ToValidUTF8(text, "?")), "z": sweep.Int(int64(i))})
		o := sweep.Outcome{State: sweep.Failed, Reason: "said " + text + " last", Started: after(0), Ended: after(1)}
		if i == 1 {
			o.Reason, o.Tail = "exit code 1", "Traceback\n\x1b[2JValueError: 学\n\n"
		}
		if i == 0 {
			o = sweep.Outcome{State: sweep.Succeeded, Metrics: []sweep.Metric{{Name: "val_loss", Last: 1, Count: 1}}}
		}
		records = append(records, &sweep.Record{ID: int64(i + 1), Name: "ex", Number: i, HP: hp, Last: &sweep.Tried{Number: 1, Host: text, OutputDir: "/OUT/" + text + "/of-a-path-that-is-long-and-that-somebody-copies", Outcome: o}})
	}
	return &Board{
		Sweep: "n\x1b[2J学", Source: "学\u202e.hcl", Objective: loss,
		Rows: analysis.Leaderboard(records, loss), Paths: analysis.Varying(records),
	}
}

// TestStrangeTextsLineUp looks for the column behind each.
func TestStrangeTextsLineUp(t *testing.T) {
	for _, s := range []Screen{{}, {Width: 60}, {Width: 14}, {ASCII: true}} {
		table := &Table{Columns: []Column{{Title: "学", Shrink: 6}, {Title: "end"}}}
		for _, text := range strangeTexts {
			table.Rows = append(table.Rows, Texts(text, "|"))
		}
		var b strings.Builder
		_, _ = table.Write(&b, s)
		at := -1
		for line := range strings.Lines(b.String()) {
			before, _, found := strings.Cut(line, "|")
			if !found {
				continue
			}
			if at < 0 {
				at = Width(before)
			}
			if Width(before) != at {
				t.Errorf("%+v: %q ends at column %d, others at %d", s, before, Width(before), at)
			}
		}
	}
}
