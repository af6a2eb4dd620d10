package hcl

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// didYouMean is a sentence to append to a detail, with its leading space, that
// offers the known name nearest to a wrong one; empty where none is near.
func didYouMean(wrong string, known []string) string {
	near := nearest(wrong, known)
	if near == "" {
		return ""
	}
	return ` Did you mean "` + near + `"?`
}

// nearest returns the known name that wrong was probably meant to be, or "". A
// third of a name may be wrong; case and the kind of dash count for nothing.
func nearest(wrong string, known []string) string {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	best, bestDistance := "", max(1, (len(wrong)+1)/3)
	for _, name := range slices.Sorted(slices.Values(known)) {
		d := levenshtein.Distance(plain(wrong), plain(name), nil)
		if d < bestDistance || d == bestDistance && best == "" {
			best, bestDistance = name, d
		}
	}
	return best
}

// withArticle puts "a" or "an" before a noun.
func withArticle(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}

// listed names things in a sentence: `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
func listed(names []string, conjunction string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + n + `"`
	}
	last := len(quoted) - 1
	if last < 1 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:last], ", ") + " " + conjunction + " " + quoted[last]
}
