package kubernetes

import "strings"

// Names that are ours on objects; see the package comment.
const (
	labelManagedBy = "app.kubernetes.io/managed-by"
	labelLedger    = "lxsweep.dev/ledger"
	labelAttempt   = "lxsweep.dev/attempt"
	// labelHarvested is on Jobs that stay although their outcome is recorded.
	labelHarvested = "lxsweep.dev/harvested"

	annotationEnding = "lxsweep.dev/ending"

	managedBy     = "lxsweep"
	mainContainer = "main"
)

// selectJobs selects the Jobs of a ledger that are still to be harvested.
func selectJobs(ledger string) string {
	return strings.Join([]string{selectPods, labelLedger + "=" + ledger, "!" + labelHarvested}, ",")
}

// selectPods selects the pods of every ledger: a Job that is taken over changes
// its label, its pods cannot.
const selectPods = labelManagedBy + "=" + managedBy
