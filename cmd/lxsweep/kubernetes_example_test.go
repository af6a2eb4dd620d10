package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// TestKubernetesExample types what examples/kubernetes/README.md shows, at a
// cluster whose simulated nodes train in no time: kubectl's lines as the
// administrator, lxsweep's as the user that these lines let in.
func TestKubernetesExample(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	cluster := main.Simulated.Cluster(t)
	root := t.TempDir()
	copyExample(t, "quickstart", root)
	copyExample(t, "kubernetes", root)
	s := session{T: t, dir: filepath.Join(root, "kubernetes")}
	s.edit("grid.hcl", `namespace = "ml"`, `namespace = "ml"
      annotations = { "`+kubetest.Message+`" = jsonencode({ val_loss = hp.lr * hp.hidden }), "`+kubetest.Logs+`" = "trained" }`)
	t.Setenv("PATH", cluster.Bin()+":"+os.Getenv("PATH"))
	jane := s.kubeconfig(cluster.Kubeconfig, "jane@example.com")
	for _, line := range s.consoleLines() {
		t.Setenv("KUBECONFIG", cluster.Kubeconfig)
		if strings.HasPrefix(line, "lxsweep") {
			t.Setenv("KUBECONFIG", jane)
		}
		// There is no terminal to approve at, and no Docker.
		runReadmeLine(t, s.dir, strings.Replace(line, "lxsweep apply ", "lxsweep apply --skip-build ", 1))
		if strings.HasPrefix(line, "kubectl apply") {
			bindClaim(t, cluster, "ml", "outputs")
		}
	}
	t.Setenv("KUBECONFIG", jane)
	for _, r := range s.results() {
		if first := r.Run == "digits-0" || r.Run == "digits-1"; first != (r.Rank < 3) { // the least of what the edit above makes
			t.Errorf("results have %+v", r)
		}
	}
	s.lxsweep(0, "plan", "gpus.hcl")
	s.showsWhatLives()
}

// showsWhatLives looks at an experiment while its pod runs, and then from where
// the cluster cannot be reached.
func (s session) showsWhatLives() {
	s.Helper()
	s.edit("grid.hcl", `annotations = {`, `annotations = { "`+kubetest.RunFor+`" = "1h",`)
	apply := exec.Command("lxsweep", "apply", "--auto-approve", "--skip-build", "--round", "2", "--filter", "number == 12", "grid.hcl")
	apply.Dir = s.dir
	if err := apply.Start(); err != nil {
		s.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute) // only a hung test gets there
	for out := ""; !strings.Contains(out, `"phase": "running"`); {
		if out, _ = s.try("show", "digits-12", "-o", "json"); time.Now().After(deadline) {
			s.Fatalf("it never runs:\n%s", out)
		}
		if strings.Contains(out, `"phase"`) && !strings.Contains(out, `"job": "digits-12"`) {
			s.Errorf("show has the wrong Job:\n%s", out)
		}
	}
	s.Setenv("KUBECONFIG", filepath.Join(s.dir, "none"))
	out, said := s.lxsweep(0, "show", "digits-12")
	if strings.Contains(out, "phase") || !strings.Contains(said, "no cluster to talk to") {
		s.Errorf("without a cluster, show says\n%s%s", out, said)
	}
	s.lxsweep(0, "cancel", "digits-12") // by the apply, which has it
	if err := apply.Wait(); apply.ProcessState.ExitCode() != 3 {
		s.Errorf("apply: %v", err)
	}
}

// try runs a command that may fail, and returns what it wrote.
func (s session) try(args ...string) (out string, err error) {
	cmd := exec.Command("lxsweep", args...)
	cmd.Dir = s.dir
	text, err := cmd.Output()
	return string(text), err
}

// consoleLines are the commands that the README shows behind a prompt.
func (s session) consoleLines() (lines []string) {
	s.Helper()
	for _, b := range readmeBlocks(s.T, filepath.Join(s.dir, "README.md")) {
		for line := range strings.Lines(b.text) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok && b.language == "console" {
				lines = append(lines, command)
			}
		}
	}
	if len(lines) < 10 {
		s.Errorf("the README shows %d commands; is it still read right?", len(lines))
	}
	return lines
}

// kubeconfig writes one that acts as another user.
func (s session) kubeconfig(of, user string) string {
	s.Helper()
	config, err := clientcmd.LoadFromFile(of)
	if err != nil {
		s.Fatal(err)
	}
	for _, who := range config.AuthInfos {
		who.Impersonate = user
	}
	path := filepath.Join(s.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		s.Fatal(err)
	}
	return path
}

// bindClaim does what the storage of a real cluster would.
func bindClaim(t *testing.T, c *kubetest.Cluster, namespace, name string) {
	t.Helper()
	core := c.Client.CoreV1()
	claim, err := core.PersistentVolumeClaims(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = core.PersistentVolumes().Create(t.Context(), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: claim.Spec.AccessModes, Capacity: claim.Spec.Resources.Requests,
			PersistentVolumeSource: corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nas.example.com", Path: "/"}},
			ClaimRef:               &corev1.ObjectReference{Namespace: namespace, Name: name, UID: claim.UID},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}
