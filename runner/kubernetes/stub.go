package kubernetes

import (
	batchv1 "k8s.io/api/batch/v1"

	"github.com/lxsweep/lxsweep/runner"
)

const (
	backstopSeconds int32 = 7 * 24 * 3600
	labelKey              = "lxsweep.dev/key"
)

type jobOptions struct{ Namespace, LedgerID string }

func jobOf(a runner.Attempt, o jobOptions) (*batchv1.Job, error) { return nil, nil }
func jobName(runName string, attempt int) string                 { return "" }
func unbacked(a runner.Attempt) bool                             { return false }

const (
	labelExperiment         = "x"
	annotationRound         = "x"
	annotationCommand       = "x"
	annotationNumber        = "x"
	annotationAttemptNumber = "x"
	annotationPoint         = "x"
	annotationKey           = "x"
	annotationWork          = "x"
	annotationHP            = "x"
)
