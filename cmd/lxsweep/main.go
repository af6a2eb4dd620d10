// Command lxsweep declares, plans and applies hyperparameter sweeps.
package main

import (
	"os"
	_ "time/tzdata" // zones, where the machine or the image has none

	"github.com/lxsweep/lxsweep/cmd/internal/cli"
	"github.com/lxsweep/lxsweep/runner/kubernetes"
)

// version is set by the linker.
var version string

func main() {
	kubernetes.Silence()
	os.Exit(int(cli.Main(os.Args[1:], version)))
}
