package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// end ends the Job, and says on it why, in one request; whoever finds it then
// knows. A Job that has not begun has nothing to end, and is deleted.
func (u *run) end(e ending) error {
	u.ending, u.ended = &e, time.Now()
	u.waits, u.since = phase{}, time.Time{}
	ctx := context.Background() // what is begun is seen through; each request has its deadline
	for {
		job, err := u.get(ctx, u.ref.name)
		switch {
		case apierrors.IsNotFound(err):
			u.seen.Store(true)
			u.poke()
			return nil
		case err != nil:
			return mayLive(named("ending", u.ref.name, err))
		case job.UID != u.ref.uid || (sight{job: job}).end() != nil:
			return nil
		case job.Status.StartTime != nil && !suspended(job):
			u.listen(u.watcher.sight(u.ref.name))
			return mayLive(named("ending", u.ref.name, u.patch(ctx, u.ref, e.patch(u.ref.uid))))
		}
		// Not if it begins just now.
		err = u.deleteIf(ctx, u.ref, job.ResourceVersion)
		if !apierrors.IsConflict(err) {
			return mayLive(named("deleting", u.ref.name, err))
		}
	}
}

// patch gives a Job a deadline that has passed, and says why.
func (e ending) patch(uid types.UID) string {
	why, _ := json.Marshal(e.String()) // %q writes what is no JSON for some runes
	return fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:%s}},"spec":{"activeDeadlineSeconds":1}}`, uid, annotationEnding, why)
}
