package kubetest_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

var simulated kubetest.Shared

func TestMain(m *testing.M) {
	if os.Getenv(victim) != "" {
		beKilled()
	}
	code := simulated.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// victim is set in the environment of a process that starts a cluster, says so
// and waits to be killed.
const victim = "KUBETEST_VICTIM"

func beKilled() {
	c, err := kubetest.Start(context.Background(), kubetest.Options{Real: kubetest.RealNodePossible() == nil})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(c.Kubeconfig)
	for _, pid := range c.Pids() {
		fmt.Println(pid)
	}
	fmt.Println("ready")
	select {}
}
