package hcl

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

var (
	dnsLabel  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	dnsName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	labelText = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
)

func checkDNSLabel(text string) error {
	if !dnsLabel.MatchString(text) {
		return fmt.Errorf("%q is no name that a cluster takes here: lower-case letters, digits and -, at most 63, beginning and ending with a letter or a digit", text)
	}
	return nil
}

func checkDNSName(text string) error {
	if len(text) > 253 || !dnsName.MatchString(text) {
		return fmt.Errorf("%q is no name that an object of a cluster can have: lower-case letters, digits, - and ., beginning and ending with a letter or a digit", text)
	}
	return nil
}

// checkKey holds the name of a label or an annotation to its form.
func checkKey(key string) error {
	prefix, name, prefixed := strings.Cut(key, "/")
	if !prefixed {
		prefix, name = "", key
	}
	if !labelText.MatchString(name) || prefixed && checkDNSName(prefix) != nil {
		return errors.New("the name is at most 63 letters, digits, -, _ and ., beginning and ending with a letter or a digit, and may have a domain before it: example.com/name")
	}
	return nil
}

func checkLabel(v sweep.Var) error {
	if v.Value != "" && !labelText.MatchString(v.Value) {
		return fmt.Errorf("%q is no value of a label: it is at most 63 letters, digits, -, _ and ., beginning and ending with a letter or a digit", v.Value)
	}
	return checkKey(v.Name)
}

func checkOwnLabel(v sweep.Var) error {
	if v.Name == "app.kubernetes.io/managed-by" {
		return errors.New("this label is lxsweep's own: it tells which Jobs are its")
	}
	if v.Name == "kueue.x-k8s.io/queue-name" {
		return errors.New("the attribute queue names the queue")
	}
	return cmp.Or(checkLabel(v), checkNotOurs(v))
}

func checkAnnotation(v sweep.Var) error { return cmp.Or(checkKey(v.Name), checkNotOurs(v)) }

func checkNotOurs(v sweep.Var) error {
	if strings.HasPrefix(v.Name, "lxsweep.dev/") {
		return errors.New("names that begin with lxsweep.dev/ are lxsweep's own")
	}
	return nil
}

// checkResource takes what a cluster counts: nvidia.com/gpu.
func checkResource(text string) error {
	if checkKey(text) != nil || !strings.Contains(text, "/") {
		return fmt.Errorf("%q is no name of a resource: write its domain too, as in nvidia.com/gpu", text)
	}
	return nil
}

func checkAbsolute(text string) error {
	if !path.IsAbs(text) {
		return fmt.Errorf("%q does not begin with /: an absolute folder is wanted", text)
	}
	if slices.Contains(strings.Split(text, "/"), "..") {
		return fmt.Errorf("%q goes up with ..: write where it leads to", text)
	}
	return nil
}

func checkMountPath(text string) error {
	if strings.Contains(text, ":") {
		return fmt.Errorf("%q holds a colon, which a cluster takes in no mount", text)
	}
	return checkAbsolute(text)
}

func checkSubPath(text string) error {
	if text == "" || path.IsAbs(text) || slices.Contains(strings.Split(text, "/"), "..") {
		return fmt.Errorf("%q is no folder within the volume: write it without a / before it and without .. in it", text)
	}
	return nil
}

func checkNFS(text string) error {
	server, exported, ok := strings.Cut(text, ":/")
	if !ok || server == "" || checkAbsolute("/"+exported) != nil {
		return fmt.Errorf(`%q is no share: write "server:/exported/path"`, text)
	}
	return nil
}
