package hcl

import (
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
)

// settingType is what a value of an attribute in run or resources must be.
type settingType uint8

const (
	textSetting    settingType = iota
	commandSetting             // a string, or a list of strings
	textsSetting               // a list of strings
	codesSetting               // a list of whole numbers
	countSetting               // a whole number from 0
	boolSetting
	textMapSetting // merged name by name; null removes one
	cpuSetting
	memorySetting
	durationSetting
	freeSetting // an object or a list that another reads
)

// settingTypes is every attribute of run and resources; the name of a volume is
// left out of its path.
var settingTypes = map[string]settingType{
	"run.experiment_name":     textSetting,
	"run.cmd":                 commandSetting,
	"run.inputs":              textsSetting,
	"run.max_cpu":             cpuSetting,
	"run.max_memory":          memorySetting,
	"run.gpus":                countSetting,
	"run.timeout":             durationSetting,
	"run.retries":             countSetting,
	"run.no_retry_exit_codes": codesSetting,
	"run.env":                 textMapSetting,
	"run.reads_hp":            boolSetting,
	"run.metrics.pattern":     textSetting,

	"resources.build.image_url":         textSetting,
	"resources.build.build_steps":       textsSetting,
	"resources.build.image_pull_policy": textSetting,

	"resources.host.working_dir": textSetting,
	"resources.host.data_dir":    textSetting,
	"resources.host.output_dir":  textSetting,
	"resources.host.mlflow_dir":  textSetting,

	"resources.k8.container_working_dir":          textSetting,
	"resources.k8.container_data_dir":             textSetting,
	"resources.k8.container_output_dir":           textSetting,
	"resources.k8.namespace":                      textSetting,
	"resources.k8.gpu_resource":                   textSetting,
	"resources.k8.service_account":                textSetting,
	"resources.k8.secret_env":                     textMapSetting,
	"resources.k8.node_selector":                  textMapSetting,
	"resources.k8.labels":                         textMapSetting,
	"resources.k8.annotations":                    textMapSetting,
	"resources.k8.tolerations":                    freeSetting,
	"resources.k8.affinity":                       freeSetting,
	"resources.k8.priority_class":                 textSetting,
	"resources.k8.image_pull_secrets":             textsSetting,
	"resources.k8.queue":                          textSetting,
	"resources.k8.pending_timeout":                durationSetting,
	"resources.k8.keep_jobs":                      durationSetting,
	"resources.k8.restricted":                     boolSetting,
	"resources.k8.mount_host_dirs":                boolSetting,
	"resources.k8.pod_template":                   textSetting,
	"resources.k8.volume.persistent_volume_claim": textSetting,
	"resources.k8.volume.host_path":               textSetting,
	"resources.k8.volume.nfs":                     textSetting,
	"resources.k8.volume.empty_dir":               textSetting,
	"resources.k8.volume.size_limit":              memorySetting,
	"resources.k8.volume.config_map":              textSetting,
	"resources.k8.volume.secret":                  textSetting,
	"resources.k8.volume.mount_path":              textSetting,
	"resources.k8.volume.sub_path":                textSetting,
	"resources.k8.volume.read_only":               boolSetting,
}

// settingSchemas are the bodies that the attributes above are written in.
var settingSchemas = map[string]*hcl2.BodySchema{
	"run": {
		Attributes: attributesOf("experiment_name", "cmd", "inputs", "max_cpu", "max_memory", "gpus", "timeout",
			"retries", "no_retry_exit_codes", "env", "reads_hp"),
		Blocks: blocksOf("metrics"),
	},
	"run.metrics":     {Attributes: attributesOf("pattern")},
	"resources":       {Blocks: blocksOf("build", "host", "k8")},
	"resources.build": {Attributes: attributesOf("image_url", "build_steps", "image_pull_policy")},
	"resources.host":  {Attributes: attributesOf("working_dir", "data_dir", "output_dir", "mlflow_dir")},
	"resources.k8": {
		Attributes: attributesOf("container_working_dir", "container_data_dir", "container_output_dir", "namespace",
			"gpu_resource", "service_account", "secret_env", "node_selector", "labels", "annotations", "tolerations", "affinity",
			"priority_class", "image_pull_secrets", "queue", "pending_timeout", "keep_jobs", "restricted", "mount_host_dirs",
			"pod_template"),
		Blocks: []hcl2.BlockHeaderSchema{{Type: "volume", LabelNames: []string{"name"}}},
	},
	"resources.k8.volume": {Attributes: attributesOf("persistent_volume_claim", "host_path", "nfs", "empty_dir", "size_limit",
		"config_map", "secret", "mount_path", "sub_path", "read_only")},
}

// typeOfSetting finds the type of a path, volumes' names and all.
func typeOfSetting(path string) (settingType, bool) {
	if rest, ok := strings.CutPrefix(path, volumePrefix); ok {
		i := strings.LastIndexByte(rest, '.')
		if i < 0 {
			return 0, false
		}
		path = "resources.k8.volume" + rest[i:]
	}
	t, ok := settingTypes[path]
	return t, ok
}
