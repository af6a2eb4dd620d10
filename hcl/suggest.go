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
// third of the letters may be wrong, or all in another order; case and the kind
// of dash count for nothing, and what was only cut short is nearest. Failing
// that, one may abbreviate the other.
func nearest(wrong string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	best, bestDistance := "", max(1, (len(wrong)+1)/3)
	for _, name := range known {
		d := distance(plainName(wrong), plainName(name))
		if len(wrong) >= 3 && strings.HasPrefix(plainName(name), plainName(wrong)) {
			d = min(d, 1)
		}
		if d == max(len(wrong), len(name)) {
			continue // no letter is right
		}
		if d < bestDistance || d == bestDistance && best == "" {
			best, bestDistance = name, d
		}
	}
	if best != "" {
		return best
	}
	for _, name := range known {
		if abbreviates(plainName(wrong), plainName(name)) || abbreviates(plainName(name), plainName(wrong)) {
			return name
		}
	}
	return ""
}

func plainName(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// distance is the number of edits between two names; letters in another order
// are one.
func distance(a, b string) int {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	if d := levenshtein.Distance(a, b, nil); d < 2 || !slices.Equal(x, y) {
		return d
	}
	return 1
}

// abbreviates reports whether short is made of the initials of the words of
// long ("lr"), or of a third of its letters or more, the first among them
// ("cmd").
func abbreviates(short, long string) bool {
	if len(short) < 2 || len(short) >= len(long) {
		return false
	}
	initials := ""
	for word := range strings.SplitSeq(long, "_") {
		initials += word[:min(1, len(word))]
	}
	if initials == short {
		return true
	}
	if len(short) < 3 || len(long) > 3*len(short) || short[0] != long[0] {
		return false
	}
	rest := short
	for i := 0; i < len(long) && rest != ""; i++ {
		if long[i] == rest[0] {
			rest = rest[1:]
		}
	}
	return rest == ""
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
