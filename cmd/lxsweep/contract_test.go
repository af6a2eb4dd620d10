//go:build linux

package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
)

// reportProgram prints what it was given and finds, a line each. What depends on
// the place is written as the variable that names it.
const reportProgram = `import json, os, sys
output, data = os.environ["LXSWEEP_OUTPUT_DIR"], os.environ["LXSWEEP_DATA_DIR"]
root = os.path.dirname(output)
with open(os.path.join(output, "written"), "x") as file:
    file.write("yes")
for i, arg in enumerate(sys.argv[1:]):
    print("argument", i, json.dumps(arg, ensure_ascii=False))
for name, value in sorted(os.environ.items()):
    if name.startswith(("LXSWEEP_", "LX_", "MLFLOW_", "USERS_")):
        value = {output: "OUTPUT/" + os.path.relpath(output, root), data: "DATA", os.environ["LXSWEEP_RESULT"]: "RESULT", os.getcwd(): "WORKING"}.get(value, value)
        print("variable", name, json.dumps(value, ensure_ascii=False))
print("data", open(os.path.join(data, "data.txt")).read())
`

// contractGrid is programs that look at what every runner promises.
const contractGrid = `variable "mark" { type = string }
config "any" {
  hp { x = 0 }
  run {
    env = {
      USERS_WORKING_DIR = run.working_dir
      USERS_TEXT        = "$(HOME) $$(X) $$ 'single' \"double\" back\\slash\nnew line\ttab ünï ✓ %s"
      USERS_NAME        = "$(USERS_TEXT)"
      USERS_EMPTY       = ""
      USERS_MARK        = var.mark
    }
  }
  resources {
    build {
      image_url         = "kubetest.local/contract:1"
      image_pull_policy = "IfNotPresent"
    }
    host { data_dir = "data" }
    k8 {
      secret_env = { USERS_SECRET = "theirs/key" }
      volume "data" {
        host_path  = "DATA"
        mount_path = "/data"
        read_only  = true
      }
      volume "out" {
        host_path  = "OUTPUT"
        mount_path = "/output"
      }
    }
  }
}
config "list" {
  from = config.any
  run {
    cmd = [
      "python3", "report.py", "$(HOME)", "$$(X)", "$$", "$", "$(USERS_TEXT)", "$USERS_TEXT", "'", "\"", "a b", "back\\slash\\n",
      "new\nline", "\ttab", "ünï ✓ 日本", "", "*", "~", "%s", "--flag=$(LXSWEEP_JOBID)", "$$$$(X)",
    ]
  }
}
config "string" {
  from = config.any
  run {
    cmd = <<-EOT
      set -u
      python3 report.py '$(HOME)' '$$(X)' "$USERS_TEXT" "$(echo by the shell)" "$((1 + 1))" "a
      b" '' ünï \$ "$${USERS_NAME}" ${shellquote("it's $(HOME)")} "$#"
    EOT
  }
}
config "code" {
  from = config.any
  run { cmd = "echo some words; exit ${hp.x}" }
}
config "nothing" {
  from = config.any
  run { cmd = "there-is-no-such-program" }
}
config "failing" {
  from = config.any
  run { cmd = "false; echo not reached" }
}
config "killed" {
  from = config.any
  run { cmd = "test $LXSWEEP_ATTEMPT = 2 || exec sleep 3600" }
}
config "lines" {
  from = config.any
  run { cmd = ["printf", "epoch=1 loss=0.5 acc: 0.1\repoch=2 loss=0.25\nval/loss=1e-3\nloss=nan\nno newline at the end acc=0.75"] }
}
config "result" {
  from = config.any
  run { cmd = "echo loss=3; printf '{\"loss\": 0.125, \"n\": 3, \"name\": \"x\"}' >\"$LXSWEEP_RESULT\"" }
}
config "nonsense" {
  from = config.any
  run { cmd = "echo '{loss' >\"$LXSWEEP_RESULT\"" }
}
config "long" {
  from = config.any
  run { cmd = ["python3", "-c", "import os; open(os.environ['LXSWEEP_RESULT'], 'w').write('{\"loss\": 1, \"x\": \"' + 'x' * 5000 + '\"}')"] }
}
config "late" {
  from = config.any
  run {
    cmd     = "trap 'echo told to end; exit 143' TERM; sleep 3600 & wait"
    timeout = "1s"
  }
}
sweep "codes" {
  config = config.code
  grid { x = [0, 3, 255] }
}
sweep "others" {
  config = [
    config.list, config.string, config.nothing, config.failing, config.killed, config.lines, config.result, config.nonsense,
    config.long, config.late,
  ]
}
`

const theirSecret = "$(HOME) of\nall secrets"

// TestContract runs the same programs on both runners: they are given the same
// and come to the same.
func TestContract(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Real, "")
	k.write("report.py", reportProgram)
	k.pythonImage("kubetest.local/contract:1", k.path("report.py"))
	data, outputs := t.TempDir(), t.TempDir()
	k.write("grid.hcl", strings.NewReplacer("DATA", data, "OUTPUT", outputs).Replace(contractGrid))
	_, err := k.cluster.Client.CoreV1().Secrets(k.namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Data: map[string][]byte{"key": []byte(theirSecret)},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	here := k.machine()
	here.setenv("PATH", "/usr/bin:"+os.Getenv("PATH")) // the image's Python
	here.setenv("USERS_SECRET", theirSecret)
	here.write("report.py", reportProgram)
	for _, folder := range []string{data, here.path("data")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "data.txt"), []byte("the data"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []*clustered{k, here} {
		runner := "kubernetes"
		if m == here {
			runner = "local"
		}
		apply := m.apply("--runner", runner, "--var", "mark="+k.namespace)
		m.killProgram("killed-0", k.namespace)
		m.end(apply, 3)
	}
	for _, query := range []string{
		`experiment_name, e.number, a.number, state, class, code, reason) FROM attempts a JOIN experiments e ON e.id = experiment_id ORDER BY 1`,
		`run_name, metric, last, min, max, count, step) FROM results ORDER BY run_name, metric`,
		`run_name, CASE WHEN length(a.result) <= 4096 THEN a.result END, a.result_error) FROM attempts a JOIN runs ON runs.attempt_id = a.id ORDER BY 1`,
	} {
		same(t, query, k.query(k.ledger(), query), here.query(here.ledger(), query)...)
	}
	for _, run := range []string{"list-0", "string-0", "code-1", "lines-0", "late-0", "failing-0"} {
		there, _ := k.lxsweep(0, "logs", run)
		local, _ := here.lxsweep(0, "logs", run)
		if there != local {
			t.Errorf("%s prints in the cluster\n%s\nand here\n%s", run, there, local)
		}
	}
	k.checkReport(outputs)
	k.noJobs()
}

// killProgram kills, as the kernel would, the program of a run that has a mark
// in its environment.
func (k *clustered) killProgram(run, mark string) {
	k.Helper()
	k.await(run+" runs", func() bool {
		files, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, file := range files {
			env, _ := os.ReadFile(file) // it may have ended
			has := func(v string) bool {
				return slices.ContainsFunc(bytes.Split(env, []byte{0}), func(e []byte) bool { return string(e) == v })
			}
			if !has("LXSWEEP_RUN_NAME="+run) || !has("USERS_MARK="+mark) {
				continue
			}
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && string(command) == "sleep\x003600\x00" {
				return syscall.Kill(pid, syscall.SIGKILL) == nil
			}
		}
		return false
	})
}

// checkReport checks what the cluster's programs were given: both runners might
// be wrong in one way.
func (k *clustered) checkReport(outputs string) {
	k.Helper()
	report, _ := k.lxsweep(0, "logs", "list-0")
	for i, want := range []string{
		"$(HOME)", "$$(X)", "$$", "$", "$(USERS_TEXT)", "$USERS_TEXT", "'", `"`, "a b", `back\slash\n`, "new\nline", "\ttab", "ünï ✓ 日本",
		"", "*", "~", "%s", "--flag=$(LXSWEEP_JOBID)", "$$$$(X)",
	} {
		if !strings.Contains(report, "argument "+strconv.Itoa(i)+" "+strconv.Quote(want)+"\n") {
			k.Errorf("argument %d is not %q:\n%s", i, want, report)
		}
	}
	for _, want := range []string{
		`LXSWEEP_ATTEMPT "1"`, `LXSWEEP_DATA_DIR "DATA"`, `LXSWEEP_EXPERIMENT_NAME "list"`, `LXSWEEP_HP "{\"x\":0}"`, `LXSWEEP_JOBID "0"`,
		`LXSWEEP_OUTPUT_DIR "OUTPUT/list-0"`, `LXSWEEP_RESULT "RESULT"`, `LXSWEEP_ROUND ""`, `LXSWEEP_RUN_NAME "list-0"`,
		`LX_EXPERIMENT_NAME "list"`, `MLFLOW_EXPERIMENT_NAME "list"`, `USERS_EMPTY ""`, `USERS_WORKING_DIR "WORKING"`, `USERS_NAME "$(USERS_TEXT)"`, "USERS_SECRET " + strconv.Quote(theirSecret),
		"USERS_TEXT " + strconv.Quote("$(HOME) $$(X) $$ 'single' \"double\" back\\slash\nnew line\ttab ünï ✓ %s"),
	} {
		if !strings.Contains(report, "variable "+want+"\n") {
			k.Errorf("the variable is not %s:\n%s", want, report)
		}
	}
	if !strings.HasSuffix(report, "\ndata the data\n") {
		k.Errorf("the data is not right:\n%s", report)
	}
	if text, err := os.ReadFile(filepath.Join(outputs, "list-0", "written")); err != nil || string(text) != "yes" {
		k.Errorf("the output is %q, %v", text, err)
	}
}
