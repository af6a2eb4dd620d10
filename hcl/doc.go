// Package hcl is the language: .hcl files in, sweep.Sweep values out. Start at
// Load, which reads files or a folder and returns a Module; its Sweeps can be
// asked for their experiments.
//
// It is the only package that knows hashicorp/hcl (imported as hcl2) and cty.
// What leaves it are plain values of package sweep, and Diagnostics.
//
// # How a file becomes experiments
//
//   - source.go reads and parses, and refuses what is too large, too deep or
//     not text; schema.go and the decode functions beside the schemas turn
//     bodies into declarations that hold expressions, never values.
//   - reference.go checks every name in every expression before anything is
//     evaluated, so that all mistakes come at once, each once.
//   - filescope.go evaluates locals and the base hyperparameters of configs:
//     memoized thunks, pulled on demand, that know the path of a cycle.
//   - layer.go and linearise.go derive a config from its ancestors without
//     evaluating anything: an inherited expression sees the derived values.
//   - program.go and point.go evaluate hyperparameters, work.go what an
//     experiment does. They touch only what a point's assignment can change, and
//     memo.go remembers.
//
// depth.go and limits.go bound what a file can ask for: the stack of the parser
// and the memory of an expression.
//
// # Numbers
//
// cty computes with 512-bit floats. Every number becomes an exact int64 or a
// float64 where it enters a hyperparameter or a text (values.go), so that
// "${hp.lr}" reads 0.1 and 1e-05 and never the digits of a long fraction.
//
// # Stand-ins
//
// A command that is evaluated for its hash must not depend on where it runs.
// The zero sweep.Place therefore reads as run name "RUN_NAME", number 0, round
// "ROUND", and directories "/WORKING_DIR", "/DATA_DIR", "/OUTPUT_DIR" and
// "/MLFLOW_DIR". These texts never change: they are part of every work hash.
//
// # What it is bad at
//
// cty is not made for tight loops: a point costs tens of microseconds. Commands
// made of plain references take a shorter way (command.go).
package hcl
