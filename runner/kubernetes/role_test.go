package kubernetes

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// TestRules holds that the Role which people are shown is the one that drivers
// get.
func TestRules(t *testing.T) {
	text, err := os.ReadFile("../../examples/kubernetes/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(each(role.Rules), each(Rules())); d != "" {
		t.Errorf("role.yaml and Rules (-want +got):\n%s", d)
	}
}

// each is what rules allow, one by one.
func each(rules []rbacv1.PolicyRule) []string {
	allowed := map[string]bool{}
	for _, r := range rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					allowed[fmt.Sprintf("%s %s/%s", verb, group, resource)] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(allowed))
}
