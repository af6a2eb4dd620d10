package schedule

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner/kubernetes"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

var simulated kubetest.Shared

func TestMain(m *testing.M) { os.Exit(simulated.Main(m)) }

// newClient is one for a namespace of its own.
func newClient(t *testing.T) (*kubetest.Cluster, *Client) {
	t.Helper()
	c := simulated.Cluster(t)
	cluster, err := kubernetes.Connect(kubernetes.Target{Kubeconfig: c.Kubeconfig, Namespace: c.Namespace(t)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return c, NewClient(cluster)
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestTimes are some for which cron's rules, or a change of the clocks, matter.
func TestTimes(t *testing.T) {
	const layout = "2006-01-02 15:04 MST"
	for _, c := range []struct {
		expression, zone, after string
		want                    []string
		changes                 []string // within a year
	}{
		{expression: "0 2 * * *", zone: "Etc/UTC", after: "2026-03-28T23:00:00Z", want: []string{"2026-03-29 02:00 UTC", "2026-03-30 02:00 UTC"}},
		{
			expression: "30 2 * * *", zone: "Europe/Berlin", after: "2026-03-27T23:00:00Z",
			want:    []string{"2026-03-28 02:30 CET", "2026-03-30 02:30 CEST"},
			changes: []string{"2026-03-29 02:30 is left out: the clocks go from 02:00 to 03:00", "2026-10-25 02:30 comes twice: the clocks go from 03:00 back to 02:00"},
		},
		{
			expression: "30 2 * * *", zone: "Europe/Berlin", after: "2026-10-24T23:00:00Z",
			want: []string{"2026-10-25 02:30 CEST", "2026-10-25 02:30 CET", "2026-10-26 02:30 CET"},
			changes: []string{
				"2026-10-25 02:30 comes twice: the clocks go from 03:00 back to 02:00", "2027-03-28 02:30 is left out: the clocks go from 02:00 to 03:00",
			},
		},
		{expression: "30 2 * * 1-5", zone: "Europe/Berlin", after: "2026-03-27T23:00:00Z", want: []string{"2026-03-30 02:30 CEST"}},
		{expression: "0 4 * * *", zone: "Europe/Berlin", after: "2026-03-28T23:00:00Z", want: []string{"2026-03-29 04:00 CEST"}},
		{expression: "*/15 * * * *", zone: "Europe/Berlin", after: "2026-03-29T00:50:00Z", want: []string{"2026-03-29 03:00 CEST"}},
		{expression: "30 * * * *", zone: "America/St_Johns", after: "2026-03-08T05:00:00Z", want: []string{"2026-03-08 03:30 NDT"}},
		{
			expression: "15 2 * * *", zone: "Australia/Lord_Howe", after: "2026-10-03T00:00:00Z", // by half an hour
			want:    []string{"2026-10-05 02:15 +11"},
			changes: []string{"2026-10-04 02:15 is left out: the clocks go from 02:00 to 02:30", "2027-10-03 02:15 is left out: the clocks go from 02:00 to 02:30"},
		},
		{expression: "0 0 13 * 5", zone: "Etc/UTC", after: "2026-02-01T00:00:00Z", want: []string{"2026-02-06 00:00 UTC", "2026-02-13 00:00 UTC"}}, // either
		{expression: "0 0 29 2 *", zone: "Etc/UTC", after: "2026-02-01T00:00:00Z", want: []string{"2028-02-29 00:00 UTC"}},
		{expression: "@weekly", zone: "Etc/UTC", after: "2026-02-01T00:00:00Z", want: []string{"2026-02-08 00:00 UTC"}},
	} {
		times, err := ParseTimes(c.expression, zone(t, c.zone))
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, next := range times.Next(after, len(c.want)) {
			got = append(got, next.Format(layout))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s in %s after %s (-want +got):\n%s", c.expression, c.zone, c.after, d)
		}
		if d := cmp.Diff(c.changes, times.Changes(after)); d != "" {
			t.Errorf("%s in %s, changes after %s (-want +got):\n%s", c.expression, c.zone, c.after, d)
		}
	}
}

// TestTimesAsTheServer holds that what is refused here is what the server
// refuses, but for what never fires.
func TestTimesAsTheServer(t *testing.T) {
	t.Parallel()
	c, client := newClient(t)
	for _, expression := range []string{
		"0 2 * * *", "@daily", "@midnight", "@every 1h30m", "0 0 * * SUN", "0 0 ? JAN-MAR mon,FRI", "10/20 * * * *", "1-5/2 3,4 * * *", "0  2 * * *", " 0 2 * * * ",
		"", "* * * *", "* * * * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 7", "*/0 * * * *", "5-1 * * * *",
		"0 0 L * *", "0 0 15W * *", "0 0 * * 1#2", "@reboot", "@5minutes", "@every", "every night", "0 2 * * MONDAY", "-1 * * * *", "1.5 * * * *",
		"TZ=Etc/UTC 0 2 * * *", "CRON_TZ=Etc/UTC 0 2 * * *", "TZ=", "0 2 * * *\n",
	} {
		driver := &Driver{Name: "grid", Namespace: client.namespace, Image: "i"}
		objects, err := driver.Nightly(expression, "Etc/UTC")
		if err != nil {
			t.Fatal(err)
		}
		cron := objects.list[len(objects.list)-1].(*batchv1.CronJob)
		_, refused := c.Client.BatchV1().CronJobs(client.namespace).Create(t.Context(), cron, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if refused != nil && !apierrors.IsInvalid(refused) {
			t.Fatal(refused)
		}
		if _, err := ParseTimes(expression, time.UTC); (err == nil) != (refused == nil) {
			t.Errorf("%q: here %v, there %v", expression, err, refused)
		}
	}
	if _, err := ParseTimes("0 0 30 2 *", time.UTC); err == nil || !strings.Contains(err.Error(), "never fire") {
		t.Errorf("the thirtieth of February: %v", err)
	}
}

// TestAwait is told of drivers that never start.
func TestAwait(t *testing.T) {
	t.Parallel()
	_, client := newClient(t)
	for name, c := range map[string]struct {
		annotations map[string]string
		want        string // of the error; empty for none
	}{
		"runs":     {map[string]string{kubetest.RunFor: "1h"}, ""},
		"ran":      {nil, ""},
		"some":     {map[string]string{kubetest.ExitCode: "3"}, ""},
		"image":    {map[string]string{kubetest.Waiting: "ImagePullBackOff", kubetest.WaitingMessage: "no such image: lxsweep:1"}, "ImagePullBackOff: no such image: lxsweep:1"},
		"variable": {map[string]string{kubetest.Waiting: "CreateContainerConfigError", kubetest.WaitingMessage: `secret "x" not found`}, `secret "x" not found`},
		"at-once":  {map[string]string{kubetest.ExitCode: "1", kubetest.Message: "error: no such file\n"}, "ended with code 1: error: no such file"},
	} {
		driver := &Driver{Name: name, Namespace: client.namespace, Image: "lxsweep:1", Args: []string{"grid.hcl"}, Database: "postgres://db/x"}
		objects, err := driver.Once(name + "-1")
		if err != nil {
			t.Fatal(err)
		}
		objects.list[len(objects.list)-1].(*batchv1.Job).Spec.Template.Annotations = c.annotations
		if err := client.Apply(t.Context(), objects, false, func(string, string) {}); err != nil {
			t.Fatal(err)
		}
		err = client.Await(t.Context(), name+"-1", func(string) {})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestAwaitReplacement: a pod that a node has thrown out is no driver that fails.
func TestAwaitReplacement(t *testing.T) {
	t.Parallel()
	_, client := newClient(t)
	objects, err := (&Driver{Name: "grid", Namespace: client.namespace, Image: "i", Database: "postgres://db/x"}).Once("grid-1")
	if err != nil {
		t.Fatal(err)
	}
	job := objects.list[len(objects.list)-1].(*batchv1.Job)
	job.Spec.Template.Annotations = map[string]string{kubetest.RunFor: "1h", kubetest.Evict: "the node is low on memory"}
	if err := client.Apply(t.Context(), objects, false, func(string, string) {}); err != nil {
		t.Fatal(err)
	}
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	for ctx.Err() == nil { // it may be seen to run before it is evicted
		err := client.Await(ctx, "grid-1", func(text string) {
			if strings.Contains(text, "was taken away, and another takes its place") {
				enough()
			}
		})
		if errors.Is(err, ErrNotStarted) {
			t.Fatal(err)
		}
	}
}

// TestRefused tells of a Job whose pod is not let in.
func TestRefused(t *testing.T) {
	t.Parallel()
	c, client := newClient(t)
	quota := c.Kubectl(t.Context(), "--namespace", client.namespace, "create", "quota", "none", "--hard", "pods=0")
	if out, err := quota.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	objects, err := (&Driver{Name: "grid", Namespace: client.namespace, Image: "i", Database: "postgres://db/x"}).Once("grid-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Apply(t.Context(), objects, false, func(string, string) {}); err != nil {
		t.Fatal(err)
	}
	lift := func() {
		if out, err := c.Kubectl(t.Context(), "--namespace", client.namespace, "delete", "quota", "none").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	told := false
	err = client.Await(t.Context(), "grid-1", func(text string) {
		if !told && strings.Contains(text, "exceeded quota: none") {
			told = true
			lift()
		}
	})
	if err != nil || !told {
		t.Errorf("Await: %v, told %v", err, told)
	}
}
