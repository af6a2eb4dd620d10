// Package ledger is the durable record of what ran and what came out: a SQLite
// file that a plan reads and an apply writes, and that a user can query with
// the sqlite3 tool; or, for several machines, the same tables in PostgreSQL.
//
// # Start here
//
// [Open] gives a [Ledger]. A reader stops there: Ledger implements [sweep.Past]
// and has [Ledger.Records], [Ledger.FindRun] and [Ledger.Attempts] for the
// commands that show things. A writer calls [Ledger.Lock] and gets a
// [Session], which numbers experiments ([Session.Register]) and implements
// [runner.Recorder]. To change the tables read schema.go; what the two databases
// have not in common is in sqlite.go, and in postgres.go and advisory.go.
//
// # Tables
//
//	experiments   one row an experiment: id, experiment_name, number, round,
//	              point, key, hp (canonical JSON), created. ex-8 is the row with
//	              experiment_name 'ex' and number 8. Pruning alone
//	              deletes rows, and gives no number or id again.
//	attempts      one row an execution: experiment_id, number (from 1), work,
//	              command, script (the same with folder and environment), why,
//	              state, class, reason, tail, code (null where unknown), its place (runner, host, boot, ref), intended_at,
//	              started_at, ended_at, output_dir, log, git_commit, git_dirty,
//	              result (what the program left, raw), result_error, pattern,
//	              pruned_at (when its output folder was removed)
//	logs          attempt_id, size (bytes of the whole), gzip: the end of an
//	              attempt's output, in ledgers that several machines share
//	metrics       attempt_id, name, last, min, max, count, step (null where the
//	              program gave none); a null value is NaN
//	sweeps        a sweep label of a source (the files' paths) in a round, with
//	              its objective (JSON, empty for none) and when it was asked for
//	memberships   sweep_id, experiment_id, wanted: which sweep asked for which
//	              experiment, and whether it did so last time; apply_id is the
//	              apply that changed the row last
//	applies       one row an apply: source, round, command, host, version, times
//	equivalents   works accepted as the same: experiment_id, work
//	epochs        one row an experiment_name: the next free number, who held the
//	              lock last, and how often it has been taken
//	requests      cancel requests and their answers
//	meta, schema_versions   the ledger's id; the schema's history
//
// Two views are for people: runs has one row an experiment with its newest
// attempt, results has one row for each of its metrics. Hashes are lower-case
// hexadecimal, times are UTC text that sorts (2026-01-31T02:00:00.000Z), flags
// are 0 and 1. State is what happened; that a success lacks its objective's
// metric is a verdict, which no table holds.
//
// The ten best runs by a metric, with a hyperparameter:
//
//	SELECT run_name, hp ->> 'lr' AS lr, last
//	FROM results WHERE metric = 'val_loss' AND state = 'succeeded'
//	ORDER BY last LIMIT 10;
//
// How each round went:
//
//	SELECT round, state, count(*) AS runs, sum(seconds) / 3600 AS hours
//	FROM runs GROUP BY round, state ORDER BY round, state;
//
// # What is durable when
//
// Register, Intend, AcceptWork, ReplaceMetrics and RequestCancel have committed
// and synced (synchronous=FULL) when they return. Settle is committed and
// synced within 100 ms of the call, together with whatever else is waiting; its
// done callback comes after that. Changed follows within 100 ms too, or with
// the next commit, and may be lost with the process. The first commit that
// fails ends the session's writing: every call from then on fails with the same
// error, so nothing is lost without a word.
//
// An attempt gets one final state. Settling it again changes nothing and is no
// error. Numbers are given in one transaction, in the order of the plan, and
// never given again, also after rows are gone.
//
// # Locks
//
// The right to write under an experiment_name is an OS file lock, which dies
// with its holder; the file says who holds it. Taking it raises the name's
// epoch, and every transaction of a session looks first whether the epoch is
// still its own: a holder that lost the lock without knowing gets [ErrFenced]
// and changes nothing. The locks order sessions, SQLite's own locks order
// transactions; readers take neither.
//
// # PostgreSQL
//
// A schema of a database (search_path in the URL, made if need be) is a ledger.
// The lock of a name is an advisory lock of the session of a connection that
// does nothing else; its holder is told by the name's epoch. It ends with the
// process, and within about a minute where a machine is gone without a word:
// both sides send keepalives. Connection poolers must pool sessions.
//
// Writing transactions follow one another, as in a file: each holds one more
// advisory lock, so that rows become visible in the order of their ids and a
// take-over waits for what is being committed. A client that stops within a
// transaction is cut off by the server after two minutes.
//
// When a connection is lost, a writer tries for ten minutes to get another, takes
// its locks again, and runs the transaction again if its epochs are still its
// own; one that waits for those locks holds back for five seconds meanwhile. A
// reader asks again for fifteen seconds; opening does not try again. The COMMIT
// of the lost transaction may have been done without an answer, and nothing must
// happen twice:
//
//   - Every transaction of a session leaves a mark of its own in the session's
//     epochs, before anything else. One that is run again and finds its mark
//     there has committed: it changes nothing, and answers what it answered. A
//     commit that is still on its way is waited for by that look. So it is with
//     Register, Intend, Settle, and all that a session does. Register ranges
//     over its items again, from the first.
//   - The take-over of an epoch may raise it twice, which is as good as once.
//   - RequestCancel finds its request again by what it says and when; the first
//     answer of Acknowledge stays anyhow.
//
// (The number of a transaction, which PostgreSQL can be asked about, is no such
// mark: after a crash it may be given again.)
//
// # Files
//
// Beside lxsweep.db stand lxsweep.db-wal and lxsweep.db-shm while it is open,
// and the folder locks. On a network file system a rollback journal takes the
// place of the write-ahead log, whose shared memory does not cross machines;
// [Ledger.JournalMode] says which. No code of this process may open the file or
// the -shm beside it by other means: closing them would drop SQLite's locks. A
// reader creates nothing that outlives it:
// where there is no ledger it sees an empty past.
//
// A file that is damaged, is not a ledger, or was written by a newer lxsweep is
// refused with an [Error] that says what to do, and is never written to.
//
// # What it does not know
//
// It knows no runner, no cluster and no HCL. It concludes nothing: which open
// attempts still live, and whether a success is one, others decide. It deletes
// an experiment only when it is told to (prune.go), and a file is not made for
// several machines that write at the same time.
package ledger
