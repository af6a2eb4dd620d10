package runner

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

// owned is the prefix of the variables that are lxsweep's to give.
const owned = "LXSWEEP_"

// promised returns the variables that every program finds, on every runner, but
// LXSWEEP_RESULT, which only the runner knows.
func promised(a *Attempt) []sweep.Var {
	return []sweep.Var{
		{Name: owned + "ATTEMPT", Value: strconv.Itoa(a.Number)},
		{Name: owned + "DATA_DIR", Value: a.Command.DataDir},
		{Name: owned + "EXPERIMENT_NAME", Value: a.Experiment.Name},
		{Name: owned + "HP", Value: a.Experiment.HP.String()},
		{Name: owned + "JOBID", Value: strconv.Itoa(a.JobID)},
		{Name: owned + "OUTPUT_DIR", Value: a.Command.OutputDir},
		{Name: owned + "ROUND", Value: a.Experiment.Round},
		{Name: owned + "RUN_NAME", Value: a.RunName},
	}
}

// offered returns what programs written for LightEx and MLflow look for. The
// user's own settings of them win.
func offered(a *Attempt) []sweep.Var {
	vars := []sweep.Var{
		{Name: "LX_EXPERIMENT_NAME", Value: a.Experiment.Name},
		{Name: "MLFLOW_EXPERIMENT_NAME", Value: a.Experiment.Name},
	}
	if dir := a.Command.MLflowDir; dir != "" {
		if !strings.Contains(dir, "://") { // no server
			dir = (&url.URL{Scheme: "file", Path: dir}).String()
		}
		vars = append(vars, sweep.Var{Name: "MLFLOW_TRACKING_URI", Value: dir})
	}
	return vars
}

// equip gives the attempt's command its environment: what is offered, under
// what the hooks give, under the user's env and secret_env, under what is
// promised. The experiment's own slices are left as they are.
func equip(a *Attempt, hooks []sweep.Var) {
	c := &a.Command
	c.SecretEnv = slices.DeleteFunc(slices.Clone(c.SecretEnv), func(v sweep.Var) bool { return isPromised(v.Name) })
	user := slices.DeleteFunc(slices.Clone(c.Env), func(v sweep.Var) bool { return isPromised(v.Name) })
	vars := offered(a)
	vars = append(vars, hooks...)
	vars = append(vars, user...)
	vars = append(vars, promised(a)...)
	c.Env = lastOfEach(vars, c.SecretEnv)
}

// Equipped returns the attempt's command with the contract's whole environment,
// for whoever starts it without a Runner. The result is the file that
// LXSWEEP_RESULT names.
func Equipped(a Attempt, result string) sweep.Command {
	equip(&a, nil)
	a.Command.Env = append(a.Command.Env, sweep.Var{Name: owned + "RESULT", Value: result})
	return a.Command
}

// isPromised reports whether name is one of the contract's. Other names with
// lxsweep's prefix are the user's to set.
func isPromised(name string) bool {
	rest, ok := strings.CutPrefix(name, owned)
	if !ok {
		return false
	}
	switch rest {
	case "ATTEMPT", "DATA_DIR", "EXPERIMENT_NAME", "HP", "JOBID", "OUTPUT_DIR", "RESULT", "ROUND", "RUN_NAME":
		return true
	}
	return false
}

// lastOfEach sorts vars by name and keeps the last of each, without the secret
// ones.
func lastOfEach(vars, secret []sweep.Var) []sweep.Var {
	slices.SortStableFunc(vars, func(a, b sweep.Var) int { return strings.Compare(a.Name, b.Name) })
	kept := vars[:0]
	for i, v := range vars {
		if i+1 < len(vars) && vars[i+1].Name == v.Name {
			continue
		}
		if !slices.ContainsFunc(secret, func(s sweep.Var) bool { return s.Name == v.Name }) {
			kept = append(kept, v)
		}
	}
	return kept
}
