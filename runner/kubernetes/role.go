package kubernetes

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"
)

// Rules are the least Role of whoever runs apply: what a Runner needs, and the
// reading of what plan says of quotas.
func Rules() []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, p := range slices.Concat(permissions, verbs("", "resourcequotas", "", "list"), verbs("", "limitranges", "", "list")) {
		name := p.resource
		if p.subresource != "" {
			name += "/" + p.subresource
		}
		if n := len(rules); n > 0 && rules[n-1].APIGroups[0] == p.group && rules[n-1].Resources[0] == name {
			rules[n-1].Verbs = append(rules[n-1].Verbs, p.verb)
			continue
		}
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{p.group}, Resources: []string{name}, Verbs: []string{p.verb}})
	}
	return rules
}

// REST is for what a Runner does not do in its namespace, by the paths of the
// API and in JSON.
func (c *Cluster) REST() rest.Interface { return c.core }
