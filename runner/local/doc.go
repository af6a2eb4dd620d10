// Package local runs attempts as processes of this machine, so that their ends
// are known even when lxsweep itself was killed meanwhile.
//
// # Start here
//
// [Runner] is the whole of it for a caller: New, Survey, Run, Release, Close.
// To change how programs are started, read slot.go and script.go; to change
// what can be known after a crash, read journal.go.
//
// # Slots
//
// A slot is one resident /bin/sh, leader of a session of its own, that is fed
// one attempt at a time on a pipe. For attempt 7 it is fed, on one line,
//
//	{ (echo s 7 >&9; cd DIR && export K='V' && exec PROGRAM) </dev/null >LOG 2>&1
//	  lxsweep_code=$?; echo e 7 $lxsweep_code >&9; echo 7 $lxsweep_code; }
//
// The braces make a torn line a syntax error, never half a command. Descriptor
// 9 is the slot's journal; the last echo wakes lxsweep, after the journal has
// it. If lxsweep is gone the shell finishes its command, writes the end, reads
// the end of its input and exits.
//
// # Journals
//
// A journal is a text file that only grows. Its first line says where and by
// whom it was made; then, a line each,
//
//	b ID NANOSECONDS OOMKILLS   lxsweep begins the attempt, at this Unix time
//	s ID                        the shell starts it
//	k ID STATE REASON           lxsweep is about to end it, and why
//	e ID CODE                   it ended with this exit code
//	r ID                        its outcome is in the ledger
//
// The journal is locked (flock) before the shell is forked, and lxsweep closes
// its own descriptor of that lock: the lock is held exactly as long as some
// process of the slot lives. So, for an attempt, first match: e is there, it
// ended with that code; the lock is held, it lives; s is there, it was
// interrupted, or ended by us if k says so; else it was never started.
//
// No process id is trusted. A process is signalled only while it has that very
// journal open the way a slot has it, or belongs to the session of a leader
// that has.
//
// # What it does not know
//
// Plans, ledgers, retries, or whether a success has a result. It does not
// confine programs: max_memory is what is set aside for one, not a limit. Two
// lxsweep processes do not know of each other's admissions, only of each
// other's gpus. It needs /proc, so it is for Linux.
package local
