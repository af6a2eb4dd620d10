package kubernetes

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	"pgregory.net/rapid"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

var update = flag.Bool("update", false, "rewrite the Jobs in testdata")

var options = jobOptions{Namespace: "ml", LedgerID: "01hx5zt9a3"}

// attempt is that of ex-8 with a command, and the environment that the
// dispatcher gives it.
func attempt(number int, c sweep.Command) runner.Attempt {
	hp := sweep.NewObject(map[string]sweep.Value{"lr": sweep.Int(1), "note": sweep.String("it's <b>")})
	point := sweep.PointOf("ex", hp)
	a := runner.Attempt{
		ID: 42, Number: number, RunName: "ex-8", JobID: 8,
		Experiment: &sweep.Experiment{
			Sweep: "nightly", Config: "wide", Name: "ex", HP: hp, Point: point, Key: sweep.KeyOf(point, ""), WorkHash: sweep.WorkOf(c, nil),
		},
	}
	c.WorkingDir, c.DataDir, c.OutputDir = "/project", "/data", "/output/ex-8"
	a.Command = c
	c.Env = runner.Equipped(a, "").Env
	c.Env = c.Env[:len(c.Env)-1] // the result is the runner's to say
	a.Command = c
	return a
}

const image = "ghcr.io/acme/train:v12"

// typical are attempts as configs make them.
func typical() map[string]runner.Attempt {
	shell := sweep.Command{
		Image: image, Shell: "python train.py --lr 1 > log\necho $HOME", Timeout: 90*time.Minute + time.Millisecond,
		Resources: sweep.Resources{MilliCPU: 500, Memory: 8 << 30},
	}
	list := sweep.Command{
		Image: image, Args: []string{"train", "--cost", "$5", "$(HOME)", "$$"},
		Env: []sweep.Var{{Name: "PRICE", Value: "$(LXSWEEP_HP)"}},
	}
	retried := attempt(2, list)
	retried.Experiment.Round = "2026-11-23"
	with := func(k sweep.Cluster) sweep.Command {
		return sweep.Command{Image: image, Args: []string{"train"}, Cluster: &k}
	}
	gpu := with(sweep.Cluster{
		GPUResource: "amd.com/gpu", ImagePullPolicy: "Always", ImagePullSecrets: []string{"ghcr"}, PriorityClass: "batch",
		NodeSelector: []sweep.Var{{Name: "zone", Value: "a"}},
		Tolerations:  []byte(`[{"key":"gpu","operator":"Exists","effect":"NoExecute","tolerationSeconds":60}]`),
		Affinity:     []byte(`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"gpu","operator":"In","values":["A100"]}]}]}}}`),
		OutputRoot:   "/output",
		Volumes: []sweep.Volume{
			{Name: "data", MountPath: "/data", Claim: "imagenette", ReadOnly: true},
			{Name: "disk", MountPath: "/tmp", EmptyDir: "disk"},
			{Name: "key", MountPath: "/etc/wandb", Secret: "wandb"},
			{Name: "nas", MountPath: "/nas", NFS: "nas.example.com:/exports/a"},
			{Name: "node", MountPath: "/scratch", HostPath: "/scratch"},
			{Name: "results", MountPath: "/output", SubPath: "team/a", Claim: "results"},
			{Name: "settings", MountPath: "/etc/train", ConfigMap: "settings", SubPath: "train"},
			{Name: "shm", MountPath: "/dev/shm", EmptyDir: "memory", SizeLimit: 8 << 30},
		},
	})
	gpu.Resources = sweep.Resources{MilliCPU: 4000, Memory: 1e9, GPUs: 2}
	secrets := with(sweep.Cluster{})
	secrets.SecretEnv = []sweep.Var{{Name: "AWS_KEY", Value: "aws/access.key"}, {Name: "WANDB_API_KEY", Value: "wandb/api-key"}}
	queued := attempt(1, with(sweep.Cluster{Queue: "team-a", KeepJobs: 26 * time.Hour}))
	queued.Experiment.Round = "release 1/2"
	return map[string]runner.Attempt{
		"shell": attempt(1, shell), "list": retried, "gpu": attempt(1, gpu), "secrets": attempt(1, secrets), "queue": queued,
		"restricted": attempt(1, with(sweep.Cluster{
			Restricted: true, ServiceAccount: "trainer",
			Labels:      []sweep.Var{{Name: "lxsweep.dev/key", Value: "theirs"}, {Name: "team", Value: "vision"}},
			Annotations: []sweep.Var{{Name: "example.com/note", Value: "any text"}, {Name: "lxsweep.dev/hp", Value: "theirs"}},
		})),
		"host_dirs": attempt(1, with(sweep.Cluster{
			OutputRoot: "/output", HostDirs: &sweep.HostDirs{WorkingDir: "/home/ada/train", DataDir: "/data/imagenette", OutputDir: "/home/ada/train/runs"},
		})),
		"pod_template": attempt(1, with(sweep.Cluster{PodTemplate: `
metadata:
  labels: { team: vision, lxsweep.dev/key: theirs }
spec:
  restartPolicy: OnFailure
  hostNetwork: true
  securityContext: { fsGroup: 1000 }
  containers:
    - name: main
      env: [{ name: NCCL_DEBUG, value: INFO }]
      volumeMounts: [{ name: cache, mountPath: /cache }]
    - name: sidecar
      image: busybox
  volumes:
    - name: cache
      ephemeral:
        volumeClaimTemplate:
          spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`})),
	}
}

func TestTypicalJobs(t *testing.T) {
	for name, a := range typical() {
		t.Run(name, func(t *testing.T) {
			job, err := jobOf(a, options)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(job)
			if err != nil {
				t.Fatal(err)
			}
			if text, err = yaml.JSONToYAML(text); err != nil {
				t.Fatal(err)
			}
			golden := "testdata/" + name + ".yaml"
			if *update {
				if err := os.WriteFile(golden, text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(text)); diff != "" {
				t.Error(diff)
			}
			again, err := jobOf(a, options)
			if err != nil || !cmp.Equal(job, again) {
				t.Errorf("the same attempt makes another Job: %v", err)
			}
		})
	}
}

func TestJobsThatCannotBe(t *testing.T) {
	long := strings.Repeat("x", 128<<10)
	for want, change := range map[string]func(*runner.Attempt){
		"set resources { build { image_url = ... } }": func(a *runner.Attempt) { a.Command.Image = "" },
		"argument 2 of its command is 128 KiB":        func(a *runner.Attempt) { a.Command.Shell = long },
		"argument 1 of its command is 128 KiB":        func(a *runner.Attempt) { a.Command.Args = []string{"train", long} },
		"its variable BIG is 128 KiB":                 func(a *runner.Attempt) { a.Command.Env = []sweep.Var{{Name: "BIG", Value: long[4:]}} },
		"its command and variables are 1200 KiB together": func(a *runner.Attempt) {
			a.Command.Args = strings.SplitAfterN(strings.Repeat(long[:100<<10]+" ", 12), " ", 12)
		},
		"take 300 KiB, and a Job has room for 256": func(a *runner.Attempt) {
			a.Experiment.HP = sweep.NewObject(map[string]sweep.Value{"l": sweep.String(strings.Repeat(long[:100<<10], 3))})
		},
		"is in volume results, which cannot be written to": func(a *runner.Attempt) {
			volumes(a, sweep.Volume{Name: "results", Claim: "results", MountPath: "/output", ReadOnly: true})
		},
		"is in volume settings, which cannot be written to": func(a *runner.Attempt) {
			volumes(a, sweep.Volume{Name: "settings", ConfigMap: "settings", MountPath: "/output/"})
		},
		"volumes a and b are both mounted at /data": func(a *runner.Attempt) {
			volumes(a, sweep.Volume{Name: "a", Claim: "a", MountPath: "/data"}, sweep.Volume{Name: "b", Claim: "b", MountPath: "/data/"})
		},
		"volumes code and lxsweep-host-working are both": func(a *runner.Attempt) {
			volumes(a, sweep.Volume{Name: "code", Claim: "code", MountPath: "/project"})
			a.Command.Cluster.HostDirs = &sweep.HostDirs{WorkingDir: "/home/a", DataDir: "/d", OutputDir: "/r"}
		},
		"tolerations are none that a pod can have: key ca":    func(a *runner.Attempt) { a.Command.Cluster.Tolerations = []byte(`[{"key":1}]`) },
		`affinity is none that a pod can have: unknown field`: func(a *runner.Attempt) { a.Command.Cluster.Affinity = []byte(`{"nodeAffinity":{"required":{}}}`) },
		`pod_template does not fit a pod: unknown field "imag`: func(a *runner.Attempt) {
			a.Command.Cluster.PodTemplate = "spec: { containers: [{ name: main, imagePullpolicies: x }] }"
		},
		"pod_template does not fit a pod: spec.hostNetwork": func(a *runner.Attempt) { a.Command.Cluster.PodTemplate = "spec: { hostNetwork: eth0 }" },
		"pod_template is no YAML":                           func(a *runner.Attempt) { a.Command.Cluster.PodTemplate = "spec: [" },
		`takes away the container "main"`: func(a *runner.Attempt) {
			a.Command.Cluster.PodTemplate = "spec: { containers: [{ $patch: replace }, { name: x, image: busybox }] }"
		},
	} {
		t.Run(want, func(t *testing.T) {
			a := attempt(1, sweep.Command{Image: image, Shell: "train", Cluster: &sweep.Cluster{OutputRoot: "/output"}})
			change(&a)
			job, err := jobOf(a, options)
			if err == nil || job != nil || !strings.Contains(err.Error(), want) {
				t.Errorf("said %v", err)
			}
		})
	}
}

func volumes(a *runner.Attempt, list ...sweep.Volume) { a.Command.Cluster.Volumes = list }

// What just fits is not refused.
func TestLargestArgument(t *testing.T) {
	a := attempt(1, sweep.Command{Image: image, Args: []string{"train", strings.Repeat("x", 128<<10-1)}})
	job, err := jobOf(a, options)
	if err != nil {
		t.Fatal(err)
	}
	if line := job.Annotations[annotationCommand]; len(line) > maxCommandLine+len("…") {
		t.Errorf("the command's annotation is %d bytes", len(line))
	}
}

func TestDeadlines(t *testing.T) {
	for timeout, want := range map[time.Duration]int64{
		time.Nanosecond: 1, time.Second: 1, time.Second + 1: 2, 4 * time.Hour: 14400, 1<<63 - 1: 1<<31 - 1,
	} {
		job, err := jobOf(attempt(1, sweep.Command{Image: image, Shell: "train", Timeout: timeout}), options)
		if err != nil {
			t.Fatal(err)
		}
		if got := *job.Spec.Template.Spec.ActiveDeadlineSeconds; got != want {
			t.Errorf("%s: %d seconds, want %d", timeout, got, want)
		}
	}
}

func TestOutputIsKeptByVolumesOnly(t *testing.T) {
	for name, c := range map[string]struct {
		cluster *sweep.Cluster
		want    bool
	}{
		"nothing":        {nil, false},
		"elsewhere":      {&sweep.Cluster{Volumes: []sweep.Volume{{Name: "v", Claim: "c", MountPath: "/out"}}}, false},
		"above":          {&sweep.Cluster{Volumes: []sweep.Volume{{Name: "v", Claim: "c", MountPath: "/output/"}}}, true},
		"root":           {&sweep.Cluster{Volumes: []sweep.Volume{{Name: "v", Claim: "c", MountPath: "/"}}}, true},
		"itself":         {&sweep.Cluster{Volumes: []sweep.Volume{{Name: "v", NFS: "a:/b", MountPath: "/output/ex-8"}}}, true},
		"empty in claim": {&sweep.Cluster{Volumes: []sweep.Volume{{Name: "v", Claim: "c", MountPath: "/output"}, {Name: "w", EmptyDir: "disk", MountPath: "/output/ex-8"}}}, false},
		"the host's":     {&sweep.Cluster{OutputRoot: "/output", HostDirs: &sweep.HostDirs{OutputDir: "/runs"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := keepsOutput(sweep.Command{Cluster: c.cluster, OutputDir: "/output/ex-8"}); got != c.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

var dollar = regexp.MustCompile(`\$\$|\$\([^)]*\)`)

// expanded is what Kubernetes documents of Container.command and EnvVar.value:
// $(NAME) is the variable's value, or stays where there is none, and $$ is $.
func expanded(text string, env map[string]string) string {
	return dollar.ReplaceAllStringFunc(text, func(found string) string {
		if found == "$$" {
			return "$"
		}
		if v, ok := env[found[2:len(found)-1]]; ok {
			return v
		}
		return found
	})
}

// The documentation's own cases.
func TestExpansionIsKubernetes(t *testing.T) {
	for text, want := range map[string]string{
		"$(VAR_A)": "A", "___$(VAR_B)___": "___B___", "$(VAR_A)$(VAR_B)": "AB", "$(MISSING)": "$(MISSING)",
		"$$(VAR_A)": "$(VAR_A)", "$$$(VAR_A)": "$A", "$$$$(VAR_A)": "$$(VAR_A)", "$$": "$", "$$$": "$$",
		"$VAR_A": "$VAR_A", "$": "$", "$(": "$(", "a$": "a$", "$(VAR_A": "$(VAR_A", "$$(VAR_A)_$(VAR_A)": "$(VAR_A)_A",
		"$(VAR_DUBLE)": "$(X)", "\n$é": "\n$é",
	} {
		if got := expanded(text, map[string]string{"VAR_A": "A", "VAR_B": "B", "VAR_DUBLE": "$(X)"}); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Programs get the bytes that plan has shown.
func TestProgramsGetWhatWasWritten(t *testing.T) {
	text := rapid.StringOf(rapid.SampledFrom([]rune("$$$$(())AB é\n'")))
	rapid.Check(t, func(t *rapid.T) {
		c := sweep.Command{Image: image, Env: []sweep.Var{{Name: "A", Value: text.Draw(t, "A")}, {Name: "B", Value: text.Draw(t, "B")}}}
		if rapid.Bool().Draw(t, "shell") {
			c.Shell = text.Draw(t, "text")
		} else {
			c.Args = rapid.SliceOfN(text, 1, 4).Draw(t, "args")
		}
		a := attempt(1, c)
		job, err := jobOf(a, options)
		if err != nil {
			t.Fatal(err)
		}
		container := wired(t, job).Spec.Template.Spec.Containers[0]
		env := map[string]string{}
		for _, v := range container.Env { // in order: each sees those before it
			env[v.Name] = expanded(v.Value, env)
		}
		for _, v := range a.Command.Env {
			if env[v.Name] != v.Value {
				t.Fatalf("variable %s: %q, want %q", v.Name, env[v.Name], v.Value)
			}
		}
		var got []string
		for _, arg := range container.Command {
			got = append(got, expanded(arg, env))
		}
		if diff := cmp.Diff(arguments(a.Command), got); diff != "" || len(container.Args) > 0 {
			t.Fatal(diff, container.Args)
		}
	})
}

// wired is the Job as it comes out of the wire's other end.
func wired(t *rapid.T, job *batchv1.Job) *batchv1.Job {
	text, err := job.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	out := &batchv1.Job{}
	if err := out.Unmarshal(text); err != nil {
		t.Fatal(err)
	}
	return out
}
