package kubetest

import (
	"os"
	"sync"
	"testing"
)

// New starts a cluster that is stopped when the test ends. It skips the test
// under -short. Where a real node cannot be had here, it skips the test too,
// unless the environment has CI: then that is a failure.
func New(t testing.TB, o Options) *Cluster {
	t.Helper()
	precondition(t, o)
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func precondition(t testing.TB, o Options) {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts a Kubernetes cluster")
	}
	if !o.Real {
		return
	}
	if err := RealNodePossible(); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
}

// Namespace makes a namespace for the test, which is deleted, with all that is
// in it, when the test ends.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	name, err := c.CreateNamespace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.DeleteNamespace(name); err != nil {
			t.Error(err)
		}
	})
	return name
}

// Shared is one cluster for all tests of a package. It starts for the first
// test that asks for it. A package has it in a variable, and
//
//	func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }
type Shared struct {
	Options Options

	once    sync.Once
	cluster *Cluster // nil if it did not start
}

// Main runs the tests and stops the cluster, if there is one.
func (s *Shared) Main(m interface{ Run() int }) int {
	code := m.Run()
	if s.cluster == nil {
		return code
	}
	if err := s.cluster.Stop(); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return max(code, 1)
	}
	return code
}

// Cluster is the cluster, for one test or several at a time.
func (s *Shared) Cluster(t testing.TB) *Cluster {
	t.Helper()
	precondition(t, s.Options)
	s.once.Do(func() {
		var err error
		if s.cluster, err = Start(t.Context(), s.Options); err != nil {
			t.Fatal(err)
		}
	})
	if s.cluster == nil {
		t.Fatal("the cluster did not start for the first test that asked for it")
	}
	return s.cluster
}
