// Package runner takes the experiments of a plan and sees each of them to its
// end: so many at a time, recorded before they start, tried again where that
// may help, and told of in one stream of events.
//
// # Start here
//
// [Dispatcher.Run] is the whole of it for a caller. It joins three things that
// it only knows as interfaces: a [Runner], where attempts run; a [Recorder],
// which makes them durable; and [Hook]s, which are told of them. The Example
// puts the smallest of each together.
//
// To change what runs next, read schedule.go and lane.go, and for what an end, a
// halt or a cancel leads to, fate.go: they decide everything and start nothing,
// on one goroutine. loop.go is that goroutine; attempt.go is the life of one
// attempt, on a goroutine of its own; retry.go says what follows a failure;
// contract.go is what every program finds in its environment.
//
// # The life of an attempt
//
//	waiting   read from the sequence; its work is not resolved
//	intended  resolved and recorded, durably; several share one write
//	in flight handed to the runner: holds a place in both bounds
//	ended     the runner returned; Settle has the outcome, the place is free
//	settled   the outcome is durable; hooks are told, the runner lets go of it
//	finished  if it is to be tried again, it waits once more
//
// A retry is intended only after the attempt before it is settled and released,
// so that no experiment ever has two open attempts.
//
// # Bounds
//
// Nothing here grows with the number of tasks. Tasks are read from the sequence
// as they are needed: 256 ahead, and while the sweeps read so far are all at
// their own bounds, up to [Dispatcher.LookAhead] in search of another sweep.
// Behind that, a sweep at its bound does hold up those after it. Attempts are
// intended for the places that are free and ahead of them, in each sweep, by as
// many as start in about a second: at least 1, at most 256. Attempts that ended
// and are not finished are at most 2,048, or twice Parallel; beyond that nothing
// is started until the recorder, the hooks and the listener to events have
// caught up.
//
// # What it does not know
//
// Plans, files, clusters, processes, SQL. It does not look at metrics except
// through a sweep's objective, and it does not know of earlier applies: what
// lives from before comes as a Task with Adopt. It cannot see that two tasks
// are one experiment unless both are on their way at the same time. What else
// lives comes as a Bystander, so that the bounds hold with it.
package runner
