package kubetest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAssetsComeFirst(t *testing.T) {
	b := binaries{dir: "built", assets: t.TempDir()}
	theirs := filepath.Join(b.assets, "etcd")
	if err := os.WriteFile(theirs, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := b.path("etcd"); got != theirs {
		t.Errorf("etcd is %s, want %s", got, theirs)
	}
	if got, want := b.path("kwok"), filepath.Join("built", "kwok"); got != want {
		t.Errorf("kwok is %s, want %s", got, want)
	}
}
