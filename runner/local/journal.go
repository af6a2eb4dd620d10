package local

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// maxLine bounds a journal's line in bytes; longer ones are not ours.
const maxLine = 4096

// header is a journal's first line.
type header struct {
	boot    string // the kernel's boot id
	host    string
	owner   string // the ledger that its attempts' ids belong to
	leader  int    // process id of the slot's shell
	created time.Time
}

func (h header) String() string {
	return fmt.Sprintf("lxsweep-journal 1 boot=%s host=%s owner=%s leader=%d created=%d\n",
		h.boot, strconv.Quote(h.host), strconv.Quote(h.owner), h.leader, h.created.UnixNano())
}

func parseHeader(line string) (h header, ok bool) {
	var nano int64
	n, err := fmt.Sscanf(line, "lxsweep-journal 1 boot=%s host=%q owner=%q leader=%d created=%d\n",
		&h.boot, &h.host, &h.owner, &h.leader, &nano)
	h.created = time.Unix(0, nano)
	return h, err == nil && n == 5
}

// entry is what a journal says of one attempt.
type entry struct {
	id         int64
	begun      time.Time // zero without a b line
	oomKills   int64     // the machine's count when it was begun, -1 if unknown
	started    bool
	killed     *runner.Ending // why we ended it; nil if it ended first
	ended      bool
	code       int
	released   bool
	superseded bool // the slot, which has one at a time, was given another since
}

// standing is what can be concluded about an attempt.
type standing int

const (
	neverStarted standing = iota
	alive
	broken // it started, is gone, and wrote no end
	ended
)

// standing concludes, given whether the journal's lock was held before the
// journal was read.
func (e *entry) standing(held bool) standing {
	switch {
	case e.ended:
		return ended
	case held && !e.superseded:
		return alive
	case e.started:
		return broken
	}
	return neverStarted
}

// record is a whole journal.
type record struct {
	header  header
	entries []*entry // in order of their first line
	// endIsLast says that the last line is an e, so that the file's time of
	// change is when that attempt ended.
	endIsLast bool
	byID      map[int64]*entry
	newest    *entry // the one that the slot was given last
}

// find returns what is known of the attempt, nil for nothing.
func (r *record) find(id int64) *entry { return r.byID[id] }

// done reports whether no attempt needs the journal any more.
func (r *record) done() bool {
	for _, e := range r.entries {
		if !e.released {
			return false
		}
	}
	return true
}

var errNoJournal = errors.New("its first line is not a journal's")

// parseJournal reads a journal. Torn, doubled and foreign lines are skipped:
// programs inherit the descriptor, and disks fill up.
func parseJournal(r io.Reader) (*record, error) {
	lines := bufio.NewReaderSize(r, maxLine)
	rec := &record{byID: map[int64]*entry{}}
	for first := true; ; first = false {
		line, err := nextLine(lines)
		switch {
		case err != nil && err != io.EOF:
			return nil, err
		case first:
			var ok bool
			if rec.header, ok = parseHeader(line); !ok {
				return nil, errNoJournal
			}
		case err == io.EOF:
			return rec, nil
		default:
			rec.add(line)
		}
	}
}

// nextLine returns a line with its line feed, "" for one that is too long, and
// io.EOF for the end or a torn last line.
func nextLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return string(line), err
	}
	for err == bufio.ErrBufferFull {
		_, err = r.ReadSlice('\n')
	}
	return "", err
}

// add takes in one line, given with its line feed.
func (r *record) add(line string) {
	verb, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	number, rest, more := strings.Cut(rest, " ")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 || len(verb) != 1 {
		return
	}
	var take func(*entry)
	switch {
	case verb == "b" && more:
		take = begin(rest)
	case verb == "k" && more:
		take = kill(rest)
	case verb == "e" && more:
		take = end(rest)
	case verb == "s" && !more:
		take = func(e *entry) { e.started = true }
	case verb == "r" && !more:
		take = func(e *entry) { e.released = true }
	}
	if take == nil {
		return
	}
	e := r.entry(id)
	take(e)
	r.endIsLast = verb == "e"
	if verb == "b" || verb == "s" {
		r.supersede(e)
	}
}

func (r *record) entry(id int64) *entry {
	e := r.byID[id]
	if e == nil {
		e = &entry{id: id, oomKills: -1}
		r.byID[id] = e
		r.entries = append(r.entries, e)
	}
	return e
}

// supersede notes that the slot has e now.
func (r *record) supersede(e *entry) {
	if r.newest != nil && r.newest != e {
		r.newest.superseded = true
	}
	r.newest = e
}

func begin(rest string) func(*entry) {
	at, kills, _ := strings.Cut(rest, " ")
	nano, err := strconv.ParseInt(at, 10, 64)
	count, err2 := strconv.ParseInt(kills, 10, 64)
	if err != nil || err2 != nil {
		return nil
	}
	return func(e *entry) {
		if e.begun.IsZero() {
			e.begun, e.oomKills = time.Unix(0, nano), count
		}
	}
}

func kill(rest string) func(*entry) {
	word, reason, _ := strings.Cut(rest, " ")
	state := sweep.State(word)
	if state != sweep.TimedOut && state != sweep.Cancelled && state != sweep.Interrupted {
		return nil
	}
	return func(e *entry) {
		if e.killed == nil && !e.ended {
			e.killed = &runner.Ending{State: state, Reason: reason}
		}
	}
}

func end(rest string) func(*entry) {
	code, err := strconv.ParseUint(rest, 10, 8)
	if err != nil {
		return nil
	}
	return func(e *entry) {
		if !e.ended {
			e.ended, e.code = true, int(code)
		}
	}
}
