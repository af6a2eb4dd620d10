package runner

import (
	"slices"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestEquip(t *testing.T) {
	promisedVars := []sweep.Var{
		{Name: "LXSWEEP_ATTEMPT", Value: "2"},
		{Name: "LXSWEEP_DATA_DIR", Value: "/data"},
		{Name: "LXSWEEP_EXPERIMENT_NAME", Value: "ex"},
		{Name: "LXSWEEP_HP", Value: `{"lr":0.1,"optimizer":{"name":"adamw"}}`},
		{Name: "LXSWEEP_JOBID", Value: "8"},
		{Name: "LXSWEEP_OUTPUT_DIR", Value: "/out/ex-8"},
		{Name: "LXSWEEP_ROUND", Value: "2026-11-23"},
		{Name: "LXSWEEP_RUN_NAME", Value: "ex-8"},
	}
	lx, experiment := sweep.Var{Name: "LX_EXPERIMENT_NAME", Value: "ex"}, sweep.Var{Name: "MLFLOW_EXPERIMENT_NAME", Value: "ex"}
	for _, c := range []struct {
		name        string
		env, secret []sweep.Var
		hooks       []sweep.Var
		mlflow      string
		want        []sweep.Var // beside the promised ones
		wantSecret  []sweep.Var
	}{
		{name: "nothing of the user's", want: []sweep.Var{lx, experiment}},
		{
			name: "the user's beside ours",
			env:  []sweep.Var{{Name: "OMP_NUM_THREADS", Value: "4"}},
			want: []sweep.Var{lx, experiment, {Name: "OMP_NUM_THREADS", Value: "4"}},
		},
		{
			name: "what is promised wins, other names with the prefix are free",
			env:  []sweep.Var{{Name: "LXSWEEP_HP", Value: "{}"}, {Name: "LXSWEEP_RESULT", Value: "/x"}, {Name: "LXSWEEP_VAR_tag", Value: "v1"}},
			want: []sweep.Var{{Name: "LXSWEEP_VAR_tag", Value: "v1"}, lx, experiment},
		},
		{
			name: "what is offered loses",
			env:  []sweep.Var{{Name: "MLFLOW_EXPERIMENT_NAME", Value: "mine"}},
			want: []sweep.Var{lx, {Name: "MLFLOW_EXPERIMENT_NAME", Value: "mine"}},
		},
		{
			name: "a tracking directory", mlflow: "/data/ml flow#1",
			want: []sweep.Var{lx, experiment, {Name: "MLFLOW_TRACKING_URI", Value: "file:///data/ml%20flow%231"}},
		},
		{
			name: "a tracking server", mlflow: "http://mlflow:5000",
			want: []sweep.Var{lx, experiment, {Name: "MLFLOW_TRACKING_URI", Value: "http://mlflow:5000"}},
		},
		{
			name: "a tracking server by hook, and by secret", mlflow: "/data/mlflow",
			hooks:      []sweep.Var{{Name: "MLFLOW_RUN_ID", Value: "7f"}, {Name: "MLFLOW_TRACKING_URI", Value: "http://hook"}},
			secret:     []sweep.Var{{Name: "LXSWEEP_JOBID", Value: "a/b"}, {Name: "MLFLOW_TRACKING_URI", Value: "mlflow/uri"}},
			want:       []sweep.Var{lx, experiment, {Name: "MLFLOW_RUN_ID", Value: "7f"}},
			wantSecret: []sweep.Var{{Name: "MLFLOW_TRACKING_URI", Value: "mlflow/uri"}},
		},
		{
			name:  "the user's over the hook's",
			env:   []sweep.Var{{Name: "MLFLOW_RUN_ID", Value: "mine"}},
			hooks: []sweep.Var{{Name: "MLFLOW_RUN_ID", Value: "7f"}, {Name: "LXSWEEP_ROUND", Value: "x"}},
			want:  []sweep.Var{lx, experiment, {Name: "MLFLOW_RUN_ID", Value: "mine"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			hp := sweep.NewObject(nil).With("lr", must(sweep.Number(0.1))).With("optimizer.name", sweep.String("adamw"))
			env, secret := slices.Clone(c.env), slices.Clone(c.secret)
			a := Attempt{
				Number: 2, RunName: "ex-8", JobID: 8,
				Experiment: &sweep.Experiment{Name: "ex", Round: "2026-11-23", HP: hp},
				Command: sweep.Command{
					Env: c.env, SecretEnv: c.secret, MLflowDir: c.mlflow,
					DataDir: "/data", OutputDir: "/out/ex-8",
				},
			}
			equip(&a, c.hooks)
			want := append(slices.Clone(promisedVars), c.want...)
			sweep.SortVars(want)
			if !slices.Equal(a.Command.Env, want) {
				t.Errorf("env\n%v\nwant\n%v", a.Command.Env, want)
			}
			if !slices.Equal(a.Command.SecretEnv, c.wantSecret) {
				t.Errorf("secret env %v", a.Command.SecretEnv)
			}
			if !slices.Equal(c.env, env) || !slices.Equal(c.secret, secret) {
				t.Error("the experiment's own variables were changed")
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestEquipped(t *testing.T) {
	a := Attempt{
		Number: 1, RunName: "ex-8", JobID: 8, Experiment: &sweep.Experiment{Name: "ex", HP: sweep.NewObject(nil)},
		Command: sweep.Command{Env: []sweep.Var{{Name: "LXSWEEP_RESULT", Value: "the user's"}}},
	}
	got := Equipped(a, "/tmp/result.json").Env
	results := slices.DeleteFunc(slices.Clone(got), func(v sweep.Var) bool { return v.Name != "LXSWEEP_RESULT" })
	if want := []sweep.Var{{Name: "LXSWEEP_RESULT", Value: "/tmp/result.json"}}; !slices.Equal(results, want) {
		t.Errorf("%v, want %v", results, want)
	}
	if !slices.Contains(got, sweep.Var{Name: "LXSWEEP_JOBID", Value: "8"}) {
		t.Errorf("the contract is not whole: %v", got)
	}
	if len(a.Command.Env) != 1 {
		t.Error("the attempt's own variables were changed")
	}
}
