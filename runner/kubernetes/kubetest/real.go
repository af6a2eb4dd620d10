package kubetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// RealPackages are the Debian packages that a real node needs.
const RealPackages = "containerd runc containernetworking-plugins busybox-static iptables"

const networkPlugins = "/usr/lib/cni"

// RealNodePossible says why no real node can be had here; nil if one can.
func RealNodePossible() error {
	if os.Geteuid() != 0 {
		return errors.New("a real node needs root")
	}
	var missing []string
	for _, program := range []string{"containerd", "ctr", "runc", "busybox", "iptables", filepath.Join(networkPlugins, "ptp")} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if missing != nil {
		return fmt.Errorf("a real node needs %s, which apt-get install %s brings", strings.Join(missing, ", "), RealPackages)
	}
	return nil
}

// startRealNode starts a containerd, and a kubelet once that has the images
// without which no pod runs.
func (c *Cluster) startRealNode(ctx context.Context) error {
	if err := RealNodePossible(); err != nil {
		return err
	}
	c.real = true
	if err := makeControlGroups(filepath.Base(c.dir)); err != nil {
		return err
	}
	if err := c.startContainerd(ctx); err != nil {
		return err
	}
	if err := c.loadBusybox(ctx); err != nil {
		return err
	}
	var err error
	if c.gateway, err = startGateway(ctx, net.JoinHostPort(c.gatewayIP().String(), "443"), strings.TrimPrefix(c.Config.Host, "https://")); err != nil {
		return err
	}
	return c.startKubelet(ctx)
}

// addresses are those of the real node's pods, and of services: the first one
// is the gateway's and the service kubernetes' at once.
func (c *Cluster) addresses() string { return fmt.Sprintf("10.88.%d.0/24", c.network) }

func (c *Cluster) gatewayIP() net.IP { return net.IPv4(10, 88, c.network, 1) }

func (c *Cluster) startContainerd(ctx context.Context) error {
	if err := c.writeFile("containerd.toml", fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  stream_server_address = "127.0.0.1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = %q
  conf_dir = %q
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = %q
`, c.file("containerd"), c.file("run"), c.socket(), pauseImage, networkPlugins, c.file("cni"), c.file("runc"))); err != nil {
		return err
	}
	if err := os.Mkdir(c.file("cni"), 0o700); err != nil {
		return err
	}
	if err := c.writeFile("cni/ptp.conflist", fmt.Sprintf(`{"cniVersion": "0.4.0", "name": %q, "plugins": [{"type": "ptp", "ipMasq": false,
"ipam": {"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": %q}]]}}]}
`, filepath.Base(c.dir), c.file("addresses"), c.addresses())); err != nil {
		return err
	}
	p, err := start(c.dir, "containerd", nil, "containerd", "--config="+c.file("containerd.toml"))
	if err != nil {
		return err
	}
	c.processes = append(c.processes, p)
	return p.await(ctx, "it answered", func(ctx context.Context) error {
		_, err := c.ctr(ctx, "version")
		return err
	})
}

func (c *Cluster) socket() string { return c.file("containerd.sock") }

// ctr runs containerd's own client, where the kubelet's containers are.
func (c *Cluster) ctr(ctx context.Context, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, "ctr", append([]string{"--address", c.socket(), "--namespace", "k8s.io"}, args...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ctr %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return out, nil
}

func (c *Cluster) startKubelet(ctx context.Context) error {
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	if err := c.writeFile("kubelet.yaml", fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: %d
healthzPort: 0
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: %s}}
authorization: {mode: AlwaysAllow}
tlsCertFile: %s
tlsPrivateKeyFile: %s
containerRuntimeEndpoint: unix://%s
cgroupDriver: cgroupfs
cgroupRoot: /%s
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
serializeImagePulls: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 0%%, nodefs.available: 0%%, imagefs.available: 0%%, nodefs.inodesFree: 0%%, imagefs.inodesFree: 0%%}
maxPods: 250
podLogsDir: %s
volumePluginDir: %s
`, ports[0], c.file("ca.crt"), c.file("apiserver.crt"), c.file("apiserver.key"), c.socket(), filepath.Base(c.dir),
		c.file("pod-logs"), c.file("volume-plugins"))); err != nil {
		return err
	}
	p, err := c.run("kubelet", "--config="+c.file("kubelet.yaml"), "--kubeconfig="+c.Kubeconfig,
		"--root-dir="+c.file("kubelet"), "--hostname-override=localhost")
	if err != nil {
		return err
	}
	return c.awaitNode(ctx, p, "localhost")
}
