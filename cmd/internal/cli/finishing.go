package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// At the end of an apply that ran something, or that found out how something
// had ended, on_finish is told of it: once for each sweep, after the locks are
// free and all else is said.

// finished is the summary that on_finish is told. Fields may be added to it.
type finished struct {
	Version int `json:"version"` // of this form
	// Text is all of it in a line: what chats show of a webhook's body.
	Text    string    `json:"text"`
	Sweep   string    `json:"sweep"`
	Source  string    `json:"source"` // the files
	Round   string    `json:"round"`
	Runner  string    `json:"runner"`
	Host    string    `json:"host"`   // where the apply ran
	Ledger  string    `json:"ledger"` // without a password
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// ExitCode is the apply's.
	ExitCode ExitCode `json:"exit_code"`
	// Stopped is why not everything was started, empty if it was; Error is what
	// ended the apply half-way.
	Stopped string `json:"stopped,omitempty"`
	Error   string `json:"error,omitempty"`
	// Experiments counts all that the sweep asks for in the round, by state; nil
	// if the ledger could not be read.
	Experiments map[sweep.State]int `json:"experiments"`
	Applied     applied             `json:"applied"`
	// Best are the first by the objective, as results has them: several if they
	// are equal, or a Pareto front.
	Best        []resultLine `json:"best"`
	Regressions []changeLine `json:"regressions"` // as compare -o json has them
	Failures    []failure    `json:"failures"`    // the first of those of this apply
	// Next are commands to go on with.
	Next []string `json:"next"`

	won string // "ex-8 val_loss=0.21"
}

// summaryVersion is finished.Version; it changes if a field is taken away, or
// means something else.
const summaryVersion = 1

// mostTold bounds each list in a summary.
const mostTold = 20

// applied counts what one apply did for a sweep. Kept are failures of earlier
// ones, left as they are.
type applied struct {
	Succeeded   int `json:"succeeded"`
	Failed      int `json:"failed"`
	Kept        int `json:"kept"`
	NotStarted  int `json:"not_started"`
	LeftRunning int `json:"left_running"`
}

// failure is an experiment that failed now.
type failure struct {
	Run    string      `json:"run"`
	State  sweep.State `json:"state"`
	Reason string      `json:"reason"`
	Tail   string      `json:"tail"` // the end of its output
}

// progressOf is what the dispatcher's events say of one sweep.
type progressOf struct {
	applied
	live     map[string]bool // run names
	failures []failure
}

func (p *progressOf) event(e runner.Event) {
	switch e := e.(type) {
	case runner.Queued:
		p.live[e.Attempt.RunName] = true
	case runner.Started:
		p.live[e.Attempt.RunName] = true
	case runner.Ended:
		delete(p.live, e.Attempt.RunName)
		p.ended(e)
	}
}

func (p *progressOf) ended(e runner.Ended) {
	switch {
	case e.Retry || e.Unstarted():
		return
	case e.State == sweep.Succeeded:
		p.Succeeded++
		return
	}
	p.Failed++
	if len(p.failures) < mostTold {
		p.failures = append(p.failures, failure{e.Attempt.RunName, e.State, ui.Reason(e), e.Outcome.Tail})
	}
}

// follow takes an event to the sweep that it is about.
func (w *watcher) follow(e runner.Event) {
	var a runner.Attempt
	switch e := e.(type) {
	case runner.Queued:
		a = e.Attempt
	case runner.Started:
		a = e.Attempt
	case runner.Ended:
		a = e.Attempt
	}
	if a.Experiment == nil || a.Bystander {
		return
	}
	p := w.bySweep[a.Experiment.Sweep]
	if p == nil {
		p = &progressOf{live: map[string]bool{}}
		w.bySweep[a.Experiment.Sweep] = p
	}
	p.event(e)
}

// hasNews reports whether something of a sweep ran, or was found to have ended.
func (x *execution) hasNews(name string) bool {
	for _, t := range x.tasks {
		if x.dispatched && (t.Experiment.Sweep == name || x.shares[[2]string{name, t.Experiment.Sweep}]) {
			return true
		}
	}
	return x.settled[name]
}

// tell tells on_finish of what ended with err. Whatever comes of that, it is
// bounded in time and changes nothing; an interrupt ends it.
func (x *execution) tell(ctx context.Context, r ran, err error) {
	var sweeps []*sweep.Sweep
	for _, s := range x.module.Sweeps {
		if s.OnFinish != nil && x.hasNews(s.Name) {
			sweeps = append(sweeps, s)
		}
	}
	if len(sweeps) == 0 {
		return
	}
	if err != nil {
		x.withheld.reveal() // before anything can hang
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	signals, ignore := x.Signals()
	defer ignore()
	done := make(chan struct{})
	var waiting, telling sync.WaitGroup
	waiting.Go(func() { x.obeyWhileTelling(signals, done, cancel) })
	reading, enough := context.WithTimeout(ctx, longestReading)
	defer enough()
	t := newTeller(x.Factory, x.module.Dir)
	results := make([][]told, len(sweeps))
	for i, s := range sweeps {
		summary := x.summary(reading, s, r, err)
		telling.Go(func() { results[i] = t.tell(ctx, s, summary) })
	}
	telling.Wait()
	close(done)
	waiting.Wait()
	for i, s := range sweeps {
		for _, one := range results[i] {
			x.report(s, one)
		}
	}
}

// longestReading bounds what is read for summaries: the ledger's server may be
// gone, which an apply waits for much longer.
const longestReading = 30 * time.Second

// impatience is after how long it is said what is waited for.
const impatience = 2 * time.Second

func (x *execution) obeyWhileTelling(signals <-chan os.Signal, done <-chan struct{}, cancel context.CancelCauseFunc) {
	late := time.NewTimer(impatience)
	defer late.Stop()
	for {
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-late.C:
			if !x.quiet() {
				fmt.Fprintln(x.Err, "telling on_finish, which takes its time (interrupt to give up)")
			}
		case <-done:
			return
		}
	}
}

// report passes on what a command has printed, and what went wrong.
func (x *execution) report(s *sweep.Sweep, t told) {
	if t.err != nil {
		x.withheld.reveal()
	}
	for line := range strings.Lines(t.output) {
		fmt.Fprintf(x.Err, "on_finish | %s\n", strings.TrimSuffix(line, "\n"))
	}
	if t.err != nil {
		x.note(fmt.Sprintf("on_finish of sweep %q: %s %v; what ran is not touched by that", s.Name, t.whom, t.err))
	}
}

// summary is what there is to tell of a sweep.
func (x *execution) summary(ctx context.Context, s *sweep.Sweep, r ran, err error) *finished {
	code, words, _ := outcome(err)
	f := &finished{
		Version: summaryVersion, Sweep: s.Name, Source: x.pl.source, Round: x.pl.round,
		Runner: x.pl.runner.Name(), Host: x.info.Host, Ledger: x.pl.state,
		Started: x.began.UTC().Truncate(time.Second), Ended: x.Now().UTC().Truncate(time.Second),
		ExitCode: code, Stopped: r.summary.Halted, Error: words,
		Best: []resultLine{}, Regressions: []changeLine{}, Failures: []failure{}, Next: []string{},
	}
	if !strings.Contains(f.Ledger, "://") {
		f.Ledger = x.abs(f.Ledger)
	}
	if r.stopped {
		f.Stopped = "interrupted"
	}
	if p := r.bySweep[s.Name]; p != nil {
		f.Applied, f.Applied.LeftRunning = p.applied, len(p.live)
		f.Failures = append(f.Failures, p.failures...)
	}
	f.Applied.Kept = x.now.keptOf[s.Name]
	f.Applied.NotStarted = -f.Applied.Succeeded - f.Applied.Failed - f.Applied.LeftRunning
	for _, t := range x.tasks {
		if t.Experiment.Sweep == s.Name {
			f.Applied.NotStarted++
		}
	}
	for _, c := range x.compared {
		if c.Sweep == s.Name {
			f.Regressions = changeLines([]*ui.Comparison{c}, (*ui.Comparison).Regressions)
		}
	}
	for _, hint := range x.next(r, code) {
		f.Next = append(f.Next, hint.Command)
	}
	x.results(ctx, s, f)
	f.Text = f.line()
	return f
}

// results fills in what the ledger has. That it cannot be read is told by what
// is missing.
func (x *execution) results(ctx context.Context, s *sweep.Sweep, f *finished) {
	b, err := readBoard(ctx, x.pl.ledger, sweep.Asked{Source: x.pl.source, Sweep: s.Name, Round: x.pl.round, Objective: s.Objective}, selection{})
	if err != nil {
		f.Error = cmp.Or(f.Error, err.Error())
		return
	}
	f.Experiments = map[sweep.State]int{}
	for _, row := range b.Rows {
		f.Experiments[row.State]++
		if row.Rank == 1 && len(f.Best) < mostTold {
			f.Best = append(f.Best, lineOf(b, row))
			f.won = cmp.Or(f.won, row.Record.RunName()+" "+ui.Score(b.Objective, row.Record.Last.Metrics))
		}
	}
}

// line is "sweep nightly, round 2026-11-23: 43 succeeded, 2 failed; best ex-8
// val_loss=0.21".
func (f *finished) line() string {
	text := "sweep " + f.Sweep
	if f.Round != "" {
		text += ", round " + f.Round
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{f.Applied.Succeeded, "succeeded"},
		{f.Applied.Failed, "failed"},
		{f.Applied.Kept, "failed earlier"},
		{f.Applied.LeftRunning, "left running"},
		{f.Applied.NotStarted, "not started"},
		{len(f.Regressions), "worse than the baseline"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing was run"}
	}
	text += ": " + strings.Join(parts, ", ")
	if why := cmp.Or(f.Error, f.Stopped); why != "" {
		text += " (" + why + ")"
	}
	if f.won != "" {
		text += "; best " + f.won
	}
	return text
}

// body is the summary as it is sent.
func (f *finished) body() []byte {
	text, err := json.Marshal(f)
	if err != nil { // nothing in it can fail
		panic(err)
	}
	return append(text, '\n')
}

var errInterrupted = errors.New("was given up: interrupted")
