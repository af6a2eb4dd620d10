//go:build linux

package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
)

// onlooker counts Jobs with a watch of its own. A Job lives until it is
// Complete or Failed.
type onlooker struct {
	mu    sync.Mutex
	live  map[string]string // experiments, by the Jobs' names
	most  int               // of them at a time
	made  map[string]int    // how often, by experiment
	ended int
	wrong []string
}

// onlook watches the namespace until the test ends.
func (k *clustered) onlook() *onlooker {
	k.Helper()
	o := &onlooker{live: map[string]string{}, made: map[string]int{}}
	jobs := k.cluster.Client.BatchV1().Jobs(k.namespace)
	now, err := jobs.List(k.Context(), metav1.ListOptions{})
	if err != nil {
		k.Fatal(err)
	}
	// The server closes watches when it likes: this one goes on where it was.
	w, err := toolswatch.NewRetryWatcherWithContext(k.Context(), now.ResourceVersion, &cache.ListWatch{WatchFuncWithContext: jobs.Watch})
	if err != nil {
		k.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := range w.ResultChan() {
			o.see(event)
		}
	}()
	k.Cleanup(func() {
		w.Stop()
		<-ended
	})
	return o
}

func (o *onlooker) see(event watch.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	job, ok := event.Object.(*batchv1.Job)
	if !ok {
		o.wrong = append(o.wrong, fmt.Sprint("the watch broke: ", apierrors.FromObject(event.Object)))
		return
	}
	experiment := job.Annotations["lxsweep.dev/run"]
	if event.Type == watch.Added {
		for name, other := range o.live {
			if other == experiment {
				o.wrong = append(o.wrong, job.Name+" was made while "+name+" lived")
			}
		}
		o.made[experiment]++
		o.live[job.Name] = experiment
		o.most = max(o.most, len(o.live))
	}
	if _, lived := o.live[job.Name]; !lived {
		return
	}
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			delete(o.live, job.Name)
			o.ended++
			return
		}
	}
	if event.Type == watch.Deleted {
		o.wrong = append(o.wrong, job.Name+" was deleted while it lived")
	}
}

func (o *onlooker) hasSeen(ended int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ended >= ended
}

// scale is how many experiments the test of scale makes, and how many of them
// live at a time: 200 and 20, or LXSWEEP_SCALE and the twentieth of it.
func scale(t *testing.T) (experiments, parallel int) {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("LXSWEEP_SCALE"))
	if err != nil {
		return 200, 20
	}
	return n, max(1, n/20)
}

// TestKillOnCluster kills apply ten times on the way through a sweep and goes on
// by the same command: every experiment runs once, never more at a time than may,
// and nothing is left.
func TestKillOnCluster(t *testing.T) {
	t.Parallel()
	experiments, parallel := scale(t)
	k := newClustered(t, &main.Simulated, strings.NewReplacer(
		"range(9)", fmt.Sprintf("range(%d)", experiments), `"1h"`, `"${100 * (hp.x % 5)}ms"`,
		"config = config.ex", fmt.Sprintf("config = config.ex\nmax_parallel = %d", parallel),
	).Replace(heldGrid))
	seen := k.onlook()
	random := rand.New(rand.NewPCG(uint64(os.Getpid()), 2))
	begun := time.Now()
	const times = 10
	for n := range times {
		apply := k.apply()
		at := (n*experiments + random.IntN(experiments)) / (times + 1)
		k.await(fmt.Sprint(at, " have ended"), func() bool { return seen.hasSeen(at) })
		for spin := time.Now().Add(time.Duration(random.IntN(30_000)) * time.Microsecond); time.Now().Before(spin); {
		}
		_ = apply.Process.Kill()
		k.end(apply, -1)
		t.Logf("killed after %d had ended, at %v", at, time.Since(begun).Round(time.Millisecond))
	}
	k.end(k.apply(), 0)
	t.Logf("%d experiments in %v", experiments, time.Since(begun).Round(time.Millisecond))
	k.noJobs()
	k.appliesInVain(" unchanged")
	k.await("all ends are seen", func() bool { return seen.hasSeen(experiments) })

	seen.mu.Lock()
	defer seen.mu.Unlock()
	if seen.most > parallel || len(seen.wrong) > 0 || len(seen.live) > 0 {
		t.Errorf("%d lived at a time, of at most %d; %d live; %v", seen.most, parallel, len(seen.live), seen.wrong)
	}
	for experiment, n := range seen.made {
		if n != 1 {
			t.Errorf("%s was made %d times", experiment, n)
		}
	}
	same(t, "experiments", k.query(k.ledger(), `state, count(*), count(DISTINCT number)) FROM runs GROUP BY state`),
		fmt.Sprintf("succeeded %d %[1]d", experiments))
	same(t, "attempts that were started", k.query(k.ledger(), `state, count(*)) FROM attempts WHERE ref != '' OR state != 'interrupted' GROUP BY state`),
		fmt.Sprintf("succeeded %d", experiments))
	if len(seen.made) != experiments {
		t.Errorf("%d experiments had a Job, want %d", len(seen.made), experiments)
	}
}
