package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"

	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// world is a Factory without a process around it.
func world(t *testing.T) (f *Factory, out, err *bytes.Buffer) {
	t.Helper()
	out, err = &bytes.Buffer{}, &bytes.Buffer{}
	width := func() int { return 80 }
	return &Factory{
		Version: "test", In: strings.NewReader(""),
		Out: Stream{out, out, false, width}, Err: Stream{err, err, false, width},
		Environ: func(string) (string, bool) { return "", false },
		Dir:     t.TempDir(),
		Now:     func() time.Time { return time.Date(2026, 1, 31, 2, 0, 0, 0, time.UTC) },
		CPUs:    4,
	}, out, err
}

// parse runs a command line up to the options, which it returns.
func parse[O any](t *testing.T, newCmd func(*Factory, func(context.Context, *O) error) *cobra.Command, args ...string) (*O, error) {
	t.Helper()
	f, _, _ := world(t)
	var got *O
	cmd := newCmd(f, func(_ context.Context, o *O) error { got = o; return nil })
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	return got, cmd.ExecuteContext(context.Background())
}

// argv compares the options that a command line gives; a nil want means that it
// is refused with an error that holds refusal.
type argv[O any] struct {
	args    string
	want    *O
	refusal string
}

func check[O any](t *testing.T, newCmd func(*Factory, func(context.Context, *O) error) *cobra.Command, cases []argv[O]) {
	t.Helper()
	ignore := cmp.Options{cmpopts.IgnoreTypes(&Factory{}), cmpopts.IgnoreUnexported(ApplyOptions{}), cmpopts.EquateEmpty()}
	for _, c := range cases {
		got, err := parse(t, newCmd, strings.Fields(c.args)...)
		switch {
		case c.want == nil && (err == nil || !strings.Contains(err.Error(), c.refusal)):
			t.Errorf("%q: error %v, want one with %q", c.args, err, c.refusal)
		case c.want != nil && err != nil:
			t.Errorf("%q: %v", c.args, err)
		case c.want != nil:
			if d := cmp.Diff(c.want, got, ignore); d != "" {
				t.Errorf("%q (-want +got):\n%s", c.args, d)
			}
		}
	}
}

func TestPlanArgv(t *testing.T) {
	check(t, newPlanCmd, []argv[PlanOptions]{
		{args: "", refusal: "no file was named"},
		{args: "grid.hcl -o yaml", refusal: `--output "yaml" is not known`},
		{args: "grid.hcl", want: &PlanOptions{InputOptions: InputOptions{Files: []string{"grid.hcl"}}, Output: "text"}},
		{
			args: "a.hcl b --var x=1,2 --var y=z --var-file v --set hp.e=1 --config c --round r --runner local --state s.db",
			want: &PlanOptions{
				InputOptions: InputOptions{
					Files: []string{"a.hcl", "b"}, Vars: []string{"x=1,2", "y=z"}, VarFiles: []string{"v"},
					Sets: []string{"hp.e=1"}, Configs: []string{"c"}, Round: "r", Runner: "local",
				},
				StateOptions: StateOptions{State: "s.db"}, Output: "text",
			},
		},
		{
			args: "g.hcl --out p --detailed-exitcode -o json --filter hp.x==1 --rerun failed,ex-8 --accept-changed --parallel 3 --gpus 0,1",
			want: &PlanOptions{
				InputOptions: InputOptions{Files: []string{"g.hcl"}}, SaveTo: "p", DetailedExitCode: true, Output: "json", Filter: "hp.x==1",
				RerunOptions: RerunOptions{Rerun: []string{"failed", "ex-8"}, AcceptChanged: true}, Parallel: 3, GPUs: []string{"0", "1"},
			},
		},
	})
}

func TestApplyArgv(t *testing.T) {
	none := BaselineOptions{Tolerance: analysis.DefaultTolerance}
	check(t, newApplyCmd, []argv[ApplyOptions]{
		{args: "", refusal: "no file was named"},
		{args: "g.hcl --progress loud", refusal: `--progress "loud" is not known`},
		{args: "g.hcl --image i", refusal: "--image is for a driver in the cluster"},
		{args: "g.hcl --detach --runner local", refusal: "--detach runs experiments in the cluster"},
		{args: "g.hcl --max-failures many", refusal: "max-failures"},
		{args: "g.hcl", want: &ApplyOptions{InputOptions: InputOptions{Files: []string{"g.hcl"}}, BaselineOptions: none, Progress: "auto"}},
		{args: "g.hcl --tolerance 2%", refusal: "there is no --baseline"},
		{args: "g.hcl --baseline last --tolerance -1", refusal: "a tolerance is a share such as 1%"},
		{args: "g.hcl --baseline= --tolerance 0.5", want: &ApplyOptions{
			InputOptions:    InputOptions{Files: []string{"g.hcl"}},
			BaselineOptions: BaselineOptions{BaselineGiven: true, Tolerance: analysis.Tolerance{Value: 0.5}}, Progress: "auto",
		}},
		{
			args: "g.hcl --auto-approve --cancel-removed --fail-fast --max-failures 3 --lock-timeout 1h --progress quiet --parallel 2",
			want: &ApplyOptions{
				InputOptions: InputOptions{Files: []string{"g.hcl"}}, BaselineOptions: none, AutoApprove: true, CancelRemoved: true, FailFast: true,
				MaxFailures: 3, LockTimeout: time.Hour, Progress: "quiet", Parallel: 2,
			},
		},
	})
}

func TestScheduleArgv(t *testing.T) {
	files := func(files ...string) InputOptions { return InputOptions{Files: files} }
	check(t, newScheduleCmd, []argv[ScheduleOptions]{
		{args: "", refusal: "no file was named"},
		{args: "-- --parallel 3", refusal: "no file was named"},
		{args: "g.hcl --round r", refusal: "unknown flag: --round"},
		{args: "g.hcl --cron @daily", want: &ScheduleOptions{InputOptions: files("g.hcl"), Cron: "@daily"}},
		{
			args: "a.hcl b --cron @daily --time-zone Etc/UTC --image i --name n --storage 2Gi --storage-class fast -- --parallel 3 --round r",
			want: &ScheduleOptions{
				InputOptions: files("a.hcl", "b"), Cron: "@daily", TimeZone: "Etc/UTC",
				DriverOptions: DriverOptions{Image: "i", Name: "n", Storage: "2Gi", StorageClass: "fast"},
				ForApply:      []string{"--parallel", "3", "--round", "r"},
			},
		},
	})
	check(t, newRunNowCmd, []argv[RunNowOptions]{
		{args: "", refusal: "the name of one schedule"},
		{args: "a b", refusal: "the name of one schedule"},
		{args: "a --namespace ml", want: &RunNowOptions{Name: "a", ClusterOptions: ClusterOptions{Namespace: "ml"}}},
	})
}

func TestTryArgv(t *testing.T) {
	input := func(files ...string) InputOptions { return InputOptions{Files: files} }
	check(t, newTryCmd, []argv[TryOptions]{
		{args: "", refusal: "no file was named"},
		{args: "g.hcl ex-8 --filter hp.x==1", refusal: "both a run and --filter were given"},
		{args: "g.hcl", want: &TryOptions{InputOptions: input("g.hcl")}},
		{args: "ex-8", want: &TryOptions{InputOptions: input("ex-8")}},
		{args: "g.hcl ex-8", want: &TryOptions{InputOptions: input("g.hcl"), Run: "ex-8"}},
		{args: "a.hcl b a-b-8? --state s", want: &TryOptions{InputOptions: input("a.hcl", "b"), Run: "a-b-8", StateOptions: StateOptions{State: "s"}}},
		{args: "a.hcl ./ex-8", want: &TryOptions{InputOptions: input("a.hcl", "./ex-8")}},
		{args: "g.hcl --filter hp.x==1", want: &TryOptions{InputOptions: input("g.hcl"), Filter: "hp.x==1"}},
	})
}

func TestInitArgv(t *testing.T) {
	check(t, newInitCmd, []argv[InitOptions]{
		{args: "", want: &InitOptions{File: "grid.hcl", Timeout: 30 * time.Second}},
		{args: "a.hcl", want: &InitOptions{File: "a.hcl", Timeout: 30 * time.Second}},
		{
			args: "-- python train.py --timeout 1",
			want: &InitOptions{File: "grid.hcl", Command: []string{"python", "train.py", "--timeout", "1"}, Timeout: 30 * time.Second},
		},
		{args: "a.hcl --timeout 5m -- ./train fit", want: &InitOptions{File: "a.hcl", Command: []string{"./train", "fit"}, Timeout: 5 * time.Minute}},
		{args: "--", refusal: "no command follows --"},
		{args: "train.py", refusal: `"train.py" does not end in .hcl`},
		{args: "python train.py", refusal: `"train.py" is one argument too many`},
	})
}

func TestReadingArgv(t *testing.T) {
	read := ReadOptions{StateOptions: StateOptions{State: "s"}, Sweep: "n", Filter: "number>1"}
	check(t, newStatusCmd, []argv[StatusOptions]{
		{args: "ex-8", refusal: `"ex-8" is one argument too many`},
		{args: "--state s --sweep n --filter number>1 --all", want: &StatusOptions{ReadOptions: read, Output: "table", All: true}},
		{args: "--round=", want: &StatusOptions{ReadOptions: ReadOptions{RoundGiven: true}, Output: "table"}},
	})
	check(t, newResultsCmd, []argv[ResultsOptions]{
		{args: "-o yaml", refusal: `--output "yaml" is not known`},
		{args: "--state s --sweep n --filter number>1 --limit 5 -o csv", want: &ResultsOptions{ReadOptions: read, Output: "csv", Limit: 5}},
	})
	check(t, newBestCmd, []argv[BestOptions]{
		{args: "-o csv", refusal: `--output "csv" is not known`},
		{
			args: "-o json --maximize a --minimize b --maximize c",
			want: &BestOptions{Output: "json", RankOptions: RankOptions{Minimize: []string{"b"}, Maximize: []string{"a", "c"}}},
		},
	})
}

func TestCompareArgv(t *testing.T) {
	second, none := "b", ""
	check(t, newCompareCmd, []argv[CompareOptions]{
		{args: "a b c", refusal: `"c" is one argument too many`},
		{args: "-o yaml", refusal: `--output "yaml" is not known`},
		{args: "--tolerance little", refusal: `and not "little"`},
		{args: "", want: &CompareOptions{Baseline: "last", Tolerance: analysis.DefaultTolerance, Output: "table"}},
		{args: "a", want: &CompareOptions{Baseline: "a", Tolerance: analysis.DefaultTolerance, Output: "table"}},
		{args: "a b -o csv --all", want: &CompareOptions{Baseline: "a", Round: &second, Tolerance: analysis.DefaultTolerance, Output: "csv", All: true}},
		{
			args: "--state s --sweep n --filter number>1 --maximize acc --tolerance 0",
			want: &CompareOptions{
				StateOptions: StateOptions{State: "s"}, RankOptions: RankOptions{Maximize: []string{"acc"}}, Baseline: "last",
				Sweep: "n", Filter: "number>1", Output: "table",
			},
		},
	})
	got, err := parse(t, newCompareCmd, "a", "")
	if err != nil || got.Round == nil || *got.Round != none {
		t.Errorf("the round without a name: %+v, %v", got, err)
	}
}

func TestRunArgv(t *testing.T) {
	check(t, newLogsCmd, []argv[LogsOptions]{
		{args: "", refusal: "no run was named"},
		{args: "ex-8 ex-9", refusal: "it takes one run, 2 were named"},
		{args: "ex8", refusal: `"ex8" is no run name`},
		{args: "ex-8 --filter number>1", refusal: "both a run and --filter were given"},
		{args: "ex-8 -f --attempt 2", want: &LogsOptions{RunOptions: RunOptions{Run: "ex-8"}, Follow: true, Attempt: 2}},
		{args: "--filter number>1 --state s", want: &LogsOptions{RunOptions: RunOptions{StateOptions: StateOptions{State: "s"}, Filter: "number>1"}}},
	})
	check(t, newShowCmd, []argv[ShowOptions]{
		{args: "ex-08", refusal: `"ex-08" is no run name`},
		{args: "ex-8 -o json --cmd", want: &ShowOptions{RunOptions: RunOptions{Run: "ex-8"}, Output: "json", Cmd: true}},
	})
	check(t, newCancelCmd, []argv[CancelOptions]{
		{args: "", refusal: "no run was named"},
		{args: "ex-8 --sweep n", refusal: "one argument too many"},
		{args: "ex-8 a-b-9 --reason late", want: &CancelOptions{Runs: []string{"ex-8", "a-b-9"}, Reason: "late"}},
		{args: "--sweep n", want: &CancelOptions{Sweep: "n"}},
		{args: "ex-8 --filter number>1", refusal: "both a run and --filter were given"},
		{args: "--sweep n --filter number>1", want: &CancelOptions{Sweep: "n", Filter: "number>1"}},
	})
	check(t, newFmtCmd, []argv[FmtOptions]{
		{args: "--nope", refusal: "unknown flag"},
		{args: "", want: &FmtOptions{}},
		{args: "--check --diff - a b", want: &FmtOptions{Files: []string{"-", "a", "b"}, Check: true, Diff: true}},
	})
	check(t, newValidateCmd, []argv[ValidateOptions]{
		{args: "g.hcl --set hp.x=1", want: &ValidateOptions{InputOptions: InputOptions{Files: []string{"g.hcl"}, Sets: []string{"hp.x=1"}}, Output: "text"}},
		{args: "g.hcl -o json", want: &ValidateOptions{InputOptions: InputOptions{Files: []string{"g.hcl"}}, Output: "json"}},
		{args: "g.hcl -o yaml", refusal: `--output "yaml" is not known`},
	})
}

// TestExitCodes holds the numbers, which scripts rely on.
func TestExitCodes(t *testing.T) {
	got := []ExitCode{ExitOK, ExitError, ExitChanges, ExitUnsuccessful, ExitLocked, ExitStale, ExitRegression, ExitInterrupted}
	if d := cmp.Diff([]ExitCode{0, 1, 2, 3, 4, 5, 6, 130}, got); d != "" {
		t.Error(d)
	}
}

func TestErrorsEndWithTheirCode(t *testing.T) {
	f, out, errs := world(t)
	if code := Run(context.Background(), f, []string{"logs", "ex-8"}); code != ExitError {
		t.Errorf("exit code %d", code)
	}
	if want := "error: there is no ledger (.lxsweep/lxsweep.db) here or in a folder above\n"; !strings.HasPrefix(errs.String(), want) {
		t.Errorf("stderr %q", errs)
	}
	if out.Len() > 0 {
		t.Errorf("stdout %q", out)
	}
}

func TestPruneArgv(t *testing.T) {
	check(t, newPruneCmd, []argv[PruneOptions]{
		{args: "", refusal: "say which rounds are to go"},
		{args: "grid.hcl --outputs", refusal: "one argument too many"},
		{args: "--ended failed", refusal: "say which rounds are to go"},
		{args: "--outputs --ended running", refusal: `--ended "running" is not known`},
		{args: "--keep-rounds 0", refusal: "a number from 1 on"},
		{args: "--older-than -3d", refusal: "is negative"},
		{args: "--older-than 0d", refusal: "no time at all"},
		{args: "--round=", want: &PruneOptions{RoundGiven: true, Output: "table"}},
		{
			args: "--keep-rounds 14 --older-than 1d12h --round r --sweep s --ended failed,oom --filter hp.x==1 --outputs --keep-best 3 --auto-approve --lock-timeout 1m --state s.db -o json",
			want: &PruneOptions{
				StateOptions: StateOptions{State: "s.db"}, Round: "r", RoundGiven: true, KeepRounds: 14, OlderThan: 36 * time.Hour, Sweep: "s",
				Ended: []string{"failed", "oom"}, Filter: "hp.x==1", Outputs: true, KeepBest: 3, AutoApprove: true, LockTimeout: time.Minute, Output: "json",
			},
		},
	})
}
