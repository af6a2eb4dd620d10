package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

const fromOthers = "../../examples/from-others"

// TestFromOthers holds that the README shows the files as they are, and that
// each of lxsweep's is laid out and valid.
func TestFromOthers(t *testing.T) {
	checkQuoted(t, fromOthers, "wandb-grid.yaml", "wandb-grid.hcl", "wandb-random.yaml", "wandb-random.hcl", "katib.yaml", "katib.hcl",
		"optuna_search.py", "optuna.hcl", "hydra/multirun.sh", "hydra/config.yaml", "hydra.hcl")
	s := others(t)
	s.lxsweep(0, "fmt", "--check", ".")
	for _, file := range []string{"wandb-grid.hcl", "wandb-random.hcl", "katib.hcl", "optuna.hcl", "hydra.hcl"} {
		s.lxsweep(0, "validate", file)
	}
}

// others is somebody who reads the folder's plans.
func others(t *testing.T) session {
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each process
	return session{T: t, dir: fromOthers}
}

// point is the hyperparameters of an experiment, by their paths.
type point map[string]any

// flat is a nested point by paths: optimizer.lr.
func flat(nested map[string]any) point {
	p := point{}
	for name, value := range nested {
		inner, ok := value.(map[string]any)
		if !ok {
			p[name] = value
			continue
		}
		for path, value := range flat(inner) {
			p[name+"."+path] = value
		}
	}
	return p
}

// String is the same for the same point, whoever multiplied its floats.
func (p point) String() string {
	var parts []string
	for name, value := range p {
		if n, err := strconv.ParseFloat(fmt.Sprint(value), 64); err == nil {
			value = strconv.FormatFloat(n, 'g', 12, 64)
		}
		parts = append(parts, fmt.Sprintf("%s=%v", name, value))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// planned is an experiment of plan -o json.
type planned struct {
	Sweep, Command string
	HP             map[string]any
}

// plan returns the experiments of a file of the folder.
func (s session) plan(file string) (all []planned) {
	s.Helper()
	out, _ := s.lxsweep(0, "plan", "-o", "json", file)
	for line := range strings.Lines(out) {
		var p struct {
			Type string
			planned
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			s.Fatalf("%v in %s", err, line)
		}
		if p.Type == "experiment" {
			all = append(all, p.planned)
		}
	}
	return all
}

func points(all []planned) (points []point) {
	for _, p := range all {
		points = append(points, flat(p.HP))
	}
	return points
}

// samePoints holds that both sides have the same set of so many points.
func samePoints(t *testing.T, n int, theirs, ours []point) {
	t.Helper()
	text := func(points []point) (lines []string) {
		for _, p := range points {
			lines = append(lines, p.String())
		}
		slices.Sort(lines)
		return slices.Compact(lines)
	}
	if diff := cmp.Diff(text(theirs), text(ours)); diff != "" {
		t.Errorf("the points differ (-theirs +lxsweep's):\n%s", diff)
	}
	if len(text(ours)) != n || len(ours) != n {
		t.Errorf("lxsweep has %d points, %d of them different, want %d", len(ours), len(text(ours)), n)
	}
}

// product is every combination of the values of the axes.
func product(axes map[string][]any) []point {
	all := []point{{}}
	for name, values := range axes {
		var next []point
		for _, p := range all {
			for _, value := range values {
				p = maps.Clone(p)
				p[name] = value
				next = append(next, p)
			}
		}
		all = next
	}
	return all
}

// axesOf are the axes that plan prints for a sweep, in its words.
func (s session) axesOf(file, sweep string) map[string]string {
	s.Helper()
	out, _ := s.lxsweep(0, "plan", file)
	_, text, ok := strings.Cut(out, "\nsweep "+sweep+" ")
	if !ok {
		s.Fatalf("the plan of %s has no sweep %s:\n%s", file, sweep, out)
	}
	_, text, _ = strings.Cut(text, "\n  sample ")
	axes := map[string]string{}
	for line := range strings.Lines(text) {
		if name, words, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(line, "    ") {
			axes[name] = strings.TrimSpace(words)
		} else if len(axes) > 0 {
			break
		}
	}
	return axes
}

// plansFor holds that a file's sweep has the objective.
func (s session) plansFor(file, goal, metric string) {
	s.Helper()
	out, _ := s.lxsweep(0, "plan", file)
	if want := fmt.Sprintf(", %s %s", goal, metric); !strings.Contains(out, want) {
		s.Errorf("the plan of %s does not %s %s:\n%s", file, goal, metric, out)
	}
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(fromOthers, file))
	if err == nil {
		text, err = yaml.YAMLToJSON(text)
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wandb is a sweep's configuration, as
// https://docs.wandb.ai/models/sweeps/sweep-config-keys has it.
type wandb struct {
	Method     string
	RunCap     int `json:"run_cap"`
	Metric     struct{ Name, Goal string }
	Parameters map[string]wandbParameter
}

type wandbParameter struct {
	Value         any
	Values        []any
	Distribution  string
	Min, Max      *float64
	Q             float64
	Mu, Sigma     float64
	Probabilities []float64
	Parameters    map[string]wandbParameter
}

// grid adds what a grid makes of a parameter to axes.
func (p wandbParameter) grid(t *testing.T, name string, axes map[string][]any) {
	t.Helper()
	switch {
	case p.Parameters != nil:
		for inner, q := range p.Parameters {
			q.grid(t, name+"."+inner, axes)
		}
	case p.Values != nil:
		axes[name] = p.Values
	case p.Value != nil:
		axes[name] = []any{p.Value}
	default:
		t.Errorf("%s has no values", name)
	}
}

func TestFromWandBGrid(t *testing.T) {
	var theirs wandb
	readYAML(t, "wandb-grid.yaml", &theirs)
	axes := map[string][]any{}
	for name, p := range theirs.Parameters {
		p.grid(t, name, axes)
	}
	s := others(t)
	samePoints(t, 12, product(axes), points(s.plan("wandb-grid.hcl")))
	s.plansFor("wandb-grid.hcl", theirs.Metric.Goal, theirs.Metric.Name)
}

// words are lxsweep's for the distribution of a parameter; whole says that W&B
// draws whole numbers.
func (p wandbParameter) words() (words string, whole bool) {
	g := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	switch p.Distribution {
	case "":
		if p.Values != nil {
			words = fmt.Sprintf("%d values ", len(p.Values))
			for i, value := range p.Values {
				words += fmt.Sprintf(" %v:%s", value, g(p.Probabilities[i]))
			}
			return words, false
		}
		// Bounds without a point are int_uniform's.
		if *p.Min == math.Trunc(*p.Min) && *p.Max == math.Trunc(*p.Max) {
			return fmt.Sprintf("uniform(%s, %s, 1)", g(*p.Min), g(*p.Max)), true
		}
		return fmt.Sprintf("uniform(%s, %s)", g(*p.Min), g(*p.Max)), false
	case "log_uniform_values":
		return fmt.Sprintf("loguniform(%s, %s)", g(*p.Min), g(*p.Max)), false
	case "q_log_uniform_values":
		return fmt.Sprintf("loguniform(%s, %s, %s)", g(*p.Min), g(*p.Max), g(p.Q)), true
	case "q_uniform":
		return fmt.Sprintf("uniform(%s, %s, %s)", g(*p.Min), g(*p.Max), g(p.Q)), false
	case "normal":
		return fmt.Sprintf("normal(%s, %s)", g(p.Mu), g(p.Sigma)), false
	}
	return "", false
}

// allows reports whether W&B could draw the value.
func (p wandbParameter) allows(value any) bool {
	x, number := value.(float64)
	if p.Values != nil {
		return slices.Contains(p.Values, value)
	}
	if p.Min == nil {
		return number
	}
	if _, whole := p.words(); whole && x != math.Trunc(x) {
		return false
	}
	if steps := x / p.Q; p.Q > 0 && math.Abs(steps-math.Round(steps)) > 1e-9 {
		return false
	}
	return number && *p.Min <= x && x <= *p.Max
}

func TestFromWandBRandom(t *testing.T) {
	var theirs wandb
	readYAML(t, "wandb-random.yaml", &theirs)
	s := others(t)
	want := map[string]string{}
	for name, p := range theirs.Parameters {
		want[name], _ = p.words()
	}
	if diff := cmp.Diff(want, s.axesOf("wandb-random.hcl", "random")); diff != "" {
		t.Errorf("the distributions differ (-W&B's +lxsweep's):\n%s", diff)
	}
	s.plansFor("wandb-random.hcl", theirs.Metric.Goal, theirs.Metric.Name)
	ours := points(s.plan("wandb-random.hcl"))
	if len(ours) != theirs.RunCap {
		t.Errorf("%d points, want run_cap's %d", len(ours), theirs.RunCap)
	}
	for _, p := range ours {
		for name, value := range p {
			if !theirs.Parameters[name].allows(value) {
				t.Errorf("W&B would never draw %s = %v", name, value)
			}
		}
	}
}

// katib is an Experiment of kubeflow.org/v1beta1.
type katib struct {
	Spec struct {
		ParallelTrialCount, MaxTrialCount, MaxFailedTrialCount int
		Parameters                                             []struct {
			Name, ParameterType string
			FeasibleSpace       struct {
				Min, Max, Step string
				List           []any
			}
		}
		Objective     struct{ Type, ObjectiveMetricName string }
		TrialTemplate struct {
			TrialParameters []struct{ Name, Reference string }
			TrialSpec       struct {
				Spec struct {
					Template struct {
						Spec struct{ Containers []struct{ Command []string } }
					}
				}
			}
		}
	}
}

// axes are the values that Katib's grid makes of each parameter; the step of an
// int is 1 unless it says another.
func (k *katib) axes(t *testing.T) map[string][]any {
	t.Helper()
	axes := map[string][]any{}
	for _, p := range k.Spec.Parameters {
		space := p.FeasibleSpace
		if p.ParameterType == "categorical" || p.ParameterType == "discrete" {
			axes[p.Name] = space.List
			continue
		}
		if space.Step == "" && p.ParameterType == "int" {
			space.Step = "1"
		}
		var bounds [3]float64
		for i, text := range []string{space.Min, space.Max, space.Step} {
			var err error
			if bounds[i], err = strconv.ParseFloat(text, 64); err != nil {
				t.Fatalf("%s: %v", p.Name, err)
			}
		}
		for i := 0; bounds[0]+float64(i)*bounds[2] <= bounds[1]+1e-9; i++ {
			axes[p.Name] = append(axes[p.Name], bounds[0]+float64(i)*bounds[2])
		}
	}
	return axes
}

func TestFromKatib(t *testing.T) {
	var theirs katib
	readYAML(t, "katib.yaml", &theirs)
	s := others(t)
	ours := s.plan("katib.hcl")
	samePoints(t, theirs.Spec.MaxTrialCount, product(theirs.axes(t)), points(ours))

	s.plansFor("katib.hcl", theirs.Spec.Objective.Type, theirs.Spec.Objective.ObjectiveMetricName)
	text, err := os.ReadFile(filepath.Join(fromOthers, "katib.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{
		"max_parallel":    theirs.Spec.ParallelTrialCount,
		"max_experiments": theirs.Spec.MaxTrialCount,
		"max_failures":    theirs.Spec.MaxFailedTrialCount + 1, // Katib fails when there are more
	} {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^ +%s += %d\b`, name, n)).Match(text) {
			t.Errorf("katib.hcl has not %s = %d", name, n)
		}
	}

	template := theirs.Spec.TrialTemplate
	for _, p := range ours {
		var values []string
		for _, parameter := range template.TrialParameters {
			values = append(values, "${trialParameters."+parameter.Name+"}", fmt.Sprint(p.HP[parameter.Reference]))
		}
		command := strings.Join(template.TrialSpec.Spec.Template.Spec.Containers[0].Command, " ")
		if want := strings.NewReplacer(values...).Replace(command); p.Command != want {
			t.Errorf("lxsweep runs %s, Katib %s", p.Command, want)
		}
	}
}

// TestFromOptuna lets the Optuna program judge the points that lxsweep draws,
// and expands its grid: by a stand-in for Optuna, and by Optuna where there is
// one.
func TestFromOptuna(t *testing.T) {
	t.Run("recorded", func(t *testing.T) { checkOptuna(t, "python3", "recorded") })
	t.Run("real", func(t *testing.T) { checkOptuna(t, pythonWith(t, "optuna"), "real") })
}

func checkOptuna(t *testing.T, python, mode string) {
	s := others(t)
	var grid []point
	var random []map[string]any
	for _, p := range s.plan("optuna.hcl") {
		if p.Sweep == "grid" {
			grid = append(grid, flat(p.HP))
		} else {
			random = append(random, p.HP)
		}
	}
	if len(random) != 40 {
		t.Errorf("%d random points, want n_trials' 40", len(random))
	}
	drawn, err := json.Marshal(random)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/fromothers/optuna_points.py", fromOthers, mode)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(drawn), &bytes.Buffer{}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, cmd.Stderr)
	}
	var theirs struct {
		Grid          []point
		Distributions map[string]string
	}
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	samePoints(t, 16, theirs.Grid, grid)
	if diff := cmp.Diff(theirs.Distributions, s.axesOf("optuna.hcl", "random")); diff != "" {
		t.Errorf("the distributions differ (-Optuna's +lxsweep's):\n%s", diff)
	}
}

// override is NAME=SWEEP of Hydra, whose sweep is a,b or choice(a,b) or
// range(start,stop).
var override = regexp.MustCompile(`^(\w+)=(?:choice\((.*)\)|range\((\d+),(\d+)\)|(.*))$`)

func hydraValues(t *testing.T, text string) (name string, values []any) {
	t.Helper()
	m := override.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%s is no override", text)
	}
	if m[3] != "" {
		for i := atoi(t, m[3]); i < atoi(t, m[4]); i++ {
			values = append(values, i)
		}
		return m[1], values
	}
	for _, value := range strings.Split(m[2]+m[5], ",") {
		values = append(values, value)
	}
	return m[1], values
}

func TestFromHydra(t *testing.T) {
	axes := map[string][]any{}
	var config struct {
		Hydra struct {
			Sweeper struct{ Params map[string]string }
		}
	}
	readYAML(t, "hydra/config.yaml", &config)
	for name, sweep := range config.Hydra.Sweeper.Params {
		name, values := hydraValues(t, name+"="+sweep)
		axes[name] = values
	}
	line, err := os.ReadFile(filepath.Join(fromOthers, "hydra/multirun.sh"))
	if err != nil {
		t.Fatal(err)
	}
	program, overrides, ok := strings.Cut(string(line), " -m ")
	if !ok {
		t.Fatalf("%s has no -m", line)
	}
	for _, text := range strings.Fields(overrides) {
		name, values := hydraValues(t, text) // the command line wins
		axes[name] = values
	}
	ours := others(t).plan("hydra.hcl")
	samePoints(t, 24, product(axes), points(ours))

	for _, p := range ours {
		words := strings.Fields(strings.ReplaceAll(p.Command, "\\\n", ""))
		job := point{}
		for _, text := range words[2:] {
			name, value, _ := strings.Cut(text, "=")
			job[name] = value
		}
		if job["hydra.run.dir"] != "/OUTPUT_DIR" {
			t.Errorf("%s is not where lxsweep says", job["hydra.run.dir"])
		}
		delete(job, "hydra.run.dir")
		if strings.Join(words[:2], " ") != program || job.String() != flat(p.HP).String() {
			t.Errorf("%v is run as %s", p.HP, p.Command)
		}
	}
}
