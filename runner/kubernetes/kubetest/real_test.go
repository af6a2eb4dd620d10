package kubetest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// command is a job that runs a command in an image.
func command(name, image string, argv ...string) *batchv1.Job {
	j := job(name, nil)
	main := &j.Spec.Template.Spec.Containers[0]
	main.Image, main.Command, main.ImagePullPolicy = image, argv, corev1.PullNever
	return j
}

func terminated(p *corev1.Pod) corev1.ContainerStateTerminated {
	return *p.Status.ContainerStatuses[0].State.Terminated
}

func TestRealNode(t *testing.T) {
	c := kubetest.New(t, kubetest.Options{Real: true})
	t.Run("succeeds", func(t *testing.T) {
		f := on(t, c)
		f.create(command("succeeds", kubetest.BusyboxImage, "sh", "-c", "echo loss=1; echo '{\"loss\":1}' >/dev/termination-log"))
		if got := f.end("succeeds"); got != batchv1.JobComplete {
			t.Errorf("the job ended %s", got)
		}
		if got := terminated(f.until("succeeds", ended)); got.Message != "{\"loss\":1}\n" {
			t.Errorf("its termination message is %q", got.Message)
		}
		if got := f.kubectl("logs", "job/succeeds"); got != "loss=1\n" {
			t.Errorf("its log is %q", got)
		}
	})
	t.Run("reaches the apiserver", func(t *testing.T) {
		f := on(t, c)
		f.create(command("asks", kubetest.BusyboxImage, "sh", "-c",
			"echo | nc $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT && echo connected"))
		f.end("asks")
		if got := f.kubectl("logs", "job/asks"); !strings.Contains(got, "connected") {
			t.Errorf("its log is %q", got)
		}
	})
	t.Run("fails", func(t *testing.T) {
		f := on(t, c)
		f.create(command("fails", kubetest.BusyboxImage, "sh", "-c", "exit 3"))
		if got := f.end("fails"); got != batchv1.JobFailed {
			t.Errorf("the job ended %s", got)
		}
		if got := terminated(f.until("fails", ended)); got.ExitCode != 3 {
			t.Errorf("its pod ended with %+v", got)
		}
	})
	t.Run("out of memory", func(t *testing.T) {
		f := on(t, c)
		j := command("oom", kubetest.BusyboxImage, "tail", "-c", "1000000000", "/dev/zero")
		j.Spec.Template.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("32Mi")}
		f.create(j)
		if got := terminated(f.until("oom", ended)); got.Reason != "OOMKilled" || got.ExitCode != 137 {
			t.Errorf("its pod ended with %+v", got)
		}
	})
	t.Run("exec", func(t *testing.T) {
		f := on(t, c)
		f.create(command("lives", kubetest.BusyboxImage, "sleep", "3600"))
		f.until("lives", inPhase(corev1.PodRunning))
		if got := f.kubectl("exec", "job/lives", "--", "hostname"); !strings.HasPrefix(got, "lives-") {
			t.Errorf("its host is %q", got)
		}
	})
	t.Run("own image", func(t *testing.T) {
		f := on(t, c)
		python, err := c.Python()
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "train.py"), []byte("import json, ssl, sqlite3\nprint(json.dumps({'loss': 1}))\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		const name = "kubetest.local/train:1"
		if err := c.LoadImage(t.Context(), kubetest.Image{Name: name, Layers: []string{python, folder}, Cmd: []string{"python3", "/train.py"}}); err != nil {
			t.Fatal(err)
		}
		f.create(command("train", name))
		f.until("train", ended)
		if got := f.kubectl("logs", "job/train"); got != "{\"loss\": 1}\n" {
			t.Errorf("its log is %q", got)
		}
	})
}

// A pod that runs when the cluster stops leaves nothing behind.
func TestRealNodeLeavesNothing(t *testing.T) {
	c := kubetest.New(t, kubetest.Options{Real: true})
	f := fixture{t, c, "default"}
	f.create(command("lives", kubetest.BusyboxImage, "sleep", "3600"))
	f.until("lives", inPhase(corev1.PodRunning))
	dir := filepath.Dir(c.Kubeconfig)
	if traces(t, dir) == "" {
		t.Fatal("a running pod leaves no trace")
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := traces(t, dir); left != "" {
		t.Errorf("it left\n%s", left)
	}
}

// traces are what is in the kernel, the process table and on disk of the cluster
// in that folder.
func traces(t *testing.T, dir string) string {
	name := filepath.Base(dir)
	var found []string
	for _, pattern := range []string{"/sys/fs/cgroup/" + name, "/sys/fs/cgroup/*/" + name, "/var/lib/cni/results/" + name + "*", dir} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, files...)
	}
	links, _ := filepath.Glob("/var/log/containers/*")
	for _, link := range links {
		if target, _ := os.Readlink(link); strings.Contains(target, name) {
			found = append(found, link)
		}
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range append(commands, "/proc/self/mountinfo") {
		content, _ := os.ReadFile(file) // ended since
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, name) {
				found = append(found, file+": "+line)
			}
		}
	}
	return strings.Join(found, "\n")
}
