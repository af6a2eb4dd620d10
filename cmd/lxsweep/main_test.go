package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	ossignal "os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lxsweep/lxsweep/cmd/internal/cli"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/runner/ledger/pgtest"
)

// The clusters of all tests: one whose nodes are simulated, and one whose node
// runs containers.
var (
	Simulated kubetest.Shared
	Real      = kubetest.Shared{Options: kubetest.Options{Real: true}}
)

// Postgres is the server of all tests that do not kill it.
var Postgres pgtest.Shared

func TestMain(m *testing.M) {
	testscript.Main(hearing{m}, map[string]func(){"lxsweep": mainByTheClock})
}

// mainByTheClock is main, but where LXSWEEP_TEST_NOW says what time it is: a
// moment, at the start of the process, or the name of a file that holds a moment,
// that of its last change; the clock goes on from there.
func mainByTheClock() {
	told := os.Getenv("LXSWEEP_TEST_NOW")
	if told == "" {
		main()
	}
	kubernetes.Silence()
	f, err := cli.SystemFactory("test")
	if err != nil {
		panic(err)
	}
	began := time.Now()
	f.Now = func() time.Time {
		text, since := told, began
		if info, err := os.Stat(told); err == nil {
			content, _ := os.ReadFile(told)
			text, since = strings.TrimSpace(string(content)), info.ModTime()
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			panic(err)
		}
		return at.Local().Add(time.Since(since))
	}
	os.Exit(int(cli.Run(context.Background(), f, os.Args[1:])))
}

// hearing are tests that catch SIGHUP. Where it is ignored, as under nohup, it
// would be in all that they start; a caught signal is itself again there.
type hearing struct{ *testing.M }

func (m hearing) Run() int {
	os.Setenv("GORACE", raceAtOnce)
	ossignal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	code := Simulated.Main(run(func() int { return Real.Main(m.M) }))
	if err := Postgres.Stop(); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return max(code, 1)
	}
	return code
}

type run func() int

func (r run) Run() int { return r() }

// raceAtOnce are options of the race detector, which otherwise sleeps for a
// second at the end of each process.
const raceAtOnce = "atexit_sleep_ms=0"

// TestScript runs the whole command line: a script a topic, each in a folder of
// its own. LXSWEEP_UPDATE=1 writes what `cmp stdout` expects anew.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("LXSWEEP_UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			e.Setenv("COLUMNS", "80")
			e.Setenv("TZ", "UTC")
			e.Setenv("GORACE", raceAtOnce)
			e.Values[signalled{}] = new(*exec.Cmd)
			return nil
		},
		Condition: func(name string) (bool, error) { return name == "postgres" && pgtest.Possible() == nil, nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":   code,
			"await":  await,
			"signal": signal,
			"sqlite": sqlite,
			"postgres": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: postgres VARIABLE")
				}
				where, err := Postgres.Database(context.Background())
				ts.Check(err)
				ts.Setenv(args[0], where)
			},
		},
	})
}

// sqlite FILE SCRIPT makes a database.
func sqlite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sqlite file script")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(ts.ReadFile(args[1]))
	ts.Check(err)
}

// signalled is the key of the program that was sent a signal last.
type signalled struct{}

// code N PROGRAM ARGS... runs a program that must end with the exit code N.
// code N, behind a wait, is about the program that was sent a signal last.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: code N [program args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if len(args) > 1 {
		err = ts.Exec(args[1], args[2:]...)
	} else {
		got = (*ts.Value(signalled{}).(**exec.Cmd)).ProcessState.ExitCode()
	}
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// await FILE [PATTERN] waits until the file is there and holds the pattern.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: await file [pattern]")
	}
	pattern := regexp.MustCompile("")
	if len(args) > 1 {
		pattern = regexp.MustCompile("(?m)" + args[1])
	}
	deadline := time.Now().Add(time.Minute) // only a hung test gets there
	for {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && pattern.Match(text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s never matched %s; it holds %q", args[0], pattern, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// signal HUP|INT|TERM sends a signal to the program that was put into the
// background last.
func signal(ts *testscript.TestScript, neg bool, args []string) {
	known := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM}
	running := ts.BackgroundCmds()
	if neg || len(args) != 1 || known[args[0]] == 0 || len(running) == 0 {
		ts.Fatalf("usage: signal HUP|INT|TERM")
	}
	last := running[len(running)-1]
	*ts.Value(signalled{}).(**exec.Cmd) = last
	ts.Check(last.Process.Signal(known[args[0]]))
}
