package hcl

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

const volumePrefix = "resources.k8.volume."

// isForCluster reports whether a setting fills Command.Cluster.
func isForCluster(path string) bool {
	switch path {
	case "resources.k8.secret_env", "resources.k8.namespace", "resources.k8.container_working_dir", "resources.k8.container_data_dir":
		return false
	}
	return strings.HasPrefix(path, "resources.k8.") || path == "resources.build.image_pull_policy"
}

// prepareCluster begins what is asked of a cluster, where anything is.
func (p *program) prepareCluster() {
	for _, path := range p.sortedPaths() {
		s := p.jobs.slots[path]
		if s == nil || !isForCluster(path) {
			continue
		}
		if p.jobs.fixed.Cluster == nil {
			p.jobs.fixed.Cluster = newCluster()
		}
		p.jobs.clusterVaries = p.jobs.clusterVaries || !s.constant
	}
	p.checkVolumes()
}

// namespace is the one that all configs of a sweep are run in.
func (l *loader) namespace(programs []*program) (name string) {
	var first *slot
	for i, p := range programs {
		s := p.jobs.slots["resources.k8.namespace"]
		if s != nil && !s.constant {
			if len(s.parts[0].needs) > 0 {
				l.report(s.parts[0].wrong(nil, "Namespace that varies", "A sweep is run in one namespace, so that this is evaluated once: it may use var and local, but not hp, run or resources."))
			}
			return ""
		}
		own := ""
		if s != nil {
			own, _ = settingText(s.value) // fill has checked it
		}
		if i > 0 && own != name {
			l.report(namespaceClash(p, programs[0], s, first))
			return ""
		}
		first, name = s, own
	}
	return name
}

func namespaceClash(p, q *program, s, first *slot) *hcl2.Diagnostic {
	said := func(p *program, s *slot) string {
		if s == nil {
			return "config." + p.config.name + " names none"
		}
		return fmt.Sprintf("config.%s names %s", p.config.name, describe(s.value))
	}
	at := s
	if at == nil {
		at = first
	}
	return problem(at.parts[0].Range(), "Two namespaces in one sweep", "A sweep is run in one namespace: %s and %s. Let both say the same, or write a sweep for each.", said(p, s), said(q, first))
}

func newCluster() *sweep.Cluster {
	return &sweep.Cluster{OutputRoot: settingDefaults["resources.k8.container_output_dir"].AsString()}
}

// ownCluster is a copy that an experiment may change.
func ownCluster(c *sweep.Cluster) *sweep.Cluster {
	own := *c
	own.Volumes = slices.Clone(c.Volumes)
	return &own
}

// onCluster fills in what only a place in a cluster has.
func (r *resolution) onCluster(c *sweep.Cluster) (*sweep.Cluster, error) {
	if c == nil {
		c = newCluster()
	}
	v, diags := r.value(r.p.jobs.slots["resources.k8.mount_host_dirs"])
	if diags.HasErrors() {
		return nil, failed(diags)
	}
	mounted, _ := settingBool(v) // fill has checked it
	if !mounted && r.place.OutputRoot == "" {
		return c, nil
	}
	own := *c
	if r.place.OutputRoot != "" {
		own.OutputRoot = r.place.OutputRoot
	}
	if mounted {
		var dirs sweep.HostDirs
		for name, dir := range map[string]*string{"working_dir": &dirs.WorkingDir, "data_dir": &dirs.DataDir, "output_dir": &dirs.OutputDir} {
			text, err := r.directorySetting("resources.host." + name)
			if err != nil {
				return nil, err
			}
			*dir = r.onHost(text)
		}
		own.HostDirs = &dirs
	}
	return &own, nil
}

// fillCluster puts a setting's value into what is asked of a cluster.
func (s *slot) fillCluster(c *sweep.Cluster, v cty.Value) (err error) {
	switch s.path {
	case "resources.build.image_pull_policy":
		c.ImagePullPolicy, err = settingOneOf(v, "Always", "IfNotPresent", "Never")
	case "resources.k8.container_output_dir":
		c.OutputRoot, err = settingChecked(v, checkMountPath)
	case "resources.k8.gpu_resource":
		c.GPUResource, err = settingChecked(v, checkResource)
	case "resources.k8.service_account":
		c.ServiceAccount, err = settingChecked(v, checkDNSName)
	case "resources.k8.priority_class":
		c.PriorityClass, err = settingChecked(v, checkDNSName)
	case "resources.k8.queue":
		c.Queue, err = settingChecked(v, checkDNSLabel)
	case "resources.k8.image_pull_secrets":
		c.ImagePullSecrets, err = settingNames(v)
	case "resources.k8.node_selector":
		err = fillVars(&c.NodeSelector, v, checkLabel)
	case "resources.k8.labels":
		err = fillVars(&c.Labels, v, checkOwnLabel)
	case "resources.k8.annotations":
		err = fillVars(&c.Annotations, v, checkAnnotation)
	case "resources.k8.tolerations":
		c.Tolerations, err = settingTolerations(v)
	case "resources.k8.affinity":
		c.Affinity, err = settingAffinity(v)
	case "resources.k8.pending_timeout":
		c.PendingTimeout, err = settingAs(v, parseDuration)
	case "resources.k8.keep_jobs":
		c.KeepJobs, err = settingAs(v, parseDuration)
	case "resources.k8.restricted":
		c.Restricted, err = settingBool(v)
	case "resources.k8.pod_template":
		c.PodTemplate, err = settingChecked(v, checkPodTemplate)
	case "resources.k8.mount_host_dirs":
		_, err = settingBool(v) // onCluster knows the folders
	default:
		err = s.fillVolume(c, v)
	}
	return err
}

// volumeSources are the attributes that say where a volume comes from.
var volumeSources = []string{"persistent_volume_claim", "host_path", "nfs", "empty_dir", "config_map", "secret"}

// splitVolume parts "resources.k8.volume.data.mount_path".
func splitVolume(path string) (name, attribute string) {
	rest := strings.TrimPrefix(path, volumePrefix)
	i := strings.LastIndexByte(rest, '.')
	return rest[:i], rest[i+1:]
}

func (s *slot) fillVolume(c *sweep.Cluster, v cty.Value) (err error) {
	name, attribute := splitVolume(s.path)
	i, found := slices.BinarySearchFunc(c.Volumes, name, func(v sweep.Volume, name string) int { return strings.Compare(v.Name, name) })
	if !found {
		c.Volumes = slices.Insert(c.Volumes, i, sweep.Volume{Name: name})
	}
	to := &c.Volumes[i]
	switch attribute {
	case "mount_path":
		to.MountPath, err = settingChecked(v, checkMountPath)
		for _, other := range c.Volumes {
			if err == nil && other.MountPath == to.MountPath && other.Name != name {
				err = fmt.Errorf("volume %q is mounted at %s already", other.Name, other.MountPath)
			}
		}
	case "sub_path":
		to.SubPath, err = settingChecked(v, checkSubPath)
	case "read_only":
		to.ReadOnly, err = settingBool(v)
	case "persistent_volume_claim":
		to.Claim, err = settingChecked(v, checkDNSName)
	case "host_path":
		to.HostPath, err = settingChecked(v, checkAbsolute)
	case "nfs":
		to.NFS, err = settingChecked(v, checkNFS)
	case "empty_dir":
		to.EmptyDir, err = settingOneOf(v, "disk", "memory")
	case "size_limit":
		to.SizeLimit, err = settingAs(v, parseMemory)
	case "config_map":
		to.ConfigMap, err = settingChecked(v, checkDNSName)
	case "secret":
		to.Secret, err = settingChecked(v, checkDNSName)
	default:
		panic("hcl: a volume has no attribute " + attribute)
	}
	return err
}

// checkVolumes holds volumes to one source and a place each.
func (p *program) checkVolumes() {
	volumes := map[string]map[string]hcl2.Range{}
	for path, layers := range p.settings {
		if strings.HasPrefix(path, volumePrefix) {
			name, attribute := splitVolume(path)
			if volumes[name] == nil {
				volumes[name] = map[string]hcl2.Range{}
			}
			volumes[name][attribute] = layers[0].at
		}
	}
	for name, written := range volumes {
		p.loader.report(incomplete(name, written)...)
	}
}

// incomplete is what is wrong with a volume once all configs have had their say.
func incomplete(name string, written map[string]hcl2.Range) (diags hcl2.Diagnostics) {
	some := written[slices.Min(slices.Collect(maps.Keys(written)))]
	var sources []string
	for _, source := range volumeSources {
		if _, ok := written[source]; ok {
			sources = append(sources, source)
		}
	}
	switch {
	case len(sources) == 0:
		diags = append(diags, problem(some, "Volume without a source", "Volume %q does not say where it comes from: give it one of %s.", name, listed(volumeSources, "or")))
	case len(sources) > 1:
		diags = append(diags, problem(written[sources[1]], "Volume with two sources", "Volume %q has %s: keep one. What a config inherits is taken away by null: %s = null.", name, listed(sources, "and"), sources[0]))
	}
	if _, ok := written["mount_path"]; !ok {
		diags = append(diags, problem(some, "Volume without a place", "Volume %q does not say where it is mounted: write mount_path = \"/data\".", name))
	}
	if at, ok := written["size_limit"]; ok && !slices.Contains(sources, "empty_dir") {
		diags = append(diags, problem(at, "Size of a volume that has one", "size_limit is for a volume made with empty_dir, and volume %q comes from elsewhere.", name))
	}
	return diags
}

// volumeProblems are those of a block by itself: what it lacks, another config
// may give.
func volumeProblems(name string, at hcl2.Range, written []setting) (diags hcl2.Diagnostics) {
	err := checkDNSLabel(name)
	if err == nil && strings.HasPrefix(name, "lxsweep-") {
		err = errors.New("names of volumes that begin with lxsweep- are lxsweep's own")
	}
	if err != nil {
		diags = append(diags, problem(at, "Unusable volume name", "%s", sentence(err.Error())))
	}
	if len(written) == 0 {
		diags = append(diags, problem(at, "Empty volume", "Say where volume %q comes from, %s, and its mount_path.", name, listed(volumeSources, "or")))
	}
	return diags
}

// settingChecked is a text that check has nothing against.
func settingChecked(v cty.Value, check func(string) error) (string, error) {
	text, err := settingText(v)
	if err == nil {
		err = check(text)
	}
	return text, err
}

func settingOneOf(v cty.Value, choices ...string) (string, error) {
	return settingChecked(v, func(text string) error {
		if slices.Contains(choices, text) {
			return nil
		}
		return fmt.Errorf("it is one of %s, not %q.%s", listed(choices, "or"), text, didYouMean(text, choices))
	})
}

func settingNames(v cty.Value) ([]string, error) {
	names, err := settingTexts(v)
	for i, name := range names {
		if err == nil && checkDNSName(name) != nil {
			err = fmt.Errorf("element %d: %w", i, checkDNSName(name))
		}
	}
	return names, err
}

// tolerationFields are what a toleration has, by its documentation.
var tolerationFields = []string{"key", "operator", "value", "effect", "tolerationSeconds"}

func settingTolerations(v cty.Value) (json.RawMessage, error) {
	value, err := fromCty(v)
	if err != nil {
		return nil, err
	}
	list, ok := value.AsList()
	if !ok {
		return nil, fmt.Errorf("a list of tolerations is wanted, [{ key = \"gpu\", operator = \"Exists\" }], not %s", describe(v))
	}
	for i, e := range list {
		toleration, ok := e.AsObject()
		if !ok {
			return nil, fmt.Errorf("element %d: a toleration is wanted, { key = \"gpu\", operator = \"Exists\" }, not %s", i, e)
		}
		for name := range toleration.All() {
			if !slices.Contains(tolerationFields, name) {
				return nil, fmt.Errorf("element %d: a toleration has %s, and no %s.%s", i, listed(tolerationFields, "and"), name, didYouMean(name, tolerationFields))
			}
		}
	}
	return value.AppendJSON(nil), nil
}

func settingAffinity(v cty.Value) (json.RawMessage, error) {
	value, err := fromCty(v)
	if err != nil {
		return nil, err
	}
	affinity, ok := value.AsObject()
	if !ok {
		return nil, fmt.Errorf("an affinity is wanted as in a pod, { nodeAffinity = { ... } }, not %s", describe(v))
	}
	kinds := []string{"nodeAffinity", "podAffinity", "podAntiAffinity"}
	for name := range affinity.All() {
		if !slices.Contains(kinds, name) {
			return nil, fmt.Errorf("an affinity has %s, and no %s.%s", listed(kinds, "and"), name, didYouMean(name, kinds))
		}
	}
	return value.AppendJSON(nil), nil
}

// checkPodTemplate takes YAML of the form { metadata, spec }.
func checkPodTemplate(text string) error {
	var template map[string]any
	if err := yaml.Unmarshal([]byte(text), &template); err != nil {
		return fmt.Errorf("this is no YAML object: %s", strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	for _, name := range slices.Sorted(maps.Keys(template)) {
		if name != "metadata" && name != "spec" {
			return fmt.Errorf("a pod template has metadata and spec, and no %s: what belongs to the pod is written under spec", name)
		}
		if _, ok := template[name].(map[string]any); !ok {
			return fmt.Errorf("%s is an object in a pod template", name)
		}
	}
	return nil
}
