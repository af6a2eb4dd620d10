package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/lxsweep/lxsweep"
	root   = "../.."
)

// Patterns are import paths; "/..." at the end means "and below". A path of our own is relative to the module: "./sweep".
var (
	ours       = []string{"./..."}
	language   = []string{"github.com/hashicorp/hcl/...", "github.com/zclconf/go-cty/..."}
	database   = []string{"database/sql/...", "modernc.org/..."}
	kubernetes = []string{"k8s.io/...", "sigs.k8s.io/..."}
)

// arrow forbids some imports. Test files are free: an example may use what its package must not know.
type arrow struct {
	from, except []string // the packages it speaks of
	to, but      []string // what they must not import
	deep         bool     // nor through other packages
	why          string
}

var arrows = []arrow{
	{
		from: []string{"./sweep/..."}, to: slices.Concat(language, database, kubernetes), deep: true,
		why: "the domain knows no adapter",
	},
	{
		from: []string{"./sweep/..."}, to: ours, but: []string{"./sweep/..."},
		why: "the domain knows no adapter",
	},
	{
		from: []string{"./hcl/..."}, to: ours, but: []string{"./hcl/...", "./sweep/..."},
		why: "the language makes values of sweep and runs nothing",
	},
	{
		from: []string{"./runner"}, to: []string{"./hcl/...", "./runner/ledger/..."}, deep: true,
		why: "the dispatcher is given a plan and a recorder",
	},
	{
		from: []string{"./runner/..."}, to: ours, but: []string{"./runner/...", "./sweep/..."},
		why: "runners run experiments, whoever declared them",
	},
	{
		from: ours, except: []string{"./hcl/..."}, to: language,
		why: "only hcl knows HCL and cty",
	},
	{
		from: ours, except: []string{"./runner/ledger/..."}, to: database,
		why: "only runner/ledger knows SQL",
	},
	{
		from: ours, except: []string{"./runner/kubernetes/..."}, to: kubernetes,
		why: "only runner/kubernetes knows Kubernetes",
	},
}

func TestImportArrows(t *testing.T) {
	imports := importGraph(t)
	for _, a := range slices.Concat(arrows, betweenRunners(imports)) {
		spokenOf := 0
		for pkg := range imports {
			if matches(pkg, a.from) && !matches(pkg, a.except) {
				spokenOf++
				a.check(t, imports, pkg)
			}
		}
		if spokenOf == 0 {
			t.Errorf("no package matches %q: mend the rule %q", a.from, a.why)
		}
	}
}

// check follows imports from pkg and reports each forbidden edge once, with the chain that leads to it.
func (a arrow) check(t *testing.T, imports map[string][]string, pkg string) {
	t.Helper()
	chains := [][]string{{pkg}}
	seen := map[string]bool{pkg: true}
	for len(chains) > 0 {
		chain := chains[0]
		chains = chains[1:]
		for _, next := range imports[chain[len(chain)-1]] {
			longer := append(slices.Clip(chain), next)
			switch {
			case matches(next, a.to) && !matches(next, a.but):
				t.Errorf("%s: %s", strings.Join(longer, " imports "), a.why)
			case a.deep && !seen[next]:
				seen[next] = true
				chains = append(chains, longer)
			}
		}
	}
}

// betweenRunners keeps what lies below runner apart: each knows runner, its own children and the scanner that all share.
func betweenRunners(imports map[string][]string) []arrow {
	children := map[string]bool{}
	for pkg := range imports {
		if below, ok := strings.CutPrefix(pkg, "./runner/"); ok {
			child, _, _ := strings.Cut(below, "/")
			children["./runner/"+child+"/..."] = true
		}
	}
	var found []arrow
	for own := range children {
		found = append(found, arrow{
			from: []string{own}, to: []string{"./runner/..."}, but: []string{own, "./runner", "./runner/metrics"},
			why: "what lies below runner does not know its neighbours",
		})
	}
	return found
}

// importGraph returns what every package of the module, and everything they depend on, imports directly.
func importGraph(t *testing.T) map[string][]string {
	t.Helper()
	graph := map[string][]string{}
	for _, line := range lines(t, "go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		paths := strings.Fields(line)
		for i, p := range paths {
			if below, ok := strings.CutPrefix(p, module); ok {
				paths[i] = "." + below
			}
		}
		graph[paths[0]] = paths[1:]
	}
	return graph
}

func TestTopLevel(t *testing.T) {
	if err := exec.Command("git", "-C", root, "rev-parse").Run(); err != nil {
		t.Skip("not a git checkout")
	}
	want := []string{"Makefile", "README.md", "cmd", "examples", "go.mod", "go.sum", "hcl", "runner", "sweep"}
	var got []string
	for _, file := range lines(t, "git", "ls-files") {
		top, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(top, ".") {
			got = append(got, top)
		}
	}
	slices.Sort(got)
	got = slices.Compact(got)
	if !slices.Equal(got, want) {
		t.Errorf("the top level of the tree holds\n\t%q, want\n\t%q", got, want)
	}
}

// lines runs a command at the module's root and returns what it prints.
func lines(t *testing.T, name string, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func matches(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		tree, below := strings.CutSuffix(pattern, "/...")
		return pkg == tree || below && strings.HasPrefix(pkg, tree+"/")
	})
}
