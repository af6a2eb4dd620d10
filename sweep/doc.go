// Package sweep is the domain: hyperparameter values, the spaces they are drawn
// from, experiments and their identity, and the plan that compares what is
// wanted with what is known. Start at Sweep, whose Experiments method is an
// iterator over fully resolved points, and at Plan.
//
// It knows no file format, no database and no place to run in. The language
// comes in as a Program, the record as a Past, what lives as a list of Live.
//
// # Canonical text
//
// A value has one canonical text, which is JSON: objects sorted by name
// bytewise, no white space, strings with only the quote, the backslash and
// bytes below 0x20 escaped (the latter as \u00xx, lower case), null, true,
// false. A number that is whole and fits a signed 64-bit integer is written in
// plain digits; any other is a float64 in the shortest decimal form that reads
// back the same, plain for exponents from -4 to 15 and otherwise d.ddde±XX with
// at least two digits in the exponent: 0.1, 1e-05, 1000000, 1e+20.
//
// # Identity
//
// Three SHA-256 sums identify an experiment. Their texts never change; golden
// vectors in identity_test.go hold them. LF is a line feed, + is concatenation.
//
//	point = sha256("lxsweep point 1" LF + experiment_name + LF + canonical hp)
//	key   = sha256("lxsweep key 1" LF + hex(point) + LF + round)
//	work  = sha256("lxsweep work 1" LF + canonical [args, image, env, secret_env, inputs])
//
// In a point, hp is the whole object of hyperparameters less what the config's
// IdentityRules leave out. In a work, args is the argument vector (a string
// command is ["/bin/sh","-ec",command]), env and secret_env are lists of
// [name, value] sorted by name, inputs is a list of [path, hex(sha256 of the
// bytes)] sorted by path; all of it resolved with the zero Place.
//
// # What it is bad at
//
// Evaluation is pulled one point at a time through Program, an interface; what
// an expression costs is the language's affair.
package sweep
