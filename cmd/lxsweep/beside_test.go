//go:build linux

package main_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	main "github.com/lxsweep/lxsweep/cmd/lxsweep"
)

// nightly is a schedule that never fires, whose ledger is on a claim; a shell is
// lent to its image, so that experiments run in the driver's pod.
const nightly = `apiVersion: v1
kind: PersistentVolume
metadata: {name: NAMESPACE}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  claimRef: {namespace: NAMESPACE, name: nightly}
  hostPath: {path: CLAIM}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: nightly}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: nightly}
data:
  grid.hcl: |
    config "ex" {
      hp { x = 0 }
      run { cmd = "echo loss=${hp.x}; head -c 70000 /dev/zero | tr '\\0' z; printf ' no end \\001\\002\\377'; exit $((${hp.x} == 2))" }
    }
    config "long" {
      run { cmd = "echo it waits; exec sleep 3600" }
    }
    sweep "s" {
      config = config.ex
      grid { x = [0, 1, 2] }
      objective { minimize = "loss" }
    }
    sweep "l" { config = config.long }
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, labels: {lxsweep.dev/schedule: nightly}}
spec:
  schedule: "0 2 * * *"
  suspend: true
  jobTemplate:
    metadata: {labels: {lxsweep.dev/schedule: nightly}}
    spec:
      backoffLimit: 0
      template:
        metadata: {labels: {lxsweep.dev/schedule: nightly}}
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
          containers:
          - name: lxsweep
            image: IMAGE
            imagePullPolicy: Never
            args: [apply, --auto-approve, --progress, plain, --parallel, "4", --round, night, grid.hcl]
            env: [{name: LXSWEEP_BESIDE, value: "k8s://NAMESPACE/nightly"}]
            securityContext:
              readOnlyRootFilesystem: true
              allowPrivilegeEscalation: false
              capabilities: {drop: [ALL]}
            volumeMounts:
            - {name: sweep, mountPath: /sweep}
            - {name: shell, mountPath: /bin, readOnly: true}
            - {name: grid, mountPath: /sweep/grid.hcl, subPath: grid.hcl}
          volumes:
          - {name: sweep, persistentVolumeClaim: {claimName: nightly}}
          - {name: shell, hostPath: {path: SHELL}}
          - {name: grid, configMap: {name: nightly}}
`

// TestBesideLedger has a driver at work in a cluster, with its ledger on a
// claim, and looks at it from outside: what is read, and how commands end, is as
// if the ledger were here.
func TestBesideLedger(t *testing.T) {
	t.Parallel()
	k := newClustered(t, &main.Real, "")
	k.ownImage()
	claim := k.claimed()
	ledger := filepath.Join(claim, ".lxsweep/lxsweep.db")
	there := "k8s://" + k.namespace + "/nightly"
	k.kubectl("create", "job", "first", "--from", "cronjob/nightly")
	k.await("one runs alone", func() bool {
		said, _ := k.cluster.Kubectl(t.Context(), "--namespace", k.namespace, "logs", "job/first").Output() // nothing, while it does not run
		return len(regexp.MustCompile(`(?m)^\d\S+ ex-\d (succeeded|failed)`).FindAll(said, -1)) == 3 && bytes.Contains(said, []byte("long-0 started"))
	})

	out, said := k.lxsweep(0, "status", "--state", there)
	if !strings.Contains(out, "long-0") || !regexp.MustCompile(`(?m)^ex-\* is being run by process 1 of nonroot on first-`).MatchString(said) || strings.Contains(out, "nonroot") {
		t.Errorf("status says\n%sand beside it\n%s", out, said)
	}
	follow := k.start("logs", "-f", "long-0", "--state", there)
	k.await("the log is followed", func() bool { return k.text(follow) == "it waits\n" })
	if err := follow.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	k.end(follow, 130)
	k.setenv("LXSWEEP_STATE", there)
	k.says(0, []string{"asked process 1 of nonroot on first-", "ended long-0"}, "cancel", "long-0", "--reason", "$(enough)")
	k.kubectl("wait", "--for=condition=Failed", "--timeout=2m", "job/first")

	for _, line := range []string{
		"status --all", "status --all -o json", "results", "results -o json", "results -o csv --filter metric.loss<1", "best",
		"show ex-1 --cmd", "status --sweep none", "best --maximize none", "logs ex-99", "logs", "cancel ex-1",
		"compare night none", "ledger export",
	} {
		k.asThere(claim, strings.Fields(line)...)
	}
	if log, _ := k.lxsweep(0, "logs", "ex-1"); log != "loss=1\n"+strings.Repeat("z", 70000)+" no end \x01\x02\xff" {
		t.Errorf("the log is %.20q and so on, %d bytes", log, len(log))
	}
	k.says(0, []string{"lxsweep show ex-0 --cmd --state " + there}, "best", "--state", there)
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "reason", k.query(ledger, `reason) FROM attempts WHERE state = 'cancelled'`), "$(enough) (lxsweep cancel by "+who.Username+")")
	k.await("no errand is left", func() bool { return k.kubectl("get", "jobs", "-o", "name") == "job.batch/first\n" })
}

// asThere runs a command in the folder of the claim and as if from elsewhere: it
// must write and end the same.
func (k *clustered) asThere(claim string, args ...string) {
	k.Helper()
	var got [2]string
	for i, dir := range []string{claim, k.dir} {
		cmd := exec.Command("lxsweep", args...)
		cmd.Dir, cmd.Env = dir, append(append(os.Environ(), k.env...), "COLUMNS=40")
		if i == 0 {
			cmd.Env = append(cmd.Env, "LXSWEEP_STATE=")
		}
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		_ = cmd.Run() // the code is compared
		text := fmt.Sprintf("%d\n%s\n%s", cmd.ProcessState.ExitCode(), &out, &said)
		got[i] = strings.NewReplacer(claim+"/", "", "/sweep/", "").Replace(text) // what is relative there
	}
	if got[0] != got[1] {
		k.Errorf("lxsweep %v is here\n%s\nand there\n%s", args, got[0], got[1])
	}
}

// claimed makes the schedule and returns the folder of its claim.
func (k *clustered) claimed() (claim string) {
	k.Helper()
	busybox, err := k.cluster.Busybox()
	if err != nil {
		k.Fatal(err)
	}
	claim = k.TempDir()
	if err := os.Chmod(claim, 0o777); err != nil { // a driver is not root
		k.Fatal(err)
	}
	k.write("nightly.yaml", strings.NewReplacer(
		"NAMESPACE", k.namespace, "CLAIM", claim, "IMAGE", ownName, "SHELL", filepath.Join(busybox, "bin"),
	).Replace(nightly))
	k.kubectl("apply", "-f", k.path("nightly.yaml"))
	k.Cleanup(func() {
		if out, err := k.cluster.Kubectl(context.Background(), "delete", "pv", k.namespace, "--wait=false").CombinedOutput(); err != nil {
			k.Errorf("%v\n%s", err, out)
		}
	})
	return claim
}
