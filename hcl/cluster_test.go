package hcl

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lxsweep/lxsweep/sweep"
)

const clustered = `
config "a" {
  hp { lr = 0.1 }
  run { cmd = "train ${flags(hp)}" }
  resources {
    build { image_pull_policy = "Always" }
    host {
      data_dir   = "/data/imagenette"
      output_dir = "runs"
    }
    k8 {
      container_output_dir = "/results"
      namespace            = "ml"
      gpu_resource         = "amd.com/gpu"
      service_account      = "trainer"
      priority_class       = "batch"
      queue                = "team-a"
      image_pull_secrets   = ["ghcr", "docker.io"]
      node_selector        = { "gpu.nvidia.com/class" = "A100", zone = "a" }
      labels               = { team = "vision" }
      annotations          = { "example.com/note" = "any text" }
      tolerations          = [{ key = "gpu", operator = "Exists", tolerationSeconds = 60 }]
      affinity             = { nodeAffinity = {} }
      pending_timeout      = "2h"
      keep_jobs            = "1d"
      restricted           = true
      pod_template         = "spec: { hostNetwork: true }"
      MORE
      volume "data-2" {
        nfs        = "nas.example.com:/exports/data"
        mount_path = "/data"
        sub_path   = "imagenette"
        read_only  = true
      }
      volume "data" {
        persistent_volume_claim = "results"
        mount_path              = "/results"
      }
      volume "shm" {
        empty_dir  = "memory"
        size_limit = "8Gi"
        mount_path = "/dev/shm"
      }
      volume "host" {
        host_path  = "/scratch"
        mount_path = "/scratch"
      }
      volume "settings" {
        config_map = "settings"
        mount_path = "/etc/train"
      }
      volume "key" {
        secret     = "wandb"
        mount_path = "/etc/wandb"
      }
    }
  }
}
sweep "s" {
  config = config.a
  grid { lr = [0.1, 0.2] }
}
`

var onKubernetes = sweep.Place{Runner: "kubernetes", RunName: "a-8", Number: 8, OutputName: "a-8"}

func clusterAt(t *testing.T, e *sweep.Experiment, place sweep.Place) *sweep.Cluster {
	t.Helper()
	c, err := e.Work.Resolve(place)
	if err != nil {
		t.Fatal(err)
	}
	return c.Cluster
}

func TestClusterIsFilledAndShared(t *testing.T) {
	m := load(t, strings.ReplaceAll(clustered, "MORE", ""), Options{})
	if m.Sweeps[0].Namespace != "ml" {
		t.Errorf("namespace %q", m.Sweeps[0].Namespace)
	}
	all, _ := expand(t, m.Sweeps[0])
	want := &sweep.Cluster{
		GPUResource: "amd.com/gpu", ImagePullPolicy: "Always", ImagePullSecrets: []string{"ghcr", "docker.io"},
		ServiceAccount: "trainer", PriorityClass: "batch", Queue: "team-a",
		NodeSelector: []sweep.Var{{Name: "gpu.nvidia.com/class", Value: "A100"}, {Name: "zone", Value: "a"}},
		Labels:       []sweep.Var{{Name: "team", Value: "vision"}},
		Annotations:  []sweep.Var{{Name: "example.com/note", Value: "any text"}},
		Tolerations:  []byte(`[{"key":"gpu","operator":"Exists","tolerationSeconds":60}]`),
		Affinity:     []byte(`{"nodeAffinity":{}}`),
		Volumes: []sweep.Volume{
			{Name: "data", MountPath: "/results", Claim: "results"},
			{Name: "data-2", MountPath: "/data", SubPath: "imagenette", ReadOnly: true, NFS: "nas.example.com:/exports/data"},
			{Name: "host", MountPath: "/scratch", HostPath: "/scratch"},
			{Name: "key", MountPath: "/etc/wandb", Secret: "wandb"},
			{Name: "settings", MountPath: "/etc/train", ConfigMap: "settings"},
			{Name: "shm", MountPath: "/dev/shm", EmptyDir: "memory", SizeLimit: 8 << 30},
		},
		OutputRoot: "/results", PendingTimeout: 2 * time.Hour, KeepJobs: 24 * time.Hour,
		Restricted: true, PodTemplate: "spec: { hostNetwork: true }",
	}
	for _, e := range all {
		if diff := cmp.Diff(want, clusterAt(t, e, onKubernetes)); diff != "" {
			t.Error(diff)
		}
	}
	if all[0].Command.Cluster != clusterAt(t, all[1], onKubernetes) {
		t.Error("what no experiment changes is not shared")
	}
	bare := "config \"a\" {\n hp { lr = 0.1 }\n run { cmd = \"train ${hp.lr}\" }\n}\nsweep \"s\" { config = config.a }\n"
	if e := one(t, bare, Options{}); e.Command.Cluster != nil || clusterAt(t, e, onKubernetes).OutputRoot != "/output" {
		t.Errorf("without a k8 block there is %+v, and on Kubernetes %+v", e.Command.Cluster, clusterAt(t, e, onKubernetes))
	}
}

// What one experiment changes, no other sees, and no hash does.
func TestClusterIsCopiedWhereItVaries(t *testing.T) {
	text := strings.NewReplacer(`zone = "a"`, `zone = "a${hp.lr * 10}"`, `size_limit = "8Gi"`, `size_limit = "${hp.lr * 10}Gi"`,
		`container_output_dir = "/results"`, `container_output_dir = "/results/${hp.lr}"`, "MORE", "").Replace(clustered)
	all, _ := expand(t, load(t, text, Options{}).Sweeps[0])
	first := clusterAt(t, all[0], onKubernetes)
	for i, e := range all {
		c := clusterAt(t, e, onKubernetes)
		zone := []string{"a1", "a2"}[i]
		shm := slices.IndexFunc(c.Volumes, func(v sweep.Volume) bool { return v.Name == "shm" })
		if c.NodeSelector[1].Value != zone || c.Volumes[shm].SizeLimit != int64(i+1)<<30 || c.OutputRoot != []string{"/results/0.1", "/results/0.2"}[i] {
			t.Errorf("experiment %d has %+v", i, c)
		}
		if len(c.Volumes) != 6 || c.Queue != "team-a" {
			t.Errorf("experiment %d lacks what does not vary: %+v", i, c)
		}
	}
	if first.NodeSelector[1].Value != "a1" || first.Volumes[5].SizeLimit != 1<<30 {
		t.Error("the first experiment's was changed by the second's")
	}
	constant, _ := expand(t, load(t, strings.ReplaceAll(clustered, "MORE", ""), Options{}).Sweeps[0])
	for i, e := range constant {
		if e.Key != all[i].Key || e.WorkHash != all[i].WorkHash {
			t.Error("what is asked of a cluster is part of a hash")
		}
	}
}

func TestHostDirsAreForClustersOnly(t *testing.T) {
	m := load(t, strings.ReplaceAll(clustered, "MORE", "mount_host_dirs = true"), Options{})
	all, _ := expand(t, m.Sweeps[0])
	want := &sweep.HostDirs{WorkingDir: m.Dir, DataDir: "/data/imagenette", OutputDir: m.Dir + "/runs"}
	if got := clusterAt(t, all[0], onKubernetes); got.HostDirs == nil || *got.HostDirs != *want {
		t.Errorf("got %+v, want %+v", got.HostDirs, want)
	}
	if got := clusterAt(t, all[0], sweep.Place{Runner: "local", RunName: "a-8"}); got.HostDirs != nil || all[0].Command.Cluster.HostDirs != nil {
		t.Errorf("elsewhere: %+v, %+v", got.HostDirs, all[0].Command.Cluster.HostDirs)
	}
}
