package hcl

import (
	"fmt"
	"slices"
	"strings"
)

// linearise returns a config's ancestors and itself in the order in which they
// apply: the later wins. It is the C3 linearisation (Barrett et al., "A
// Monotonic Superclass Linearization for Dylan", 1996), mirrored, since of
// from = [a, b] the later, b, wins: an ancestor comes before what derives from
// it, and the order of every from list is kept.
//
// parents must be free of cycles and repetitions.
func linearise(name string, parents func(string) []string) ([]string, error) {
	return lineage{parents, map[string][]string{}}.of(name)
}

// lineage remembers: ancestors are shared, and a ladder of diamonds would be
// climbed in every possible way.
type lineage struct {
	parents func(string) []string
	known   map[string][]string
}

func (l lineage) of(name string) ([]string, error) {
	if line, ok := l.known[name]; ok {
		return line, nil
	}
	var lines [][]string
	for _, p := range l.parents(name) {
		line, err := l.of(p)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	lines = append(lines, slices.Clone(l.parents(name)))
	merged, err := mergeLines(lines)
	if err != nil {
		return nil, err
	}
	l.known[name] = append(merged, name)
	return l.known[name], nil
}

// inconsistentError says that two orders contradict each other.
type inconsistentError struct{ first, second []string }

func (e *inconsistentError) Error() string {
	return fmt.Sprintf("%s here, but %s there", strings.Join(e.first, " before "), strings.Join(e.second, " before "))
}

// mergeLines takes, from the end, the last element of a line that no other line
// has further ahead.
func mergeLines(lines [][]string) ([]string, error) {
	var reversed []string
	for {
		lines = slices.DeleteFunc(lines, func(l []string) bool { return len(l) == 0 })
		if len(lines) == 0 {
			slices.Reverse(reversed)
			return reversed, nil
		}
		next, ok := lastOf(lines)
		if !ok {
			return nil, contradiction(lines)
		}
		reversed = append(reversed, next)
		for i, l := range lines {
			if l[len(l)-1] == next {
				lines[i] = l[:len(l)-1]
			}
		}
	}
}

// lastOf prefers later lines: the last parent is the strongest.
func lastOf(lines [][]string) (string, bool) {
	for _, l := range slices.Backward(lines) {
		candidate := l[len(l)-1]
		blocked := slices.ContainsFunc(lines, func(other []string) bool {
			return slices.Contains(other[:len(other)-1], candidate)
		})
		if !blocked {
			return candidate, true
		}
	}
	return "", false
}

// contradiction finds two lines that order the same two names differently.
func contradiction(lines [][]string) error {
	for i, a := range lines {
		for _, b := range lines[i+1:] {
			if x, y, ok := disagree(a, b); ok {
				return &inconsistentError{[]string{x, y}, []string{y, x}}
			}
		}
	}
	// Three or more lines contradict each other in a ring.
	last := lines[len(lines)-1]
	return &inconsistentError{last, lines[0]}
}

func disagree(a, b []string) (x, y string, ok bool) {
	for i, x := range a {
		for _, y := range a[i+1:] {
			ix, iy := slices.Index(b, x), slices.Index(b, y)
			if ix >= 0 && iy >= 0 && iy < ix {
				return x, y, true
			}
		}
	}
	return "", "", false
}
