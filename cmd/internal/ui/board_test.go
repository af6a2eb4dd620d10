package ui

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// board is a sweep with a run in each of many states.
func board() *Board {
	loss := &sweep.Objective{Goals: []sweep.Goal{{Metric: "val_loss"}}}
	states := []sweep.Outcome{
		{State: sweep.Succeeded, Started: after(0), Ended: after(75)},
		{State: sweep.Succeeded, Started: after(0), Ended: after(4000)},
		{State: sweep.Succeeded, Started: after(0), Ended: after(2)},
		{State: sweep.Failed, Reason: "exit code 1, after the loss was \x1b[5mNaN for three epochs in a row", Started: after(0), Ended: after(2)},
		{State: sweep.Running, Started: after(-90)},
		{State: sweep.Interrupted},
	}
	var records []*sweep.Record
	for i, o := range states {
		if i < 2 {
			v := 0.5 - float64(i)/3
			o.Metrics = []sweep.Metric{{Name: "val_loss", Last: v, Min: v, Max: v, Count: 1}}
		}
		hp := sweep.NewObject(map[string]sweep.Value{
			"lr": sweep.Int(int64(i)), "name": sweep.String(strings.Repeat("学", i)), "seed": sweep.Int(1),
			"optimizer": sweep.Obj(sweep.NewObject(map[string]sweep.Value{"wd": sweep.Int(int64(i % 2))})),
		})
		records = append(records, &sweep.Record{ID: int64(i + 1), Name: "ex", Number: i, HP: hp, Last: &sweep.Tried{ID: int64(i + 1), Number: 1 + i%2, Host: "lab-3", Outcome: o}})
	}
	records = append(records, &sweep.Record{ID: 7, Name: "ex", Number: 7, HP: records[0].HP})
	return &Board{Sweep: "nightly", Objective: loss, Rows: analysis.Leaderboard(records, loss), Paths: analysis.Varying(records)}
}

func TestBoardLimit(t *testing.T) {
	var out bytes.Buffer
	b := board()
	b.Limit = 1
	if err := b.Write(&out, Screen{Width: 80, Color: true}); err != nil {
		t.Fatal(err)
	}
	golden(t, "board-limit.golden", out.Bytes())
}

func TestStatusJSON(t *testing.T) {
	s := &Status{Now: began}
	s.Add(board(), func(r *sweep.Record) sweep.State { return r.Last.State })
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status.json.golden", text)
}

func TestSafeWriter(t *testing.T) {
	in := "\x1b[1mleft on \x1b[mplain \x1b[31mred\x1b[0m\tend\r\n 9%\r10%\x1b[2Jclear \x1b]0;title\a 学\xff\x00 \u202e\x1b[32mgreen\x1b"
	want := "\x1b[1mleft on \x1b[mplain \x1b[31mred\x1b[0m\tend\n 9%\n10%\\x1b[2Jclear \\x1b]0;title\\a 学\\xff\\x00 \\u202e\x1b[32mgreen\\x1b\x1b[0m"
	for _, chunk := range []int{1, 2, 3, 1000} { // whatever the pieces, the same comes out
		var b bytes.Buffer
		w := NewSafeWriter(&b, Screen{})
		for rest := []byte(in); len(rest) > 0; {
			n := min(chunk, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("in pieces of %d: %q, want %q", chunk, b.String(), want)
		}
	}
}
