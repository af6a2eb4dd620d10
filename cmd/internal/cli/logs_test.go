package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/runner/ledger"
	"github.com/lxsweep/lxsweep/sweep"
)

// TestFollowingWithoutItsCluster looks again and again at an attempt whose
// cluster cannot be reached from here, and says so once.
func TestFollowingWithoutItsCluster(t *testing.T) {
	f, _, said := world(t)
	l, err := f.openLedger(t.Context(), filepath.Join(f.Dir, ledgerFile), ledger.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	session, err := l.Lock(t.Context(), []string{"ex"}, 0, ledger.Info{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	r := &sweep.Record{Name: "ex", HP: &sweep.Object{}, Last: &sweep.Tried{Number: 1, Runner: onKubernetes, Host: "cluster/ml"}}
	if _, err := session.TakeOver(t.Context(), []*sweep.Record{r}); err != nil {
		t.Fatal(err)
	}
	if r, err = l.FindRun(t.Context(), "ex-0"); err != nil {
		t.Fatal(err)
	}
	where, err := f.places(l, ClusterOptions{Kubeconfig: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer where.Close()
	for range 3 {
		if ended, err := hasEnded(t.Context(), where, r, 1); ended || err != nil {
			t.Fatal(ended, err)
		}
	}
	if n := strings.Count(said.String(), "no cluster to talk to"); n != 1 {
		t.Errorf("it was said %d times: %s", n, said)
	}
}
