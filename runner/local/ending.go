package local

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/runner"
)

// killRounds bounds how often what is left of a slot is killed, a fifth of a
// poll apart. Each round catches what was forked in the one before.
const killRounds = 500

// ender ends what runs in one slot. It is used once.
type ender struct {
	journal *journal
	inode   inode
	grace   time.Duration // between TERM and KILL
	poll    time.Duration // between looks
	id      int64         // of the attempt

	told map[int]process // by process id: those that were sent TERM
}

// end ends the attempt: k, TERM, and KILL after the grace. It returns when no
// process of the slot is left but, perhaps, its shell without a command. It
// names in words those that had left the slot's process group.
func (e *ender) end(why *runner.Ending) (escaped string, err error) {
	// A k that cannot be written (a full disk) leaves the program to be ended
	// all the same: the outcome says why.
	_ = e.journal.kill(e.id, why)
	e.told = map[int]process{}
	left, gone, err := e.look()
	if err == nil && !gone {
		left, gone, err = e.terminate(left)
	}
	for range killRounds {
		if gone || err != nil {
			break
		}
		e.kill(left)
		time.Sleep(e.poll / 5)
		left, gone, err = e.look()
	}
	if err == nil && !gone {
		err = fmt.Errorf("%s cannot be ended: it may wait for a device; see ps", list(left))
	}
	return list(e.outside()), err
}

// look returns the slot's living processes but its shell. Gone says that there
// are none, and that the shell, if it lives, will not start the attempt's.
func (e *ender) look() (left []process, gone bool, err error) {
	led := leads(e.journal.leader, e.inode)
	found, err := members(e.journal.leader, e.inode)
	if err != nil {
		return nil, false, err
	}
	left = slices.DeleteFunc(found, func(p process) bool { return led && p.pid == e.journal.leader })
	if len(left) > 0 || !led {
		return left, len(left) == 0, nil
	}
	rec, _, err := readJournal(e.journal.path)
	if err != nil {
		return nil, false, err
	}
	known := rec.find(e.id)
	return nil, known != nil && known.ended, nil
}

// terminate sends TERM, to late-comers as well, and looks until all are gone or
// the grace has passed.
func (e *ender) terminate(left []process) (_ []process, gone bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), e.grace)
	defer cancel()
	tick := time.NewTicker(e.poll)
	defer tick.Stop()
	grouped := e.signalGroup(unix.SIGTERM)
	for ; ; grouped = false {
		for _, p := range left {
			if _, before := e.told[p.pid]; !before && (!grouped || p.group != e.journal.leader) {
				signalMember(p, e.journal.leader, e.inode, unix.SIGTERM)
			}
			e.told[p.pid] = p
		}
		select {
		case <-ctx.Done():
			return left, false, nil
		case <-tick.C:
		}
		if left, gone, err = e.look(); gone || err != nil {
			return left, gone, err
		}
	}
}

// kill sends KILL to those outside of the group, while the shell lives that
// tells the slot's session, and then to the whole group at once.
func (e *ender) kill(left []process) {
	for _, p := range left {
		e.told[p.pid] = p
		signalMember(p, e.journal.leader, e.inode, unix.SIGKILL)
	}
	e.signalGroup(unix.SIGKILL)
}

// signalGroup signals all at once, so that none forks away, and reports whether
// it could. The shell survives TERM.
func (e *ender) signalGroup(sig unix.Signal) bool {
	return leads(e.journal.leader, e.inode) && unix.Kill(-e.journal.leader, sig) == nil
}

// outside returns those seen outside of the slot's process group.
func (e *ender) outside() []process {
	var ps []process
	for _, p := range e.told {
		if p.group != e.journal.leader {
			ps = append(ps, p)
		}
	}
	slices.SortFunc(ps, func(a, b process) int { return a.pid - b.pid })
	return ps
}

// list names processes in words.
func list(ps []process) string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}
