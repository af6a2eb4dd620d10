package runner

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/sweep"
)

// Exited is the state, the class and the reason in words of a program that ended
// by itself with this exit code, as a shell gives it.
func Exited(code int) (sweep.State, sweep.Class, string) {
	switch {
	case code == 0:
		return sweep.Succeeded, "", ""
	case code == 126:
		return sweep.Failed, sweep.User, "the program could not be executed (exit code 126)"
	case code == 127:
		return sweep.Failed, sweep.User, "the program was not found (exit code 127)"
	case code == 128+int(unix.SIGKILL):
		return sweep.Failed, sweep.Infrastructure, "killed by SIGKILL (exit code 137), not by lxsweep"
	case code > 128 && unix.SignalName(unix.Signal(code-128)) != "":
		return sweep.Failed, sweep.User, fmt.Sprintf("killed by %s (exit code %d)", unix.SignalName(unix.Signal(code-128)), code)
	}
	return sweep.Failed, sweep.User, fmt.Sprintf("exit code %d", code)
}

// OfEnding is the class of what an Ending ended in this state.
func OfEnding(s sweep.State) sweep.Class {
	switch s {
	case sweep.TimedOut:
		return sweep.Resource
	case sweep.Cancelled:
		return sweep.User
	}
	return sweep.Infrastructure
}
