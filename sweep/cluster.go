package sweep

import (
	"encoding/json"
	"time"
)

// Cluster is what an experiment asks of a cluster beyond its Resources:
// resources.k8 of its config. It is in no hash, is shared by experiments, and
// is never changed once made. Runners of single machines do not look at it.
type Cluster struct {
	// GPUResource is the name that the cluster counts gpus under, empty for the
	// runner's default.
	GPUResource string
	// ImagePullPolicy is "Always", "IfNotPresent" or "Never"; empty for the
	// cluster's own rule.
	ImagePullPolicy  string
	ImagePullSecrets []string
	ServiceAccount   string
	PriorityClass    string
	// Queue is the queue that admits the experiment; empty for none.
	Queue string
	// NodeSelector, Labels and Annotations are sorted by name.
	NodeSelector, Labels, Annotations []Var
	// Tolerations is a JSON list and Affinity a JSON object as a pod has them;
	// nil for none.
	Tolerations, Affinity json.RawMessage
	Volumes               []Volume // in the order of their names
	// OutputRoot is the folder in the container below which OutputDir is.
	OutputRoot string
	// HostDirs are the host's folders that take the places of WorkingDir,
	// DataDir and OutputDir in the container (mount_host_dirs); nil for none.
	HostDirs *HostDirs
	// PendingTimeout fails what has not started so long after its creation; 0
	// for never.
	PendingTimeout time.Duration
	// KeepJobs is how long an ended experiment stays to be looked at; 0 for not
	// at all.
	KeepJobs time.Duration
	// Restricted asks for what the strictest pod security standard demands.
	Restricted bool
	// PodTemplate is YAML that is merged into the pod; empty for none.
	PodTemplate string
}

// HostDirs are absolute folders of a host.
type HostDirs struct{ WorkingDir, DataDir, OutputDir string }

// Volume is a folder that is brought into the container. Exactly one of Claim,
// HostPath, NFS, EmptyDir, ConfigMap and Secret says where from.
type Volume struct {
	Name      string
	MountPath string // absolute, in the container
	SubPath   string // the part of it that is mounted; empty for all of it
	ReadOnly  bool

	Claim     string // a persistent volume claim
	HostPath  string // absolute, on the node
	NFS       string // "server:/exported/path"
	EmptyDir  string // "disk" or "memory"
	SizeLimit int64  // bytes of an EmptyDir; 0 for none
	ConfigMap string
	Secret    string
}
