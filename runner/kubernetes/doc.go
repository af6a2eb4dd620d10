// Package kubernetes runs attempts as Jobs of one namespace of a cluster, so
// that they go on without lxsweep and none is run twice or forgotten.
//
// # Start here
//
// [Runner] is the whole of it for a caller: Connect, New, Survey, Run, Release,
// Close. job.go says what a Job of ours looks like; create.go how one comes to
// be; phase.go reads from a Job and its pods where the attempt stands, and
// outcome.go how it ended; pending.go loses patience with what never starts.
// Those four decide and do nothing: run.go, one goroutine an attempt, acts.
// describe.go tells a person what the cluster has of one.
//
// [Cluster.Beside] is something else: it runs a command of lxsweep once, in a
// pod like that of a driver, to read the ledger which that has in the cluster.
//
// # One Job an attempt
//
// The Job ex-8, or ex-8-r2 for the second attempt, has one pod at a time and
// no retries of its own: a pod that is preempted or drained is replaced by the
// Job controller, anything else ends the Job. Its labels say whose it is:
//
//	app.kubernetes.io/managed-by  lxsweep
//	lxsweep.dev/ledger            the ledger that has the attempt's row
//	lxsweep.dev/attempt           the row's id there
//	lxsweep.dev/experiment, /sweep, /round, /key, /work
//
// and its annotations hold the hyperparameters, so that a ledger that was lost
// can be made again of what lives.
//
// # What is never done
//
// A name is never generated: a Create whose answer was lost is asked again
// under the same name, and finds its own Job. A Job is never deleted before
// its outcome is in the ledger (Release does it). A Job that is to be ended is
// not deleted either: one patch gives it a deadline that has passed and an
// annotation that says why, so that whoever finds it knows. That a Job is gone
// is believed only when the server says so to a Get; how it ended is then
// unknown, and never guessed.
//
// # Reading
//
// Two informers, on Jobs and their pods, are all the reading there is: no
// object is polled. What they keep is stripped of everything that phase.go and
// outcome.go do not look at.
//
// # What it does not know
//
// Plans, ledgers, retries, sweeps' bounds, or whether a success has a result.
// It schedules nothing: which node, and when, is the cluster's to decide, or
// that of a queue such as Kueue. It has no permission beyond its namespace.
package kubernetes
