package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// events are the cluster's words about what does not start. One request reads
// those of one kind for everybody who asks within some seconds.
type events struct {
	mu    sync.Mutex
	known map[[2]string]*eventList
}

type eventList struct {
	read  time.Time
	words map[types.UID]string // by the object
}

// about returns the newest words of a reason about an object; empty for none, or
// if they cannot be read.
func (e *events) about(ctx context.Context, c *Cluster, kind, reason string, of types.UID) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.known[[2]string{kind, reason}]
	if list == nil || time.Since(list.read) > recheck/2 {
		list = readEvents(ctx, c, kind, reason)
		if e.known == nil {
			e.known = map[[2]string]*eventList{}
		}
		e.known[[2]string{kind, reason}] = list
	}
	return list.words[of]
}

func readEvents(ctx context.Context, c *Cluster, kind, reason string) *eventList {
	list := &eventList{read: time.Now(), words: map[types.UID]string{}}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.events.List(ctx, metav1.ListOptions{
		FieldSelector: fmt.Sprintf("involvedObject.kind=%s,reason=%s", kind, reason),
	})
	if err != nil {
		return list
	}
	newest := map[types.UID]time.Time{}
	for _, event := range found.Items {
		of, at := event.InvolvedObject.UID, event.LastTimestamp.Time
		if _, known := list.words[of]; !known || at.After(newest[of]) {
			list.words[of], newest[of] = event.Message, at
		}
	}
	return list
}

func overQuotaWords(words string) bool { return strings.Contains(words, "exceeded quota") }

// refusals count what cannot start, by kind and reason: what has failed some
// times in one way is not tried again for others like it.
type refusals struct {
	mu     sync.Mutex
	counts map[[2]string]int
	why    map[string]string // by kind
}

// enoughRefusals is how many of one kind must fail in one way.
const enoughRefusals = 3

// kindOfAttempt is what attempts have in common that start, or do not, alike.
func kindOfAttempt(a *runner.Attempt) string {
	return a.Experiment.Sweep + "\x00" + a.Experiment.Config + "\x00" + a.Command.Image
}

// hear takes in that an attempt could not start.
func (r *refusals) hear(a *runner.Attempt, reason string, notice func(string)) {
	kind := kindOfAttempt(a)
	reason = strings.ReplaceAll(reason, a.RunName, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts, r.why = map[[2]string]int{}, map[string]string{}
	}
	r.counts[[2]string{kind, reason}]++
	if r.counts[[2]string{kind, reason}] == enoughRefusals && r.why[kind] == "" {
		r.why[kind] = reason
		notice(fmt.Sprintf("no more experiments of config %s are started: %d could not start: %s", a.Experiment.Config, enoughRefusals, reason))
	}
}

// known is why attempts like this cannot start, nil as far as is known.
func (r *refusals) known(a *runner.Attempt) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if why := r.why[kindOfAttempt(a)]; why != "" {
		return &refusal{sweep.Refused, fmt.Sprintf("%d others like it could not start: %s", enoughRefusals, why)}
	}
	return nil
}

// crowd gathers those that wait for a node for very long, to tell of them in one
// line.
type crowd struct {
	mu   sync.Mutex
	ids  map[int64]bool
	told int       // how many it was told of
	next time.Time // when it may be told of again
}

const (
	// gathering is how long others are waited for before a crowd is told of.
	gathering = 2 * time.Second
	// retell is how long a crowd that grows is not told of again.
	retell = 10 * time.Minute
)

// enter counts one in, tells of all when it is time, and returns after which
// time to call it again.
func (c *crowd) enter(id int64, waits string, notice func(string)) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil {
		c.ids = map[int64]bool{}
	}
	if len(c.ids) == 0 && c.told == 0 {
		c.next = time.Now().Add(gathering)
	}
	c.ids[id] = true
	if left := time.Until(c.next); left > 0 {
		return left
	}
	if len(c.ids) > c.told {
		c.told = len(c.ids)
		notice(fmt.Sprintf("%d waiting for very long; one waits for %s", len(c.ids), waits))
	}
	c.next = time.Now().Add(retell)
	return retell
}

func (c *crowd) leave(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ids, id)
}
