package schedule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/lxsweep/lxsweep/runner/kubernetes"
)

// Client is for the objects of drivers in one namespace of a cluster.
type Client struct {
	rest      rest.Interface
	namespace string
}

// NewClient is one for the namespace of c.
func NewClient(c *kubernetes.Cluster) *Client { return &Client{c.REST(), c.Namespace} }

// manager is whose fields are ours in the cluster.
const manager = "lxsweep-schedule"

// callTimeout is how long one request may take.
const callTimeout = 30 * time.Second

// ConflictError says that something in the cluster is another's.
type ConflictError struct{ Text, Hint string }

func (e *ConflictError) Error() string { return e.Text }

// Apply has the cluster have all the objects, one after another, and tells what
// became of each: created, configured or unchanged. Fields that another manager
// has are a *ConflictError unless they are taken by force; so is an object that
// was not made for this driver. A round that is at work is a *RunError if its
// files or variables would change: a pod that is replaced goes on with the round.
func (c *Client) Apply(ctx context.Context, o *Objects, force bool, tell func(object, done string)) error {
	before := make([]map[string]any, len(o.list))
	for i, obj := range o.list { // whatever is another's, before anything is made
		var err error
		if before[i], err = c.live(ctx, obj); err != nil {
			return err
		}
		if err := o.driver.keep(obj, before[i]); err != nil {
			return err
		}
		if err := c.settled(ctx, o.driver, obj, before[i]); err != nil {
			return err
		}
	}
	for i, obj := range o.list {
		after, err := c.patch(ctx, obj, force, false)
		if err != nil {
			return err
		}
		done, err := became(before[i], after)
		if err != nil {
			return err
		}
		tell(wordFor(obj), done)
	}
	return nil
}

// settled returns a *RunError if a round is at work that reads an object which
// would change.
func (c *Client) settled(ctx context.Context, d *Driver, obj object, before map[string]any) error {
	_, files := obj.(*corev1.ConfigMap)
	_, secret := obj.(*corev1.Secret)
	if before == nil || !files && (!secret || obj.GetName() == d.ledgerSecret()) {
		return nil
	}
	after, err := c.patch(ctx, obj, true, true)
	if err != nil {
		return err
	}
	if done, err := became(before, after); done == "unchanged" || err != nil {
		return err
	}
	if err := c.Running(ctx, d.Name); err != nil {
		return fmt.Errorf("%s would change under a round: %w", wordFor(obj), err)
	}
	return nil
}

// became is what was done to an object. Its version tells too little: some are
// written anew as they were.
func became(before, after map[string]any) (string, error) {
	if before == nil {
		return "created", nil
	}
	was, err := readable(before)
	if err != nil {
		return "", err
	}
	is, err := readable(after)
	if bytes.Equal(was, is) {
		return "unchanged", err
	}
	return "configured", err
}

func metadata(fields map[string]any) map[string]any {
	meta, _ := fields["metadata"].(map[string]any)
	return meta
}

// Diff is what Apply would change, empty for nothing: the server says, and
// changes nothing. Of Secrets it shows which values differ, not the values.
func (c *Client) Diff(ctx context.Context, o *Objects) ([]byte, error) {
	var all bytes.Buffer
	for _, obj := range o.list {
		was, err := c.live(ctx, obj)
		if err != nil {
			return nil, err
		}
		if err := o.driver.keep(obj, was); err != nil {
			return nil, err
		}
		now, err := c.patch(ctx, obj, true, true)
		if _, binding := obj.(*rbacv1.RoleBinding); binding && was == nil && apierrors.IsNotFound(err) {
			now, err = plain(obj) // its Role is still to be made
		}
		if err != nil {
			return nil, err
		}
		if _, secret := obj.(*corev1.Secret); secret {
			mask(was, now)
		}
		before, err := readable(was)
		if err != nil {
			return nil, err
		}
		after, err := readable(now)
		if err != nil {
			return nil, err
		}
		all.Write(diff.Diff("cluster/"+wordFor(obj), before, "files/"+wordFor(obj), after))
	}
	return all.Bytes(), nil
}

// mask hides the values of a Secret and leaves which of them differ.
func mask(was, now map[string]any) {
	before, _ := was["data"].(map[string]any)
	after, _ := now["data"].(map[string]any)
	for key, value := range after {
		if old, ok := before[key]; ok && old == value {
			before[key], after[key] = "***", "***"
		} else {
			after[key] = "*** (after)"
		}
	}
	for key, value := range before {
		if value != "***" {
			before[key] = "*** (before)"
		}
	}
}

// readable is an object without what the server keeps of it for itself; nothing
// for nil.
func readable(fields map[string]any) ([]byte, error) {
	if fields == nil {
		return nil, nil
	}
	delete(fields, "status")
	for _, name := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"} {
		delete(metadata(fields), name)
	}
	if notes, ok := metadata(fields)["annotations"].(map[string]any); ok {
		delete(notes, corev1.LastAppliedConfigAnnotation) // all over again, a Secret's values too
	}
	return yaml.Marshal(fields)
}

// live is an object as the cluster has it, nil for none.
func (c *Client) live(ctx context.Context, obj object) (map[string]any, error) {
	fields, err := c.get(ctx, pathOf(obj))
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.explained(obj, err)
	}
	labels, _ := metadata(fields)["labels"].(map[string]any)
	if want := obj.GetLabels()[Label]; labels[Label] != want {
		return nil, &ConflictError{
			Text: fmt.Sprintf("there is a %s in namespace %s already, which is not of the schedule %s", wordFor(obj), c.namespace, want),
			Hint: "choose another name with --name; or, if it is meant to be this one's: kubectl label --namespace " + c.namespace + " " + wordFor(obj) + " " + Label + "=" + want,
		}
	}
	return fields, nil
}

func (c *Client) get(ctx context.Context, path string) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return read(c.rest.Get().AbsPath(path).SetHeader("Accept", "application/json").Do(ctx))
}

// patch applies an object on the server's side, or has that only tried.
func (c *Client) patch(ctx context.Context, obj object, force, dry bool) (map[string]any, error) {
	fields, err := plain(obj)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r := c.rest.Patch(types.ApplyPatchType).AbsPath(pathOf(obj)).SetHeader("Accept", "application/json").
		Param("fieldManager", manager).Param("fieldValidation", metav1.FieldValidationStrict).Body(body)
	if force {
		r.Param("force", "true")
	}
	if dry {
		r.Param("dryRun", metav1.DryRunAll)
	}
	fields, err = read(r.Do(ctx))
	if err != nil {
		return nil, c.explained(obj, err)
	}
	return fields, nil
}

func read(result rest.Result) (map[string]any, error) {
	if err := result.Error(); err != nil {
		return nil, err
	}
	text, err := result.Raw()
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	return fields, json.Unmarshal(text, &fields)
}

// explained names the object, and of a conflict the other manager; it says how
// to mend what is often wrong.
func (c *Client) explained(obj object, err error) error {
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s: %w; ask for the Roles in examples/nightly/README.md", wordFor(obj), err)
	case apierrors.IsNotFound(err) && strings.HasPrefix(err.Error(), "namespaces "):
		return fmt.Errorf("%w: kubectl create namespace %s makes it", err, c.namespace)
	}
	status := apierrors.APIStatus(nil)
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return fmt.Errorf("%s in namespace %s: %w", wordFor(obj), c.namespace, err)
	}
	fields := map[string][]string{} // by what the server says of their manager
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			_, by, _ := strings.Cut(cause.Message, "conflict with ")
			fields[by] = append(fields[by], cause.Field)
		}
	}
	if len(fields) == 0 {
		return fmt.Errorf("%s in namespace %s: %w", wordFor(obj), c.namespace, err)
	}
	var texts []string
	for _, by := range slices.Sorted(maps.Keys(fields)) {
		texts = append(texts, strings.Join(fields[by], ", ")+" was set by "+by)
	}
	return &ConflictError{
		Text: fmt.Sprintf("%s in namespace %s: %s", wordFor(obj), c.namespace, strings.Join(texts, "; ")),
		Hint: "take it over with --force-conflicts, or change it there to what the files say",
	}
}
