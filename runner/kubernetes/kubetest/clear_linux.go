package kubetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const controlGroups = "/sys/fs/cgroup"

// hierarchies are the roots under which each cluster has a control group: one
// for each controller, or one for all in version 2.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(controlGroups, "cgroup.controllers")); err == nil {
		return []string{controlGroups}, nil
	}
	var roots []string
	entries, err := os.ReadDir(controlGroups)
	for _, e := range entries {
		if e.IsDir() { // links are other names of the same
			roots = append(roots, filepath.Join(controlGroups, e.Name()))
		}
	}
	return roots, err
}

// makeControlGroups makes the group that every container of a cluster is in.
func makeControlGroups(name string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// clearNode ends and removes what a real node leaves behind when its kubelet
// and containerd are gone: containers, their shims, mounts (with the network
// namespaces, and so the interfaces) and control groups. All of them bear the
// name of the cluster's folder.
func clearNode(dir string) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, errors.New("it does not go away"))
	defer cancel()
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		group := filepath.Join(root, filepath.Base(dir))
		err = errors.Join(err, explain(group, poll(ctx, func() (bool, error) { return removeGroup(group) })))
	}
	err = errors.Join(err, explain("a shim", poll(ctx, func() (bool, error) { return endShims(dir) })))
	return errors.Join(err, unmount(dir), removeStrays(dir))
}

// removeStrays removes the files that the kubelet and the network plugins insist
// on keeping elsewhere.
func removeStrays(dir string) error {
	const logs, results = "/var/log/containers", "/var/lib/cni/results"
	links, err := filepath.Glob(logs + "/*.log")
	if err != nil {
		return err
	}
	for _, link := range links {
		if target, _ := os.Readlink(link); strings.HasPrefix(target, dir+"/") {
			err = errors.Join(err, os.Remove(link))
		}
	}
	network := filepath.Join(results, filepath.Base(dir)+"-")
	leases, bad := filepath.Glob(network + "*-eth0")
	for _, lease := range leases {
		sandbox := strings.TrimSuffix(strings.TrimPrefix(lease, network), "-eth0")
		err = errors.Join(err, os.Remove(lease),
			ignore(os.Remove(filepath.Join(results, "cni-loopback-"+sandbox+"-lo")), fs.ErrNotExist))
	}
	return errors.Join(err, bad)
}

func explain(what string, err error) error {
	if err != nil {
		return fmt.Errorf("clearing away %s: %w", what, err)
	}
	return nil
}

// removeGroup kills what runs in a control group and removes it, the groups in
// it first. It reports whether it is gone.
func removeGroup(group string) (bool, error) {
	var groups []string
	err := filepath.WalkDir(group, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			groups = append(groups, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	for _, g := range slices.Backward(groups) {
		pids, _ := os.ReadFile(filepath.Join(g, "cgroup.procs")) // gone: nothing to kill
		for _, pid := range strings.Fields(string(pids)) {
			if n, err := strconv.Atoi(pid); err == nil && n > 1 {
				_ = unix.Kill(n, unix.SIGKILL)
			}
		}
		_ = unix.Rmdir(g) // busy while a process is ending
	}
	_, gone := os.Stat(group)
	return errors.Is(gone, fs.ErrNotExist), err
}

// endShims tells the shims of the cluster's containerd to end, and reports
// whether they have.
func endShims(dir string) (bool, error) {
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return false, err
	}
	none := true
	for _, file := range commands {
		content, _ := os.ReadFile(file) // ended since
		argv := bytes.Split(content, []byte{0})
		i := slices.IndexFunc(argv, func(arg []byte) bool { return string(arg) == "-address" })
		if i < 0 || i+1 == len(argv) || string(argv[i+1]) != filepath.Join(dir, "containerd.sock") {
			continue
		}
		none = false
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			_ = unix.Kill(pid, unix.SIGTERM)
		}
	}
	return none, nil
}

// unmount removes every mount below a folder, the last one made first.
func unmount(dir string) error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for _, line := range slices.Backward(strings.Split(string(table), "\n")) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			if e := unix.Unmount(fields[4], unix.MNT_DETACH); e != nil && !errors.Is(e, unix.EINVAL) {
				err = errors.Join(err, &fs.PathError{Op: "unmount", Path: fields[4], Err: e})
			}
		}
	}
	return err
}
