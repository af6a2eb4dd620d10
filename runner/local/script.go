package local

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/sweep"
)

// maxArgument is the longest argument or variable that Linux passes to a
// program, in bytes without the final NUL (MAX_ARG_STRLEN).
const maxArgument = 128<<10 - 1

// script is what a slot's shell is fed for one attempt.
type script struct {
	id    int64
	shell string   // run by /bin/sh -ec, if not empty
	args  []string // else run as they are
	env   []sweep.Var
	dir   string // absolute
	log   string // absolute
}

// append appends the script's text, one line to the shell's parser.
func (s *script) append(b []byte) []byte {
	id := strconv.FormatInt(s.id, 10)
	b = append(b, "{ (echo s "...)
	b = append(b, id...)
	b = append(b, " >&9; cd "...)
	b = appendQuoted(b, s.dir)
	b = s.appendProgram(b)
	b = append(b, ") </dev/null >"...)
	b = appendQuoted(b, s.log)
	b = append(b, " 2>&1; lxsweep_code=$?; echo e "...)
	b = append(b, id...)
	b = append(b, " $lxsweep_code >&9; echo "...)
	b = append(b, id...)
	return append(b, " $lxsweep_code; }\n"...)
}

// appendProgram appends the environment and the program. Variables that a shell
// cannot export, or keeps for itself, go through env(1).
func (s *script) appendProgram(b []byte) []byte {
	var awkward []sweep.Var
	word := " && export "
	for _, v := range s.env {
		if !exportable(v.Name) {
			awkward = append(awkward, v)
			continue
		}
		b = append(b, word...)
		b = append(b, v.Name...)
		b = append(b, '=')
		b = appendQuoted(b, v.Value)
		word = " "
	}
	b = append(b, " && exec"...)
	if len(awkward) > 0 {
		b = append(b, " /usr/bin/env"...)
	}
	for _, v := range awkward {
		b = append(b, ' ')
		b = appendQuoted(b, v.Name+"="+v.Value)
	}
	return s.appendArgs(b)
}

func (s *script) appendArgs(b []byte) []byte {
	if s.shell != "" {
		b = append(b, " /bin/sh -ec "...)
		return appendQuoted(b, s.shell)
	}
	for _, a := range s.args {
		b = append(b, ' ')
		b = appendQuoted(b, a)
	}
	return b
}

// shellOwn are variables that some /bin/sh gives a meaning or makes read-only.
var shellOwn = []string{
	"BASHOPTS", "EUID", "IFS", "LINENO", "OPTIND", "PPID", "SHELLOPTS", "UID", "lxsweep_code",
}

// exportable reports whether every /bin/sh can export name as it is.
func exportable(name string) bool {
	return identifier(name) && !slices.Contains(shellOwn, name)
}

func identifier(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// appendQuoted appends s as one word of a POSIX shell.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '\'')
	for {
		before, after, more := strings.Cut(s, "'")
		b = append(b, before...)
		if !more {
			return append(b, '\'')
		}
		b = append(b, `'\''`...)
		s = after
	}
}

// checkText refuses what no process can be given.
func checkText(what, s string) error {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return fmt.Errorf("%s holds a NUL byte at position %d: no program can be given one; remove it", what, i)
	}
	if len(s) > maxArgument {
		return fmt.Errorf("%s is %d bytes long: Linux passes at most %d; pass long data in a file", what, len(s), maxArgument)
	}
	return nil
}

// checkCommand says why a command can never be started as it is.
func checkCommand(c *sweep.Command) error {
	if c.Shell == "" && (len(c.Args) == 0 || c.Args[0] == "") {
		return fmt.Errorf("cmd is empty: set run.cmd to the program to run")
	}
	if err := checkText("cmd", c.Shell); err != nil {
		return err
	}
	for i, a := range c.Args {
		if err := checkText(fmt.Sprintf("cmd[%d]", i), a); err != nil {
			return err
		}
	}
	for _, v := range c.Env {
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") {
			return fmt.Errorf("env: %q cannot be the name of an environment variable", v.Name)
		}
		if err := checkText("env "+v.Name, v.Name+"="+v.Value); err != nil {
			return err
		}
	}
	return nil
}
