package metrics

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scanText returns "name=last" pairs, with the step after @, in order of names.
func scanText(t testing.TB, p *Pattern, text string) string {
	t.Helper()
	s := NewScanner(p)
	fmt.Fprint(s, text)
	s.Close()
	found, _ := s.Metrics()
	words := make([]string, len(found))
	for i, m := range found {
		words[i] = fmt.Sprintf("%s=%v", m.Name, m.Last)
		if m.Steps {
			words[i] += fmt.Sprintf("@%d", m.Step)
		}
	}
	return strings.Join(words, " ")
}

func TestForms(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"loss=0.5", "loss=0.5"},
		{"loss: 0.5", "loss=0.5"},
		{"loss = 0.5, acc : 1e-3", "acc=0.001 loss=0.5"},
		{"train/loss=0.5 val.acc=.25 top-5=5. p@1=-1 _x=+2E+2", "_x=200 p@1=-1 top-5=5 train/loss=0.5 val.acc=0.25"},
		{"step=3 loss=0.5", "loss=0.5@3"},
		{"loss=0.5 epoch=2 step=30", "loss=0.5@30"},
		{"Epoch: 3/10 - loss: 0.5 - acc: 0.9", "acc=0.9@3 loss=0.5@3"},
		{"{'loss': 0.5, 'epoch': 1.5}", "loss=0.5"},
		{`{"loss":0.5,"step":7}`, "loss=0.5@7"},
		{"INFO:root:step=1: loss: 2", "loss=2"},
		{"2024-01-01 12:30:45,123 INFO train.py:12: loss=0.5", "loss=0.5"},
		{"2024-01-01T12:30:45 loss=0.5.", "loss=0.5"},
		{"Test set: Average loss: 0.0512, Accuracy: 9834/10000 (98%)", "loss=0.0512"},
		{"Accuracy: 93.1%", "Accuracy=93.1"},
		{"Epoch 1:  45%|████▌     | 45/100 [00:10<00:12,  4.5it/s, loss=0.123]", "loss=0.123"},
		{"train:  45%|████▌     | 45/100 [00:10<00:12, 4.5it/s]", ""},
		{"train: 100%|##########| 10/10", ""},
		{"1/10 [==>...] - ETA: 0s - loss: 0.5\b\b\b\b2/10 [===>..] - loss: 0.4", "loss=0.4"},
		{"\x1b[1mloss\x1b[0m: \x1b[32m0.5\x1b[0m \x1b]8;;http://x\x07acc=1", "acc=1 loss=0.5"},
		{"\x00\x00loss=0.5\x00\x00", "loss=0.5"},
		{"loss=0.5\racc=0.1\r\nloss=0.4", "acc=0.1 loss=0.4"},
		{"python train.py --lr=0.1 --seed=3", ""},
		{"http://host:8080 host:8080 file.py:12", ""},
		{"v=1.2.3 t=10ms n=1,234 l=1,2 r=1/2 c=1:2 h=0x10 u=1_000 a==5 x=5&y=6", ""},
		{"took: 12:30", ""},
		{"größe=5 =5 :5 1=5 -=5", ""},
		{strings.Repeat("n", maxName+1) + "=5", ""},
		{"loss=1" + strings.Repeat("0", maxName), ""},
		{"loss=nan", "loss=NaN"},
		{"loss=-Infinity acc=inf x: NaN, name=nano y=info", "acc=NaN loss=NaN x=NaN"},
		{"big=1e999", "big=NaN"},
	} {
		if got := scanText(t, nil, c.line); got != c.want {
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}

func TestSummary(t *testing.T) {
	s := NewScanner(nil)
	fmt.Fprint(s, "loss=3 step=1\nloss=nan\nloss=-1 step=2\nacc=1\nacc=nan\nbad=inf\nloss=0.5\n")
	found, unusable := s.Metrics()
	nan := math.NaN()
	want := []sweep.Metric{
		{Name: "acc", Last: nan, Min: 1, Max: 1, Count: 2},
		{Name: "bad", Last: nan, Min: nan, Max: nan, Count: 1},
		{Name: "loss", Last: 0.5, Min: -1, Max: 3, Count: 4},
	}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", found, want)
	}
	if got := strings.Join(unusable, "; "); got != "the last value of acc is NaN; the last value of bad is +Inf" {
		t.Errorf("unusable: %s", got)
	}
}

// What is found does not depend on the pieces that output comes in.
func TestPieces(t *testing.T) {
	text := "step=3 loss=0.5 acc: 0.25\r\n\x1b[32mval/loss=1e-3\x1b[0m\nlast=7"
	want := scanText(t, nil, text)
	for n := 1; n < len(text); n++ {
		s := NewScanner(nil)
		for rest := []byte(text); len(rest) > 0; {
			k := min(n, len(rest))
			s.Write(rest[:k])
			rest = rest[k:]
		}
		s.Close()
		whole := NewScanner(nil)
		fmt.Fprint(whole, text)
		whole.Close()
		a, _ := s.Metrics()
		b, _ := whole.Metrics()
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("in pieces of %d: %v, want %s", n, a, want)
		}
	}
}

func TestLongLines(t *testing.T) {
	for _, filler := range []string{"x", "=", ":", "a=", " ", "\x1b", "\x1b[", "1", "a=1 ", "\x00"} {
		s := NewScanner(nil)
		fmt.Fprint(s, "first=1 ")
		for range 300 { // a line of some 10 MB
			s.Write(bytes.Repeat([]byte(filler), 1<<15/len(filler)))
		}
		fmt.Fprint(s, "\nlast=2\n")
		if cap(s.line) > 2*maxLine || cap(s.clean) > 2*maxLine {
			t.Errorf("%q: %d and %d bytes are kept", filler, cap(s.line), cap(s.clean))
		}
		found, _ := s.Metrics()
		if len(found) < 2 || found[len(found)-1].Name != "last" {
			t.Errorf("%q: %+v", filler, found)
		}
	}
}

// A metric across the end of a piece of a long line is found whole.
func TestLongLinesAreCutBetweenWords(t *testing.T) {
	for shift := range 20 {
		line := strings.Repeat("y ", maxLine/2-shift) + strings.Repeat("z", shift%2) + " loss=0.123456789 acc=1"
		if got := scanText(t, nil, line); got != "acc=1 loss=0.123456789" {
			t.Errorf("shift %d: %s", shift, got)
		}
	}
}

func TestManyNames(t *testing.T) {
	s := NewScanner(nil)
	for i := range 3 * maxNames {
		fmt.Fprintf(s, "m%d=1\n", i)
	}
	found, unusable := s.Metrics()
	if len(found) != maxNames || len(unusable) != 1 || !strings.Contains(unusable[0], "first 1000 names") {
		t.Errorf("%d metrics, %q", len(found), unusable)
	}
}

func TestPattern(t *testing.T) {
	for _, c := range []struct{ pattern, text, want string }{
		{`(?P<name>\w+) is (?P<value>\S+)`, "loss is 0.5 and acc is 1\nx=3", "acc=1 loss=0.5"},
		{`loss (?P<val_loss>\S+) at (?P<step>\d+)`, "loss 0.5 at 7", "val_loss=0.5@7"},
		{`(?P<loss>[\d.]+)/(?P<acc>[\d.]+)?`, "0.5/0.9\n0.4/", "acc=0.9 loss=0.4"},
		{`(?P<name>.*):(?P<value>.*)`, "loss : nonsense\nacc : 1.5 ", "acc=1.5"},
	} {
		p, err := Compile(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := scanText(t, p, c.text); got != c.want {
			t.Errorf("%s: got %q, want %q", c.pattern, got, c.want)
		}
	}
	for pattern, want := range map[string]string{
		"(": "missing closing", "loss=.*": "no named group", "(?P<name>a)": "only one", "(?P<step>a)": "no named group",
	} {
		if _, err := Compile(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	if p, err := Compile(""); p != nil || err != nil {
		t.Error(p, err)
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("step=3 loss=0.5 acc: 0.25\r\n\x1b[32mval/loss=1e-3\x1b[0m\nlast=7"), 3)
	f.Add([]byte("a=b=c=1e999 x: -inf% |\x1b]0;t"), 1)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		whole := NewScanner(nil)
		whole.Write(text)
		whole.Close()
		pieces := NewScanner(nil)
		for rest := text; len(rest) > 0; {
			n := min(max(piece, 1), len(rest))
			pieces.Write(rest[:n])
			rest = rest[n:]
		}
		pieces.Close()
		a, _ := whole.Metrics()
		b, _ := pieces.Metrics()
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("%v in one, %v in pieces", a, b)
		}
		for _, m := range a {
			if m.Count < 1 || m.Min > m.Max || math.IsInf(m.Last, 0) || m.Name == "" {
				t.Fatalf("%+v", m)
			}
		}
		Tail(text, 5)
	})
}

func BenchmarkScanner(b *testing.B) {
	for name, line := range map[string]string{
		"plain":    "Loading the shard of the training data that comes next, which takes a while\n",
		"metrics":  "2024-01-01 12:30:45 INFO step=1200 loss=0.4321 acc=0.9123 lr=0.0003\n",
		"progress": "\rEpoch 1:  45%|████▌     | 45/100 [00:10<00:12,  4.5it/s, loss=0.123]",
		"pattern":  "step 1200 loss 0.4321\n",
	} {
		var p *Pattern
		if name == "pattern" {
			p, _ = Compile(`loss (?P<loss>\S+)`)
		}
		b.Run(name, func(b *testing.B) {
			text := bytes.Repeat([]byte(line), 1<<17/len(line))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			s := NewScanner(p)
			for b.Loop() {
				s.Write(text)
			}
		})
	}
}
