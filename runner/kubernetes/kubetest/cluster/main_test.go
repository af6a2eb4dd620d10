package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

func TestClusterRunsUntilToldToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a Kubernetes cluster")
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	in, out := io.Pipe()
	ended := make(chan error)
	go func() {
		err := run(ctx, kubetest.Options{Nodes: 1}, false, out)
		out.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(in)
	lines.Scan()
	path, ok := strings.CutPrefix(lines.Text(), "export KUBECONFIG=")
	if _, err := os.Stat(path); !ok || err != nil {
		t.Errorf("it says %q: %v", lines.Text(), err)
	}
	lines.Scan()
	interrupt()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("it left its files: %v", err)
	}
}
