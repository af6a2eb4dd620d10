//go:build linux

package main_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
)

// ownName is lxsweep's image on the real node, for pods that do not pull.
const ownName = "kubetest.local/lxsweep:1"

var loadOwnImage sync.Once

// ownImage builds the image as `make image` does and loads it as kind does, once
// for all tests.
func (k *clustered) ownImage() {
	k.Helper()
	loadOwnImage.Do(func() {
		archive := filepath.Join(k.TempDir(), "image.tar")
		build := exec.CommandContext(k.Context(), "go", "run", "./cmd/internal/image",
			"-version", "v1.2.3", "-name", ownName, "-platforms", "linux/"+runtime.GOARCH, "-o", archive)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			k.Fatalf("%s: %v\n%s", build, err, out)
		}
		if err := k.cluster.LoadArchive(k.Context(), archive); err != nil {
			k.Fatal(err)
		}
	})
}

// probeJob runs an experiment inside the image, on a root that cannot be written
// to, as a user who may nothing; a shell is lent to it, as it has none.
const probeJob = `apiVersion: v1
kind: ConfigMap
metadata: {name: probe}
data:
  grid.hcl: |
    config "ex" {
      run { cmd = "id -u; grep -c BEGIN /etc/ssl/certs/ca-certificates.crt; touch /tmp/may; touch /no" }
    }
    sweep "s" { config = config.ex }
---
apiVersion: batch/v1
kind: Job
metadata: {name: probe}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      initContainers:
      - name: version
        image: IMAGE
        imagePullPolicy: Never
        args: [version]
        securityContext: &least
          readOnlyRootFilesystem: true
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
      containers:
      - name: main
        image: IMAGE
        imagePullPolicy: Never
        args: [apply, --auto-approve, --progress, plain, grid.hcl]
        env: [{name: TZ, value: Asia/Kathmandu}]
        securityContext: *least
        volumeMounts:
        - {name: sweep, mountPath: /sweep}
        - {name: tmp, mountPath: /tmp}
        - {name: shell, mountPath: /bin, readOnly: true}
        - {name: grid, mountPath: /sweep/grid.hcl, subPath: grid.hcl}
      volumes:
      - {name: sweep, emptyDir: {}}
      - {name: tmp, emptyDir: {}}
      - {name: shell, hostPath: {path: SHELL}}
      - {name: grid, configMap: {name: probe}}
`

// TestImage runs the image in containerd: it says its version, keeps a ledger
// where it may write and nowhere else, knows zones, and has roots of trust.
func TestImage(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Real, "")
	k.ownImage()
	busybox, err := k.cluster.Busybox()
	if err != nil {
		t.Fatal(err)
	}
	k.write("probe.yaml", strings.NewReplacer("IMAGE", ownName, "SHELL", filepath.Join(busybox, "bin")).Replace(probeJob))
	k.kubectl("apply", "-f", k.path("probe.yaml"))
	k.kubectl("wait", "--for=condition=Failed", "--timeout=2m", "job/probe")
	want := fmt.Sprintf("lxsweep v1.2.3 (%s, linux/%s)\n", runtime.Version(), runtime.GOARCH)
	if got := k.kubectl("logs", "job/probe", "-c", "version"); got != want {
		t.Errorf("its version is %q, want %q", got, want)
	}
	said := k.kubectl("logs", "job/probe")
	if want := regexp.MustCompile(`\n  \| 65532\n  \| 1\d\d\n  \| touch: /no: Read-only file system\n`); !want.MatchString(said) {
		t.Errorf("it does not say %s:\n%s", want, said)
	}
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	clock, err := time.Parse(time.TimeOnly, regexp.MustCompile(`..:..:..`).FindString(said))
	if now := time.Now().In(zone); err != nil || (now.Hour()*60+now.Minute()-clock.Hour()*60-clock.Minute()+24*60)%(24*60) > 10 {
		t.Errorf("%v; it is %s there, and not as in\n%s", err, now, said)
	}
}
