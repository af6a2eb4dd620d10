package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/kubernetes/schedule"
	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// crontab prints the line that applies the files from this machine's crontab.
func (o *ScheduleOptions) crontab(ctx context.Context, times *schedule.Times, passed []string) error {
	if o.DriverOptions != (DriverOptions{}) {
		return errorf("leave them out", "--image, --name, --storage and --storage-class are for a cluster, and --crontab is for this machine")
	}
	if strings.HasPrefix(o.Cron, "@every") || strings.Contains(o.Cron, "?") {
		return errorf(`write five fields: "0 */2 * * *"`, "--cron %q is for a cluster: this machine's cron knows no @every and no ?", o.Cron)
	}
	module, used, err := o.loadNoting(o.InputOptions)
	if err != nil {
		return err
	}
	_, diags, err := evaluate(ctx, module, func(*sweep.Experiment) {})
	if err != nil {
		return err
	}
	if err := o.diagnose(diags); err != nil {
		return err
	}
	var above []string // what has to be said before the line
	if o.TimeZone != "" {
		above = append(above, "CRON_TZ="+o.TimeZone+" above the line, where cron knows it (cronie); elsewhere it goes by the machine's zone")
	}
	options, unsaid := o.crontabValues(module)
	state, secret, err := o.crontabState()
	if err != nil {
		return err
	}
	options, unsaid = append(options, state...), append(unsaid, secret...)
	lacks, err := o.cronLacks(module, used, passed)
	if err != nil {
		return err
	}
	for _, name := range slices.Concat(unsaid, lacks) {
		above = append(above, name+"=... above the line: cron has not this shell's, and what may be secret is not printed")
	}
	line := "cd " + sweep.ShellQuote(o.Dir) + " && " + sweep.ShellQuote(executable()) +
		` apply --auto-approve --progress quiet --round "` + roundOfDate(times.Next(o.Now(), 5)) + `" ` +
		quoteAll(slices.Concat(options, passed, o.Files))
	if strings.ContainsAny(line, "\n\r") {
		return errorf("put that value into a --var-file", "a crontab has a line for each command, and one of these values has several")
	}
	fmt.Fprintln(o.Out, "# With MAILTO=you@example.com above it, cron mails what it prints: nothing, unless something went wrong.")
	fmt.Fprintln(o.Out, "# cron's PATH is short: set PATH=... above it, if the program needs more than /usr/bin.")
	for _, text := range above {
		fmt.Fprintln(o.Out, "# "+text+".")
	}
	_, err = fmt.Fprintln(o.Out, o.Cron+" "+strings.ReplaceAll(line, "%", `\%`))
	return err
}

// ofCron are variables that cron sets by itself.
var ofCron = []string{"HOME", "LOGNAME", "PATH", "SHELL", "USER"}

// cronLacks are variables that the files have read here, and that apply will.
func (o *ScheduleOptions) cronLacks(m *hcl.Module, used *environment, passed []string) (names []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(used.found)) {
		if !strings.HasPrefix(name, variablePrefix) && !slices.Contains(ofCron, name) {
			names = append(names, name)
		}
	}
	runs := ""
	for _, option := range passed {
		if named, ok := strings.CutPrefix(option, "--runner="); ok {
			runs = named
		}
	}
	runs, err = runnerOf(m, runs)
	if runs == onKubernetes && o.Kubeconfig == "" && o.Getenv("KUBECONFIG") != "" {
		names = append(names, "KUBECONFIG")
	}
	return names, err
}

// crontabState is the option that names the ledger of this shell's commands, or
// the variables that do where it has a password.
func (o *ScheduleOptions) crontabState() (options, secret []string, err error) {
	state := cmp.Or(o.State, o.Getenv(stateVariable))
	if strings.HasPrefix(state, inCluster) {
		if o.State != "" {
			return nil, nil, errorf("leave --state out, or --crontab", "--state %s is in a cluster, and --crontab is for this machine", state)
		}
		return nil, nil, nil // it is for the commands that read
	}
	if ledger.IsURL(state) {
		if _, err := ledger.PasswordBeside(state); err != nil {
			return nil, nil, err
		}
		if o.Getenv("PGPASSWORD") != "" {
			secret = append(secret, "PGPASSWORD")
		}
	}
	switch {
	case state == "":
		return nil, nil, nil
	case ledger.WithoutPassword(state) != state:
		return nil, append(secret, stateVariable), nil
	}
	return []string{"--state=" + state}, secret, nil
}

// roundOfDate is a date that names the rounds, with the time where a day has
// several.
func roundOfDate(next []time.Time) string {
	days := map[string]bool{}
	for _, t := range next {
		days[t.Format(time.DateOnly)] = true
	}
	if len(days) < len(next) {
		return "$(date +%FT%H%M)"
	}
	return "$(date +%F)"
}

// crontabValues are the options that were given, without what is secret: those
// are variables of the environment.
func (o *ScheduleOptions) crontabValues(m *hcl.Module) (options, secret []string) {
	sensitive := map[string]bool{}
	for _, v := range m.Variables {
		name := variablePrefix + v.Name
		sensitive[v.Name] = v.Sensitive
		switch value, set := o.Environ(name); {
		case v.Sensitive && v.Source != "default" && !strings.HasPrefix(v.Source, "--var-file"):
			secret = append(secret, name)
		case set && v.Source == name:
			options = append(options, "--var="+v.Name+"="+value)
		}
	}
	for _, assignment := range o.Vars {
		if name, _, _ := strings.Cut(assignment, "="); !sensitive[strings.TrimSpace(name)] {
			options = append(options, "--var="+assignment)
		}
	}
	for _, list := range []struct {
		flag   string
		values []string
	}{
		{"var-file", o.VarFiles},
		{"set", o.Sets},
		{"config", o.Configs},
		{"kubeconfig", []string{o.Kubeconfig}},
		{"context", []string{o.Context}},
		{"namespace", []string{o.Namespace}},
	} {
		for _, value := range list.values {
			if value != "" {
				options = append(options, "--"+list.flag+"="+value)
			}
		}
	}
	return options, secret
}
