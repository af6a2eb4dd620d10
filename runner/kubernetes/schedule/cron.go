package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Times are when a schedule fires: by the parser that Kubernetes' own
// controller reads schedules with, so that what is shown is what happens.
type Times struct {
	zone  *time.Location
	fires cron.Schedule
	walls cron.Schedule // the same on a clock that is never changed
}

// errZone is the error of a zone in the expression.
var errZone = errors.New("a zone is no part of it; give it beside: --time-zone Europe/Berlin")

// ParseTimes reads the five fields of a cron expression, or @daily and its like.
// It refuses what a CronJob does not take, and what never fires.
func ParseTimes(expression string, zone *time.Location) (*Times, error) {
	if strings.Contains(expression, "TZ") {
		return nil, errZone
	}
	walls, err := cron.ParseStandard("TZ=UTC " + expression)
	if err != nil {
		return nil, err
	}
	fires, err := cron.ParseStandard("TZ=" + zone.String() + " " + expression)
	if err != nil {
		return nil, err
	}
	t := &Times{zone, fires, walls}
	if t.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), 1) == nil {
		return nil, errors.New("there is no such day: it would never fire")
	}
	return t, nil
}

// Next are the next n times, fewer if it does not fire within five years.
func (t *Times) Next(after time.Time, n int) (list []time.Time) {
	for range n {
		if after = t.fires.Next(after); after.IsZero() {
			break
		}
		list = append(list, after.In(t.zone))
	}
	return list
}

// Changes are the times within a year at which the clocks are changed and the
// schedule leaves one time out or fires twice, in words. Firing every hour goes
// on every hour, and is no such case.
func (t *Times) Changes(after time.Time) (notes []string) {
	for at := after.In(t.zone); ; {
		_, end := at.ZoneBounds()
		if end.IsZero() || end.After(after.AddDate(1, 0, 0)) {
			return notes
		}
		if note := t.change(end); note != "" {
			notes = append(notes, note)
		}
		at = end.In(t.zone)
	}
}

// change is what happens at one change of the clocks, empty for nothing.
func (t *Times) change(at time.Time) string {
	before, after := wall(at.Add(-1).In(t.zone)).Add(1), wall(at.In(t.zone))
	missing := after.Sub(before)
	if missing > 0 {
		left := t.walls.Next(before.Add(-1))
		if next := t.fires.Next(at.Add(-1)); !left.Before(after) || !next.After(at.Add(missing)) {
			return ""
		}
		return fmt.Sprintf("%s is left out: the clocks go from %s to %s", left.Format("2006-01-02 15:04"), before.Format("15:04"), after.Format("15:04"))
	}
	twice := t.fires.Next(at.Add(missing).Add(-1))
	again := t.fires.Next(at.Add(-1))
	if again.IsZero() || !twice.Before(at) || !again.Before(at.Add(-missing)) || !wall(twice.In(t.zone)).Equal(wall(again.In(t.zone))) {
		return ""
	}
	if t.walls.Next(wall(twice.In(t.zone))).Sub(wall(twice.In(t.zone))) <= -missing {
		return ""
	}
	return fmt.Sprintf("%s comes twice: the clocks go from %s back to %s", wall(twice.In(t.zone)).Format("2006-01-02 15:04"), before.Format("15:04"), after.Format("15:04"))
}

// wall is what a clock shows, as a time of one that is never changed.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}
