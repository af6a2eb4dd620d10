package schedule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/lxsweep/lxsweep/runner/kubernetes"
)

// Driver is an apply that a cluster runs by itself.
type Driver struct {
	Name      string // a DNS label of at most MaxName bytes
	Namespace string
	Image     string   // of lxsweep
	Args      []string // of lxsweep apply
	Files     []File
	// Dir is the folder of the first .hcl file below the common one, empty for
	// that itself. It is where the arguments' paths start.
	Dir string
	// Environ are variables that may be seen, Secrets those that may not.
	Environ, Secrets []Variable
	// Database is the URL of a shared ledger. Without one it is a file in a claim
	// of the size Storage, by default 1Gi, and the class StorageClass, empty for the
	// cluster's own.
	Database              string
	Storage, StorageClass string
}

// Variable is one of the environment.
type Variable struct{ Name, Value string }

// MaxName is how long a driver's name may be: the controller and we add to it.
const MaxName = 52

// Label is on everything that is made for a driver: its name.
const Label = kubernetes.LabelDriver

const (
	labelManagedBy = "app.kubernetes.io/managed-by"
	managedBy      = "lxsweep"

	root      = "/sweep" // the files' common folder in the pod
	container = "lxsweep"
	user      = 65532
	keyURL    = "url"
	// late is how long after its time a night may still start.
	late = time.Hour
)

// Nightly are the objects of a schedule, each of whose rounds is called as its
// Job. zone is one that the cluster knows.
func (d *Driver) Nightly(cron, zone string) (*Objects, error) {
	o, err := d.objects(d.Name)
	if err != nil {
		return nil, err
	}
	meta := d.meta(d.Name)
	o.add(&batchv1.CronJob{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"}, ObjectMeta: meta,
		Spec: batchv1.CronJobSpec{
			Schedule: cron, TimeZone: &zone,
			ConcurrencyPolicy:          batchv1.ForbidConcurrent,
			StartingDeadlineSeconds:    new(int64(late / time.Second)),
			SuccessfulJobsHistoryLimit: new(int32(3)), FailedJobsHistoryLimit: new(int32(7)),
			JobTemplate: batchv1.JobTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels},
				Spec:       d.job(d.Name, "apply", "--round", "$("+variableJob+")"),
			},
		},
	})
	return o, nil
}

// Once are the objects of a driver that starts as soon as they are applied, as
// the Job called job. What is its own goes with it when it is deleted.
func (d *Driver) Once(job string) (*Objects, error) {
	o, err := d.objects(job)
	if err != nil {
		return nil, err
	}
	o.add(&batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: d.meta(job),
		Spec: d.job(job, "apply"),
	})
	return o, nil
}

// objects are all but the last. own is what the files and the variables are
// called after.
func (d *Driver) objects(own string) (*Objects, error) {
	if problems := validation.IsDNS1123Label(d.Name); problems != nil || len(d.Name) > MaxName {
		return nil, fmt.Errorf("the name %q is not one for a schedule: lower-case letters, digits and dashes, at most %d of them", d.Name, MaxName)
	}
	if err := checkFiles(d.Files); err != nil {
		return nil, err
	}
	o := &Objects{driver: d}
	core := func(kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: "v1", Kind: kind} }
	rbac := func(kind string) metav1.TypeMeta {
		return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
	}
	o.add(&corev1.ServiceAccount{TypeMeta: core("ServiceAccount"), ObjectMeta: d.meta(d.Name), AutomountServiceAccountToken: new(false)})
	o.add(&rbacv1.Role{TypeMeta: rbac("Role"), ObjectMeta: d.meta(d.Name), Rules: kubernetes.Rules()})
	o.add(&rbacv1.RoleBinding{
		TypeMeta: rbac("RoleBinding"), ObjectMeta: d.meta(d.Name),
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: d.Name, Namespace: d.Namespace}},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: d.Name},
	})
	if d.Database != "" {
		o.add(secret(d.meta(d.ledgerSecret()), []Variable{{keyURL, d.Database}}))
	} else {
		claim, err := d.claim()
		if err != nil {
			return nil, err
		}
		o.add(claim)
	}
	files := &corev1.ConfigMap{TypeMeta: core("ConfigMap"), ObjectMeta: d.meta(own)}
	fill(files, d.Files)
	o.add(files)
	if d.Secrets != nil {
		o.add(secret(d.meta(variablesSecret(own)), d.Secrets))
	}
	return o, nil
}

func (d *Driver) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: d.Namespace, Labels: map[string]string{labelManagedBy: managedBy, Label: d.Name}}
}

func (d *Driver) ledgerSecret() string { return d.Name + "-ledger" }

func variablesSecret(own string) string { return own + "-variables" }

func secret(meta metav1.ObjectMeta, values []Variable) *corev1.Secret {
	s := &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: meta, Data: map[string][]byte{}}
	for _, v := range values {
		s.Data[v.Name] = []byte(v.Value)
	}
	return s
}

func (d *Driver) claim() (*corev1.PersistentVolumeClaim, error) {
	size, err := resource.ParseQuantity(cmp.Or(d.Storage, "1Gi"))
	if err != nil || size.Sign() <= 0 {
		return nil, fmt.Errorf("%q is no size of a claim: write 1Gi, or 500M", d.Storage)
	}
	c := &corev1.PersistentVolumeClaim{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, ObjectMeta: d.meta(d.Name),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
		},
	}
	if d.StorageClass != "" {
		c.Spec.StorageClassName = &d.StorageClass
	}
	return c, nil
}

// keep leaves an existing claim its size and class where none were asked for:
// neither can be taken back.
func (d *Driver) keep(obj object, was map[string]any) error {
	claim, ok := obj.(*corev1.PersistentVolumeClaim)
	if !ok || was == nil {
		return nil
	}
	text, err := json.Marshal(was)
	if err != nil {
		return err
	}
	var there corev1.PersistentVolumeClaim
	if err := json.Unmarshal(text, &there); err != nil {
		return err
	}
	if d.Storage == "" {
		claim.Spec.Resources.Requests = there.Spec.Resources.Requests
	}
	if d.StorageClass == "" {
		claim.Spec.StorageClassName = there.Spec.StorageClassName
	}
	return nil
}

// job is what each round is to the cluster. What apply has ended with for good
// ends the Job; a pod that was taken away is replaced, and goes on.
func (d *Driver) job(own string, command ...string) batchv1.JobSpec {
	return batchv1.JobSpec{
		BackoffLimit: new(int32(6)),
		PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{
			{
				Action: batchv1.PodFailurePolicyActionFailJob,
				OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
					ContainerName: new(container), Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{3, 5, 6},
				},
			},
			{
				Action:          batchv1.PodFailurePolicyActionIgnore,
				OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}},
			},
		}},
		Template: corev1.PodTemplateSpec{
			// Not managed-by: that is how a Runner knows the pods of experiments.
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{Label: d.Name}},
			Spec:       d.pod(own, command),
		},
	}
}

func (d *Driver) pod(own string, command []string) corev1.PodSpec {
	volumes, mounts := d.volumes(own)
	return corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, ServiceAccountName: d.Name, AutomountServiceAccountToken: new(true),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: new(true), RunAsUser: new(int64(user)), RunAsGroup: new(int64(user)),
			FSGroup: new(int64(user)), FSGroupChangePolicy: new(corev1.FSGroupChangeOnRootMismatch),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: container, Image: d.Image, Args: append(command, literals(d.Args)...), WorkingDir: path.Join(root, d.Dir), Env: d.environment(own),
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			Resources: corev1.ResourceRequirements{
				Requests: amounts("100m", "128Mi"), Limits: amounts("1", "512Mi"),
			},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
				Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
			VolumeMounts: mounts,
		}},
		Volumes: volumes,
	}
}

func amounts(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

// The volumes of a driver's pod.
const (
	volumeLedger = "ledger"
	volumeFiles  = "files"
	volumeTmp    = "tmp"
)

// volumes are the ledger's folder, beside the first .hcl file, and the files one
// by one: a whole ConfigMap would be full of links, and what inputs match there
// must be what they match on the laptop. Nothing is mounted over the claim: the
// places of files that are gone would stay in it, and be matched.
func (d *Driver) volumes(own string) ([]corev1.Volume, []corev1.VolumeMount) {
	ledger := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	if d.Database == "" {
		ledger = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: d.Name}}
	}
	mounts := []corev1.VolumeMount{
		{Name: volumeLedger, MountPath: path.Join(root, d.Dir, ".lxsweep")},
		{Name: volumeTmp, MountPath: "/tmp"},
	}
	for i, key := range keys(d.Files) {
		mounts = append(mounts, corev1.VolumeMount{Name: volumeFiles, MountPath: path.Join(root, d.Files[i].Path), SubPath: key, ReadOnly: true})
	}
	return []corev1.Volume{
		{Name: volumeLedger, VolumeSource: ledger},
		{Name: volumeFiles, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: own}}}},
		{Name: volumeTmp, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}, mounts
}

// The variables of a driver.
const (
	variableJob   = "LXSWEEP_JOB"
	variableState = "LXSWEEP_STATE"
	// variableBeside is what --state is elsewhere, for the commands that it names.
	variableBeside = "LXSWEEP_BESIDE"
)

func (d *Driver) environment(own string) []corev1.EnvVar {
	vars := []corev1.EnvVar{{Name: variableJob, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['" + batchv1.JobNameLabel + "']"},
	}}}
	if d.Database != "" {
		vars = append(vars, fromSecret(variableState, d.ledgerSecret(), keyURL))
	} else {
		vars = append(vars, corev1.EnvVar{Name: variableBeside, Value: "k8s://" + d.Namespace + "/" + d.Name})
	}
	for _, v := range d.Environ {
		vars = append(vars, corev1.EnvVar{Name: v.Name, Value: literal(v.Value)})
	}
	for _, v := range d.Secrets {
		vars = append(vars, fromSecret(v.Name, variablesSecret(own), v.Name))
	}
	return vars
}

func fromSecret(variable, name, key string) corev1.EnvVar {
	return corev1.EnvVar{Name: variable, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key,
	}}}
}

// literal is a text in which Kubernetes sees no variable.
func literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }

func literals(texts []string) []string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = literal(text)
	}
	return list
}
