package kubernetes

import (
	"context"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
	"github.com/lxsweep/lxsweep/sweep"
)

// book is a Recorder that outlives its dispatchers, as a ledger does.
type book struct {
	sync.Mutex
	rows []row
}

type row struct {
	number int64 // of the experiment
	ref    string
	*sweep.Outcome
}

func (b *book) Intend(_ context.Context, intents []runner.Intent) (rows []runner.Intended, err error) {
	b.Lock()
	defer b.Unlock()
	for _, in := range intents {
		b.rows = append(b.rows, row{number: in.RecordID})
		rows = append(rows, runner.Intended{ID: int64(len(b.rows)), Number: b.made(in.RecordID)})
	}
	return rows, nil
}

func (b *book) made(number int64) (n int) {
	for _, r := range b.rows {
		if r.number == number {
			n++
		}
	}
	return n
}

func (b *book) Changed(id int64, c runner.Change) {
	b.Lock()
	defer b.Unlock()
	b.rows[id-1].ref = c.Ref
}

func (b *book) Settle(id int64, o sweep.Outcome, done func(error)) {
	b.Lock()
	b.rows[id-1].Outcome = &o
	b.Unlock()
	done(nil)
}

func (b *book) Flush(context.Context) error { return nil }

// work is what all of them do.
type work struct{ sweep.Command }

func (w work) Resolve(p sweep.Place) (sweep.Command, error) {
	c := w.Command
	c.OutputDir = "/output/" + p.RunName
	return c, nil
}

// tasks are those of n experiments that are not done: to adopt where a Job is
// known, and to start otherwise.
func (b *book) tasks(n int, lives []sweep.Live) func(func(runner.Task, error) bool) {
	b.Lock()
	defer b.Unlock()
	known, open := map[int64]bool{}, map[int64]*sweep.Tried{}
	for _, live := range lives {
		known[live.AttemptID] = true
	}
	done := map[int64]bool{}
	for i, r := range b.rows {
		id := int64(i + 1)
		switch {
		case r.Outcome != nil && r.State != sweep.Interrupted:
			done[r.number] = true
		case r.Outcome == nil && known[id]:
			open[r.number] = &sweep.Tried{ID: id, Number: b.madeBefore(i), Ref: r.ref}
		case r.Outcome == nil: // intended, and never made
			b.rows[i].Outcome = &sweep.Outcome{State: sweep.Interrupted}
		}
	}
	var adopt, start []runner.Task
	for i := range n {
		a := simulatedAttempt(i, kubetest.RunFor, "300ms", kubetest.Message, `{"val_loss": `+strconv.Itoa(i)+`}`)
		a.Experiment.Work = work{a.Command}
		task := runner.Task{Experiment: a.Experiment, RecordID: int64(i), Number: i, OutputName: a.RunName, Why: "new"}
		switch task.Adopt = open[int64(i)]; {
		case task.Adopt != nil:
			adopt = append(adopt, task)
		case !done[int64(i)]:
			start = append(start, task)
		}
	}
	return func(yield func(runner.Task, error) bool) {
		for _, task := range append(adopt, start...) {
			if !yield(task, nil) {
				return
			}
		}
	}
}

func (b *book) madeBefore(i int) (n int) {
	for _, r := range b.rows[:i+1] {
		if r.number == b.rows[i].number {
			n++
		}
	}
	return n
}

func (b *book) succeeded() (n int) {
	b.Lock()
	defer b.Unlock()
	for _, r := range b.rows {
		if r.Outcome != nil && r.State == sweep.Succeeded {
			n++
		}
	}
	return n
}

// audit watches the namespace's Jobs as somebody else sees them.
type audit struct {
	live  map[string]bool
	most  int
	made  map[string]map[types.UID]bool // Jobs by experiment
	twice []string                      // experiments with two live Jobs
}

// audit begins to watch; end returns what was seen.
func (g *rig) audit() (end func() *audit) {
	a := &audit{live: map[string]bool{}, made: map[string]map[types.UID]bool{}}
	api := g.cluster.Client.BatchV1().RESTClient()
	jobs := cache.NewSharedIndexInformer(cache.NewListWatchFromClient(api, "jobs", g.namespace, fields.Everything()), &batchv1.Job{}, 0, nil)
	_, err := jobs.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { a.see(obj.(*batchv1.Job), false) },
		UpdateFunc: func(_, obj any) { a.see(obj.(*batchv1.Job), false) },
		DeleteFunc: func(obj any) {
			if last, missed := obj.(cache.DeletedFinalStateUnknown); missed {
				obj = last.Obj
			}
			a.see(obj.(*batchv1.Job), true)
		},
	})
	if err != nil {
		g.Fatal(err)
	}
	ctx, stop := context.WithCancel(g.Context())
	var ended sync.WaitGroup
	ended.Go(func() { jobs.RunWithContext(ctx) })
	cache.WaitForCacheSync(ctx.Done(), jobs.HasSynced)
	return func() *audit {
		stop()
		ended.Wait()
		return a
	}
}

func (a *audit) see(job *batchv1.Job, deleted bool) {
	number := job.Annotations[annotationNumber]
	if a.made[number] == nil {
		a.made[number] = map[types.UID]bool{}
	}
	a.made[number][job.UID] = true
	if deleted || (sight{job: job}).end() != nil {
		delete(a.live, job.Name)
		return
	}
	a.live[job.Name] = true
	a.most = max(a.most, len(a.live))
	if run := job.Annotations[annotationRun]; run != job.Name && a.live[run] {
		a.twice = append(a.twice, run)
	}
}

// A sweep whose client is killed three times: everything runs to its end once,
// and never more at a time than may. LXSWEEP_SCALE is how many there are.
func TestSweepOutlivesItsClients(t *testing.T) {
	n := 150
	if text := os.Getenv("LXSWEEP_SCALE"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	parallel := min(100, n/5)
	g := newRig(t, Options{})
	audited := g.audit()
	ledger := &book{}
	begun := time.Now()
	for life := range 4 {
		r := g.another(Options{})
		lives, err := r.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithCancelCause(t.Context())
		enough := (life + 1) * n / 5
		d := runner.Dispatcher{Runner: r, Recorder: ledger, Parallel: parallel, Events: func(runner.Event) {
			if life < 3 && ledger.succeeded() >= enough {
				kill(runner.ErrDetach)
			}
		}}
		tasks := ledger.tasks(n, lives)
		if _, err := d.Run(ctx, tasks); err != nil {
			t.Fatal(err)
		}
		kill(nil)
		r.Close()
		t.Logf("life %d: %d of %d after %v, %d were found", life+1, ledger.succeeded(), n, time.Since(begun).Round(time.Millisecond), len(lives))
	}
	if done := ledger.succeeded(); done != n {
		t.Errorf("%d of %d succeeded", done, n)
	}
	a := audited()
	if a.most > parallel || len(a.twice) > 0 {
		t.Errorf("%d Jobs lived at once, %d may; twice: %v", a.most, parallel, a.twice)
	}
	for number, made := range a.made {
		if len(made) != 1 {
			t.Errorf("%d Jobs were made of ex-%s", len(made), number)
		}
	}
	t.Logf("at most %d Jobs lived at once; %d were made", a.most, len(a.made))
	if jobs := g.jobs(); len(jobs) > 0 {
		t.Errorf("%d Jobs are left", len(jobs))
	}
}
