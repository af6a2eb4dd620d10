package kubernetes

import "strings"

// Names that are put on Jobs later.
const (
	// labelHarvested is on Jobs that stay although their outcome is recorded.
	labelHarvested = own + "harvested"

	annotationEnding = own + "ending"
)

// selectJobs selects the Jobs of a ledger that are still to be harvested.
func selectJobs(ledger string) string {
	return strings.Join([]string{selectPods, labelLedger + "=" + ledger, "!" + labelHarvested}, ",")
}

// selectPods selects the pods of every ledger: a Job that is taken over changes
// its label, its pods cannot.
const selectPods = labelManagedBy + "=" + managedBy

// selectOrphans selects the Jobs of other ledgers that are still to be
// harvested.
func selectOrphans(ledger string, experimentNames ...string) string {
	return strings.Join([]string{
		selectPods, labelLedger + "!=" + ledger, "!" + labelHarvested, labelExperiment + " in (" + strings.Join(experimentNames, ",") + ")",
	}, ",")
}
