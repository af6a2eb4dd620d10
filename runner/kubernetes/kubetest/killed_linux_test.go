package kubetest_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// The programs of a cluster die with the process that started it, and the next
// one clears away what they leave, a running container if it can.
func TestKilledClusterIsClearedAway(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a Kubernetes cluster")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=yes")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	lines.Scan()
	kubeconfig := lines.Text()
	var programs []unix.PollFd
	for lines.Scan() && lines.Text() != "ready" {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		programs = append(programs, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if len(programs) == 0 {
		t.Fatal("the cluster did not start")
	}
	if kubetest.RealNodePossible() == nil {
		runForAnHour(t, kubeconfig)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		const limit = 30 * time.Second
		if n, err := unix.Poll([]unix.PollFd{p}, int(limit.Milliseconds())); n != 1 || err != nil {
			t.Fatalf("a program outlived its parent: %d, %v", n, err)
		}
	}
	dir := filepath.Dir(kubeconfig)
	if traces(t, dir) == "" {
		t.Error("nothing is left to be cleared away")
	}
	kubetest.New(t, kubetest.Options{Nodes: 1})
	if left := traces(t, dir); left != "" {
		t.Errorf("the next start left\n%s", left)
	}
}

// runForAnHour runs a container and returns when it does.
func runForAnHour(t *testing.T, kubeconfig string) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{t, &kubetest.Cluster{Client: client}, metav1.NamespaceDefault}
	f.create(command("lives", kubetest.BusyboxImage, "sleep", "3600"))
	f.until("lives", inPhase(corev1.PodRunning))
}
