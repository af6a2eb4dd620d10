// Package cli is the command line: it wires the language, the ledger, the
// runners and the renderers together.
//
// A command is one file: an Options struct, newXCmd, which fills it from argv,
// and runX, which does the work. What a command needs of the world (streams,
// environment, clock, signals) are fields of a Factory. Start at Main, then
// read plan.go; apply.go is plan.go that goes on.
//
// Errors that leave a run function carry an exit code and a hint; exit.go has
// all codes.
package cli
