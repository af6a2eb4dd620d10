package schedule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// Objects are what the cluster is to have for a driver, in the order in which
// they are made.
type Objects struct {
	driver *Driver
	list   []object
}

// object is one of the cluster's.
type object interface {
	runtime.Object
	metav1.Object
}

func (o *Objects) add(obj object) { o.list = append(o.list, obj) }

// resources are the names of kinds in the API's paths.
var resources = map[string]string{
	"ServiceAccount": "serviceaccounts", "Role": "roles", "RoleBinding": "rolebindings", "Secret": "secrets",
	"PersistentVolumeClaim": "persistentvolumeclaims", "ConfigMap": "configmaps", "CronJob": "cronjobs", "Job": "jobs",
}

// pathOf is where the API has an object.
func pathOf(obj object) string {
	version, kind := obj.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()
	return collection(version, kind, obj.GetNamespace()) + "/" + obj.GetName()
}

func collection(version, kind, namespace string) string {
	prefix := "/apis/"
	if version == "v1" {
		prefix = "/api/"
	}
	return prefix + version + "/namespaces/" + namespace + "/" + resources[kind]
}

// wordFor is an object as people call it.
func wordFor(obj object) string {
	return strings.ToLower(obj.GetObjectKind().GroupVersionKind().Kind) + "/" + obj.GetName()
}

// plain is an object as it is sent: what is not said is not there.
func plain(obj object) (map[string]any, error) {
	text, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // not all whole numbers are floats
	if err := d.Decode(&fields); err != nil {
		return nil, err
	}
	delete(fields, "status")
	prune(fields)
	return fields, nil
}

// prune takes away what is null or an empty struct, as types without omitempty
// leave it; an emptyDir that says nothing is one all the same.
func prune(fields map[string]any) {
	for name, value := range fields {
		switch value := value.(type) {
		case nil:
			delete(fields, name)
		case map[string]any:
			if prune(value); len(value) == 0 && name != "emptyDir" {
				delete(fields, name)
			}
		case []any:
			for _, v := range value {
				if inner, ok := v.(map[string]any); ok {
					prune(inner)
				}
			}
		}
	}
}

// YAML is all of them for kubectl apply, but for Secrets: those are a comment
// that says how to make them.
func (o *Objects) YAML() ([]byte, error) {
	var text bytes.Buffer
	for i, obj := range o.list {
		if i > 0 {
			text.WriteString("---\n")
		}
		if secret, ok := obj.(*corev1.Secret); ok {
			text.WriteString(o.instead(secret))
			continue
		}
		document, err := asYAML(obj)
		if err != nil {
			return nil, err
		}
		text.Write(document)
	}
	return text.Bytes(), nil
}

func asYAML(obj object) ([]byte, error) {
	fields, err := plain(obj)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(fields)
}

// instead is the comment in a Secret's place.
func (o *Objects) instead(s *corev1.Secret) string {
	text := fmt.Sprintf("# The Secret %s is not printed. lxsweep schedule --apply makes it, or:\n# kubectl create secret generic %[1]s --namespace %s", s.Name, s.Namespace)
	for _, key := range slices.Sorted(maps.Keys(s.Data)) {
		variable := key
		if key == keyURL {
			variable = variableState
		}
		text += fmt.Sprintf(" \\\n#   --from-literal %s=\"$%s\"", key, variable)
	}
	return text + fmt.Sprintf("\n# kubectl label secret %s --namespace %s %s=%s\n", s.Name, s.Namespace, Label, o.driver.Name)
}
