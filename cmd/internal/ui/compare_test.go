package ui

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// comparison is two rounds of points of lr and name, three repeats each, of
// which many got a little worse or better.
func comparison(points int) *Comparison {
	o := &sweep.Objective{Goals: []sweep.Goal{{Metric: "val_loss"}}}
	var then, now []*sweep.Record
	add := func(list *[]*sweep.Record, i, seed int, o sweep.Outcome, loss float64) {
		hp := sweep.NewObject(map[string]sweep.Value{
			"lr": sweep.Int(int64(i)), "name": sweep.String(strings.Repeat("学", i%5)), "seed": sweep.Int(int64(seed)),
		})
		if o.State == sweep.Succeeded {
			o.Metrics = []sweep.Metric{{Name: "val_loss", Last: loss, Count: 1}}
		}
		*list = append(*list, &sweep.Record{
			Name: "ex", Number: len(then) + len(now), HP: hp, Point: sweep.PointOf("ex", hp), Last: &sweep.Tried{Number: 1, Outcome: o},
		})
	}
	for i := range points {
		for seed := range 3 {
			loss := 0.25 + float64(seed)/200
			out := sweep.Outcome{State: sweep.Succeeded}
			if i != 3 {
				add(&then, i, seed, out, loss)
			}
			if i == 2 && seed == 1 {
				out = sweep.Outcome{State: sweep.Failed, Reason: "exit code 1, after the loss was \x1b[5mNaN"}
			}
			if i != 4 {
				add(&now, i, seed, out, loss*(1+float64(i%3-1)/float64(i+3)))
			}
		}
	}
	rule := analysis.Rule{Objective: o, Repeated: []string{"seed"}, Tolerance: analysis.DefaultTolerance}
	return &Comparison{Sweep: "nightly", Baseline: "2026-11-22", Round: "2026-11-23", Rule: rule, Changes: rule.Compare(then, now)}
}

func TestCompareAllAndColor(t *testing.T) {
	c := comparison(40)
	c.All = true
	var out bytes.Buffer
	if err := c.Write(&out, Screen{Width: 120, Color: true}); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare-all.golden", out.Bytes())
}

// TestRegressionsTakeFiveLines holds the promise to those who read mail.
func TestRegressionsTakeFiveLines(t *testing.T) {
	for _, s := range []Screen{{}, {Width: 40}, {Width: 80, ASCII: true}} {
		for _, list := range [][]*Comparison{{comparison(3)}, {comparison(40)}, {comparison(2), comparison(9)}} {
			var out bytes.Buffer
			if err := WriteRegressions(&out, s, list, "lxsweep compare 2026-11-22 2026-11-23"); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(out.String(), "\n"); n == 0 || n > 5 {
				t.Errorf("%d lines:\n%s", n, out.String())
			}
		}
	}
	var out bytes.Buffer
	if err := WriteRegressions(&out, Screen{}, []*Comparison{comparison(1)}, "again"); err != nil || out.Len() > 0 {
		t.Errorf("without a regression: %q, %v", out.String(), err)
	}
}

// comparedBoard is the same sweep as board, a night on which all went well.
func comparedBoard() *Board {
	b := board()
	b.Rows = b.Rows[:2]
	return b
}
