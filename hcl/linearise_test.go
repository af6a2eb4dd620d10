package hcl

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// family is who derives from whom; a member derives from earlier ones only.
type family map[string][]string

func (f family) parents(name string) []string { return f[name] }

func drawFamily(t *rapid.T) (family, []string) {
	n := rapid.IntRange(1, 9).Draw(t, "members")
	f, members := family{}, make([]string, 0, n)
	for i := range n {
		name := fmt.Sprintf("c%d", i)
		var from []string
		if i > 0 {
			from = rapid.SliceOfNDistinct(rapid.SampledFrom(members), 0, min(i, 3), rapid.ID[string]).Draw(t, "from "+name)
		}
		f[name] = from
		members = append(members, name)
	}
	return f, members
}

// before reports whether the names of a that are in b have the same order there.
func before(a, b []string) bool {
	at := -1
	for _, name := range a {
		i := slices.Index(b, name)
		if i >= 0 && i < at {
			return false
		}
		at = max(at, i)
	}
	return true
}

func TestLinearisationKeepsEveryOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, members := drawFamily(t)
		last := members[len(members)-1]
		line, err := linearise(last, f.parents)
		if err != nil {
			var wrong *inconsistentError
			if !errors.As(err, &wrong) || len(wrong.first) == 0 || len(wrong.second) == 0 {
				t.Fatalf("not an inconsistency: %v", err)
			}
			return
		}
		if line[len(line)-1] != last {
			t.Fatalf("%v does not end with %s", line, last)
		}
		for _, name := range line {
			if !before(f[name], line) {
				t.Fatalf("%v breaks the from list of %s: %v", line, name, f[name])
			}
			inner, err := linearise(name, f.parents)
			if err != nil {
				t.Fatalf("%s is inconsistent, %s is not", name, last)
			}
			// C3 is monotonic: what an ancestor orders stays ordered.
			if !before(inner, line) {
				t.Fatalf("%v breaks the order of %s: %v", line, name, inner)
			}
		}
		sorted := slices.Sorted(slices.Values(line))
		if len(slices.Compact(sorted)) != len(line) {
			t.Fatalf("%v has a config twice", line)
		}
	})
}

func TestLinearisationOfADiamond(t *testing.T) {
	f := family{"base": nil, "a": {"base"}, "b": {"base"}, "both": {"a", "b"}}
	line, err := linearise("both", f.parents)
	if want := []string{"base", "a", "b", "both"}; err != nil || !slices.Equal(line, want) {
		t.Errorf("got %v, %v; want %v", line, err, want)
	}
}

func TestContradictingFromListsAreNamed(t *testing.T) {
	f := family{"a": nil, "b": nil, "ab": {"a", "b"}, "ba": {"b", "a"}, "all": {"ab", "ba"}}
	_, err := linearise("all", f.parents)
	if want := "a before b here, but b before a there"; err == nil || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
}

// Without memory a ladder of diamonds doubles the work at every rung.
func TestLinearisationOfALongLadder(t *testing.T) {
	f := family{"top": nil}
	under := "top"
	for i := range 60 {
		a, b, c := fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("c", i)
		f[a], f[b], f[c] = []string{under}, []string{under}, []string{a, b}
		under = c
	}
	if line, err := linearise(under, f.parents); err != nil || len(line) != 181 {
		t.Errorf("%d configs, %v", len(line), err)
	}
}
