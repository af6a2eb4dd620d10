package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/lxsweep/lxsweep/sweep"
)

const (
	mainContainer = "main"
	// resultFile is the kubelet's own, world-writable whoever the program runs
	// as and however its root is mounted. What is in it at the end comes with
	// the pod's status.
	resultFile      = "/dev/termination-log"
	variableResult  = "LXSWEEP_RESULT"
	defaultGPU      = "nvidia.com/gpu"
	maxArgument     = 128<<10 - 1 // of a Linux kernel, less the zero byte
	maxAllArguments = 1 << 20     // of an object in etcd, with room for the rest
)

// templateOf is the pod of a command whose Cluster is not nil.
func templateOf(c sweep.Command, labels map[string]string) (*corev1.PodTemplateSpec, error) {
	if c.Image == "" {
		return nil, errors.New("it names no container image: set resources { build { image_url = ... } }")
	}
	if err := checkArguments(c); err != nil {
		return nil, err
	}
	volumes, mounts, err := volumesOf(c)
	if err != nil {
		return nil, err
	}
	spec, err := podOf(c)
	if err != nil {
		return nil, err
	}
	spec.Volumes = volumes
	spec.Containers = []corev1.Container{containerOf(c, mounts)}
	template := &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: joined(c.Cluster.Labels, labels), Annotations: joined(c.Cluster.Annotations, nil)},
		Spec:       *spec,
	}
	if c.Cluster.PodTemplate == "" {
		return template, nil
	}
	return merged(template, c.Cluster.PodTemplate, labels)
}

// podOf is the pod around the container.
func podOf(c sweep.Command) (*corev1.PodSpec, error) {
	k := c.Cluster
	spec := &corev1.PodSpec{
		RestartPolicy:      corev1.RestartPolicyNever,
		PriorityClassName:  k.PriorityClass,
		ServiceAccountName: k.ServiceAccount,
		// Whoever names a service account wants its token.
		AutomountServiceAccountToken: new(k.ServiceAccount != ""),
		EnableServiceLinks:           new(false),
		SecurityContext:              &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
	}
	if k.Restricted {
		spec.SecurityContext.RunAsNonRoot = new(true)
	}
	if c.Timeout > 0 {
		spec.ActiveDeadlineSeconds = new(seconds(c.Timeout))
	}
	if len(k.NodeSelector) > 0 {
		spec.NodeSelector = joined(k.NodeSelector, nil)
	}
	for _, name := range k.ImagePullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	if err := decode(k.Tolerations, &spec.Tolerations); err != nil {
		return nil, fmt.Errorf("resources.k8.tolerations are none that a pod can have: %w", err)
	}
	if err := decode(k.Affinity, &spec.Affinity); err != nil {
		return nil, fmt.Errorf("resources.k8.affinity is none that a pod can have: %w", err)
	}
	return spec, nil
}

// containerOf is where the program runs.
func containerOf(c sweep.Command, mounts []corev1.VolumeMount) corev1.Container {
	return corev1.Container{
		Name:                     mainContainer,
		Image:                    c.Image,
		ImagePullPolicy:          corev1.PullPolicy(c.Cluster.ImagePullPolicy),
		Command:                  literals(arguments(c)),
		WorkingDir:               c.WorkingDir,
		Env:                      variables(c),
		Resources:                resourcesOf(c),
		VolumeMounts:             mounts,
		TerminationMessagePath:   resultFile,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
}

func arguments(c sweep.Command) []string {
	if c.Args == nil {
		return []string{"/bin/sh", "-ec", c.Shell}
	}
	return c.Args
}

// literal is a text that the program gets byte for byte. In commands and
// variables Kubernetes puts a variable's value for $(NAME) and $ for $$, so
// that only with every $ doubled is nothing taken for a variable.
func literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }

func literals(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = literal(text)
	}
	return out
}

func variables(c sweep.Command) []corev1.EnvVar {
	vars := make([]corev1.EnvVar, 0, len(c.Env)+len(c.SecretEnv)+1)
	for _, v := range c.Env {
		vars = append(vars, corev1.EnvVar{Name: v.Name, Value: literal(v.Value)})
	}
	vars = append(vars, corev1.EnvVar{Name: variableResult, Value: resultFile})
	for _, v := range c.SecretEnv {
		secret, key, _ := strings.Cut(v.Value, "/")
		vars = append(vars, corev1.EnvVar{Name: v.Name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
		}}})
	}
	return vars
}

// resourcesOf asks for what it may use at most: the scheduler then finds a
// place where all of it is there.
func resourcesOf(c sweep.Command) corev1.ResourceRequirements {
	list := corev1.ResourceList{}
	if n := c.Resources.MilliCPU; n > 0 {
		list[corev1.ResourceCPU] = *resource.NewMilliQuantity(n, resource.DecimalSI)
	}
	if n := c.Resources.Memory; n > 0 {
		list[corev1.ResourceMemory] = *resource.NewQuantity(n, resource.BinarySI)
	}
	if n := c.Resources.GPUs; n > 0 {
		name := c.Cluster.GPUResource
		if name == "" {
			name = defaultGPU
		}
		list[corev1.ResourceName(name)] = *resource.NewQuantity(int64(n), resource.DecimalSI)
	}
	if len(list) == 0 {
		return corev1.ResourceRequirements{}
	}
	return corev1.ResourceRequirements{Requests: list, Limits: list.DeepCopy()}
}

// checkArguments refuses what no program can be started with, or no cluster
// keep.
func checkArguments(c sweep.Command) error {
	total := 0
	for i, arg := range arguments(c) {
		if len(arg) > maxArgument {
			return fmt.Errorf("argument %d of its command is %d KiB, and a program can be given %d in one: hand large things over in files", i, len(arg)>>10, (maxArgument+1)>>10)
		}
		total += len(literal(arg))
	}
	for _, v := range c.Env {
		if n := len(v.Name) + len("=") + len(v.Value); n > maxArgument {
			return fmt.Errorf("its variable %s is %d KiB, and a program can be given %d in one: hand large things over in files", v.Name, n>>10, (maxArgument+1)>>10)
		}
		total += len(v.Name) + len(literal(v.Value))
	}
	if total > maxAllArguments {
		return fmt.Errorf("its command and variables are %d KiB together, and a Job has room for %d: hand large things over in files", total>>10, maxAllArguments>>10)
	}
	return nil
}

// merged lays the user's YAML over the pod. What the rest of lxsweep lives by
// is put back, or missed loudly.
func merged(template *corev1.PodTemplateSpec, text string, labels map[string]string) (*corev1.PodTemplateSpec, error) {
	const unfit = "resources.k8.pod_template does not fit a pod: %w"
	over, err := yaml.ToJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("resources.k8.pod_template is no YAML: %w", err)
	}
	under, err := json.Marshal(template)
	if err != nil {
		return nil, fmt.Errorf(unfit, err)
	}
	both, err := strategicpatch.StrategicMergePatch(under, over, corev1.PodTemplateSpec{})
	if err != nil {
		return nil, fmt.Errorf(unfit, err)
	}
	result := &corev1.PodTemplateSpec{}
	if err := decode(both, result); err != nil {
		return nil, fmt.Errorf(unfit, err)
	}
	if !slices.ContainsFunc(result.Spec.Containers, func(c corev1.Container) bool { return c.Name == mainContainer }) {
		return nil, fmt.Errorf("resources.k8.pod_template takes away the container %q, which runs the program: add to spec.containers, do not replace it", mainContainer)
	}
	result.Spec.RestartPolicy = corev1.RestartPolicyNever
	if result.Labels == nil {
		result.Labels = map[string]string{}
	}
	for name, label := range labels {
		result.Labels[name] = label
	}
	return result, nil
}

// decode reads JSON, of which every name must be known.
func decode(text []byte, into any) error {
	if text == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s cannot be a %s", wrong.Field, wrong.Value)
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
