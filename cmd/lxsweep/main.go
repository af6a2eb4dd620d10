// Command lxsweep declares, plans and applies hyperparameter sweeps.
package main

import (
	"os"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/lxsweep/lxsweep/cmd/internal/cli"
)

// version is set by the linker.
var version string

func main() {
	klog.SetLogger(logr.Discard()) // client-go returns its errors; what it logs would be drawn over
	os.Exit(int(cli.Main(os.Args[1:], version)))
}
