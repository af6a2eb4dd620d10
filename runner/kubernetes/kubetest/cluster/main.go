// Command cluster runs a test cluster until it is told to end: a Kubernetes to
// try things on, with simulated nodes or, with -real, containers.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

func main() {
	var options kubetest.Options
	flag.BoolVar(&options.Real, "real", false, "run one real node with containers, as root, instead of simulated nodes")
	flag.IntVar(&options.Nodes, "nodes", 0, "simulated nodes (default 5)")
	build := flag.Bool("build", false, "build what a cluster needs, and start none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, options, *build, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, options kubetest.Options, build bool, out io.Writer) error {
	if build {
		return kubetest.Build(ctx, os.Stderr)
	}
	c, err := kubetest.Start(ctx, options)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "export KUBECONFIG=%s\nexport PATH=%s:$PATH\n", c.Kubeconfig, c.Bin())
	fmt.Fprintln(os.Stderr, "The cluster runs until Ctrl-C.")
	<-ctx.Done()
	return c.Stop()
}
