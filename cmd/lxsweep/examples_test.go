package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// afterwards are what holds in an example's folder once its README was followed.
var afterwards = map[string]func(session){"sklearn": sklearn, "lightex": lightex}

// TestExamples follows the README of every folder of examples/, in a copy of it.
// Each of the folder's .hcl files must stand by itself. The quickstart's README
// is followed by TestDemo.
func TestExamples(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each process
	readmes, err := filepath.Glob("../../examples/*/README.md")
	folders, _ := filepath.Glob("../../examples/*")
	if err != nil || len(readmes) < len(afterwards) || len(readmes) != len(folders) {
		t.Fatalf("%d folders have %d READMEs, %v", len(folders), len(readmes), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			root := t.TempDir()
			copyExample(t, "quickstart", root) // others use its data
			if filepath.Base(folder) != "quickstart" {
				copyExample(t, filepath.Base(folder), root)
			}
			s := session{T: t, dir: filepath.Join(root, filepath.Base(folder))}
			s.checkFiles()
			if filepath.Base(folder) == "quickstart" {
				return
			}
			s.needModules()
			s.followReadme()
			if then := afterwards[filepath.Base(folder)]; then != nil {
				then(s)
			}
		})
	}
}

func (s session) checkFiles() {
	s.Helper()
	files, _ := filepath.Glob(filepath.Join(s.dir, "*.hcl"))
	if len(files) == 0 {
		s.Error("the folder has no .hcl file")
	}
	for _, file := range files {
		s.lxsweep(0, "validate", filepath.Base(file))
	}
	s.lxsweep(0, "fmt", "--check")
}

var imported = regexp.MustCompile(`(?m)^(?:import|from) (\w+)`)

// needModules skips an example whose train.py imports a Python module that is
// not here. In CI, what .ci/run installs must be.
func (s session) needModules() {
	s.Helper()
	source, err := os.ReadFile(filepath.Join(s.dir, "train.py"))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.Fatal(err)
	}
	args := []string{"-c", "import importlib.util, sys; print(*(m for m in {*sys.argv[1:]} if not importlib.util.find_spec(m)))"}
	for _, m := range imported.FindAllStringSubmatch(string(source), -1) {
		args = append(args, m[1])
	}
	cmd := exec.Command("python3", args...)
	cmd.Dir = s.dir
	out, err := cmd.Output()
	if err != nil {
		s.Fatal(err)
	}
	missing := strings.Fields(string(out))
	ci, err := os.ReadFile("../../.ci/run")
	if err != nil {
		s.Fatal(err)
	}
	for _, m := range missing {
		if os.Getenv("CI") != "" && bytes.Contains(ci, []byte("import "+m)) {
			s.Fatalf(".ci/run installs the Python module %s, and python3 does not find it", m)
		}
	}
	if len(missing) > 0 {
		s.Skipf("not run: train.py imports %s, which python3 does not find", missing)
	}
}

func (s session) followReadme() {
	s.Helper()
	ran := 0
	for _, b := range readmeBlocks(s.T, filepath.Join(s.dir, "README.md")) {
		if b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			runReadmeLine(s.T, s.dir, strings.TrimSpace(line))
			ran++
		}
	}
	if ran == 0 {
		s.Error("the README has no command")
	}
}

// beatDefaults checks that every one of the sweeps found something better to
// minimize than what the config has by itself.
func (s session) beatDefaults(config, metric string, sweeps ...string) {
	s.Helper()
	s.lxsweep(0, "apply", "--auto-approve", "--config", config, "grid.hcl")
	best, byDefault := map[string]float64{}, 0.0
	for _, r := range s.results() {
		switch {
		case r.Sweep == config: // alone, and unranked
			byDefault = r.Metrics[metric]
		case r.Rank == 1:
			best[r.Sweep] = r.Metrics[metric]
		}
	}
	for _, sweep := range sweeps {
		if found := best[sweep]; found <= 0 || found >= byDefault {
			s.Errorf("the defaults of %s reach a %s of %v, sweep %s %v", config, metric, byDefault, sweep, found)
		}
	}
}

// sklearn's defaults are beaten, every model is saved, and nothing runs twice.
func sklearn(s session) {
	again, said := s.lxsweep(0, "apply", "--auto-approve", "grid.hcl")
	if !strings.Contains(again+said, "nothing to run: 25 unchanged") {
		s.Errorf("a second apply says\n%s%s", again, said)
	}
	rows := s.results()
	if len(rows) != 25 {
		s.Errorf("%d results, want 25", len(rows))
	}
	for _, r := range rows {
		if _, err := os.Stat(filepath.Join(r.Output, "model.joblib")); err != nil {
			s.Error(err)
		}
	}
	s.beatDefaults("elasticnet", "val_rmse", "diabetes")
	s.beatDefaults("mlp", "val_loss", "digits")
}

// lightex plans the experiments of LightEx's examples, with their commands.
func lightex(s session) {
	want := []string{
		"efnet0-0: python main.py /DATA_DIR --output-dir /OUTPUT_DIR -a efficientnet-b0 --pretrained -b 32 -j 0 --epochs 1 --gpu 0",
		"efnet0-1: python main.py /DATA_DIR --output-dir /OUTPUT_DIR -a efficientnet-b0 --pretrained -b 16 -j 0 --epochs 1 --gpu 0",
		"efnet0-2: python main.py /DATA_DIR --output-dir /OUTPUT_DIR -a efficientnet-b1 --pretrained -b 16 -j 0 --epochs 1 --gpu 0",
		"m2test-0: python train.py --data-dir /DATA_DIR --output-dir /OUTPUT_DIR --alpha 0.05 --l1_ratio 0.01",
		"m2test-1: python train.py --data-dir /DATA_DIR --output-dir /OUTPUT_DIR --alpha 0.05 --l1_ratio 0.015",
		"m2test-2: python train.py --data-dir /DATA_DIR --output-dir /OUTPUT_DIR --alpha 0.05 --l1_ratio 0.0015",
		"m2cluster-0: python train.py --data-dir /DATA_DIR --output-dir /OUTPUT_DIR --alpha 0.05 --l1_ratio 0.01",
		"m2cluster-1: python train.py --data-dir /DATA_DIR --output-dir /OUTPUT_DIR --alpha 0.05 --l1_ratio 0.015",
		"m2cluster-2: python train.py --data-dir /DATA_DIR --output-dir /OUTPUT_DIR --alpha 0.05 --l1_ratio 0.0015",
		"pt0-0: python mnist_tensorboard_artifact.py --data-dir /DATA_DIR --batch-size 64 --enable-cuda True --epochs 1 " +
			"--log-interval 100 --lr 0.01 --momentum 0.5 --seed 5 --test-batch-size 1000",
		"find-hp-0: python train.py --data-dir /DATA_DIR --hidden_dim 512 --lr 0.01",
		"find-hp-1: python train.py --data-dir /DATA_DIR --hidden_dim 1024 --lr 0.001",
	}
	out, _ := s.lxsweep(0, "plan", "-o", "json", ".")
	var got []string
	for line := range strings.Lines(out) {
		var planned struct{ Type, Run, Command string }
		if err := json.Unmarshal([]byte(line), &planned); err != nil {
			s.Fatal(err)
		}
		if planned.Type == "experiment" {
			got = append(got, planned.Run+": "+planned.Command)
		}
	}
	if !slices.Equal(got, want) {
		s.Errorf("the plan is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := os.Stat(filepath.Join(s.dir, ".lxsweep")); err == nil {
		s.Error("a plan has made a ledger")
	}
}
