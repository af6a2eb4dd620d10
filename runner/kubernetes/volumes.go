package kubernetes

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/lxsweep/lxsweep/sweep"
)

// The volumes that are ours; the language keeps the prefix from the user's.
const (
	volumeOutput      = "lxsweep-output"
	volumeHostWorking = "lxsweep-host-working"
	volumeHostData    = "lxsweep-host-data"
	volumeHostOutput  = "lxsweep-host-output"
)

// volumesOf are the pod's volumes and where its program has them.
func volumesOf(c sweep.Command) ([]corev1.Volume, []corev1.VolumeMount, error) {
	wanted := allVolumes(c)
	var volumes []corev1.Volume
	var mounts []corev1.VolumeMount
	at := map[string]string{}
	for _, v := range wanted {
		if other, taken := at[path.Clean(v.MountPath)]; taken {
			return nil, nil, fmt.Errorf("volumes %s and %s are both mounted at %s: give one another mount_path", other, v.Name, v.MountPath)
		}
		at[path.Clean(v.MountPath)] = v.Name
		volumes = append(volumes, corev1.Volume{Name: v.Name, VolumeSource: sourceOf(v)})
		mounts = append(mounts, corev1.VolumeMount{Name: v.Name, MountPath: v.MountPath, SubPath: v.SubPath, ReadOnly: v.ReadOnly})
	}
	below, ok := covering(wanted, c.OutputDir)
	switch {
	case !ok:
		volumes = append(volumes, corev1.Volume{Name: volumeOutput, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		mounts = append(mounts, corev1.VolumeMount{Name: volumeOutput, MountPath: c.OutputDir})
	case below.ReadOnly || below.ConfigMap != "" || below.Secret != "":
		return nil, nil, fmt.Errorf("its output folder %s is in volume %s, which cannot be written to: put resources.k8.container_output_dir elsewhere", c.OutputDir, below.Name)
	case path.Clean(below.MountPath) != path.Clean(c.OutputDir):
		// Mounted once more by itself, so that the kubelet makes the folder.
		rest := strings.TrimPrefix(path.Clean(c.OutputDir), path.Clean(below.MountPath))
		mounts = append(mounts, corev1.VolumeMount{
			Name: below.Name, MountPath: c.OutputDir, SubPath: strings.TrimPrefix(path.Join(below.SubPath, rest), "/"),
		})
	}
	return volumes, mounts, nil
}

// keepsOutput reports whether what the program writes to its output folder
// outlives its pod.
func keepsOutput(c sweep.Command) bool {
	v, ok := covering(allVolumes(c), c.OutputDir)
	return ok && v.EmptyDir == ""
}

// allVolumes are the user's, and the host's folders if those are mounted.
func allVolumes(c sweep.Command) []sweep.Volume {
	k := c.Cluster
	if k == nil {
		return nil
	}
	if k.HostDirs == nil {
		return k.Volumes
	}
	all := append([]sweep.Volume{}, k.Volumes...)
	for _, v := range []sweep.Volume{
		{Name: volumeHostWorking, HostPath: k.HostDirs.WorkingDir, MountPath: c.WorkingDir},
		{Name: volumeHostData, HostPath: k.HostDirs.DataDir, MountPath: c.DataDir},
		{Name: volumeHostOutput, HostPath: k.HostDirs.OutputDir, MountPath: k.OutputRoot},
	} {
		if !isMounted(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// isMounted reports whether v's folder is at its place already, as one folder
// may be working and data directory.
func isMounted(volumes []sweep.Volume, v sweep.Volume) bool {
	for _, other := range volumes {
		if other.HostPath == v.HostPath && other.MountPath == v.MountPath {
			return true
		}
	}
	return false
}

// covering is the volume that a folder is in.
func covering(volumes []sweep.Volume, dir string) (found sweep.Volume, ok bool) {
	dir = path.Clean(dir) + "/"
	longest := -1
	for _, v := range volumes {
		root := strings.TrimSuffix(path.Clean(v.MountPath), "/") + "/"
		if strings.HasPrefix(dir, root) && len(root) > longest {
			found, ok, longest = v, true, len(root)
		}
	}
	return found, ok
}

func sourceOf(v sweep.Volume) (s corev1.VolumeSource) {
	switch {
	case v.Claim != "":
		s.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: v.Claim}
	case v.HostPath != "":
		s.HostPath = &corev1.HostPathVolumeSource{Path: v.HostPath, Type: hostPathType(v.Name)}
	case v.NFS != "":
		server, exported, _ := strings.Cut(v.NFS, ":/")
		s.NFS = &corev1.NFSVolumeSource{Server: server, Path: "/" + exported}
	case v.ConfigMap != "":
		s.ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: v.ConfigMap}}
	case v.Secret != "":
		s.Secret = &corev1.SecretVolumeSource{SecretName: v.Secret}
	default:
		s.EmptyDir = &corev1.EmptyDirVolumeSource{}
		if v.EmptyDir == "memory" {
			s.EmptyDir.Medium = corev1.StorageMediumMemory
		}
		if v.SizeLimit > 0 {
			s.EmptyDir.SizeLimit = resource.NewQuantity(v.SizeLimit, resource.BinarySI)
		}
	}
	return s
}

// hostPathType has the kubelet make the output folder and miss the others; of
// the user's own paths it asks nothing.
func hostPathType(volume string) *corev1.HostPathType {
	switch volume {
	case volumeHostOutput:
		return new(corev1.HostPathDirectoryOrCreate)
	case volumeHostWorking, volumeHostData:
		return new(corev1.HostPathDirectory)
	}
	return nil
}
