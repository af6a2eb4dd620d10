package runner

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// RetryPolicy decides what follows a failure, by whose failure it was:
//
//   - The program's (class user): again at once, as often as its retries say,
//     but not after one of its no_retry_exit_codes.
//   - Memory or time (state oom or timed-out, class resource): never. The same
//     program with the same bounds fails the same way; more of either is an
//     edit, which is in no hash, and then --rerun failed.
//   - The machinery's (class infrastructure, an error of the Runner, or an
//     interruption that was not ours): again after a pause that doubles,
//     without touching the program's retries.
//   - Nobody's who could try again (class refused): never. The next apply does.
//   - Cancelled, lost, and success without a result: never.
//
// The zero value is ready to use.
type RetryPolicy struct {
	// Infrastructure is how often one experiment is tried again after failures
	// of the machinery; 0 is 5, less is none.
	Infrastructure int
	// Backoff is the pause before the first of those, MaxBackoff the longest;
	// 0 is a second, and a minute. A pause is cut by up to half, at random.
	Backoff, MaxBackoff time.Duration
	// Random returns numbers from 0 up to 1; nil is math/rand/v2's. It is
	// called from one goroutine.
	Random func() float64
	// InARow is how many failures of the machinery, of one kind and without a
	// program started or ended in between, stop fresh experiments from being
	// launched until one gets through; 0 is 3. If meanwhile one of them uses up
	// its retries, or if so many experiments in a row have used up theirs,
	// launching is halted.
	InARow int
}

// orDefaults returns p with its zero fields filled in.
func (p RetryPolicy) orDefaults() RetryPolicy {
	if p.Infrastructure == 0 {
		p.Infrastructure = 5
	}
	p.Infrastructure = max(p.Infrastructure, 0)
	if p.Backoff <= 0 {
		p.Backoff = time.Second
	}
	if p.MaxBackoff <= 0 {
		p.MaxBackoff = time.Minute
	}
	if p.Random == nil {
		p.Random = rand.Float64
	}
	if p.InARow <= 0 {
		p.InARow = 3
	}
	return p
}

// tries counts what an experiment has used up of its retries.
type tries struct{ user, infrastructure int }

func (t tries) any() bool { return t.user > 0 || t.infrastructure > 0 }

// again is what follows a failure: another attempt, after a pause.
type again struct {
	why   Reason
	pause time.Duration
}

// after returns what follows o, and counts it in used; ok is false if nothing
// does.
func (p RetryPolicy) after(o sweep.Outcome, c sweep.Command, used *tries) (next again, ok bool) {
	switch {
	case machinery(o):
		if used.infrastructure >= p.Infrastructure {
			return again{}, false
		}
		used.infrastructure++
		return again{infrastructureRetry(used.infrastructure, p.Infrastructure), p.pause(used.infrastructure)}, true
	case o.State == sweep.Failed && o.Class != sweep.Resource && o.Class != sweep.Refused:
		if used.user >= c.Retries || slices.Contains(c.NoRetryExitCodes, o.Code) {
			return again{}, false
		}
		used.user++
		return again{why: userRetry(used.user, c.Retries)}, true
	}
	return again{}, false
}

// machinery reports whether o says nothing about the program.
func machinery(o sweep.Outcome) bool {
	return o.State == sweep.Interrupted || o.State == sweep.Failed && o.Class == sweep.Infrastructure
}

// pause is how long to wait before the nth retry, from 1.
func (p RetryPolicy) pause(n int) time.Duration {
	d := p.Backoff
	for i := 1; i < n && d < p.MaxBackoff; i++ {
		d *= 2
	}
	d = min(d, p.MaxBackoff)
	return d - time.Duration(p.Random()*float64(d/2))
}

const ofInfrastructure = " (infrastructure)"

func userRetry(n, of int) Reason { return Reason(fmt.Sprintf("retry %d of %d", n, of)) }

func infrastructureRetry(n, of int) Reason { return userRetry(n, of) + ofInfrastructure }

// triesOf reads back what an adopted attempt had used up, as far as its reason
// says.
func triesOf(why string) (used tries) {
	var n, of int
	if _, err := fmt.Sscanf(why, "retry %d of %d", &n, &of); err != nil {
		return used
	}
	if strings.HasSuffix(why, ofInfrastructure) {
		used.infrastructure = n
	} else {
		used.user = n
	}
	return used
}

// breaker notices that the machinery fails for everything. While it is open,
// only what has failed already is tried, as a probe.
type breaker struct {
	limit int
	kind  string // the words of the last failure, without names and numbers
	inRow int    // such failures, and no program started or ended in between
	// givenUp counts experiments that had such a failure as their last, and no
	// program ended in between.
	givenUp int
}

func (b *breaker) open() bool { return b.inRow >= b.limit }

// works takes into account that something was started or has run, and reports
// whether that closed the breaker.
func (b *breaker) works() (closed bool) {
	closed = b.open()
	b.inRow = 0
	return closed
}

// hear takes the outcome of runName's attempt into account, and reports
// whether that opened or closed the breaker.
func (b *breaker) hear(runName string, o sweep.Outcome) (changed bool) {
	if !machinery(o) {
		if o.State == sweep.Cancelled || o.State == sweep.Lost {
			return false
		}
		b.givenUp = 0
		return b.works()
	}
	was := b.open()
	if kind := kindOf(runName, o.Reason); kind != b.kind {
		b.kind, b.inRow, b.givenUp = kind, 0, 0
	}
	b.inRow++
	return was != b.open()
}

// giveUp takes in that an experiment's last failure was the machinery's, and
// reports whether there is no hope for others.
func (b *breaker) giveUp() (hopeless bool) {
	b.givenUp++
	return b.open() || b.givenUp >= b.limit
}

// kindOf is what failures of one kind have in common.
func kindOf(runName, words string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, strings.ReplaceAll(words, runName, ""))
}
