package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestParseResult(t *testing.T) {
	for _, c := range []struct{ raw, want, err string }{
		{"", "", ""},
		{" \n", "", ""},
		{"{}", "", ""},
		{`{"loss": 0.5, "acc": 1}`, "acc=1 loss=0.5", ""},
		{`{"val": {"loss": 0.5, "top": {"5": 1e-2}}}`, "val.loss=0.5 val.top.5=0.01", ""},
		{`{"loss": 0.5, "model": "m.pt", "ok": true, "none": null, "all": [1, 2]}`, "loss=0.5", ""},
		{`{"loss": 1, "loss": 2}`, "loss=2", ""},
		{`{"loss": NaN}`, "", "holds NaN, which JSON does not have"},
		{`{"loss": -Infinity}`, "", "holds -Infinity"},
		{`{"loss": 1e999}`, "", "out of range"},
		{`{"loss": 0.5`, "", "not JSON"},
		{`{"a": 1}{"a": 2}`, "", "more than one"},
		{`[1]`, "", "is a JSON array"},
		{`0.5`, "", "is a JSON number"},
		{`null`, "", "is null"},
		{"\x00", "", "not JSON"},
		{`{"a": "` + strings.Repeat("x", MaxResult) + `"}`, "", "longer than 4096 bytes"},
		{strings.Repeat(`{"a":`, 800), "", "not JSON"},
	} {
		found, err := ParseResult([]byte(c.raw))
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%.40q: %v", c.raw, err)
		}
		words := make([]string, len(found))
		for i, m := range found {
			words[i] = fmt.Sprintf("%s=%v", m.Name, m.Last)
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%.40q: got %q, want %q", c.raw, got, c.want)
		}
	}
}

func TestCollect(t *testing.T) {
	dir := t.TempDir()
	log, result := filepath.Join(dir, "log"), filepath.Join(dir, "result")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := Collect(log, result, nil)
	if err != nil || found.Metrics != nil || found.Result != nil || found.Error != "" {
		t.Errorf("without files: %v %+v", err, found)
	}
	write(log, "loss=0.5\nacc=0.1 step=4\nacc=0.2 step=5")
	write(result, `{"loss": 0.25, "f1": 3}`)
	found, err = Collect(log, result, nil)
	want := []sweep.Metric{
		{Name: "acc", Last: 0.2, Min: 0.1, Max: 0.2, Count: 2, Step: 5, Steps: true},
		{Name: "f1", Last: 3, Min: 3, Max: 3, Count: 1},
		{Name: "loss", Last: 0.25, Min: 0.25, Max: 0.25, Count: 1},
	}
	if err != nil || fmt.Sprint(found.Metrics) != fmt.Sprint(want) || string(found.Result) != `{"loss": 0.25, "f1": 3}` {
		t.Errorf("%v %+v", err, found)
	}
	write(result, "\xff{"+strings.Repeat("x", 2*MaxResult))
	found, err = Collect(log, result, nil)
	var kept string
	if err != nil || json.Unmarshal(found.Result, &kept) != nil || len(kept) < MaxResult || !strings.Contains(found.Error, "longer") {
		t.Errorf("%v %+v", err, found)
	}
	if len(found.Metrics) != 2 {
		t.Errorf("the log's metrics: %+v", found.Metrics)
	}
}

func TestCollectDoesNotHang(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero", t.TempDir()} {
		if _, err := Collect("", path, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestTail(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"a\nb\nc\n", "b\nc"},
		{"a\n\n \nb\r\n\n", "a\nb"},
		{"5%\r50%\r100%\ndone", "100%\ndone"},
		{"\x1b[31mred\x1b[0m\x07\x00x\ty\xff\n", "red  x y?"},
		{strings.Repeat("ä", 200), strings.Repeat("ä", 100) + "..."},
	} {
		if got := Tail([]byte(c.text), 2); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(strings.Repeat("x\n", 100000)+"end\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := FileTail(path, 2); got != "x\nend" || FileTail(path+".none", 2) != "" {
		t.Errorf("%q", got)
	}
}

func FuzzParseResult(f *testing.F) {
	f.Add([]byte(`{"val": {"loss": 0.5}, "a": [1], "b": "x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ParseResult(raw)
		if kept := asJSON(raw); len(kept) > 0 && !json.Valid(kept) {
			t.Fatalf("%q", kept)
		}
	})
}
