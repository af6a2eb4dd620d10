package hcl

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

func isSensitive(err error) bool { return errors.Is(err, errSensitive) }

// fill puts a setting's value into the command. Settings that a runner reads
// for itself are checked only.
func (s *slot) fill(c *sweep.Command, v cty.Value) error {
	switch s.path {
	case "run.experiment_name":
		return nil // ExperimentName has its own errors
	case "run.cmd":
		return fillCommand(c, v)
	case "run.env":
		return fillVars(&c.Env, v, checkEnvName)
	case "resources.k8.secret_env":
		return fillVars(&c.SecretEnv, v, checkSecret)
	case "run.no_retry_exit_codes":
		codes, err := settingCodes(v)
		c.NoRetryExitCodes = codes
		return err
	}
	return s.fillOne(c, v)
}

func (s *slot) fillOne(c *sweep.Command, v cty.Value) (err error) {
	switch s.path {
	case "run.max_cpu":
		c.Resources.MilliCPU, err = settingAs(v, parseCPU)
	case "run.max_memory":
		c.Resources.Memory, err = settingAs(v, parseMemory)
	case "run.gpus":
		c.Resources.GPUs, err = settingCount(v)
	case "run.timeout":
		c.Timeout, err = settingAs(v, parseDuration)
	case "run.retries":
		c.Retries, err = settingCount(v)
	case "run.metrics.pattern":
		c.MetricsPattern, err = settingPattern(v)
	case "resources.build.image_url":
		c.Image, err = settingText(v)
	case "resources.build.build_steps":
		c.BuildSteps, err = settingTexts(v)
	case "resources.host.mlflow_dir":
		c.MLflowDir, err = settingText(v)
	case "resources.k8.container_working_dir", "resources.k8.container_data_dir":
		_, err = settingChecked(v, checkMountPath)
	case "resources.k8.namespace":
		_, err = settingChecked(v, checkDNSLabel)
	default:
		if isForCluster(s.path) {
			return s.fillCluster(c.Cluster, v)
		}
		err = s.kind.check(v)
	}
	return err
}

// check holds a value to a type.
func (t settingType) check(v cty.Value) (err error) {
	switch t {
	case textSetting:
		_, err = settingText(v)
	case textsSetting:
		_, err = settingTexts(v)
	case countSetting:
		_, err = settingCount(v)
	case codesSetting:
		_, err = settingCodes(v)
	case boolSetting:
		_, err = settingBool(v)
	case durationSetting:
		_, err = settingAs(v, parseDuration)
	case textMapSetting:
		var vars []sweep.Var
		err = fillVars(&vars, v, func(sweep.Var) error { return nil })
	case commandSetting, cpuSetting, memorySetting, freeSetting:
		_, err = fromCty(v)
	}
	return err
}

// fillCommand takes a string for the shell, or a list to run as it is.
func fillCommand(c *sweep.Command, v cty.Value) error {
	if v.IsMarked() || v.ContainsMarked() {
		return errSensitive
	}
	if isList(v) {
		args, err := settingTexts(v)
		if err == nil && len(args) == 0 {
			err = errors.New("the list is empty: its first element is the program to run")
		}
		c.Args, c.Shell = args, ""
		return err
	}
	text, err := settingText(v)
	if err != nil {
		return fmt.Errorf("%w; a command is a string, or a list of strings", err)
	}
	return fillShell(c, text)
}

func fillShell(c *sweep.Command, text string) error {
	c.Shell = strings.TrimRight(text, "\n") // a heredoc ends with one
	if strings.TrimSpace(c.Shell) == "" {
		return errors.New("the command is empty")
	}
	return checkNoZero(c.Shell)
}

func isList(v cty.Value) bool {
	t := v.Type()
	return t.IsTupleType() || t.IsListType()
}

// settingText takes a string; a number or a bool reads as its text.
func settingText(v cty.Value) (string, error) {
	if v.IsMarked() {
		return "", errSensitive
	}
	if v.IsNull() {
		return "", errors.New("the value is null")
	}
	if t := v.Type(); !t.IsPrimitiveType() {
		return "", fmt.Errorf("a string is wanted, not %s", withArticle(typeName(t)))
	}
	value, err := fromCty(v)
	if err != nil {
		return "", err
	}
	text := value.Text()
	return text, checkNoZero(text)
}

// checkNoZero refuses what no program can be given.
func checkNoZero(text string) error {
	if strings.ContainsRune(text, 0) {
		return errors.New("the text holds a zero byte, which no program can be given")
	}
	return nil
}

func settingTexts(v cty.Value) ([]string, error) {
	if v.IsMarked() {
		return nil, errSensitive
	}
	if v.IsNull() || !isList(v) {
		return nil, fmt.Errorf("a list of strings is wanted, not %s", describe(v))
	}
	texts := make([]string, 0, v.LengthInt())
	for _, element := range v.Elements() {
		if !element.IsMarked() && !element.IsNull() && isList(element) {
			return nil, fmt.Errorf("element %d is a list itself: lists are joined by concat(), as in concat([\"python\"], args(hp))", len(texts))
		}
		text, err := settingText(element)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", len(texts), err)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func settingAs[T any](v cty.Value, parse func(sweep.Value) (T, error)) (T, error) {
	value, err := fromCty(v)
	if err != nil {
		var none T
		return none, err
	}
	return parse(value)
}

// maxCount bounds gpus and retries: beyond it a digit was held too long.
const maxCount = 1_000_000

func settingCount(v cty.Value) (int, error) {
	value, err := fromCty(v)
	if err != nil {
		return 0, err
	}
	n, ok := value.AsInt()
	if !ok || n < 0 || n > maxCount {
		return 0, fmt.Errorf("a whole number from 0 to %d is wanted, not %s", maxCount, describe(v))
	}
	return int(n), nil
}

func settingBool(v cty.Value) (bool, error) {
	value, err := fromCty(v)
	if err != nil {
		return false, err
	}
	b, ok := value.AsBool()
	if !ok {
		return false, fmt.Errorf("true or false is wanted, not %s", describe(v))
	}
	return b, nil
}

func settingCodes(v cty.Value) ([]int, error) {
	value, err := fromCty(v)
	if err != nil {
		return nil, err
	}
	list, ok := value.AsList()
	if !ok {
		return nil, fmt.Errorf("a list of exit codes is wanted, not %s", describe(v))
	}
	codes := make([]int, len(list))
	for i, e := range list {
		n, ok := e.AsInt()
		if !ok || n < 1 || n > 255 {
			return nil, fmt.Errorf("an exit code of a failure is a whole number from 1 to 255, not %s", e)
		}
		codes[i] = int(n)
	}
	slices.Sort(codes)
	return slices.Compact(codes), nil
}

func settingPattern(v cty.Value) (string, error) {
	text, err := settingText(v)
	if err != nil {
		return "", err
	}
	if _, err := regexp.Compile(text); err != nil {
		return "", fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	return text, nil
}

// fillVars reads a map of names and texts; null takes a name away.
func fillVars(into *[]sweep.Var, v cty.Value, check func(sweep.Var) error) error {
	if v.IsMarked() {
		return errSensitive
	}
	if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return fmt.Errorf("names and texts are wanted, { NAME = \"text\" }, not %s", describe(v))
	}
	vars := make([]sweep.Var, 0, v.LengthInt())
	for key, element := range v.Elements() {
		if !element.IsMarked() && element.IsNull() {
			continue
		}
		one := sweep.Var{Name: key.AsString()}
		text, err := settingText(element)
		one.Value = text
		if err == nil {
			err = check(one)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", one.Name, err)
		}
		vars = append(vars, one)
	}
	sweep.SortVars(vars)
	*into = slices.Clip(vars) // shared by experiments: whoever appends must copy
	return nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

func checkEnvName(v sweep.Var) error {
	if !envName.MatchString(v.Name) {
		return errors.New("the name of a variable is made of letters, digits and _")
	}
	if strings.HasPrefix(v.Name, "LXSWEEP_") {
		return errors.New("variables that begin with LXSWEEP_ are lxsweep's own")
	}
	return nil
}

var secretReference = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-._a-zA-Z0-9]+$`)

func checkSecret(v sweep.Var) error {
	if err := checkEnvName(v); err != nil {
		return err
	}
	if !secretReference.MatchString(v.Value) {
		return fmt.Errorf(`a secret is named "secret/key", not %q`, v.Value)
	}
	return nil
}
