// Package ui turns plans, records and events into text for people, and into
// lines of JSON for programs.
//
// It knows no ledger, no language and no cobra: what it draws comes in as
// values, where it draws is an io.Writer, and what it must know of the place
// (width, colour) is a Screen. Start at Screen, then at Table for anything with
// columns, Plan for `plan`, Progress for a running `apply`.
//
// Its renderers keep bounded memory however many rows come by. It is bad at
// being fast for people: text is measured by grapheme cluster. Lines of JSON
// are written by hand and are fast.
package ui
