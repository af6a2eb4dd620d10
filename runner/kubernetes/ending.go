package kubernetes

import (
	"context"
	"fmt"
	"time"
)

// end ends the Job, and says on it why, in one request; whoever finds it then
// knows. A Job that has not begun has nothing to end, and is deleted.
func (u *run) end(s sight, e ending) error {
	u.ending, u.ended = &e, time.Now()
	u.wants, u.since = wantNothing, time.Time{}
	ctx := context.Background() // what is begun is seen through; each request has its deadline
	if s.job == nil || s.job.Status.StartTime == nil || suspended(s.job) {
		return mayLive(u.delete(ctx, u.ref))
	}
	u.listen(s)
	patch := fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:%q}},"spec":{"activeDeadlineSeconds":1}}`,
		u.ref.uid, annotationEnding, e.String())
	return mayLive(named("ending", u.ref.name, u.patch(ctx, u.ref, patch)))
}
