package ui

import (
	"bytes"
	"fmt"
	"testing"
)

func sampleTable() *Table {
	return &Table{
		Indent: 2,
		Columns: []Column{
			{Title: "run"},
			{Title: "val_loss"},
			{Title: "lr", Drop: 2},
			{Title: "optimizer.name", Drop: 2},
			{Title: "学習率", Drop: 2},
			{Title: "nothing", Drop: 1},
			{Title: "why", Shrink: 12},
		},
		Rows: []Row{
			Texts("ex-0", "0.21", "0.0001", "adamw", "速い", "", "succeeded"),
			Texts("ex-1", "12.5", "1e-05", "lion", "遅い", "", "failed: exit code 1, which no retry mends, as its class is user"),
			{Span: "  … 40 more"},
			Texts("ex-42", "", "0.01", "\x1b[2Jevil", "e\u0301", "", "lost"),
		},
	}
}

func TestTable(t *testing.T) {
	for _, columns := range []int{0, 120, 80, 40, 20} {
		var b bytes.Buffer
		dropped, err := sampleTable().Write(&b, Screen{Width: columns})
		if err != nil {
			t.Fatal(err)
		}
		if columns > 0 {
			fits(t, b.Bytes(), columns)
		}
		fmt.Fprintf(&b, "dropped: %q\n", dropped)
		golden(t, fmt.Sprintf("table-%d.golden", columns), b.Bytes())
	}
}

func TestTableInColor(t *testing.T) {
	table := &Table{Columns: []Column{{Title: "run"}, {Title: "state"}}, Rows: []Row{
		{Cells: []Cell{{Text: "ex-0", Color: Bold}, {Text: "succeeded", Color: Green}}},
		{Cells: []Cell{{Text: "ex-10"}, {Text: "failed", Color: Red}}},
	}}
	var b bytes.Buffer
	if _, err := table.Write(&b, Screen{Width: 80, Color: true}); err != nil {
		t.Fatal(err)
	}
	golden(t, "table-color.golden", b.Bytes())
}

func TestWantColor(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		noColor  *bool
		env      map[string]string
		terminal bool
		want     bool
	}{
		{nil, nil, true, true},
		{nil, nil, false, false},
		{nil, map[string]string{"TERM": "dumb"}, true, false},
		{nil, map[string]string{"NO_COLOR": "1"}, true, false},
		{nil, map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, true, false},
		{nil, map[string]string{"CLICOLOR_FORCE": "1"}, false, true},
		{nil, map[string]string{"CLICOLOR_FORCE": "0"}, false, false},
		{&yes, map[string]string{"CLICOLOR_FORCE": "1"}, true, false},
		{&no, map[string]string{"NO_COLOR": "1"}, false, true},
	} {
		getenv := func(name string) string { return c.env[name] }
		if got := WantColor(c.noColor, getenv, c.terminal); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

// TestTableKeepsTails holds that what has its place before a score loses its
// beginning, and not its end, once no other column may go.
func TestTableKeepsTails(t *testing.T) {
	for columns, want := range map[int]string{
		40: "run                          val_loss\na-name-of-some-length-12345       0.5\n",
		30: "run                   val_loss\n…f-some-length-12345       0.5\n",
		18: "run       val_loss\n…h-12345       0.5\n",
	} {
		table := &Table{
			Columns: []Column{{Title: "run", Tail: 8}, {Title: "val_loss"}, {Title: "lr", Drop: 1}},
			Rows:    []Row{Texts("a-name-of-some-length-12345", "0.5", "0.0001")},
		}
		var b bytes.Buffer
		if _, err := table.Write(&b, Screen{Width: columns}); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("%d columns: got\n%swant\n%s", columns, &b, want)
		}
	}
}
