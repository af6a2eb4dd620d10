//go:build linux

package main_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// faults is a folder in which something goes wrong.
type faults struct{ session }

func newFaults(t *testing.T, grid string) *faults {
	f := &faults{session{T: t, dir: t.TempDir()}}
	f.write("grid.hcl", grid)
	t.Cleanup(func() { // the programs that wait for it end
		for _, name := range []string{"go", "go-0", "go-1", "go-2", "go-3"} {
			f.write(name, "")
		}
	})
	return f
}

func (f *faults) path(name ...string) string {
	return filepath.Join(append([]string{f.dir}, name...)...)
}

func (f *faults) write(name, text string) {
	f.Helper()
	if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

// background is a command that was started.
type background struct {
	*exec.Cmd
	said  string // the file that it writes to
	ended bool
}

func (f *faults) start(args ...string) *background {
	f.Helper()
	return f.launch(exec.Command("lxsweep", args...))
}

func (f *faults) launch(cmd *exec.Cmd) *background {
	f.Helper()
	said, err := os.CreateTemp(f.TempDir(), "said")
	if err != nil {
		f.Fatal(err)
	}
	defer said.Close()
	b := &background{Cmd: cmd, said: said.Name()}
	b.Dir, b.Env, b.Stdout, b.Stderr = f.dir, append(os.Environ(), f.env...), said, said
	if err := b.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if !b.ended {
			_ = b.Process.Kill()
			_ = b.Wait()
		}
	})
	return b
}

// apply starts one of grid.hcl.
func (f *faults) apply(args ...string) *background {
	f.Helper()
	return f.start(append([]string{"apply", "--auto-approve", "--progress", "plain", "grid.hcl"}, args...)...)
}

func (f *faults) text(b *background) string {
	text, err := os.ReadFile(b.said)
	if err != nil {
		f.Fatal(err)
	}
	return string(text)
}

// end waits for a command that must end with the code.
func (f *faults) end(b *background, code int) string {
	f.Helper()
	err := b.Wait()
	b.ended = true
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		f.Fatal(err)
	}
	if got := b.ProcessState.ExitCode(); got != code {
		f.Fatalf("%v ended with %d, want %d:\n%s", b.Args, got, code, f.text(b))
	}
	return f.text(b)
}

// await polls for what must come about.
func (f *faults) await(what string, is func() bool) {
	f.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatal("it never came about that " + what)
		}
	}
}

// events are the lines that programs wrote, as kill_test.go has them.
func (f *faults) events() []event { return (&killing{T: f.T, dir: f.dir}).events() }

// count is how many events there are of a kind.
func (f *faults) count(what string) (n int) {
	for _, e := range f.events() {
		if e.what == what {
			n++
		}
	}
	return n
}

func (f *faults) awaitStarts(n int) {
	f.Helper()
	f.await(fmt.Sprint(n, " programs are started"), func() bool { return f.count("start") >= n })
}

// query returns the rows of a query to a ledger, their columns joined by spaces.
func (f *faults) query(state, query string) []string {
	f.Helper()
	db, err := sql.Open("sqlite", "file:"+state+"?mode=ro")
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT concat_ws(' ', " + query)
	if err != nil {
		f.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			f.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		f.Fatal(err)
	}
	return all
}

func (f *faults) ledger() string { return f.path(".lxsweep", "lxsweep.db") }

func (f *faults) noneLeft() {
	f.Helper()
	f.await("no process holds a slot", func() bool { return len((&killing{T: f.T, dir: f.dir}).holders()) == 0 })
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// waitingGrid is four programs; number x waits for the file go-x and ends with
// the code x.
const waitingGrid = `config "ex" {
  hp { x = 0 }
  run {
    cmd = <<-EOT
      echo "start $LXSWEEP_RUN_NAME $$" >>events
      until test -e go-${hp.x}; do sleep 0.02; done
      echo "end $LXSWEEP_RUN_NAME $$" >>events
      exit ${hp.x}
    EOT
  }
}
sweep "s" {
  config = config.ex
  grid { x = range(4) }
}
`

// TestHangup hangs up on an apply: its programs live on, two of them end while
// nobody watches, one while the next apply does, and all codes are known.
func TestHangup(t *testing.T) {
	f := newFaults(t, waitingGrid)
	first := f.apply("--parallel", "3")
	f.awaitStarts(3)
	if err := first.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	f.end(first, 130)
	for _, e := range f.events() {
		if err := syscall.Kill(e.pid, 0); err != nil {
			t.Errorf("%s did not live on: %v", e.run, err)
		}
	}
	f.write("go-1", "")
	f.write("go-2", "")
	f.await("two have ended", func() bool { return f.count("end") == 2 })

	second := f.apply("--parallel", "3")
	f.await("the third is adopted", func() bool { return strings.Contains(f.text(second), "ex-0 found running") })
	f.write("go-0", "")
	f.write("go-3", "")
	f.end(second, 3)
	same(t, "runs", f.query(f.ledger(), `run_name, state, code) FROM runs ORDER BY number`),
		"ex-0 succeeded 0", "ex-1 failed 1", "ex-2 failed 2", "ex-3 failed 3")
	if n := f.count("start"); n != 4 {
		t.Errorf("%d starts of 4 programs", n)
	}
	f.noneLeft()
}

// TestTwoNamesInOneLedger applies two experiment names at once: each one's
// program waits for the other's, and neither apply for the other.
func TestTwoNamesInOneLedger(t *testing.T) {
	grid := `config "%[1]s" {
  hp { x = 0 }
  run {
    cmd = "echo start $LXSWEEP_RUN_NAME $$ >>events; touch at-%[1]s-${hp.x}; until test -e at-%[2]s-${hp.x}; do sleep 0.02; done"
  }
}
sweep "s" {
  config = config.%[1]s
  grid { x = range(20) }
}
`
	f := newFaults(t, fmt.Sprintf(grid, "a", "b"))
	f.write("other.hcl", fmt.Sprintf(grid, "b", "a"))
	a := f.apply("--parallel", "2")
	b := f.start("apply", "--auto-approve", "--progress", "plain", "--parallel", "2", "other.hcl")
	f.end(a, 0)
	f.end(b, 0)
	same(t, "runs", f.query(f.ledger(), `experiment_name, state, count(*), min(number), max(number), max(attempt)) FROM runs GROUP BY experiment_name, state`),
		"a succeeded 20 0 19 1", "b succeeded 20 0 19 1")
	if n := f.count("start"); n != 40 {
		t.Errorf("%d starts of 40 programs", n)
	}
	f.noneLeft()
}

// TestCancelWhileLaunching cancels a sweep whose programs are being started one
// after the other: when cancel returns, none lives and none is started any more.
func TestCancelWhileLaunching(t *testing.T) {
	f := newFaults(t, `config "ex" {
  hp { x = 0 }
  run {
    cmd = ["/bin/sh", "-c", "echo start $LXSWEEP_RUN_NAME $$ >>events; exec sleep ${hp.x < 20 ? 0 : 1}"]
  }
}
sweep "s" {
  config = config.ex
  grid { x = range(400) }
}
`)
	apply := f.apply("--parallel", "4")
	f.awaitStarts(20)
	f.lxsweep(0, "cancel", "--sweep", "s")
	started := f.events()
	for _, e := range started {
		if syscall.Kill(e.pid, 0) == nil {
			t.Errorf("%s lives", e.run)
		}
	}
	f.end(apply, 3)
	if n := f.count("start"); n != len(started) || n == 400 {
		t.Errorf("%d programs were started, %d before cancel returned", n, len(started))
	}
	same(t, "states", f.query(f.ledger(), `state) FROM attempts GROUP BY state ORDER BY state`), "cancelled", "succeeded")
	f.noneLeft()
}

// mount mounts something on a new folder, for as long as the test lasts.
func mount(t *testing.T, source, kind string, flags uintptr, options string) (folder string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	folder = t.TempDir()
	if err := unix.Mount(source, folder, kind, flags, options); err != nil {
		t.Skipf("mounting is not possible here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Errorf("unmounting %s: %v", folder, err)
		}
	})
	return folder
}

// fill writes until there is no room for a byte.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, size := range []int{1 << 16, 1 << 12, 1} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// TestFullDisk fills the disk of the ledger, logs and journals under a running
// apply: nothing is started without a record, what is recorded can be read, and
// when there is room again every program has run to its end once.
func TestFullDisk(t *testing.T) {
	f := newFaults(t, strings.ReplaceAll(strings.ReplaceAll(waitingGrid, "go-${hp.x}", "go"), "exit ${hp.x}", ""))
	f.edit("grid.hcl", "range(4)", "range(12)")
	disk := mount(t, "tmpfs", "tmpfs", 0, "size=4m")
	state := filepath.Join(disk, "ledger.db")
	apply := f.apply("--parallel", "2", "--state", state)
	f.awaitStarts(2)
	fill(t, filepath.Join(disk, "full"))
	f.write("go", "")
	if said := f.end(apply, 1); !strings.Contains(said, "no space left for the ledger") {
		t.Errorf("it said\n%s", said)
	}
	started := f.count("start")
	if out, _ := f.lxsweep(0, "status", "--state", state); !strings.Contains(out, "12 experiments") {
		t.Errorf("status while it is full:\n%s", out)
	}
	f.end(f.apply("--state", state), 1)
	if n := f.count("start"); n != started {
		t.Errorf("%d programs were started without a record", n-started)
	}
	if err := os.Remove(filepath.Join(disk, "full")); err != nil {
		t.Fatal(err)
	}
	f.end(f.apply("--parallel", "2", "--state", state), 0)
	same(t, "runs", f.query(state, `state, code, count(*)) FROM runs GROUP BY state, code`), "succeeded 0 12")
	same(t, "open", f.query(state, `count(*)) FROM attempts WHERE state IN ('pending', 'queued', 'running')`), "0")
	if starts, ends := f.count("start"), f.count("end"); starts != 12 || ends != 12 {
		t.Errorf("%d starts and %d ends of 12 programs", starts, ends)
	}
}

// TestMovedFolder moves everything away under a running apply, which ends as it
// can record nothing there; in the new place it goes on, and knows what ended.
func TestMovedFolder(t *testing.T) {
	f := newFaults(t, strings.ReplaceAll(strings.ReplaceAll(waitingGrid, "go-${hp.x}", "go"), "exit ${hp.x}", ""))
	f.edit("grid.hcl", "range(4)", "range(8)")
	apply := f.apply("--parallel", "2")
	f.awaitStarts(2)
	moved := f.dir + "-moved"
	if err := os.Rename(f.dir, moved); err != nil {
		t.Fatal(err)
	}
	f.dir = moved
	f.write("go", "")
	if said := f.end(apply, 1); !strings.Contains(said, "was moved or removed while it was in use") {
		t.Errorf("it said\n%s", said)
	}
	f.end(f.apply("--parallel", "2"), 0)
	same(t, "runs", f.query(f.ledger(), `state, code, count(*)) FROM runs GROUP BY state, code`), "succeeded 0 8")
	if starts, ends := f.count("start"), f.count("end"); starts != 8 || ends != 8 {
		t.Errorf("%d starts and %d ends of 8 programs", starts, ends)
	}
	f.noneLeft()
}

// readOnly returns the folder as one that cannot be written to.
func readOnly(t *testing.T, folder string) string {
	t.Helper()
	if os.Geteuid() == 0 { // whom modes do not bind
		view := mount(t, folder, "", unix.MS_BIND, "")
		if err := unix.Mount("", view, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Skipf("no read-only mount is possible here: %v", err)
		}
		return view
	}
	chmod := func(mode fs.FileMode) {
		_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, mode)
			}
			return err
		})
	}
	chmod(0o500)
	t.Cleanup(func() { chmod(0o700) })
	return folder
}

// TestReadOnlyFolder plans and reads where nothing can be written, and starts
// nothing there.
func TestReadOnlyFolder(t *testing.T) {
	out := t.TempDir()
	f := newFaults(t, strings.ReplaceAll(strings.ReplaceAll(waitingGrid, ">>events", ">>"+out+"/events"), "until", "! until"))
	f.edit("grid.hcl", "! until test -e go-${hp.x}; do sleep 0.02; done", "echo loss=${hp.x}")
	programs := &faults{session{T: t, dir: out}}

	view := &faults{session{T: t, dir: readOnly(t, f.dir)}}
	view.lxsweep(0, "plan", "grid.hcl")
	if said := view.end(view.apply(), 1); !strings.Contains(said, "the ledger is read-only") {
		t.Errorf("without a ledger it said\n%s", said)
	}
	if n := programs.count("start"); n != 0 {
		t.Errorf("%d programs were started without a ledger", n)
	}
	if os.Geteuid() != 0 {
		t.Skip("the rest takes a read-only mount")
	}

	f.end(f.apply(), 3)
	before := digest(t, f.path(".lxsweep"))
	f.edit("grid.hcl", "range(4)", "range(5)")
	view.lxsweep(0, "plan", "grid.hcl")
	view.lxsweep(0, "status")
	view.lxsweep(0, "results")
	view.lxsweep(0, "logs", "ex-0")
	view.lxsweep(0, "show", "ex-3")
	view.lxsweep(1, "cancel", "ex-0")
	if said := view.end(view.apply(), 1); !strings.Contains(said, "the ledger is read-only") {
		t.Errorf("with a ledger it said\n%s", said)
	}
	if n := programs.count("start"); n != 4 {
		t.Errorf("%d programs were started, want the 4 from before", n)
	}
	same(t, "the state", digest(t, f.path(".lxsweep")), before...)
}

// digest lists the files below a folder with their contents.
func digest(t *testing.T, folder string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(folder, path))
		files = append(files, fmt.Sprintf("%s %q", path, text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestDamagedLedger damages the ledger's file in many ways: every command says
// so, nothing is started, and the file is left as it is.
func TestDamagedLedger(t *testing.T) {
	f := newFaults(t, `config "ex" {
  hp { x = 0 }
  run { cmd = "echo start $LXSWEEP_RUN_NAME $$ >>events; echo loss=${hp.x}" }
}
sweep "s" {
  config = config.ex
  grid { x = range(50) }
}
`)
	f.end(f.apply(), 0)
	f.edit("grid.hcl", "range(50)", "range(60)")
	whole, err := os.ReadFile(f.ledger())
	if err != nil {
		t.Fatal(err)
	}
	garbage := bytes.Repeat([]byte("no ledger at all "), 1024)
	for name, damaged := range map[string][]byte{
		"emptied":           {},
		"cut in the middle": whole[:len(whole)/2],
		"cut to a scrap":    whole[:100],
		"header lost":       slices.Concat(garbage[:100], whole[100:]),
		"first page zero":   slices.Concat(make([]byte, 4096), whole[4096:]),
		"middle lost":       slices.Concat(whole[:4096], garbage, whole[4096+len(garbage):]),
		"text":              garbage,
	} {
		if err := os.WriteFile(f.ledger(), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		f.refusesLedger(name)
		if now, err := os.ReadFile(f.ledger()); err != nil || !bytes.Equal(now, damaged) {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
	if err := errors.Join(os.Remove(f.ledger()), os.Mkdir(f.ledger(), 0o700)); err != nil {
		t.Fatal(err)
	}
	f.refusesLedger("a folder")
	if n := f.count("start"); n != 50 {
		t.Errorf("%d programs were started beside a damaged ledger", n-50)
	}
}

// refusesLedger runs commands that must fail for what is wrong with the ledger.
func (f *faults) refusesLedger(damage string) {
	f.Helper()
	for _, args := range [][]string{
		{"plan", "grid.hcl"}, {"apply", "--auto-approve", "grid.hcl"}, {"status"}, {"results"}, {"cancel", "ex-0"},
	} {
		_, said := f.lxsweep(1, args...)
		if !strings.Contains(said, "the ledger is damaged") && !strings.Contains(said, "not a ledger") {
			f.Errorf("%s: lxsweep %s said\n%s", damage, args[0], said)
		}
		if !strings.Contains(said, "It was left as it is.") {
			f.Errorf("%s: lxsweep %s does not say what became of the file:\n%s", damage, args[0], said)
		}
	}
}

// TestSecretsAreNotWritten has the value of a secret reach its program and
// nothing else, and that of a sensitive variable nothing at all.
func TestSecretsAreNotWritten(t *testing.T) {
	const secret, sensitive = "the-secret-that-is-referred-to", "the-value-of-a-variable"
	f := newFaults(t, `variable "token" {
  type      = string
  sensitive = true
}
config "ex" {
  hp { x = 0 }
  run {
    cmd = "test $${#API_KEY} = 30 && test ${hp.x} = 0"
  }
  resources {
    k8 {
      secret_env = { API_KEY = "api/key" }
    }
  }
}
sweep "s" {
  config = config.ex
  grid { x = [0, 1] }
}
`)
	t.Setenv("API_KEY", secret)
	t.Setenv("LXSWEEP_VAR_token", sensitive)
	var said []string
	tell := func(code int, args ...string) {
		out, err := f.lxsweep(code, args...)
		said = append(said, out, err)
	}
	tell(0, "plan", "grid.hcl")
	tell(0, "plan", "-o", "json", "grid.hcl")
	tell(0, "plan", "--out", "night.lxplan", "grid.hcl")
	tell(3, "apply", "night.lxplan")
	tell(3, "apply", "--auto-approve", "--rerun", "failed", "grid.hcl")
	tell(0, "show", "ex-0")
	tell(0, "show", "ex-1", "--cmd")
	tell(0, "status")
	same(t, "runs", f.query(f.ledger(), `run_name, state, code) FROM runs ORDER BY number`), "ex-0 succeeded 0", "ex-1 failed 1")
	said = append(said, unzipped(t, f.path("night.lxplan")))
	for _, text := range append(digest(t, f.dir), said...) {
		for _, value := range []string{secret, sensitive} {
			if strings.Contains(text, value) {
				t.Errorf("%q is in\n%.300s", value, text)
			}
		}
	}
}

func unzipped(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text := new(strings.Builder)
	z, err := gzip.NewReader(file)
	if err == nil {
		_, err = io.Copy(text, z)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
