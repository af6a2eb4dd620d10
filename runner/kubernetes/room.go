package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// room is what a namespace's quotas and limit ranges leave for pods: what the
// server checks when a Job's pod is made, which no dry run of the Job tells.
type room struct {
	quotas []corev1.ResourceQuota
	ranges []corev1.LimitRangeItem
}

// room reads what may be read: the permission for it is not asked for.
func (r *Runner) room(ctx context.Context) *room {
	all := &room{}
	if quotas, err := r.cluster.quotas.List(ctx, metav1.ListOptions{}); err == nil {
		all.quotas = quotas.Items
	}
	if ranges, err := r.cluster.ranges.List(ctx, metav1.ListOptions{}); err == nil {
		for _, one := range ranges.Items {
			all.ranges = append(all.ranges, one.Spec.Limits...)
		}
	}
	return all
}

// judge tells whether such pods can be, and how many at once.
func (r *room) judge(pod *corev1.PodSpec, runName string, ready *Readiness) {
	problem := func(format string, args ...any) {
		ready.Problems = append(ready.Problems, runName+": "+fmt.Sprintf(format, args...))
	}
	asks := r.asksOf(pod)
	for _, limit := range r.ranges {
		if limit.Type != corev1.LimitTypeContainer && limit.Type != corev1.LimitTypePod {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(limit.Max)) {
			most, ask := limit.Max[name], asks["limits."+name]
			if ask.Cmp(most) > 0 {
				problem("it asks for %s of %s, and a limit range allows %s for a %s", ask.String(), name, most.String(), strings.ToLower(string(limit.Type)))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(limit.Min)) {
			least, ask := limit.Min[name], asks["requests."+name]
			if !ask.IsZero() && ask.Cmp(least) < 0 {
				problem("it asks for %s of %s, and a limit range wants at least %s", ask.String(), name, least.String())
			}
		}
	}
	for _, q := range r.quotas {
		if len(q.Spec.Scopes) > 0 || q.Spec.ScopeSelector != nil {
			continue // it is not for every pod
		}
		for _, name := range slices.Sorted(maps.Keys(q.Status.Hard)) {
			hard, used, ask := q.Status.Hard[name], q.Status.Used[name], asks[name]
			switch {
			case ask.IsZero() && mustBeStated(name):
				problem("quota %s counts %s, so that every pod must state it: set run.%s", q.Name, name, settingOf(name))
			case ask.IsZero():
			case ask.Cmp(hard) > 0:
				problem("it asks for %s of %s, and quota %s allows %s in all", ask.String(), name, q.Name, hard.String())
			default:
				free := hard.DeepCopy()
				free.Sub(used)
				ready.Notes = append(ready.Notes, fmt.Sprintf("quota %s leaves room for %d at once (%s: %s of %s is free)",
					q.Name, max(0, free.MilliValue()/ask.MilliValue()), name, free.String(), hard.String()))
			}
		}
	}
}

// mustBeStated reports whether pods that do not ask for what a quota counts
// under this name are refused.
func mustBeStated(name corev1.ResourceName) bool { return settingOf(name) != "" }

// settingOf is the attribute that states what a quota counts.
func settingOf(name corev1.ResourceName) string {
	switch strings.TrimPrefix(strings.TrimPrefix(string(name), "requests."), "limits.") {
	case "cpu":
		return "max_cpu"
	case "memory":
		return "max_memory"
	}
	return ""
}

// asksOf is what one pod of these counts for in a quota, by the quota's names,
// with what limit ranges give it.
func (r *room) asksOf(pod *corev1.PodSpec) corev1.ResourceList {
	one := resource.MustParse("1")
	asks := corev1.ResourceList{"pods": one, "count/pods": one, "count/jobs.batch": one}
	add := func(name corev1.ResourceName, q resource.Quantity) {
		sum := asks[name]
		sum.Add(q)
		asks[name] = sum
	}
	for i := range pod.Containers {
		requests, limits := r.given(&pod.Containers[i])
		for name, q := range requests {
			add("requests."+name, q)
			if name == corev1.ResourceCPU || name == corev1.ResourceMemory {
				add(name, q)
			}
		}
		for name, q := range limits {
			add("limits."+name, q)
		}
	}
	return asks
}

// given are a container's requests and limits, with the defaults of limit
// ranges.
func (r *room) given(c *corev1.Container) (requests, limits corev1.ResourceList) {
	requests, limits = corev1.ResourceList{}, corev1.ResourceList{}
	for _, limit := range r.ranges {
		if limit.Type == corev1.LimitTypeContainer {
			maps.Copy(requests, limit.DefaultRequest)
			maps.Copy(limits, limit.Default)
		}
	}
	maps.Copy(requests, c.Resources.Requests)
	maps.Copy(limits, c.Resources.Limits)
	return requests, limits
}
