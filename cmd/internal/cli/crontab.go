package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/runner/kubernetes/schedule"
	"github.com/lxsweep/lxsweep/sweep"
)

// crontab prints the line that applies the files from this machine's crontab.
func (o *ScheduleOptions) crontab(ctx context.Context, times *schedule.Times, passed []string) error {
	module, err := o.load(o.InputOptions)
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
	options, secret := o.crontabValues(module)
	for _, name := range secret {
		above = append(above, name+"=... above the line: its value is secret, and not printed")
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
	}{{"var-file", o.VarFiles}, {"set", o.Sets}, {"config", o.Configs}} {
		for _, value := range list.values {
			options = append(options, "--"+list.flag+"="+value)
		}
	}
	if o.StateOptions.State == "" {
		return options, secret
	}
	if u, err := url.Parse(o.StateOptions.State); err == nil && u.User != nil {
		return options, append(secret, "LXSWEEP_STATE")
	}
	return append(options, "--state="+o.StateOptions.State), secret
}

// withoutPassword is a database's URL as it may be seen.
func withoutPassword(database string) string {
	u, err := url.Parse(database)
	if err != nil || u.User == nil {
		return database
	}
	u.User = url.User(u.User.Username())
	return u.String()
}
