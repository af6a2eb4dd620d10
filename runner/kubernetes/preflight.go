package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lxsweep/lxsweep/runner"
)

// permission is a verb on a resource that a Runner needs in its namespace.
type permission struct{ group, resource, subresource, verb string }

func (p permission) String() string {
	name := p.resource
	if p.group != "" {
		name += "." + p.group
	}
	if p.subresource != "" {
		name += "/" + p.subresource
	}
	return p.verb + " " + name
}

// permissions are all that a Runner needs; role.yaml grants them.
var permissions = slices.Concat(
	verbs("batch", "jobs", "", "create", "get", "list", "watch", "patch", "delete"),
	verbs("", "pods", "", "list", "watch"),
	verbs("", "pods", "log", "get"),
	verbs("", "events", "", "list"),
	verbs("coordination.k8s.io", "leases", "", "create", "get", "update"),
)

func verbs(group, name, subresource string, verbs ...string) (list []permission) {
	for _, verb := range verbs {
		list = append(list, permission{group, name, subresource, verb})
	}
	return list
}

// oldest is the oldest minor version of Kubernetes 1 that knows everything that
// a Job of ours says.
const oldest = 31

// Readiness is what a look at the cluster, before anything is started, has found.
type Readiness struct {
	Version string
	// Problems keep everything, or all experiments of a kind, from starting.
	Problems []string
	// Notes are worth knowing: what a quota leaves room for, an output folder
	// that is lost with its pod.
	Notes []string
}

// Preflight asks whether experiments like these, one of each kind, could be
// started: it reviews permissions and lets the server validate a Job of each
// without making it. It starts nothing.
func (r *Runner) Preflight(ctx context.Context, examples []runner.Attempt) (*Readiness, error) {
	ready := &Readiness{}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := r.version(ctx, ready); err != nil {
		return nil, fmt.Errorf("asking the cluster at %s: %w", r.cluster.Server, err)
	}
	if err := r.permitted(ctx, ready); err != nil {
		return nil, fmt.Errorf("asking what is permitted in namespace %s: %w", r.cluster.Namespace, err)
	}
	if len(ready.Problems) > 0 {
		return ready, nil
	}
	room := r.room(ctx)
	for i, a := range examples {
		job, err := jobOf(a, r.jobOptions())
		if err == nil {
			job.Name = fmt.Sprintf("lxsweep-dry-run-%d", i)
			err = r.dryRun(ctx, job)
		}
		if err != nil {
			ready.Problems = append(ready.Problems, fmt.Sprintf("%s: %v", a.RunName, err))
			continue
		}
		if !keepsOutput(a.Command) {
			ready.Notes = append(ready.Notes, fmt.Sprintf("%s: no volume is mounted at %s: what it writes there is lost with its pod (resources.k8.volume)", a.RunName, a.Command.OutputDir))
		}
		room.judge(&job.Spec.Template.Spec, a.RunName, ready)
	}
	return ready, nil
}

func (r *Runner) version(ctx context.Context, ready *Readiness) error {
	text, err := r.cluster.core.Get().AbsPath("/version").Do(ctx).Raw()
	if err != nil {
		return err
	}
	var v struct{ Major, Minor, GitVersion string }
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	ready.Version = v.GitVersion
	minor, _ := strconv.Atoi(strings.TrimRight(v.Minor, "+")) // some vendors append a plus
	if v.Major == "1" && minor > 0 && minor < oldest {
		ready.Problems = append(ready.Problems, fmt.Sprintf("the cluster is Kubernetes %s; lxsweep needs 1.%d, for Jobs that replace preempted pods", v.GitVersion, oldest))
	}
	return nil
}

// permitted reviews the permissions, and lists those that are missing.
func (r *Runner) permitted(ctx context.Context, ready *Readiness) error {
	allowed := make([]bool, len(permissions))
	group, ctx := errgroup.WithContext(ctx)
	for i, p := range permissions {
		group.Go(func() error {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: r.cluster.Namespace, Group: p.group, Resource: p.resource, Subresource: p.subresource, Verb: p.verb,
				},
			}}
			answer, err := r.cluster.reviews.Create(ctx, review, metav1.CreateOptions{})
			if err == nil {
				allowed[i] = answer.Status.Allowed
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var missing []string
	for i, p := range permissions {
		if !allowed[i] {
			missing = append(missing, p.String())
		}
	}
	if missing != nil {
		ready.Problems = append(ready.Problems, fmt.Sprintf(
			"in namespace %s you may not: %s; ask for the Role in examples/kubernetes/role.yaml", r.cluster.Namespace, strings.Join(missing, ", ")))
	}
	return nil
}

// dryRun lets the server, its webhooks and its quotas look at a Job.
func (r *Runner) dryRun(ctx context.Context, job *batchv1.Job) error {
	_, err := r.cluster.jobs.Create(ctx, job, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
	if overQuota(err) || transient(err) || apierrors.IsAlreadyExists(err) {
		return nil // it is valid; there is no room for it now
	}
	if err != nil {
		return fmt.Errorf("the cluster refuses its Job: %w", err)
	}
	return nil
}
