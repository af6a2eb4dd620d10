package kubernetes

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// The labels and annotations of a Job; its pods have the labels too.
const (
	labelManagedBy  = "app.kubernetes.io/managed-by"
	labelLedger     = own + "ledger"
	labelAttempt    = own + "attempt"
	labelExperiment = own + "experiment"
	labelSweep      = own + "sweep"
	labelRound      = own + "round"
	labelKey        = own + "key"
	labelWork       = own + "work"
	// labelQueue is Kueue's, on the Job alone: a pod with it would be admitted
	// by itself.
	labelQueue = "kueue.x-k8s.io/queue-name"

	annotationHP            = own + "hp"
	annotationNumber        = own + "number"
	annotationAttemptNumber = own + "attempt-number"
	annotationRun           = own + "run"
	annotationRound         = own + "round"
	annotationSweep         = own + "sweep"
	annotationConfig        = own + "config"
	annotationCommand       = own + "command"
	annotationKeep          = own + "keep" // how long it stays once it is harvested
	// The hashes in full: labels have not room for them.
	annotationPoint = own + "point"
	annotationKey   = own + "key"
	annotationWork  = own + "work"

	own       = "lxsweep.dev/"
	managedBy = "lxsweep"
)

const (
	// maxAnnotations is what the apiserver takes of them in one object.
	maxAnnotations = 256 << 10
	maxCommandLine = 4 << 10
	// hashDigits are the hexadecimal digits of a hash that a label has room for.
	hashDigits = 32
	// backstop is how long the cluster keeps an ended Job that nobody reads, at
	// least.
	backstop = 7 * 24 * time.Hour
)

// jobOptions are what all Jobs of a Runner have in common.
type jobOptions struct {
	Namespace string
	LedgerID  string
}

// jobName is the Job of an attempt: ex-8, then ex-8-r2.
func jobName(runName string, attempt int) string {
	if attempt < 2 {
		return runName
	}
	return fmt.Sprintf("%s-r%d", runName, attempt)
}

// jobOf is what an attempt is to the cluster. It is pure: the same attempt makes
// the same Job. Its errors are for people and say what to mend in the config.
func jobOf(a runner.Attempt, o jobOptions) (*batchv1.Job, error) {
	cluster := a.Command.Cluster
	if cluster == nil {
		cluster = &sweep.Cluster{}
		a.Command.Cluster = cluster
	}
	labels := labelsOf(a, o)
	template, err := templateOf(a.Command, labels)
	if err != nil {
		return nil, err
	}
	job := &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Name: jobName(a.RunName, a.Number), Namespace: o.Namespace,
			Labels: joined(cluster.Labels, labels), Annotations: joined(cluster.Annotations, annotationsOf(a)),
		},
		Spec: batchv1.JobSpec{
			Completions: new(int32(1)), Parallelism: new(int32(1)),
			BackoffLimit:         new(int32(0)),
			PodReplacementPolicy: new(batchv1.Failed),
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
				Action: batchv1.PodFailurePolicyActionIgnore,
				OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{
					{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue},
				},
			}}},
			TTLSecondsAfterFinished: new(int32(seconds(max(backstop, cluster.KeepJobs)))),
			Template:                *template,
		},
	}
	if cluster.KeepJobs > 0 {
		job.Annotations[annotationKeep] = cluster.KeepJobs.String()
	}
	if cluster.Queue != "" {
		job.Labels[labelQueue] = cluster.Queue
		job.Spec.Suspend = new(true) // or it would run past a queue whose webhook is down
	}
	if err := checkAnnotations(job.Annotations); err != nil {
		return nil, err
	}
	return job, nil
}

// seconds rounds up, since no deadline may come early, to at most the 68 years
// that Kubernetes can count.
func seconds(d time.Duration) int64 {
	n := int64(d / time.Second)
	if d%time.Second > 0 {
		n++
	}
	return min(n, math.MaxInt32)
}

// labelsOf are ours. A text that a label cannot hold, as any text may name a
// round, is left out: the annotations have all of them in full.
func labelsOf(a runner.Attempt, o jobOptions) map[string]string {
	e := a.Experiment
	labels := map[string]string{}
	for name, text := range map[string]string{
		labelManagedBy: managedBy, labelLedger: o.LedgerID, labelAttempt: strconv.FormatInt(a.ID, 10),
		labelExperiment: e.Name, labelSweep: e.Sweep, labelRound: e.Round,
		labelKey: e.Key.String()[:hashDigits], labelWork: e.WorkHash.String()[:hashDigits],
	} {
		if text != "" && len(validation.IsValidLabelValue(text)) == 0 {
			labels[name] = text
		}
	}
	return labels
}

func annotationsOf(a runner.Attempt) map[string]string {
	e := a.Experiment
	return map[string]string{
		annotationHP:            e.HP.String(),
		annotationNumber:        strconv.Itoa(a.JobID),
		annotationAttemptNumber: strconv.Itoa(a.Number),
		annotationRun:           a.RunName,
		annotationRound:         e.Round,
		annotationSweep:         e.Sweep,
		annotationConfig:        e.Config,
		annotationCommand:       commandLine(a.Command),
		annotationPoint:         e.Point.String(),
		annotationKey:           e.Key.String(),
		annotationWork:          e.WorkHash.String(),
	}
}

// commandLine is for whoever looks at the Job.
func commandLine(c sweep.Command) string {
	line := strings.Join(strings.Fields(c.Line()), " ")
	if len(line) > maxCommandLine {
		line = strings.ToValidUTF8(line[:maxCommandLine], "") + "…"
	}
	return line
}

func checkAnnotations(annotations map[string]string) error {
	size := 0
	for name, text := range annotations {
		size += len(name) + len(text)
	}
	if size > maxAnnotations {
		return fmt.Errorf("its hyperparameters and annotations take %d KiB, and a Job has room for %d: put what is large into a file, and its name into hp",
			size>>10, maxAnnotations>>10)
	}
	return nil
}

// joined are the user's names with ours over them.
func joined(users []sweep.Var, ours map[string]string) map[string]string {
	all := make(map[string]string, len(users)+len(ours))
	for _, v := range users {
		all[v.Name] = v.Value
	}
	for name, text := range ours {
		all[name] = text
	}
	return all
}
