package hcl

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// kubernetes is the Place.Runner where things are in a container.
const kubernetes = "kubernetes"

// The stand-ins of the zero Place. They are part of every work hash and never
// change.
var standIns = map[string]cty.Value{
	"run_name":    cty.StringVal("RUN_NAME"),
	"jobid":       cty.NumberIntVal(0),
	"round":       cty.StringVal("ROUND"),
	"working_dir": cty.StringVal("/WORKING_DIR"),
	"data_dir":    cty.StringVal("/DATA_DIR"),
	"output_dir":  cty.StringVal("/OUTPUT_DIR"),
	"mlflow_dir":  cty.StringVal("/MLFLOW_DIR"),
}

// directorySettings are the attributes that say where things are.
var directorySettings = []string{
	"resources.host.working_dir", "resources.host.data_dir", "resources.host.output_dir", "resources.host.mlflow_dir",
	"resources.k8.container_working_dir", "resources.k8.container_data_dir", "resources.k8.container_output_dir",
}

func isDirectory(path string) bool { return slices.Contains(directorySettings, path) }

func standInDirectory(path string) string {
	name := strings.TrimPrefix(path[strings.LastIndexByte(path, '.')+1:], "container_")
	return standIns[name].AsString()
}

// placeValue is a name under run that is known once an experiment has its
// place.
func (r *resolution) placeValue(name string) (cty.Value, *evaluationError) {
	if r.standing {
		return standIns[name], nil
	}
	switch name {
	case "run_name":
		return cty.StringVal(r.place.RunName), nil
	case "jobid":
		return cty.NumberIntVal(int64(r.place.Number)), nil
	case "round":
		return cty.StringVal(r.place.Round), nil
	}
	dir, err := r.directory(name)
	var evaluation *evaluationError
	if errors.As(err, &evaluation) {
		return cty.DynamicVal, evaluation
	}
	return cty.StringVal(dir), nil
}

// directory is where the runner has working_dir, data_dir or output_dir.
func (r *resolution) directory(name string) (string, error) {
	if r.standing {
		return standIns[name].AsString(), nil
	}
	if name == "output_dir" && r.place.OutputRoot != "" {
		return filepath.Join(r.place.OutputRoot, r.place.OutputName), nil
	}
	if r.place.Runner == kubernetes {
		dir, err := r.directorySetting("resources.k8.container_" + name)
		if name == "output_dir" {
			dir = path.Join(dir, r.place.OutputName)
		}
		return dir, err
	}
	dir, err := r.directorySetting("resources.host." + name)
	if err != nil {
		return "", err
	}
	dir = r.onHost(dir)
	if name == "output_dir" {
		dir = filepath.Join(dir, r.place.OutputName)
	}
	return dir, nil
}

// directorySetting is a folder as an attribute says it.
func (r *resolution) directorySetting(setting string) (string, error) {
	v, diags := r.value(r.p.jobs.slots[setting])
	if diags.HasErrors() {
		return "", failed(diags)
	}
	dir, err := settingText(v)
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting, err)
	}
	return dir, nil
}

// onHost makes a directory absolute; relative ones start at the folder of the
// first file.
func (r *resolution) onHost(dir string) string {
	if isServer(dir) {
		return dir
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(r.p.dir, dir)
	}
	return filepath.Clean(dir)
}

func (r *resolution) mlflowDir(dir string) string {
	if r.standing {
		return standIns["mlflow_dir"].AsString()
	}
	if r.place.Runner == kubernetes && !isServer(dir) {
		return "" // a folder that no container has
	}
	return r.onHost(dir)
}

// isServer tells a tracking server from a folder.
func isServer(dir string) bool { return strings.Contains(dir, "://") }
