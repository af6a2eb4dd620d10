// Package metrics finds metrics in what a program printed and in the result
// that it left, the same for every runner.
//
// # Start here
//
// [Scanner] is fed a log and keeps, of every metric, what sweep.Metric holds.
// [ParseResult] reads a result file. [Collect] puts the two together for the
// files of one attempt, and can be called again on kept logs, with another
// pattern.
//
// # What is a metric
//
// A line is ended by a line feed or a carriage return. In it, name=value and
// name: value are metrics, where a name is a letter or underscore followed by
// letters, digits and / . - @ _, may be quoted, and a value is a decimal number
// with an optional exponent. What follows the number must not go on as a word,
// a fraction, a time or a list: "12:30", "45/100", "10ms", "1,234" and the
// "45%|" of a progress bar are not values. A colon needs a blank after it
// unless the name is quoted, so that host:8080 and file.py:12 are none. step
// and epoch, in any case, are not metrics but the step of those on their line;
// step goes before epoch.
//
// nan and infinite values are counted, but never smallest or largest; where
// one is the last value, Last is NaN, which is no score, and a reason says so.
//
// A pattern (run.metrics.pattern) replaces all that; see [Compile].
//
// # What it does not know
//
// Objectives, runners and ledgers. It keeps no series, only their summary.
// Memory is bounded whatever is printed: lines are read in pieces of 64 KiB,
// and the first 1,000 names are kept.
package metrics
