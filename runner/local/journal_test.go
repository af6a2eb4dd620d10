package local

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

const firstLine = "lxsweep-journal 1 boot=b0 host=\"a host\" owner=\"\" leader=77 created=5\n"

func TestHeaderRoundTrip(t *testing.T) {
	want := header{boot: "b0", host: "a \"host\"", owner: "", leader: 77, created: time.Unix(0, 5)}
	got, ok := parseHeader(want.String())
	if !ok || got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestStandings(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		held        bool
		want        standing
		killed      sweep.State
		code        int
	}{
		{"nothing but begun", "b 1 5 0\n", false, neverStarted, "", 0},
		{"begun, slot lives", "b 1 5 0\n", true, alive, "", 0},
		{"runs", "b 1 5 0\ns 1\n", true, alive, "", 0},
		{"slot died", "b 1 5 0\ns 1\n", false, broken, "", 0},
		{"ended by us", "b 1 5 0\ns 1\nk 1 timed-out too long\n", false, broken, sweep.TimedOut, 0},
		{"being ended", "b 1 5 0\ns 1\nk 1 cancelled by hand\n", true, alive, sweep.Cancelled, 0},
		{"ended", "b 1 5 0\ns 1\ne 1 3\n", true, ended, "", 3},
		{"ended first", "b 1 5 0\ns 1\ne 1 3\nk 1 timed-out x\n", false, ended, "", 3},
		{"ended after TERM", "b 1 5 0\ns 1\nk 1 timed-out x\ne 1 143\n", false, ended, sweep.TimedOut, 143},
		{"torn end", "b 1 5 0\ns 1\ne 1 1", false, broken, "", 0},
		{"torn end, then ours", "b 1 5 0\ns 1\ne 1 1b 2 6 0\n", false, broken, "", 0},
		{"doubled", "b 1 5 0\nb 1 9 9\ns 1\ns 1\ne 1 3\ne 1 4\n", false, ended, "", 3},
		{"end lost, slot went on", "b 1 5 0\ns 1\nb 2 6 0\ns 2\n", true, broken, "", 0},
		{"foreign lines", "b 1 5 0\n\x00\xff\nhello world\ns 1 x\ns 1\ne 1 256\ne 1 -1\nk 1 lost x\n", true, alive, "", 0},
		{"a long line", "b 1 5 0\ns 1\n" + strings.Repeat("e 1 0 ", maxLine) + "\ne 1 7\n", false, ended, "", 7},
	} {
		rec, err := parseJournal(strings.NewReader(firstLine + c.lines))
		if err != nil {
			t.Fatal(c.name, err)
		}
		e := rec.find(1)
		if e == nil {
			t.Fatalf("%s: attempt 1 is not known", c.name)
		}
		var killed sweep.State
		if e.killed != nil {
			killed = e.killed.State
		}
		if got := e.standing(c.held); got != c.want || e.code != c.code || killed != c.killed {
			t.Errorf("%s: got standing %d, code %d, killed %q", c.name, got, e.code, killed)
		}
		if !e.begun.Equal(time.Unix(0, 5)) || e.oomKills != 0 {
			t.Errorf("%s: begun %v with %d", c.name, e.begun, e.oomKills)
		}
	}
}

func TestEndIsLast(t *testing.T) {
	for lines, want := range map[string]bool{"b 1 5 0\ns 1\ne 1 0\n": true, "b 1 5 0\ns 1\ne 1 0\nr 1\n": false} {
		rec, err := parseJournal(strings.NewReader(firstLine + lines))
		if err != nil || rec.endIsLast != want || rec.done() == want {
			t.Errorf("%q: %v %+v", lines, err, rec)
		}
	}
}

func TestNoJournal(t *testing.T) {
	for _, text := range []string{"", "\n", "something else\n", "lxsweep-journal 2 x\n"} {
		if rec, err := parseJournal(strings.NewReader(text)); err != errNoJournal {
			t.Errorf("%q: %v %+v", text, err, rec)
		}
	}
}

// However a journal is cut, what is read of it is what its whole lines say.
func TestCutJournals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "attempts")
		text := firstLine
		for id := 1; id <= n; id++ {
			text += fmt.Sprintf("b %d %d 0\ns %d\ne %d %d\n", id, id, id, id, id)
		}
		cut := rapid.IntRange(len(firstLine), len(text)).Draw(t, "cut")
		rec, err := parseJournal(strings.NewReader(text[:cut]))
		if err != nil {
			t.Fatal(err)
		}
		whole := text[:strings.LastIndexByte(text[:cut], '\n')+1]
		for id := 1; id <= n; id++ {
			e := rec.find(int64(id))
			has := strings.Contains(whole, fmt.Sprintf("\ne %d %d\n", id, id))
			if has != (e != nil && e.ended && e.code == id) {
				t.Fatalf("attempt %d of %q: %+v", id, text[:cut], e)
			}
		}
	})
}

func FuzzParseJournal(f *testing.F) {
	f.Add([]byte("b 1 5 0\ns 1\nk 1 timed-out too long\ne 1 143\nr 1\n"))
	f.Add([]byte("e 1 0\x00\nb 9999999999999999999 1 1\ns -1\n"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		rec, err := parseJournal(strings.NewReader(firstLine + string(lines)))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range rec.entries {
			if rec.find(e.id) != e || e.id <= 0 || e.code < 0 || e.code > 255 {
				t.Fatalf("%+v", e)
			}
		}
	})
}
