package cli

import (
	"strings"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
	"github.com/lxsweep/lxsweep/sweep/analysis"
)

// again is the command line that applies the same once more, with what is
// added. Values of sensitive variables are left out. In a driver it is that of
// another driver with the same ledger: nobody types anything there.
func (a *applying) again(added ...string) string {
	words := append([]string{"lxsweep", "apply"}, added...)
	if where, name, err := driverOf(a.Getenv(besideVariable)); err == nil {
		words = append(words, "--detach", "--image", "IMAGE", "--name", name, "--namespace", where.Namespace)
	}
	if a.saved != nil {
		words = append(words, "FILE...") // the plan's files were kept in it
	}
	option := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				words = append(words, "--"+name, sweep.ShellQuote(v))
			}
		}
	}
	if a.saved == nil {
		words = append(words, quoteAll(a.Files))
	}
	option("state", ledger.WithoutPassword(a.State))
	option("round", a.Round)
	option("runner", a.Runner)
	option("config", a.Configs...)
	option("set", a.Sets...)
	option("var-file", a.VarFiles...)
	option("var", shownVars(a.module, a.Vars)...)
	option("filter", a.Filter)
	option("baseline", a.Baseline)
	if a.BaselineGiven && a.Tolerance != analysis.DefaultTolerance {
		option("tolerance", a.Tolerance.String())
	}
	return strings.Join(words, " ")
}

// shownVars are the --var options without sensitive values.
func shownVars(m *hcl.Module, vars []string) []string {
	sensitive := map[string]bool{}
	for _, v := range m.Variables {
		sensitive[v.Name] = v.Sensitive
	}
	var list []string
	for _, given := range vars {
		if name, _, _ := strings.Cut(given, "="); sensitive[strings.TrimSpace(name)] {
			given = strings.TrimSpace(name) + "=..."
		}
		list = append(list, given)
	}
	return list
}
