package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// sighting is an attempt in a journal.
type sighting struct {
	entry
	standing standing
	path     string
	header   header
	ended    time.Time // zero where the journal does not tell
}

// Survey returns the attempts of this owner on this machine that are not
// released: what lives, and what ended while nobody watched. An attempt that it
// does not return was never started here, or was released. It changes nothing.
//
// What the ledger has an outcome of, although it is returned, was settled by a
// process that ended before it could call Release: call it then.
func (r *Runner) Survey(ctx context.Context) ([]sweep.Live, error) {
	seen, err := r.sightings(ctx)
	if err != nil {
		return nil, fmt.Errorf("local runner: %w", err)
	}
	var lives []sweep.Live
	for id, s := range seen {
		lives = append(lives, sweep.Live{AttemptID: id, State: s.state(), Started: s.begun})
	}
	slices.SortFunc(lives, func(a, b sweep.Live) int { return int(a.AttemptID - b.AttemptID) })
	return lives, nil
}

// state is what a survey tells; an out-of-memory is found out by Run.
func (s *sighting) state() sweep.State {
	switch {
	case s.standing == alive:
		return sweep.Running
	case s.killed != nil:
		return s.killed.State
	case s.standing != ended:
		return sweep.Interrupted
	case s.code == 0:
		return sweep.Succeeded
	}
	return sweep.Failed
}

// Gone is for an attempt that was recorded and has left no trace: whoever was to
// start it ended first.
func (r *Runner) Gone(*sweep.Tried) sweep.Outcome {
	return sweep.Outcome{
		State: sweep.Interrupted, Class: sweep.Infrastructure, Code: sweep.CodeUnknown,
		Reason: "lxsweep ended before it was started",
	}
}

// sightings reads all journals. Of an attempt that is in several, as it was
// begun in one and started in another, the one that says most counts.
func (r *Runner) sightings(ctx context.Context) (map[int64]*sighting, error) {
	paths, err := journals(r.place.dir)
	if err != nil {
		return nil, err
	}
	seen := map[int64]*sighting{}
	for _, path := range paths {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		err := r.sight(path, seen)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoJournal) {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, s := range seen {
		r.where[id] = s.path
	}
	return seen, nil
}

func (r *Runner) sight(path string, seen map[int64]*sighting) error {
	rec, held, err := readJournal(path)
	if err != nil || rec.header.owner != r.place.owner || rec.header.host != r.place.host {
		return err
	}
	for _, e := range rec.entries {
		if e.released {
			continue
		}
		s := &sighting{entry: *e, standing: e.standing(held), path: path, header: rec.header}
		if rec.endIsLast && e == rec.newest {
			s.ended = modified(path)
		}
		if before := seen[e.id]; before == nil || before.standing < s.standing {
			seen[e.id] = s
		}
	}
	return nil
}

// locate returns the attempt's journal, empty for none.
func (r *Runner) locate(ctx context.Context, id int64) (string, error) {
	r.mu.Lock()
	path := r.where[id]
	r.mu.Unlock()
	if path != "" {
		return path, nil
	}
	seen, err := r.sightings(ctx)
	if s := seen[id]; s != nil {
		return s.path, nil
	}
	return "", err
}

// adopt finds the attempt, which somebody else started, and waits for its end.
func (u *run) adopt(ctx context.Context) (facts, error) {
	path, err := u.locate(context.WithoutCancel(ctx), u.ID)
	if err != nil || path == "" {
		return facts{}, mayLive(err)
	}
	f, err := u.conclude(path)
	if err != nil || f.standing != alive {
		return f, mayLive(err)
	}
	j, err := openJournal(path)
	if err != nil {
		return facts{}, mayLive(fmt.Errorf("local runner: adopting %s: %w", u.RunName, err))
	}
	defer j.close()
	request := u.Command.Resources
	u.admission.force(request)
	u.free = sync.OnceFunc(func() { u.admission.release(request) })
	u.running(f.known.begun, path)
	var deadline time.Time
	if limit := u.Command.Timeout; limit > 0 {
		deadline = time.Now().Add(limit - u.options.Now().Sub(f.known.begun))
	}
	f, err = u.watch(ctx, j, deadline)
	return f, mayLive(err)
}

// mayLive marks an error after which the program may go on without us, so that
// nobody starts it a second time.
func mayLive(err error) error {
	if err == nil || errors.Is(err, runner.ErrDetach) {
		return err
	}
	return fmt.Errorf("%w; its program may go on (%w)", err, runner.ErrDetach)
}

// watch waits for the end of an attempt whose shell does not tell us, or ends
// it. It looks at the journal's length and lock, and reads it when they change. A
// zero deadline is none.
func (u *run) watch(ctx context.Context, j *journal, deadline time.Time) (facts, error) {
	looked, err := os.Open(j.path)
	if err != nil {
		return facts{}, fmt.Errorf("local runner: watching %s: %w", u.RunName, err)
	}
	defer looked.Close()
	tick := time.NewTicker(u.options.Poll)
	defer tick.Stop()
	length := int64(-1)
	for {
		held, err := locked(looked)
		if err != nil {
			return facts{}, err
		}
		info, err := looked.Stat()
		if err != nil {
			return facts{}, err
		}
		if !held || info.Size() != length {
			length = info.Size()
			f, err := u.conclude(j.path)
			if err != nil || f.standing != alive {
				return f, err
			}
		}
		select {
		case now := <-tick.C:
			if !deadline.IsZero() && now.After(deadline) {
				return u.end(j, u.timedOut())
			}
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), runner.ErrDetach) {
				return facts{}, runner.ErrDetach
			}
			return u.end(j, endingOf(ctx))
		}
	}
}

// conclude reads what the journal at path says of the attempt.
func (u *run) conclude(path string) (facts, error) {
	rec, held, err := readJournal(path)
	if err != nil {
		return facts{}, fmt.Errorf("local runner: %s: %w", u.RunName, err)
	}
	known := rec.find(u.ID)
	if known == nil {
		return facts{}, nil
	}
	f := facts{known: *known, standing: known.standing(held), rebooted: rec.header.boot != u.place.boot}
	if f.standing == ended && rec.endIsLast && rec.newest == known {
		f.at = modified(path)
	}
	return f, nil
}

// Release lets go of what the journals keep of the attempt. It is called after
// the outcome is durable in the ledger; of the attempt it needs the ID only. An
// unknown attempt is no error. Log and result stay.
func (r *Runner) Release(ctx context.Context, a runner.Attempt) error {
	path, err := r.locate(ctx, a.ID)
	if err != nil || path == "" {
		return err
	}
	j, err := openJournalToAppend(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = errors.Join(j.release(a.ID), j.close())
	}
	if err != nil {
		return fmt.Errorf("local runner: releasing %s: %w", a.RunName, err)
	}
	r.mu.Lock()
	delete(r.where, a.ID)
	ours := r.open[path]
	r.mu.Unlock()
	if ours {
		return nil
	}
	return removeIfDone(path)
}
