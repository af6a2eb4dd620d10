package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// tree maps every file below folder to its bytes.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameTree(t *testing.T, before, after map[string]string) {
	t.Helper()
	for path, text := range after {
		if old, ok := before[path]; !ok || old != text {
			t.Errorf("%s was written", path)
		}
	}
	if len(after) < len(before) {
		t.Errorf("files are gone: %d of %d left", len(after), len(before))
	}
}

// readAll calls everything that reads.
func readAll(ctx context.Context, l *Ledger) error {
	_, err1 := l.Lookup(ctx, []sweep.Hash{hash(1), experiment("ex", "", 0).Key})
	_, err2 := l.NextNumber(ctx, "ex")
	_, err3 := l.Rounds(ctx)
	_, err4 := l.OpenAttempts(ctx, nil)
	_, err5 := l.Requests(ctx, []string{"ex"}, 0)
	_, err6 := l.Attempts(ctx, 1)
	_, err7 := l.Holder("ex")
	errs := []error{err1, err2, err3, err4, err5, err6, err7}
	for _, seq := range []func(func(*sweep.Record, error) bool){
		l.Wanted(ctx, "src", ""), l.Records(ctx, Query{}), l.Records(ctx, Query{AllRounds: true, Sweep: "s", Names: []string{"ex"}}),
	} {
		for _, err := range seq {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func TestReadingWhereNothingIsWritesNothing(t *testing.T) {
	folder := t.TempDir()
	l := openAt(t, filepath.Join(folder, ".lxsweep", "lxsweep.db"), ReadOnly)
	if l.Exists() {
		t.Error("it exists")
	}
	if err := readAll(t.Context(), l); err != nil {
		t.Error(err)
	}
	if _, err := l.Lock(t.Context(), []string{"ex"}, 0, Info{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("lock: %v", err)
	}
	if _, err := l.RequestCancel(t.Context(), CancelRequest{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("request: %v", err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) > 0 {
		t.Errorf("made %v", entries)
	}
}

func TestReadingALedgerLeavesItsFolderAsItIs(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	settleNow(t, s, intend(t, s, register(t, s, "src", "", items("ex", "", 0, 3))...)[0], succeeded(1))
	s.Close()
	l.Close()
	before := tree(t, filepath.Dir(path))
	r := openAt(t, path, ReadOnly)
	if err := readAll(t.Context(), r); err != nil {
		t.Error(err)
	}
	if got := collect(t, r.Records(t.Context(), Query{})); len(got) != 3 {
		t.Errorf("%d records", len(got))
	}
	r.Close()
	sameTree(t, before, tree(t, filepath.Dir(path)))
}

// A file of no bytes is where a ledger begins, unless experiments were run with
// it: a new one in its place would number from 0 again, over their logs.
func TestAnEmptiedLedgerIsDamaged(t *testing.T) {
	path := newPath(t)
	openAt(t, path, ReadWrite).Close()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	l := openAt(t, path, ReadWrite)
	lock(t, l, "ex").Close()
	l.Close()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	before := tree(t, filepath.Dir(path))
	for _, mode := range []Mode{ReadOnly, ReadWrite} {
		if _, err := Open(t.Context(), path, mode); !errors.Is(err, ErrCorrupt) {
			t.Errorf("mode %d: %v", mode, err)
		}
	}
	sameTree(t, before, tree(t, filepath.Dir(path)))
}

// Nothing is recorded in a file that nobody can find; put back, it goes on.
func TestALedgerThatIsMovedAwayWhileInUse(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := s.Register(t.Context(), Registration{Source: "src"}, items("ex", "", 0, 3), nil); !errors.Is(err, ErrGone) {
		t.Errorf("register: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil { // another in its place is no better
		t.Fatal(err)
	}
	if err := s.Register(t.Context(), Registration{Source: "src"}, items("ex", "", 0, 3), nil); !errors.Is(err, ErrGone) {
		t.Errorf("register: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if refs := register(t, s, "src", "", items("ex", "", 0, 3)); len(refs) != 3 || refs[0].Number != 0 {
		t.Errorf("put back: %v", refs)
	}
}

func TestCreating(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	if len(l.ID()) != 32 || l.JournalMode() != "write-ahead log" {
		t.Errorf("id %q, %s", l.ID(), l.JournalMode())
	}
	if ignore, _ := os.ReadFile(filepath.Join(filepath.Dir(path), ".gitignore")); string(ignore) != "*\n" {
		t.Errorf(".gitignore holds %q", ignore)
	}
	again := openAt(t, path, ReadWrite)
	if again.ID() != l.ID() || openAt(t, path, ReadOnly).ID() != l.ID() {
		t.Error("the id changed")
	}
	elsewhere := filepath.Join(t.TempDir(), "my runs", "a?b#c%20.db")
	openAt(t, elsewhere, ReadWrite).Close()
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(elsewhere), ".gitignore")); err == nil {
		t.Error("a .gitignore in a folder that is not ours")
	}
}

func TestManyOpenANewLedgerAtOnce(t *testing.T) {
	if both(t, TestManyOpenANewLedgerAtOnce) {
		return
	}
	path := newPath(t)
	ids := make(chan string, 8)
	for range cap(ids) {
		go func() {
			l, err := Open(context.Background(), path, ReadWrite)
			if err != nil {
				ids <- err.Error()
				return
			}
			defer l.Close()
			ids <- l.ID()
		}()
	}
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first || len(id) != 32 {
			t.Errorf("%q and %q", first, id)
		}
	}
}

func TestALinkLeadsToTheSameLocks(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	lock(t, l, "ex")
	var locked *LockedError
	if _, err := openAt(t, link, ReadWrite).Lock(t.Context(), []string{"ex"}, 0, Info{}); !errors.As(err, &locked) {
		t.Errorf("locked twice: %v", err)
	}
}

// execute makes a database, or changes it, with one statement.
func execute(t *testing.T, path, statement string) {
	t.Helper()
	driver := inSQLite.driver
	if IsURL(path) {
		driver = inPostgres.driver
	}
	db, err := sql.Open(driver, path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// TestADamagedFileIsNeverWritten guards F38: whatever is in the ledger's place
// is refused with the way out, and keeps its bytes.
func TestADamagedFileIsNeverWritten(t *testing.T) {
	whole := func(t *testing.T, path string) []byte {
		l := openAt(t, path, ReadWrite)
		s := lock(t, l, "ex")
		register(t, s, "src", "", items("ex", "", 0, 300))
		s.Close()
		l.Close()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	cases := []struct {
		name string
		make func(t *testing.T, path string)
		kind error
		says string
	}{
		{"garbage", func(t *testing.T, path string) {
			put(t, path, bytes.Repeat([]byte("no database "), 1000))
		}, ErrNotLedger, "--state FILE"},
		{"short garbage", func(t *testing.T, path string) { put(t, path, []byte("x")) }, ErrNotLedger, "--state FILE"},
		{"truncated", func(t *testing.T, path string) {
			text := whole(t, path)
			put(t, path, text[:len(text)/2])
		}, ErrCorrupt, ".recover"},
		{"holes", func(t *testing.T, path string) {
			text := whole(t, path)
			clear(text[4096:])
			put(t, path, text)
		}, ErrCorrupt, "cp -p"},
		{"another program's", func(t *testing.T, path string) {
			execute(t, path, `CREATE TABLE trials (id INTEGER)`)
		}, ErrNotLedger, "other tables"},
		{"newer", func(t *testing.T, path string) {
			whole(t, path)
			execute(t, path, `INSERT INTO schema_versions VALUES (999, 'tomorrow')`)
		}, ErrNewer, "Update lxsweep"},
		{"a folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o777); err != nil {
				t.Fatal(err)
			}
		}, ErrNotLedger, "not a regular file"},
	}
	for _, c := range cases {
		for mode, word := range map[Mode]string{ReadOnly: "read", ReadWrite: "write"} {
			t.Run(c.name+"/"+word, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "lxsweep.db")
				c.make(t, path)
				before := tree(t, path)
				_, err := Open(t.Context(), path, mode)
				if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
					t.Errorf("error %v, want %v with %q", err, c.kind, c.says)
				}
				sameTree(t, before, tree(t, path))
			})
		}
	}
}

// TestDamageThatShowsLater: a page that opening does not read.
func TestDamageThatShowsLater(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path, ReadWrite)
	s := lock(t, l, "ex")
	register(t, s, "src", "", items("ex", "", 0, 3000))
	s.Close()
	l.Close()
	text, _ := os.ReadFile(path)
	clear(text[len(text)/2:])
	put(t, path, text)
	r, err := Open(t.Context(), path, ReadOnly)
	if err == nil {
		defer r.Close()
		for _, e := range r.Records(t.Context(), Query{AllRounds: true}) {
			err = e
		}
	}
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(text, after) {
		t.Error("it was written")
	}
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestAMakerThatDiedEarly(t *testing.T) {
	for name, prepare := range map[string]func(path string){
		"empty file":  func(path string) { put(t, path, nil) },
		"header only": func(path string) { execute(t, path, `PRAGMA journal_mode = wal`) },
	} {
		path := filepath.Join(t.TempDir(), "lxsweep.db")
		prepare(path)
		if l := openAt(t, path, ReadOnly); l.Exists() {
			t.Errorf("%s: a reader sees a ledger", name)
		}
		if l := openAt(t, path, ReadWrite); !l.Exists() {
			t.Errorf("%s: a writer sees none", name)
		}
	}
}

func TestOnANetworkFileSystem(t *testing.T) {
	path := newPath(t)
	nfs := opening{migrations, func(string) string { return "NFS" }, time.Now, 0}
	openAt(t, path, ReadWrite).Close() // was on a local disk before
	l, err := nfs.open(t.Context(), path, ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if !strings.Contains(l.JournalMode(), "NFS") {
		t.Errorf("journal: %s", l.JournalMode())
	}
	var mode string
	if err := l.write.conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "delete" {
		t.Errorf("journal mode %s (%v)", mode, err)
	}
	s := lock(t, l, "ex")
	// Reading inside a registration must not wait for its own transaction.
	err = s.Register(t.Context(), Registration{Source: "src"}, items("ex", "", 0, 1500), func(_ Item, _ Ref) error {
		_, err := l.NextNumber(t.Context(), "ex")
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if n, _ := l.NextNumber(t.Context(), "ex"); n != 1500 {
		t.Errorf("next number %d", n)
	}
	s.Close()
}

func TestMigrationsKeepWhatIsThere(t *testing.T) {
	if both(t, TestMigrationsKeepWhatIsThere) {
		return
	}
	path := newPath(t)
	v1 := opening{migrations[:1], networkFileSystem, time.Now, 0}
	l, err := v1.open(t.Context(), path, ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	id := l.ID()
	s := lock(t, l, "ex")
	register(t, s, "src", "", items("ex", "", 0, 5))
	s.Close()
	l.Close()

	next := v1
	next.migrations = append(migrations[:1:1], migration{
		`ALTER TABLE experiments ADD COLUMN note TEXT NOT NULL DEFAULT 'none'`,
		`UPDATE experiments SET note = 'old'`,
	})
	if _, err := next.open(t.Context(), path, ReadOnly); err == nil || !strings.Contains(err.Error(), "lxsweep apply") {
		t.Errorf("a reader of an old schema: %v", err)
	}
	broken := next
	broken.migrations = append(next.migrations[:2:2], migration{`ALTER TABLE nowhere ADD COLUMN x TEXT`})
	if _, err := broken.open(t.Context(), path, ReadWrite); err == nil || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("a broken migration: %v", err)
	}
	if l, err = next.open(t.Context(), path, ReadWrite); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var old int
	if err := l.read.QueryRow(`SELECT count(*) FROM experiments WHERE note = 'old'`).Scan(&old); err != nil || old != 5 || l.ID() != id {
		t.Errorf("%d rows kept, id %s (%v)", old, l.ID(), err)
	}
	if _, err := v1.open(t.Context(), path, ReadWrite); !errors.Is(err, ErrNewer) {
		t.Errorf("an older lxsweep: %v", err)
	}
}
