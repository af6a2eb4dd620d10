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

// selectorOf selects the Jobs and pods of a ledger that are still to be
// harvested.
func selectorOf(ledger string) string {
	return strings.Join([]string{labelManagedBy + "=" + managedBy, labelLedger + "=" + ledger, "!" + labelHarvested}, ",")
}
