package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/ledger/pgtest"
	"github.com/lxsweep/lxsweep/sweep"
)

func TestAnEmptyDatabaseIsNoLedger(t *testing.T) {
	where := servers.Server(t).Database(t)
	l := openAt(t, where, ReadOnly)
	if err := readAll(t.Context(), l); err != nil || l.Exists() {
		t.Errorf("exists: %v (%v)", l.Exists(), err)
	}
	if _, err := l.Lock(t.Context(), []string{"ex"}, 0, Info{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("lock: %v", err)
	}
	execute(t, where, `CREATE TABLE schema_versions (a INTEGER)`) // nobody has made it before
}

func TestADatabaseOfAnotherProgramIsLeftAlone(t *testing.T) {
	where := servers.Server(t).Database(t)
	execute(t, where, `CREATE TABLE trials (id INTEGER)`)
	for _, mode := range []Mode{ReadOnly, ReadWrite} {
		_, err := Open(t.Context(), where, mode)
		if !errors.Is(err, ErrNotLedger) || !strings.Contains(err.Error(), "search_path") {
			t.Errorf("error %v", err)
		}
	}
	execute(t, where, `CREATE TABLE meta (a INTEGER)`)

	// A schema beside them is made, and is a ledger of its own.
	one, other := openAt(t, where+"&search_path=one", ReadWrite), openAt(t, where+"&search_path=other", ReadWrite)
	lock(t, one, "ex")
	if register(t, lock(t, other, "ex"), "src", "", items("ex", "", 0, 2)); one.ID() == other.ID() {
		t.Error("two schemas are one ledger")
	}
	if n, err := one.NextNumber(t.Context(), "ex"); n != 0 || err != nil {
		t.Errorf("next number %d (%v)", n, err)
	}
}

// TestWhatIsWrongWithAURL: each is told with the way out, and none with the
// password.
func TestWhatIsWrongWithAURL(t *testing.T) {
	good := servers.Server(t).Database(t)
	with := func(change func(*url.URL)) string {
		u := must(url.Parse(good))
		change(u)
		return u.String()
	}
	secret := pgtest.Password
	cases := map[string]struct {
		where string
		kind  error
		says  string
	}{
		"refused":         {with(func(u *url.URL) { u.Host = "127.0.0.1:1" }), ErrUnreachable, "host and port"},
		"wrong password":  {with(func(u *url.URL) { u.User = url.UserPassword("postgres", "s3cret") }), ErrRefused, "PGPASSWORD"},
		"no password":     {with(func(u *url.URL) { u.User = url.User("postgres") }), ErrRefused, "PGPASSWORD"},
		"no such user":    {with(func(u *url.URL) { u.User = url.UserPassword("ann", secret) }), ErrRefused, "pg_hba"},
		"no database":     {with(func(u *url.URL) { u.Path = "/nowhere" }), ErrNoDatabase, "createdb"},
		"bare slash":      {strings.Replace(good, "%2F", "/", 1), nil, "%2F"},
		"slash and digit": {"postgres://ann:12/s3cret@localhost/db", nil, "%2F"},
		"question mark":   {"postgres://ann:12?s3cret@localhost/db", nil, "%3F"},
		"hash":            {"postgres://ann:12#s3cret@localhost/db", nil, "%23"},
		"percent":         {"postgres://ann:%s3cret@localhost/db", nil, "%25"},
		"another server":  {"mysql://ann:s3cret@localhost/db?sslmode=disable", nil, "postgres://USER@HOST"},
		"capitals":        {"POSTGRES://ann:s3cret@localhost/db", nil, "postgres://USER@HOST"},
		"unknown option":  {good + "&sslmode=maybe", nil, "postgres://USER@HOST"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []Mode{ReadOnly, ReadWrite} {
				_, err := Open(t.Context(), c.where, mode)
				var e *Error
				if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("error %v, want %v with %q", err, c.kind, c.says)
				}
				if strings.Contains(err.Error(), "s3cret") {
					t.Errorf("the password is in %q", err)
				}
			}
		})
	}
	inQuery := with(func(u *url.URL) { u.User = url.User("postgres"); u.RawQuery += "&password=" + url.QueryEscape(secret) })
	for _, where := range []string{good, inQuery} {
		if path := openAt(t, where, ReadWrite).Path(); strings.Contains(path, "s3cret") || !strings.HasPrefix(path, "postgres://postgres@127.0.0.1:") {
			t.Errorf("shown as %s", path)
		}
	}
}

// TestHyperparametersAreKeptByteForByte: the column is JSON, for people.
func TestHyperparametersAreKeptByteForByte(t *testing.T) {
	if both(t, TestHyperparametersAreKeptByteForByte) {
		return
	}
	hp := sweep.NewObject(map[string]sweep.Value{
		"text": sweep.String("\u00e9 \U0001F600 \u2028 \" \\ /"), "small": must(sweep.Number(1e-300)), "big": sweep.Int(1 << 53), "lr": must(sweep.Number(0.1)),
	})
	e := experiment("ex", "", 0)
	e.HP, e.Point = hp, sweep.PointOf("ex", hp)
	e.Key = sweep.KeyOf(e.Point, "")
	l := openAt(t, newPath(t), ReadWrite)
	register(t, lock(t, l, "ex"), "src", "", func(yield func(Item, error) bool) { yield(Item{Experiment: e}, nil) })
	var text, lr string
	if err := l.read.QueryRow(`SELECT hp, hp ->> 'lr' FROM runs`).Scan(&text, &lr); err != nil || text != hp.String() || lr != "0.1" {
		t.Errorf("came back as %s (%v), lr %s; want %s", text, err, lr, hp)
	}
}

// faulty is a TCP proxy before a server.
type faulty struct {
	net.Listener
	server string
	// losing drops the next COMMIT or its answer, and the connection with it.
	losing atomic.Int32
	lost   atomic.Int32
	open   sync.WaitGroup
}

const (
	theCommit = 1 + iota
	theAnswer
)

func newFaulty(t *testing.T, where string) (f *faulty, through string) {
	t.Helper()
	u := must(url.Parse(where))
	f = &faulty{Listener: must(net.Listen("tcp", "127.0.0.1:0")), server: u.Host}
	u.Host = f.Addr().String()
	f.open.Go(func() {
		for {
			c, err := f.Accept()
			if err != nil {
				return
			}
			f.open.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		f.Close()
		f.open.Wait()
	})
	return f, u.String()
}

func (f *faulty) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", f.server)
	if err != nil {
		return
	}
	defer server.Close()
	var mute atomic.Bool
	f.open.Go(func() {
		defer client.Close()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			if err != nil || mute.Load() { // what answers the COMMIT is read, and not told
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte("COMMIT\x00")) {
			what := f.losing.Swap(0)
			f.lost.Add(min(what, 1))
			if what == theCommit {
				return
			}
			mute.Store(what == theAnswer)
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// TestACommitThatIsLost: each kind of transaction is done once, whether the
// server got it or not.
func TestACommitThatIsLost(t *testing.T) {
	t.Run("the commit", func(t *testing.T) { loseCommits(t, theCommit) })
	t.Run("its answer", func(t *testing.T) { loseCommits(t, theAnswer) })
}

func loseCommits(t *testing.T, what int32) {
	direct := servers.Server(t).Database(t)
	f, through := newFaulty(t, direct)
	l := openAt(t, through, ReadWrite)
	ctx := t.Context()
	f.losing.Store(what)
	s := lock(t, l, "ex") // the take-over of the epoch
	f.losing.Store(what)
	refs := register(t, s, "src", "", items("ex", "", 0, 3))
	refs = refs[len(refs)-3:] // those of the last time
	f.losing.Store(what)
	ids := intend(t, s, refs...)
	f.losing.Store(what)
	o := succeeded(1)
	o.Started = time.Time{}
	s.Changed(ids[0], runner.Change{State: sweep.Running, Time: noon, Ref: "slot 3", Log: "/l"})
	settleNow(t, s, ids[0], o)
	if a := must(l.FindRun(ctx, "ex-0")).Last; a.Ref != "slot 3" || a.Log != "/l" || !a.Started.Equal(noon) {
		t.Errorf("what changed before the end is not there: %+v", a)
	}
	f.losing.Store(what)
	if err := s.AcceptWork(ctx, refs[0].ID, hash(7)); err != nil {
		t.Error(err)
	}
	f.losing.Store(what)
	request, err := l.RequestCancel(ctx, CancelRequest{ExperimentName: "ex", Reason: "why"})
	if err != nil {
		t.Error(err)
	}
	f.losing.Store(what)
	if err := l.Acknowledge(ctx, request, "done"); err != nil {
		t.Error(err)
	}
	f.losing.Store(what)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := f.lost.Load(); n != 8 {
		t.Errorf("%d answers were lost, want 8", n)
	}
	for query, want := range map[string]string{
		`SELECT count(*), min(number), max(number) FROM experiments`:                                    "3 0 2",
		`SELECT count(*), count(DISTINCT experiment_id), max(number), max(id) FROM attempts`:            fmt.Sprint("3 3 1 ", ids[2]),
		`SELECT count(*), count(ended) FROM applies`:                                                    "1 1",
		`SELECT count(*) FROM attempts WHERE apply_id = (SELECT id FROM applies) AND state = 'pending'`: "2",
		`SELECT count(*) FROM metrics`:                                                                  "1",
		`SELECT count(*) FROM equivalents`:                                                              "1",
		`SELECT count(*), count(acknowledged_at) FROM requests`:                                         "1 1",
		`SELECT next_number, count(released) FROM epochs GROUP BY next_number`:                          "3 1",
		`SELECT count(*) FROM memberships JOIN experiments ON id = experiment_id WHERE wanted = 1`:      "3",
	} {
		if got := strings.ReplaceAll(throughDriver(t, l, query), "|", " "); got != want {
			t.Errorf("%s\ngives %s, want %s", query, got, want)
		}
	}
}

// TestTheServerIsKilledWhileAnApplyRuns: it goes on when the server is back, and
// whatever was said to be durable is there, once.
func TestTheServerIsKilledWhileAnApplyRuns(t *testing.T) {
	server := pgtest.New(t)
	where := server.Database(t)
	promised := map[int64]string{}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := child(t, "apply", where, "LEDGER_TEST_RUN=20")
	for lines := random.IntN(30); c.out.Scan(); lines-- {
		note(t, promised, c.out.Text())
		if lines == 0 {
			server.Kill()
			if err := server.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			lines = 50 + random.IntN(200)
		}
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	checkWhole(t, where, promised, crashExperiments(20))
	l := openAt(t, where, ReadOnly)
	if n := len(collect(t, l.Records(t.Context(), Query{}))); n != crashExperiments(20) || len(promised) != n {
		t.Errorf("%d experiments, %d promises, want %d", n, len(promised), crashExperiments(20))
	}
}

// TestWhatIsCutOffBeginsAgain: connections end in the middle of a transaction.
func TestWhatIsCutOffBeginsAgain(t *testing.T) {
	where := servers.Server(t).Database(t)
	l := openAt(t, where, ReadWrite)
	s := lock(t, l, "ex")
	const all = 2 * chunkSize
	var told []Ref
	err := s.Register(t.Context(), Registration{Source: "src"}, items("ex", "", 0, all), func(_ Item, r Ref) error {
		if told = append(told, r); len(told) == chunkSize {
			execute(t, where, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		}
		return nil
	})
	if err != nil || len(told) != chunkSize+all || told[0].Number != told[chunkSize].Number || told[len(told)-1].Number != all-1 {
		t.Errorf("%d told, the last %v (%v)", len(told), told[len(told)-1], err)
	}
}

// TestAServerWithLimits: what an administrator sets for everybody neither takes a
// lock from its idle holder nor ends those who wait for their turn.
func TestAServerWithLimits(t *testing.T) {
	where := servers.Server(t).Database(t)
	for _, limit := range []string{"idle_session_timeout = '1s'", "statement_timeout = '1s'", "default_transaction_isolation = 'serializable'"} {
		execute(t, where, `ALTER DATABASE `+strings.TrimPrefix(must(url.Parse(where)).Path, "/")+` SET `+limit)
	}
	l := openAt(t, where, ReadWrite)
	locks := lock(t, l, "ex").locks.(*serverLocks)
	var idle string
	if err := locks.conn.QueryRow(t.Context(), `SHOW idle_session_timeout`).Scan(&idle); err != nil || idle != "0" {
		t.Errorf("the locks end after %s (%v)", idle, err)
	}
	err := l.write.transact(t.Context(), func(x *tx) error {
		var level, statement string
		var patient bool
		err := x.row(`SELECT current_setting('transaction_isolation'), current_setting('statement_timeout'),
			CAST(current_setting('lock_timeout') AS INTERVAL) > CAST(current_setting('idle_in_transaction_session_timeout') AS INTERVAL)`,
			nil, &level, &statement, &patient)
		if level != "read committed" || statement != "0" || !patient {
			t.Errorf("level %s, statements end after %s, patient: %v", level, statement, patient)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestTheLocksAreTakenAgain: a holder whose connections end, and nobody came,
// goes on as before.
func TestTheLocksAreTakenAgain(t *testing.T) {
	l := openAt(t, servers.Server(t).Database(t), ReadWrite)
	s := lock(t, l, "ex")
	id := intend(t, s, register(t, s, "src", "", items("ex", "", 0, 1))...)[0]
	breakLock(t, l, "ex")
	settleNow(t, s, id, succeeded(1))
	var locked *LockedError
	if _, err := l.Lock(t.Context(), []string{"ex"}, 0, Info{}); !errors.As(err, &locked) || locked.Holder.User != "ann" {
		t.Errorf("locked twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if h, err := l.Holder("ex"); h != nil || err != nil {
		t.Errorf("still held by %v (%v)", h, err)
	}
}

// TestALateTakeOver: whoever lost the locks before the epochs were raised does not
// fence out the one that has them now.
func TestALateTakeOver(t *testing.T) {
	where := servers.Server(t).Database(t)
	o := opening{migrations, networkFileSystem, time.Now, time.Millisecond}
	l := must(o.open(t.Context(), where, ReadWrite))
	t.Cleanup(func() { l.Close() })
	late := lock(t, l, "ex")
	breakLock(t, l, "ex")
	now := lock(t, openAt(t, where, ReadWrite), "ex")
	if err := late.takeOver(t.Context(), []string{"ex"}, Holder{}); !errors.Is(err, errLocksLost) {
		t.Errorf("the late one: %v", err)
	}
	register(t, now, "src", "", items("ex", "", 0, 1))
}

// TestAServerThatStaysAway: a writer says so when its patience is over, and a
// reader that it outlives goes on.
func TestAServerThatStaysAway(t *testing.T) {
	server := pgtest.New(t)
	where := server.Database(t)
	o := opening{migrations, networkFileSystem, time.Now, time.Second}
	l := must(o.open(t.Context(), where, ReadWrite))
	defer l.Close()
	s := lock(t, l, "ex")
	refs := register(t, s, "src", "", items("ex", "", 0, 1))
	reader := openAt(t, where, ReadOnly)
	server.Kill()
	_, err := s.Intend(t.Context(), []runner.Intent{{RecordID: refs[0].ID}})
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "run the same command again") {
		t.Errorf("intend: %v", err)
	}
	if _, err := Open(t.Context(), where, ReadOnly); !errors.Is(err, ErrUnreachable) {
		t.Errorf("open: %v", err)
	}
	back := make(chan error)
	go func() { back <- server.Start(context.Background()) }()
	if err := readAll(t.Context(), reader); err != nil {
		t.Errorf("a reader: %v", err)
	}
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, ErrUnreachable) {
		t.Errorf("close: %v", err)
	}
	again := lock(t, openAt(t, where, ReadWrite), "ex")
	intend(t, again, refs...)
}
