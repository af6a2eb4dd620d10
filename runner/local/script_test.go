package local

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/sweep"
)

// text draws any bytes but NUL, many of them those that shells care about.
func text() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		b := rapid.SliceOfN(rapid.OneOf(
			rapid.ByteRange(1, 255),
			rapid.SampledFrom([]byte("'\"\\$`!*?[]{}()<>|&;#~=% \t\n\r\x7f\x81\x88")),
		), 0, 60).Draw(t, "bytes")
		return string(b)
	})
}

func TestBytesArriveAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	s, err := openSlot(place{dir: dir, boot: "b", host: "h"}, time.Now(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var id int64
	run := func(t *rapid.T, sc script) string {
		id++
		sc.id, sc.dir, sc.log = id, dir, filepath.Join(dir, "the 'log'")
		if err := s.start(&sc, time.Now(), -1); err != nil {
			t.Fatal(err)
		}
		x, _ := s.wait(context.Background(), time.Time{})
		out, err := os.ReadFile(sc.log)
		if x != (exit{id, 0}) || err != nil {
			t.Fatalf("%+v %v %q", x, err, out)
		}
		return string(out)
	}
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOfN(text(), 1, 4).Draw(t, "args")
		got := run(t, script{args: append([]string{"printf", `%s\0`}, args...)})
		if want := strings.Join(args, "\x00") + "\x00"; got != want {
			t.Fatalf("arguments: got %q, want %q", got, want)
		}
		value := text().Draw(t, "value")
		name := rapid.SampledFrom([]string{"A", "_x1", "a.b-c", "UID", "IFS", "PPID", "OPTIND"}).Draw(t, "name")
		got = run(t, script{args: []string{"printenv", "-0", name}, env: []sweep.Var{{Name: "Z", Value: "z"}, {Name: name, Value: value}}})
		if got != value+"\x00" {
			t.Fatalf("%s: got %q, want %q", name, got, value)
		}
		got = run(t, script{shell: "printf %s " + sweep.ShellQuote(value)})
		if got != value {
			t.Fatalf("string command: got %q, want %q", got, value)
		}
	})
}

// A torn line must never run in part: whatever its length, a shell that reads
// only that much starts nothing.
func TestTornScriptsDoNothing(t *testing.T) {
	dir := t.TempDir()
	sc := script{id: 1, args: []string{"touch", "it's here"}, dir: dir, log: filepath.Join(dir, "log")}
	whole := sc.append(nil)
	for n := range len(whole) - 1 { // what lacks only its line feed is whole
		s, err := openSlot(place{dir: filepath.Join(dir, "slots"), boot: "b", host: "h"}, time.Now(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.feed.Write(whole[:n])
		s.close()
		rec, _, err := readJournal(s.journal.path)
		if err != nil || len(rec.entries) != 0 || exists(sc.log) || exists(filepath.Join(dir, "it's here")) {
			t.Fatalf("after %q: %v %v", whole[:n], err, rec)
		}
	}
}

func TestCheckCommand(t *testing.T) {
	long := strings.Repeat("x", maxArgument)
	for _, c := range []struct {
		name string
		cmd  sweep.Command
		want string // empty: fine
	}{
		{"string", sweep.Command{Shell: "true"}, ""},
		{"list", sweep.Command{Args: []string{"true", ""}}, ""},
		{"longest", sweep.Command{Args: []string{"true", long}}, ""},
		{"nothing", sweep.Command{}, "cmd is empty"},
		{"no program", sweep.Command{Args: []string{""}}, "cmd is empty"},
		{"too long", sweep.Command{Args: []string{"true", long + "x"}}, "cmd[1] is 131072 bytes long"},
		{"NUL", sweep.Command{Args: []string{"true", "a\x00"}}, "cmd[1] holds a NUL byte at position 1"},
		{"NUL in env", sweep.Command{Shell: "true", Env: []sweep.Var{{Name: "A", Value: "\x00"}}}, "env A holds a NUL"},
		{"bad name", sweep.Command{Shell: "true", Env: []sweep.Var{{Name: "A=B"}}}, `"A=B" cannot be the name`},
	} {
		err := checkCommand(&c.cmd)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLongestArgumentArrives(t *testing.T) {
	r := newRunner(t, nil)
	a := attempt(1, "")
	a.Command.Args = []string{"printf", "%s", strings.Repeat("x", maxArgument)}
	if o := mustRun(t, r, a); o.Code != 0 {
		t.Fatal(o.Reason)
	}
	log, _ := os.ReadFile(r.LogPath(a.RunName, 1))
	if !bytes.Equal(log, bytes.Repeat([]byte("x"), maxArgument)) {
		t.Fatalf("%d bytes arrived", len(log))
	}
}
