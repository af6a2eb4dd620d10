package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lxsweep/lxsweep/cmd/internal/ui"
	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// What runs at other places of a ledger that machines share: on another machine,
// in another cluster. Nobody here can tell whether it has ended.

// limits are the sweeps' bounds. What runs elsewhere holds places in them.
func (x *execution) limits() map[string]runner.Limits {
	limits := x.pl.limits(x.FailFast, x.MaxFailures)
	away := map[string][]*sweep.Record{}
	for _, r := range x.away {
		label := x.laneOf(r)
		away[label] = append(away[label], r)
	}
	for label, runs := range away {
		if l := limits[label]; l.MaxParallel > 0 {
			l.Elsewhere = len(runs)
			limits[label] = l
			x.pl.notice(heldAway(label, l, runs))
		}
	}
	return limits
}

// heldAway says which places of a sweep are taken, and what to do about it.
func heldAway(label string, l runner.Limits, runs []*sweep.Record) string {
	var names, hosts []string
	for _, r := range runs {
		names = append(names, r.RunName())
		if !slices.Contains(hosts, r.Last.Host) {
			hosts = append(hosts, r.Last.Host)
		}
	}
	text := fmt.Sprintf("sweep %q: %s of max_parallel = %d %s taken by what was left running on %s", label,
		ui.Count(min(l.Elsewhere, l.MaxParallel), "place", "places"), l.MaxParallel, isOrAre(min(l.Elsewhere, l.MaxParallel)), strings.Join(hosts, ", "))
	const most = 8
	if len(names) > most {
		names = append(names[:most], "...")
	}
	return text + "; an apply there finds out how it ended. If it never will: lxsweep cancel --gone " + strings.Join(names, " ")
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
