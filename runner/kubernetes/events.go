package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	words map[string]string // by the object's name
}

// about returns the newest words of a reason about a Job, or about a pod of it;
// empty for none, or if they cannot be read.
func (e *events) about(ctx context.Context, c *Cluster, kind, reason, job string) string {
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
	for name, words := range list.words {
		if name == job || kind == "Pod" && strings.HasPrefix(name, job+"-") {
			return words
		}
	}
	return ""
}

func readEvents(ctx context.Context, c *Cluster, kind, reason string) *eventList {
	list := &eventList{read: time.Now(), words: map[string]string{}}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.events.List(ctx, metav1.ListOptions{
		FieldSelector: fmt.Sprintf("involvedObject.kind=%s,reason=%s", kind, reason),
	})
	if err != nil {
		return list
	}
	newest := map[string]time.Time{}
	for _, event := range found.Items {
		name, at := event.InvolvedObject.Name, event.LastTimestamp.Time
		if _, known := list.words[name]; !known || at.After(newest[name]) {
			list.words[name], newest[name] = event.Message, at
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
	mu    sync.Mutex
	ids   map[int64]bool
	told  int
	since time.Time
}

// retell is how long a crowd that grows is not told of again.
const retell = 10 * time.Minute

func (c *crowd) enter(id int64, waits string, notice func(string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil {
		c.ids = map[int64]bool{}
	}
	c.ids[id] = true
	if len(c.ids) > c.told && time.Since(c.since) > retell {
		c.told, c.since = len(c.ids), time.Now()
		notice(fmt.Sprintf("%d waiting for very long; one waits for %s", len(c.ids), waits))
	}
}

func (c *crowd) leave(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ids, id)
}
