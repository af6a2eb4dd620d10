package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// Info describes who writes: it is recorded with the applies and the attempts
// of a session, and shown to whoever finds the lock held.
type Info struct {
	Host    string
	User    string
	Command string // the command line
	Version string // lxsweep's
	// GitCommit and GitDirty are the state of the user's code, empty if unknown.
	GitCommit string
	GitDirty  bool
}

// Session is the right to write under some experiment names. It is safe for
// concurrent use. It must be closed.
type Session struct {
	ledger *Ledger
	info   Info
	pid    int
	names  map[string]bool
	locks  locks
	token  string // begins the marks in the epochs that are this session's
	marks  atomic.Int64
	queue  *queue
	ended  chan struct{} // closed by the committing goroutine at its end

	mu      sync.Mutex
	applyID int64 // the newest Register's, 0 before
	closing sync.Once
	closed  error
}

var _ runner.Recorder = (*Session)(nil)

// Lock takes the locks of experimentNames for this process and starts a
// session. It waits for other holders up to timeout (less than 0: as long as
// ctx lasts) and then returns a *LockedError, without any of the locks.
func (l *Ledger) Lock(ctx context.Context, experimentNames []string, timeout time.Duration, info Info) (*Session, error) {
	if l.write == nil {
		return nil, failed(l.path, "locking", ErrReadOnly)
	}
	names := slices.Clone(experimentNames)
	slices.Sort(names)
	names = slices.Compact(names)
	as := Holder{info.Host, os.Getpid(), info.User, info.Command, l.Clock().UTC().Truncate(time.Second)}
	locks, err := l.lockAll(ctx, names, timeout, as)
	if err != nil {
		return nil, failed(l.path, "locking", err)
	}
	s := &Session{
		ledger: l, info: info, pid: as.PID, locks: locks, names: map[string]bool{}, token: randomID(),
		queue: newQueue(), ended: make(chan struct{}),
	}
	for _, name := range names {
		s.names[name] = true
	}
	if err := s.takeOver(ctx, names, as); err != nil {
		return nil, errors.Join(failed(l.path, "locking", err), locks.unlock())
	}
	go s.commitLoop()
	return s, nil
}

// takeOver raises the epochs, which fences former holders; and nobody who has
// come since, where the connection was lost.
func (s *Session) takeOver(ctx context.Context, names []string, as Holder) error {
	return s.ledger.write.transact(ctx, func(t *tx) error {
		if err := s.locks.hold(t.ctx); err != nil {
			return err
		}
		for _, name := range names {
			_, err := t.exec(`INSERT INTO epochs
				(experiment_name, epoch, next_number, session, host, pid, username, command, since, released)
				VALUES ($1, 1, 0, $2, $3, $4, $5, $6, $7, NULL)
				ON CONFLICT (experiment_name) DO UPDATE SET epoch = epochs.epoch + 1, session = excluded.session,
				host = excluded.host, pid = excluded.pid, username = excluded.username,
				command = excluded.command, since = excluded.since, released = NULL`,
				name, s.token, clean(as.Host), as.PID, clean(as.User), clean(as.Command), timeText(as.Since))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// write runs f in a transaction of this session; see writer.transact. It is
// ErrFenced if another session has taken over one of its names.
func (s *Session) write(ctx context.Context, f func(*tx) error) error {
	mark := fmt.Sprintf("%s/%d", s.token, s.marks.Add(1))
	err := s.ledger.write.transact(ctx, func(t *tx) error {
		held := s.locks.hold(t.ctx)
		if err := s.fence(t, mark); err != nil {
			return err
		}
		if held != nil {
			return held
		}
		return f(t)
	})
	return failed(s.ledger.path, "writing to", err)
}

// fence holds the session's epochs against a take-over until the transaction
// ends, and leaves its mark in them: by that it is known again if it has
// committed without an answer.
func (s *Session) fence(t *tx, mark string) error {
	own, err := t.exec(`UPDATE epochs SET session = $1 WHERE substr(session, 1, 32) = $2 AND session <> $1`, mark, s.token)
	if err != nil || int(own) == len(s.names) {
		return err
	}
	var marked int
	if err := t.row(`SELECT count(*) FROM epochs WHERE session = $1`, []any{mark}, &marked); err != nil {
		return err
	}
	if marked == len(s.names) {
		return errDone
	}
	return ErrFenced
}

// Names are the experiment names whose locks it holds, sorted.
func (s *Session) Names() []string { return slices.Sorted(maps.Keys(s.names)) }

// AcceptWork records work as equivalent to that of the record's last attempt.
func (s *Session) AcceptWork(ctx context.Context, recordID int64, work sweep.Hash) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO equivalents (experiment_id, work, accepted_at) VALUES ($1, $2, $3)
			ON CONFLICT (experiment_id, work) DO NOTHING`, recordID, work.String(), s.ledger.now())
		return err
	})
}

// ReplaceMetrics records what a new pass over an attempt's log has found. The
// attempt's state and result stay.
func (s *Session) ReplaceMetrics(ctx context.Context, attemptID int64, pattern string, metrics []sweep.Metric) error {
	return s.write(ctx, func(t *tx) error {
		changed, err := t.exec(`UPDATE attempts SET pattern = $1 WHERE id = $2`, clean(pattern), attemptID)
		if err != nil {
			return err
		}
		if changed == 0 {
			return fmt.Errorf("%w: %d", ErrUnknownAttempt, attemptID)
		}
		if _, err := t.exec(`DELETE FROM metrics WHERE attempt_id = $1`, attemptID); err != nil {
			return err
		}
		return insertMetrics(t, attemptID, metrics)
	})
}

// Close makes everything handed over durable, records the end and lets go of
// the locks. It returns the error that ended the session's writing, if any. A
// second call returns what the first did.
func (s *Session) Close() error {
	s.closing.Do(func() {
		s.queue.close()
		<-s.ended
		err := s.queue.failure()
		if err == nil {
			err = s.release()
		}
		s.closed = errors.Join(err, s.locks.unlock())
	})
	return s.closed
}

// release records the end of the session and of its applies.
func (s *Session) release() error {
	return s.write(context.Background(), func(t *tx) error {
		now := s.ledger.now()
		if _, err := t.exec(`UPDATE epochs SET released = $1 WHERE substr(session, 1, 32) = $2`, now, s.token); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE applies SET ended = $1 WHERE session = $2`, now, s.token)
		return err
	})
}

// lastApply is the id of the newest Register, nil before.
func (s *Session) lastApply() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applyID == 0 {
		return nil
	}
	return s.applyID
}
