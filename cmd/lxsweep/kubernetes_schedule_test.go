//go:build linux

package main_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// nightGrid is a sweep that is made of several files, in folders beside each
// other, and of values.
var nightFiles = map[string]string{
	"sweeps/grid.hcl": `variable "tag" { default = "v1" }
variable "token" {
  default   = env("NIGHT_TOKEN")
  sensitive = true
  validation {
    condition     = var.token != ""
    error_message = "It is needed."
  }
}
variable "home" { default = env("NIGHT_HOME") }
locals {
  rates = csvdecode(file("../data/rates.csv"))
}
config "ex" {
  from = config.base
  hp {
    rate  = 0
    given = 0
  }
  run {
    cmd    = "echo ${var.home} loss=${hp.rate}"
    inputs = ["../src/*.py", "${hp.given}.txt"]
  }
}
sweep "s" {
  config = config.ex
  grid {
    rate  = [for row in local.rates : tonumber(row.rate)]
    given = [1]
  }
  objective { minimize = "loss" }
}
`,
	"common/base.hcl": `config "base" {
  run { env = { TAG = var.tag } }
  resources {
    build { image_url = "train:${var.tag}" }
  }
}
`,
	"data/rates.csv": "rate\n1\n2\n",
	"src/train.py":   "print('loss=1')\n",
	"src/Ünïcode.py": "\xff\x00\r\n",
	"src/unread.txt": "not an input",
	"sweeps/1.txt":   "an input of some\n",
	"values.tfvars":  "tag = \"v2\"\n",
}

const token = "hunter2"

// night are arguments that schedule nightFiles, and the values that it needs.
func (k *clustered) night(args ...string) []string {
	for name, text := range nightFiles {
		if err := os.MkdirAll(k.path(filepath.Dir(name)), 0o700); err != nil {
			k.Fatal(err)
		}
		k.write(name, text)
	}
	k.setenv("NIGHT_TOKEN", token)
	k.setenv("NIGHT_HOME", "home$(HOME)")
	return append([]string{"sweeps/grid.hcl", "common", "--var-file", "values.tfvars", "--image", "lxsweep:1", "--namespace", k.namespace}, args...)
}

// newScheduled is a namespace of the strictest pod security, for somebody who
// has no more than the two Roles in it.
func newScheduled(t *testing.T) *clustered {
	k := newClustered(t, &main.Simulated, heldGrid)
	k.setenv("KUBECONFIG", k.scheduler())
	k.kubectl("label", "namespace", k.namespace, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
	return k
}

// scheduler is the kubeconfig of one who may do what the examples' Roles say.
func (k *clustered) scheduler() string {
	k.Helper()
	var rules []rbacv1.PolicyRule
	for _, folder := range []string{"kubernetes", "nightly"} {
		text, err := os.ReadFile("../../examples/" + folder + "/role.yaml")
		if err != nil {
			k.Fatal(err)
		}
		var role rbacv1.Role
		if err := yaml.Unmarshal(text, &role); err != nil {
			k.Fatal(err)
		}
		rules = append(rules, role.Rules...)
	}
	account, err := k.cluster.Account(k.Context(), k.namespace, rules...)
	if err != nil {
		k.Fatal(err)
	}
	path, err := k.cluster.WriteKubeconfig(account, k.namespace)
	if err != nil {
		k.Fatal(err)
	}
	return path
}

// TestScheduleMakesTheSameExperiments lays out the files as the driver's pod has
// them and applies them as it does: sources, keys and works are those of the
// folder that was scheduled.
func TestScheduleMakesTheSameExperiments(t *testing.T) {
	k := &clustered{faults: newFaults(t, heldGrid), namespace: "ml"}
	out, _ := k.lxsweep(0, append([]string{"schedule", "--cron", "@daily"}, k.night("--set", "run.retries=1", "--", "--parallel", "1")...)...)
	var files corev1.ConfigMap
	var cron batchv1.CronJob
	for document := range strings.SplitSeq(out, "---\n") {
		for kind, into := range map[string]any{"ConfigMap": &files, "CronJob": &cron} {
			if strings.Contains("\n"+document, "\nkind: "+kind+"\n") {
				if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	container := cron.Spec.JobTemplate.Spec.Template.Spec.Containers[0]
	pod := &clustered{faults: &faults{session{k.T, k.TempDir(), nil}}}
	for _, m := range container.VolumeMounts {
		if m.SubPath == "" {
			continue
		}
		text, binary := files.BinaryData[m.SubPath]
		if !binary {
			text = []byte(files.Data[m.SubPath])
		}
		if err := os.MkdirAll(pod.path(filepath.Dir(m.MountPath)), 0o700); err != nil {
			t.Fatal(err)
		}
		pod.write(m.MountPath, string(text))
	}
	if _, err := os.Stat(pod.path("/sweep/src/unread.txt")); err == nil {
		t.Error("a file that nobody reads is taken along")
	}
	pod.dir = pod.path(container.WorkingDir)
	pod.setenv("NIGHT_TOKEN", token) // of the Secret
	pod.setenv("NIGHT_HOME", "home$(HOME)")
	args := slices.DeleteFunc(container.Args, func(arg string) bool { return arg == "--runner=kubernetes" })
	args[slices.Index(args, "$(LXSWEEP_JOB)")] = "one"
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$$", "$")
	}
	pod.lxsweep(0, args...)
	k.lxsweep(0, "apply", "--auto-approve", "--round", "one", "--runner", "local", "--var-file", "values.tfvars", "sweeps/grid.hcl", "common")
	const query = `source, hex(key), hex(work), hp) FROM experiments JOIN attempts ON experiments.id = attempts.experiment_id, (SELECT DISTINCT source FROM sweeps)`
	here := k.query(k.path("sweeps/.lxsweep/lxsweep.db"), query)
	if len(here) != 2 {
		t.Errorf("there are %q", here)
	}
	same(t, "the driver's experiments", pod.query(pod.path(".lxsweep/lxsweep.db"), query), here...)
}

// TestScheduleObjects prints, compares and applies a schedule, again and again.
func TestScheduleObjects(t *testing.T) {
	t.Parallel()
	k := newScheduled(t)
	args := append([]string{"schedule", "--cron", "0 2 * * *"}, k.night()...)
	all := k.says(0, []string{"kind: CronJob"}, args...)
	printed, _ := k.lxsweep(0, args...)
	k.write("objects.yaml", printed)
	if out := k.kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", k.path("objects.yaml")); !strings.Contains(out, "cronjob.batch/grid serverside-applied (server dry run)") {
		t.Errorf("kubectl apply says\n%s", out)
	}

	all += k.says(2, []string{"+  schedule: 0 2 * * *", "+  NIGHT_TOKEN: '*** (after)'"}, append(args, "--diff", "--detailed-exitcode")...)
	all += k.says(0, []string{"serviceaccount/grid created", "configmap/grid created", "persistentvolumeclaim/grid created", "cronjob/grid created"}, append(args, "--apply", "--storage", "2Gi", "--storage-class", "fast")...)
	again := k.says(0, []string{"cronjob/grid unchanged"}, append(args, "--apply")...)
	if strings.Contains(again, "configured") || strings.Contains(again, "created") {
		t.Errorf("a second --apply says\n%s", again)
	}
	if out, _ := k.lxsweep(0, append(args, "--diff", "--detailed-exitcode")...); out != "" {
		t.Errorf("after --apply, --diff says\n%s", out)
	}

	k.volume("grid", "fast", "/none")
	k.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "--timeout=2m", "persistentvolumeclaim/grid")
	all += k.says(0, []string{"persistentvolumeclaim/grid unchanged"}, append(args, "--apply")...)
	args[2] = "0 3 * * *"
	k.setenv("NIGHT_TOKEN", token+"3")
	all += k.says(2, []string{"-  schedule: 0 2 * * *\n+  schedule: 0 3 * * *", "-  NIGHT_TOKEN: '*** (before)'\n+  NIGHT_TOKEN: '*** (after)'"},
		append(args, "--diff", "--detailed-exitcode")...)
	all += k.says(0, []string{"configmap/grid unchanged", "secret/grid-variables configured", "cronjob/grid configured"}, append(args, "--apply")...)

	k.kubectl("patch", "cronjob", "grid", "--field-manager", "ann", "--patch", `{"spec":{"schedule":"0 4 * * *"}}`)
	args[2] = "0 5 * * *"
	all += k.says(5, []string{`cronjob/grid in namespace ` + k.namespace + `: .spec.schedule was set by "ann"`, "--force-conflicts"}, append(args, "--apply")...)
	all += k.says(0, []string{"cronjob/grid configured"}, append(args, "--apply", "--force-conflicts")...)

	k.kubectl("create", "configmap", "theirs")
	all += k.says(5, []string{"there is a configmap/theirs in namespace", "--name"}, append(args, "--apply", "--name", "theirs")...)

	job := k.runNow()
	if job.Annotations["cronjob.kubernetes.io/instantiate"] != "manual" || len(job.OwnerReferences) != 1 || job.OwnerReferences[0].Name != "grid" ||
		job.OwnerReferences[0].BlockOwnerDeletion != nil {
		t.Errorf("run-now makes\n%+v", job.ObjectMeta)
	}
	all += k.says(4, []string{"the driver of grid is at work already: the Job " + job.Name, "kubectl logs --follow"}, "schedule", "run-now", "grid", "--namespace", k.namespace)
	k.setenv("NIGHT_TOKEN", token+"4")
	all += k.says(4, []string{"secret/grid-variables would change under a round: the driver of grid is at work already: the Job " + job.Name}, append(args, "--apply")...)
	k.setenv("NIGHT_TOKEN", token+"3")
	k.write("src/train.py", "print('loss=2')\n")
	all += k.says(4, []string{"configmap/grid would change under a round", "kubectl logs --follow --namespace " + k.namespace + " job/" + job.Name}, append(args, "--apply")...)
	k.write("src/train.py", nightFiles["src/train.py"])
	args[2] = "0 6 * * *"
	all += k.says(0, []string{"cronjob/grid configured"}, append(args, "--apply")...)
	all += k.says(1, []string{"there is no schedule none in namespace", "kubectl get cronjobs"}, "schedule", "run-now", "none", "--namespace", k.namespace)

	k.nowhere(all)

	k.says(1, []string{`"lxsweep-ex" is forbidden`, "examples/nightly"}, append(args, "--apply", "--namespace", "default")...)
	k.setenv("KUBECONFIG", k.cluster.Kubeconfig)
	k.says(1, []string{`namespaces "none" not found`, "kubectl create namespace none"}, append(args, "--diff", "--namespace", "none")...)
}

// runNow starts a schedule's round and returns its Job.
func (k *clustered) runNow() *batchv1.Job {
	k.Helper()
	out, _ := k.lxsweep(0, "schedule", "run-now", "grid", "--namespace", k.namespace)
	name := strings.TrimSuffix(strings.TrimPrefix(out, "job/"), " created\n")
	job, err := k.cluster.Client.BatchV1().Jobs(k.namespace).Get(k.Context(), name, metav1.GetOptions{})
	if err != nil {
		k.Fatalf("%v of %q", err, out)
	}
	return job
}

// nowhere holds that the sensitive value is in a Secret, and nowhere else.
func (k *clustered) nowhere(said string) {
	k.Helper()
	encoded := base64.StdEncoding.EncodeToString([]byte(token))[:8]
	objects := k.kubectl("get", "--output", "yaml", "--show-managed-fields", "configmaps,cronjobs,jobs,pods,roles,rolebindings,serviceaccounts,persistentvolumeclaims,events")
	for what, text := range map[string]string{"what was printed": said, "an object": objects} {
		if strings.Contains(text, token) || strings.Contains(text, encoded) {
			k.Errorf("%s has the sensitive value:\n%s", what, text)
		}
	}
	if secrets := k.kubectl("get", "--output", "yaml", "secrets"); !strings.Contains(secrets, encoded) {
		k.Errorf("no Secret has it:\n%s", secrets)
	}
}

// TestDetach hands a sweep over: the command returns once the driver's pod runs,
// or takes the Job back if that cannot start.
func TestDetach(t *testing.T) {
	t.Parallel()
	k := newScheduled(t)
	args := append([]string{"apply", "--detach", "--auto-approve", "--round", "r"}, k.night()...)
	asked := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "--auto-approve" })
	again := "lxsweep apply --detach --auto-approve --image=lxsweep:1 --namespace=" + k.namespace + " --var-file=values.tfvars --round=r --var=token=... --state=postgres://ann@db/x sweeps/grid.hcl common"
	k.says(1, []string{again}, append(asked, "--var", "token="+token, "--state", "postgres://ann:"+token+"@db/x")...)
	vain := k.start(args...)
	k.await("the driver waits for its claim", func() bool { return strings.Contains(k.text(vain), "unbound immediate PersistentVolumeClaims") })
	k.says(4, []string{"the driver of grid is at work already"}, args...)
	k.kubectl("annotate", "pods", "--all", kubetest.Waiting+"=ImagePullBackOff", kubetest.WaitingMessage+"=no such image")
	k.volume("grid", "", "/none")
	if said := k.end(vain, 1); !strings.Contains(said, "the driver does not start: ImagePullBackOff: no such image") {
		t.Errorf("without an image it says\n%s", said)
	}
	k.noJobs()

	said := k.says(0, []string{
		"persistentvolumeclaim/grid unchanged", "the driver runs: 2 experiments go on without this machine", "lxsweep status --state k8s://" + k.namespace + "/grid",
	}, args...)
	job := k.jobs()[0]
	if args := job.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--round=r") || slices.Contains(args, "$(LXSWEEP_JOB)") {
		t.Errorf("the driver is given %q", args)
	}
	k.nowhere(said)

	k.kubectl("delete", "job", job.Name)
	k.await("the files go with the Job", func() bool { return !strings.Contains(k.kubectl("get", "configmaps,secrets"), job.Name) })
	k.kubectl("get", "persistentvolumeclaim", "grid")
}

// TestDetachOfWhatIsOursHere is refused before anything is made: a driver with
// another ledger could not have the names.
func TestDetachOfWhatIsOursHere(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Simulated, strings.Replace(heldGrid, "1h", "0s", 1))
	k.lxsweep(0, "apply", "--auto-approve", "grid.hcl")
	k.setenv("KUBECONFIG", k.scheduler())
	args := []string{"apply", "--detach", "--auto-approve", "grid.hcl", "--image", "i", "--namespace", k.namespace}
	k.says(5, []string{"the experiments ex-* in namespace " + k.namespace + " belong to the ledger here, .lxsweep/lxsweep.db"}, args...)
	if out := k.kubectl("get", "all,configmaps,persistentvolumeclaims"); strings.Contains(out, "grid") {
		t.Errorf("there is now\n%s", out)
	}
	nightly := []string{"schedule", "grid.hcl", "--cron", "@daily", "--image", "i", "--namespace", k.namespace, "--apply"}
	k.says(5, []string{"the experiments ex-* in namespace " + k.namespace + " belong to the ledger here", "add -- --take-over"}, nightly...)
	if out := k.kubectl("get", "all,configmaps,persistentvolumeclaims"); strings.Contains(out, "grid") {
		t.Errorf("there is now\n%s", out)
	}
	k.says(0, []string{"cronjob/grid created"}, append(nightly, "--", "--take-over")...)
	args = append(args, "--state", "postgres://ann:"+token+"@db/sweeps")
	said := k.says(5, []string{"--take-over"}, args...)
	said += k.says(0, []string{"the driver runs", "lxsweep status --state postgres://ann@db/sweeps"}, append(args, "--take-over")...)
	k.nowhere(said)
}

// volume makes a volume of a folder of this machine, for a claim and no other.
func (k *clustered) volume(claim, class, folder string) {
	k.Helper()
	name := k.namespace + "-" + claim
	volumes := k.cluster.Client.CoreV1().PersistentVolumes()
	_, err := volumes.Create(k.Context(), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")},
			AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName:       class,
			ClaimRef:               &corev1.ObjectReference{Namespace: k.namespace, Name: claim},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: folder}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { _ = volumes.Delete(context.Background(), name, metav1.DeleteOptions{}) })
}
