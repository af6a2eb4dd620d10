//go:build linux

package main_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// pythonImage makes an image with this machine's Python, a shell and the files
// in /project.
func (k *clustered) pythonImage(name string, files ...string) {
	k.Helper()
	python, err := k.cluster.Python()
	if err != nil {
		k.Fatal(err)
	}
	busybox, err := k.cluster.Busybox()
	if err != nil {
		k.Fatal(err)
	}
	own := k.TempDir()
	project := filepath.Join(own, "project")
	if err := os.Mkdir(project, 0o755); err != nil {
		k.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			k.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(project, filepath.Base(file)), text, 0o644); err != nil {
			k.Fatal(err)
		}
	}
	if err := k.cluster.LoadImage(k.Context(), kubetest.Image{Name: name, Layers: []string{busybox, python, own}}); err != nil {
		k.Fatal(err)
	}
}

// digitsGrid trains the quickstart's network, for fewer epochs.
const digitsGrid = `config "digits" {
  hp {
    lr     = 0.1
    hidden = 8
    epochs = 2
    seed   = 1
    optimizer { momentum = 0 }
  }
  run { cmd = "python3 train.py ${flags(hp)} --out ${shellquote(run.output_dir)}/model.json" }
  resources {
    build {
      image_url         = "kubetest.local/digits:1"
      image_pull_policy = "IfNotPresent"
    }
    k8 {
      volume "out" {
        host_path  = "OUTPUT"
        mount_path = "/output"
      }
    }
  }
}
sweep "grid" {
  config       = config.digits
  runner       = "kubernetes"
  max_parallel = 6
  grid {
    lr = [0.1, 0.3, 1]
    optimizer { momentum = [0, 0.5] }
    hidden = [4, 8]
  }
  repeat { seed = [1, 2] }
  objective { minimize = "val_loss" }
}
`

// troubleGrid is one experiment for everything that may befall one.
const troubleGrid = `config "any" {
  resources {
    build {
      image_url         = "kubetest.local/digits:1"
      image_pull_policy = "IfNotPresent"
    }
    k8 {
      volume "out" {
        host_path  = "OUTPUT"
        mount_path = "/output"
      }
    }
  }
}
config "hungry" {
  from = config.any
  run {
    cmd        = ["python3", "-c", "x = b'x' * 10**9"]
    max_memory = "48Mi"
  }
}
config "slow" {
  from = config.any
  run {
    cmd     = "echo it sleeps; exec sleep 3600"
    timeout = "2s"
  }
}
config "pathless" {
  from = config.any
  run { cmd = "true" }
  resources {
    build { image_url = "REGISTRY/none:1" }
  }
}
config "preempted" {
  from = config.any
  run {
    cmd = <<-EOT
      trap 'exit 143' TERM
      if mkdir ${run.output_dir}/first 2>/dev/null; then sleep 3600 & wait; fi
      echo loss=4
    EOT
  }
}
config "asked" {
  from = config.any
  run {
    cmd = <<-EOT
      trap 'echo told to end; touch ${run.output_dir}/told; exit 0' TERM
      touch ${run.output_dir}/up
      sleep 3600 & wait
    EOT
  }
}
config "wordy" {
  from = config.any
  run { cmd = ["python3", "-c", "import os; open(os.environ['LXSWEEP_RESULT'], 'w').write('{\"loss\": 1, \"x\": \"' + 'x' * 5000 + '\"}')"] }
}
sweep "trouble" {
  config = [config.hungry, config.slow, config.pathless, config.preempted, config.asked, config.wordy]
  runner = "kubernetes"
}
`

// TestRealCluster trains the quickstart's network in containers, beside pods
// that come to every kind of harm: each ends in its state and with its words,
// and the winner is the one that this machine finds.
func TestRealCluster(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Real, "")
	const quickstart = "../../examples/quickstart/"
	k.pythonImage("kubetest.local/digits:1", quickstart+"train.py", quickstart+"digits.csv")
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.Error(w, `{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}`, http.StatusNotFound)
		}
	}))
	t.Cleanup(registry.Close)
	outputs := t.TempDir()
	written := strings.NewReplacer("OUTPUT", outputs, "REGISTRY", strings.TrimPrefix(registry.URL, "http://"))
	k.write("grid.hcl", written.Replace(digitsGrid))
	k.write("trouble.hcl", written.Replace(troubleGrid))

	apply := k.apply("trouble.hcl")
	k.evict("preempted-0", filepath.Join(outputs, "preempted-0", "first"))
	k.awaitFile(filepath.Join(outputs, "asked-0", "up"))
	k.says(0, []string{"ended asked-0"}, "cancel", "asked-0")
	k.awaitFile(filepath.Join(outputs, "asked-0", "told"))
	k.end(apply, 3)
	k.checkTrouble()
	k.noJobs()

	here := k.machine()
	for _, file := range []string{"train.py", "digits.csv"} {
		text, err := os.ReadFile(quickstart + file)
		if err != nil {
			t.Fatal(err)
		}
		here.write(file, string(text))
	}
	here.setenv("PATH", "/usr/bin:"+os.Getenv("PATH")) // the image's Python
	here.lxsweep(0, "apply", "--auto-approve", "--runner", "local", "grid.hcl")
	there, at := k.ranked(), here.ranked()
	if len(there) != 24 || !maps.EqualFunc(there, at, func(a, b row) bool { return a.Rank == b.Rank && maps.Equal(a.Metrics, b.Metrics) }) {
		t.Errorf("in the cluster\n%v\nand here\n%v", there, at)
	}
	for _, r := range there {
		if _, err := os.Stat(filepath.Join(outputs, r.Run, "model.json")); err != nil {
			t.Error(err)
		}
	}
}

// ranked are the results of the sweep grid, by run.
func (k *clustered) ranked() map[string]row {
	k.Helper()
	rows := map[string]row{}
	for _, r := range k.results() {
		if r.Sweep == "grid" {
			rows[r.Run] = r
		}
	}
	return rows
}

func (k *clustered) awaitFile(path string) {
	k.Helper()
	k.await(path+" is there", func() bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// evict evicts the pod of a run once its program has made a file.
func (k *clustered) evict(run, file string) {
	k.Helper()
	k.awaitFile(file)
	pods, err := k.cluster.Client.CoreV1().Pods(k.namespace).List(k.Context(), metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + run})
	if err != nil || len(pods.Items) != 1 {
		k.Fatalf("%s has the pods %v (%v)", run, pods.Items, err)
	}
	err = k.cluster.Client.PolicyV1().Evictions(k.namespace).Evict(k.Context(), &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: pods.Items[0].Name, Namespace: k.namespace},
	})
	if err != nil {
		k.Fatal(err)
	}
}

// checkTrouble reads what status says of the trouble, and the logs.
func (k *clustered) checkTrouble() {
	k.Helper()
	out, _ := k.lxsweep(0, "status", "--all", "-o", "json")
	var sweeps []struct {
		Runs []struct{ Run, State, Reason string }
	}
	if err := json.Unmarshal([]byte(out), &sweeps); err != nil {
		k.Fatalf("%v in\n%s", err, out)
	}
	want := map[string][2]string{ // state, and a part of the reason
		"hungry-0":    {"oom", "it used more memory than max_memory and was killed (OOMKilled, exit code 137)"},
		"slow-0":      {"timed-out", "it ran longer than run.timeout (2s)"},
		"pathless-0":  {"failed", "it could not start within 1m30s: it waits for its image: "},
		"preempted-0": {"succeeded", ""},
		"asked-0":     {"cancelled", "lxsweep cancel by "},
		"wordy-0":     {"succeeded", ""},
	}
	for _, s := range sweeps {
		for _, r := range s.Runs {
			w, known := want[r.Run]
			if known && (r.State != w[0] || !strings.Contains(r.Reason, w[1]) || w[1] == "" && r.Reason != "") {
				k.Errorf("%s is %s: %q, want %s: %q", r.Run, r.State, r.Reason, w[0], w[1])
			}
			delete(want, r.Run)
		}
	}
	if len(want) > 0 {
		k.Errorf("status says nothing of %v:\n%s", slices.Collect(maps.Keys(want)), out)
	}
	k.says(0, []string{"not found"}, "show", "pathless-0")
	k.says(0, []string{"longer than 4096 bytes"}, "show", "wordy-0")
	same(k.T, "attempts", k.query(k.ledger(), `max(number), count(*)) FROM attempts`), "1 30") // the preempted one's, too
	for run, want := range map[string]string{"slow-0": "it sleeps\n", "asked-0": "told to end\n", "preempted-0": "loss=4\n"} {
		if log, _ := k.lxsweep(0, "logs", run); log != want {
			k.Errorf("the log of %s is %q, want %q", run, log, want)
		}
	}
}
