//go:build linux

package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// realNightsGrid are programs that note their start, read their loss from a file, and
// wait for another one.
const realNightsGrid = `config "ex" {
  hp { x = 0 }
  run {
    cmd = <<-EOT
      echo $LXSWEEP_RUN_NAME $LXSWEEP_ATTEMPT $LXSWEEP_ROUND >>/output/starts
      echo loss=$(cat /output/loss-${hp.x})
      until [ -e /output/go-${hp.x} ]; do sleep 0.1; done
    EOT
  }
  resources {
    build { image_url = "` + kubetest.BusyboxImage + `" }
    k8 {
      volume "output" {
        host_path  = "SHARED"
        mount_path = "/output"
      }
    }
  }
}
sweep "nightly" {
  config       = config.ex
  overlap      = "skip"
  max_parallel = 2
  grid { x = [0, 1, 2, 3] }
  objective { minimize = "loss" }
}
`

// realNights is a schedule on the real node.
type realNights struct {
	*clustered
	shared string // the folder that its programs have
	ledger string // the claim's
	state  string // the same, from outside
}

// TestRealNights has a cluster fire a sweep every minute. Its driver is evicted
// and killed, and each time the next pod goes on with the night; another driver
// meanwhile starts nothing; the second night is worse than the first.
func TestRealNights(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Real, "")
	k.ownImage()
	claim := k.TempDir()
	n := &realNights{k, k.TempDir(), filepath.Join(claim, "lxsweep.db"), "k8s://" + k.namespace + "/grid"}
	if err := os.Chmod(claim, 0o777); err != nil { // a driver is not root
		t.Fatal(err)
	}
	k.write("grid.hcl", strings.ReplaceAll(realNightsGrid, "SHARED", n.shared))
	for x := range 4 {
		n.share(fmt.Sprint("loss-", x), fmt.Sprint(x+1))
	}
	k.setenv("KUBECONFIG", k.scheduler())
	k.volume("grid", "", claim)
	k.says(0, []string{"cronjob/grid created", "next, in Etc/UTC:"}, "schedule", "grid.hcl", "--cron", "* * * * *", "--time-zone", "Etc/UTC",
		"--image", ownName, "--apply", "--", "--baseline", "last", "--lock-timeout", "3s")

	first := n.fired(1)
	n.started(2)
	n.least(n.driver(first))
	n.seen(first)
	n.overlapped(first)
	n.evicted(first)
	n.killed(first)
	n.share("loss-1", "7") // those that run have read theirs
	k.await("cron leaves a night out", func() bool {
		return strings.Contains(k.kubectl("get", "events", "--field-selector", "involvedObject.name=grid"), "JobAlreadyActive")
	})
	same(t, "nights", n.fires(), first)
	n.share("go-2", "")
	n.share("go-3", "")
	k.kubectl("wait", "--for=condition=Complete", "--timeout=2m", "job/"+first)

	second := n.fired(2)
	k.kubectl("patch", "cronjob", "grid", "--patch", `{"spec": {"suspend": true}}`)
	n.whole(first, 0)
	k.kubectl("wait", "--for=condition=Failed", "--timeout=2m", "job/"+second)
	n.whole(second, 4)
	n.worse(first, second)
	n.detached(first)
	k.await("the drivers' Jobs are left", func() bool {
		return !slices.ContainsFunc(k.jobs(), func(j batchv1.Job) bool { return j.Labels["lxsweep.dev/schedule"] == "" })
	})
	k.kubectl("delete", "cronjob", "grid")
	if out := k.kubectl("get", "persistentvolumeclaim", "grid"); !strings.Contains(out, "Bound") {
		t.Errorf("the ledger's claim is\n%s", out)
	}
}

func (n *realNights) share(name, text string) {
	n.Helper()
	if err := os.WriteFile(filepath.Join(n.shared, name), []byte(text), 0o600); err != nil {
		n.Fatal(err)
	}
}

// fires are the Jobs that cron has made.
func (n *realNights) fires() (names []string) {
	n.Helper()
	list, err := n.cluster.Client.BatchV1().Jobs(n.namespace).List(n.Context(), metav1.ListOptions{LabelSelector: "lxsweep.dev/schedule=grid"})
	if err != nil {
		n.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b batchv1.Job) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, j := range list.Items {
		if j.Annotations[batchv1.CronJobScheduledTimestampAnnotation] != "" {
			names = append(names, j.Name)
		}
	}
	return names
}

// fired waits for the i-th of them.
func (n *realNights) fired(i int) (night string) {
	n.Helper()
	n.await(fmt.Sprintf("night %d begins", i), func() bool { return len(n.fires()) >= i })
	return n.fires()[i-1]
}

// starts are the runs, attempts and rounds that programs have noted.
func (n *realNights) starts() []string {
	n.Helper()
	text, err := os.ReadFile(filepath.Join(n.shared, "starts"))
	if err != nil && !os.IsNotExist(err) {
		n.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	slices.Sort(lines)
	return lines
}

func (n *realNights) started(count int) {
	n.Helper()
	n.await(fmt.Sprint(count, " programs have started"), func() bool { return len(n.starts()) >= count && n.starts()[0] != "" })
}

// driver waits for the pod of a night that runs.
func (n *realNights) driver(night string) (found *corev1.Pod) {
	n.Helper()
	n.await("the driver of "+night+" runs", func() bool {
		pods, err := n.cluster.Client.CoreV1().Pods(n.namespace).List(n.Context(), metav1.ListOptions{
			LabelSelector: batchv1.JobNameLabel + "=" + night, FieldSelector: "status.phase=Running",
		})
		if err != nil {
			n.Fatal(err)
		}
		i := slices.IndexFunc(pods.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp == nil })
		if i >= 0 {
			found = &pods.Items[i]
		}
		return i >= 0
	})
	return found
}

// process is the number that this machine has for the lxsweep in a pod.
func (n *realNights) process(pod *corev1.Pod) int {
	n.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		n.Fatal(err)
	}
	for _, file := range commands {
		command, _ := os.ReadFile(file) // those that have ended are none
		groups, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cgroup"))
		if bytes.HasPrefix(command, []byte("/lxsweep\x00")) && bytes.Contains(groups, []byte(pod.UID)) {
			return atoi(n.T, filepath.Base(filepath.Dir(file)))
		}
	}
	n.Fatalf("no process is of the pod %s", pod.Name)
	return 0
}

// least holds that a driver may nothing but its work.
func (n *realNights) least(pod *corev1.Pod) {
	n.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(n.process(pod)))
	for file, want := range map[string]string{
		"status":    `(?s)\nUid:\t65532\t65532\t.*\nGid:\t65532\t65532\t.*\nCapBnd:\t0+\n.*\nNoNewPrivs:\t1\n.*Seccomp:\t2\n`,
		"mountinfo": `(?m)^\S+ \S+ \S+ \S+ / ro,`,
	} {
		text, err := os.ReadFile(filepath.Join(proc, file))
		if err != nil {
			n.Fatal(err)
		}
		if !regexp.MustCompile(want).Match(text) {
			n.Errorf("%s of the driver does not match %s:\n%s", file, want, text)
		}
	}
	account := "system:serviceaccount:" + n.namespace + ":" + pod.Spec.ServiceAccountName
	for _, may := range []string{"get secrets", "create pods", "patch cronjobs", "create serviceaccounts/token"} {
		args := append([]string{"--namespace", n.namespace, "auth", "can-i", "--as", account}, strings.Fields(may)...)
		if out, _ := n.cluster.Kubectl(n.Context(), args...).Output(); string(out) != "no\n" {
			n.Errorf("may the driver %s? %s", may, out)
		}
	}
}

// seen looks at a night that runs from outside.
func (n *realNights) seen(night string) {
	n.Helper()
	n.says(0, []string{"round " + night, "2 running", "process 1 of nonroot on " + night}, "status", "--state", n.state)
	n.says(0, []string{"loss=1\n"}, "logs", "ex-0", "--state", n.state)
	n.says(1, []string{"no run ex-9"}, "logs", "ex-9", "--state", n.state)
	n.says(4, []string{"the driver of grid is at work already: the Job " + night}, "schedule", "run-now", "grid")
}

// overlapped fires another driver while a night goes on.
func (n *realNights) overlapped(night string) {
	n.Helper()
	n.kubectl("create", "job", "another", "--from", "cronjob/grid")
	n.kubectl("wait", "--for=condition=Complete", "--timeout=2m", "job/another")
	said := n.kubectl("logs", "job/another")
	if want := regexp.MustCompile(`(?m)^skipped: the experiments ex-\* are being run by process 1 of nonroot on ` + night + `-.*\(overlap = "skip"\)$`); !want.MatchString(said) {
		n.Errorf("the other driver says\n%s", said)
	}
	same(n.T, "starts", n.starts(), "ex-0 1 "+night, "ex-1 1 "+night)
	same(n.T, "runs", n.query(n.ledger, `run_name, attempt) FROM runs WHERE state = 'running' ORDER BY number`), "ex-0 1", "ex-1 1")
}

// evicted evicts the driver: another goes on with what runs.
func (n *realNights) evicted(night string) {
	n.Helper()
	was := n.driver(night)
	follow := n.cluster.Kubectl(n.Context(), "--namespace", n.namespace, "logs", "--follow", was.Name)
	said, err := follow.StdoutPipe()
	if err == nil {
		err = follow.Start()
	}
	if err != nil {
		n.Fatal(err)
	}
	if _, err := said.Read(make([]byte, 1)); err != nil {
		n.Fatal(err)
	}
	n.evict(night, filepath.Join(n.shared, "starts"))
	text, _ := io.ReadAll(said)
	if err := follow.Wait(); err != nil || !strings.Contains(string(text), "what runs in the cluster goes on") {
		n.Errorf("the evicted driver says (%v)\n%s", err, text)
	}
	n.resumed(night, was, "ex-0", "ex-1")
	n.share("go-0", "")
	n.share("go-1", "")
	n.started(4)
}

// killed kills the driver's process from outside.
func (n *realNights) killed(night string) {
	n.Helper()
	was := n.driver(night)
	if err := syscall.Kill(n.process(was), syscall.SIGKILL); err != nil {
		n.Fatal(err)
	}
	n.resumed(night, was, "ex-2", "ex-3")
	if failed := n.kubectl("get", "job", night, "-o", "jsonpath={.status.failed}"); failed != "1" { // the evicted one does not count
		n.Errorf("%s pods have failed", failed)
	}
	code := n.kubectl("get", "pod", was.Name, "-o", "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}")
	same(n.T, "the code of the killed one", []string{code}, "137")
}

// resumed waits for the driver after one that is gone, which finds runs at work.
func (n *realNights) resumed(night string, was *corev1.Pod, runs ...string) {
	n.Helper()
	n.await("another pod takes the place of "+was.Name, func() bool { return n.driver(night).UID != was.UID })
	now := n.driver(night).Name
	n.await(now+" goes on with "+strings.Join(runs, " and "), func() bool {
		said := n.kubectl("logs", now)
		return !slices.ContainsFunc(runs, func(run string) bool { return !strings.Contains(said, " "+run+" found running\n") })
	})
}

// whole holds that a night has run each of its four points once; what was not
// started when its driver went has another attempt.
func (n *realNights) whole(night string, from int) {
	n.Helper()
	runs := n.query(n.ledger, `run_name, state, attempt) FROM runs WHERE round = '`+night+`' ORDER BY number`)
	starts := n.query(n.ledger, `experiment_name || '-' || experiments.number, attempts.number, round) FROM experiments
		JOIN attempts ON experiments.id = experiment_id WHERE round = '`+night+`' AND started_at IS NOT NULL ORDER BY 1`)
	for i := range 4 {
		if want := fmt.Sprintf("ex-%d succeeded ", from+i); len(runs) != 4 || !strings.HasPrefix(runs[i], want) {
			n.Fatalf("the runs of %s are %q", night, runs)
		}
	}
	same(n.T, "what has started", slices.DeleteFunc(n.starts(), func(line string) bool { return !strings.HasSuffix(line, " "+night) }), starts...)
	if len(starts) != 4 {
		n.Errorf("there have started %q", starts)
	}
	n.says(0, []string{fmt.Sprint("ex-", from), fmt.Sprint("ex-", from+3)}, "results", "--round", night, "--state", n.state)
}

// worse compares two nights, the second of which has lost.
func (n *realNights) worse(first, second string) {
	n.Helper()
	n.says(6, []string{"worse    ex-5", "4 points: 1 worse, 3 same"}, "compare", "--state", n.state)
	job, err := n.cluster.Client.BatchV1().Jobs(n.namespace).Get(n.Context(), second, metav1.GetOptions{})
	if err != nil {
		n.Fatal(err)
	}
	end := job.Status.Conditions[len(job.Status.Conditions)-1]
	if end.Reason != batchv1.JobReasonPodFailurePolicy || !strings.Contains(end.Message, "exit code 6") || job.Status.Failed != 1 {
		n.Errorf("the Job %s has ended with %+v", second, job.Status)
	}
	said := n.kubectl("logs", "job/"+second)
	for _, want := range []string{"\nregression: 1 of 4 points against round " + first, "\n  lxsweep compare " + first + " " + second + " --state " + n.state + "\n"} {
		if !strings.Contains(said, want) {
			n.Errorf("the driver does not say %q:\n%s", want, said)
		}
	}
}

// detached hands a night over once more, to a driver that finds all of it done.
func (n *realNights) detached(night string) {
	n.Helper()
	said := n.says(0, []string{"the driver runs: 4 experiments"}, "apply", "--detach", "--auto-approve", "grid.hcl", "--image", ownName, "--round", night)
	job := regexp.MustCompile(`job/\S+`).FindString(said)
	n.kubectl("wait", "--for=condition=Complete", "--timeout=2m", job)
	if said := n.kubectl("logs", job); !strings.Contains(said, "4 unchanged") {
		n.Errorf("the detached driver says\n%s", said)
	}
}
