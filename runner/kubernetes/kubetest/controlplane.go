package kubetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// controllers are those that Jobs, their pods and claims need, and what deletes
// things.
var controllers = []string{
	"job", "cronjob", "ttl-after-finished", "garbage-collector", "pod-garbage-collector",
	"namespace", "serviceaccount", "serviceaccount-token", "root-ca-certificate-publisher", "clusterrole-aggregation",
	"node-lifecycle", "taint-eviction", "resourcequota", "disruption", "persistentvolume-binder",
}

func (c *Cluster) startControlPlane(ctx context.Context) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	if err := c.writeCredentials(ports[2]); err != nil {
		return err
	}
	if err := c.startEtcd(etcd, fmt.Sprintf("http://127.0.0.1:%d", ports[1])); err != nil {
		return err
	}
	if err := c.startAPIServer(ctx, etcd, ports[2]); err != nil {
		return err
	}
	if err := c.startScheduler(); err != nil {
		return err
	}
	return c.startControllers(ctx)
}

// writeCredentials makes the certificates, keys and the administrator's token,
// and the client that uses it.
func (c *Cluster) writeCredentials(port int) error {
	var err error
	if c.ca, err = newAuthority(c.gatewayIP()); err != nil {
		return err
	}
	token := rand.Text()
	c.Config = &rest.Config{
		Host:            fmt.Sprintf("https://127.0.0.1:%d", port),
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.ca.PEM},
		QPS:             -1,
	}
	var group errgroup.Group
	group.Go(func() error { return c.ca.write(c.file("apiserver"), "kube-apiserver", "system:masters") })
	group.Go(func() error { return c.ca.write(c.file("accounts"), "accounts") })
	group.Go(func() error { return c.writeFile("ca.crt", string(c.ca.PEM)) })
	group.Go(func() error { return c.writeFile("tokens.csv", token+`,admin,admin,"system:masters"`+"\n") })
	if err := group.Wait(); err != nil {
		return err
	}
	if c.http, err = rest.HTTPClientFor(c.Config); err != nil {
		return err
	}
	if c.Client, err = kubernetes.NewForConfigAndClient(c.Config, c.http); err != nil {
		return err
	}
	c.Kubeconfig, err = c.WriteKubeconfig(c.Config, "default")
	return err
}

func (c *Cluster) startEtcd(client, peer string) error {
	_, err := c.run("etcd",
		"--data-dir="+c.file("etcd"), "--unsafe-no-fsync", "--quota-backend-bytes=8589934592",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer)
	return err
}

func (c *Cluster) startAPIServer(ctx context.Context, etcd string, port int) error {
	p, err := c.run("kube-apiserver",
		"--etcd-servers="+etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range="+c.addresses(),
		"--authorization-mode=Node,RBAC", "--token-auth-file="+c.file("tokens.csv"), "--client-ca-file="+c.file("ca.crt"),
		"--requestheader-client-ca-file="+c.file("ca.crt"), "--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--tls-cert-file="+c.file("apiserver.crt"), "--tls-private-key-file="+c.file("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+c.file("accounts.crt"), "--service-account-signing-key-file="+c.file("accounts.key"),
		"--kubelet-client-certificate="+c.file("apiserver.crt"), "--kubelet-client-key="+c.file("apiserver.key"),
		"--kubelet-preferred-address-types=Hostname")
	if err != nil {
		return err
	}
	return p.await(ctx, "it was ready", func(ctx context.Context) error {
		return c.Client.CoreV1().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

func (c *Cluster) startScheduler() error {
	if err := c.writeFile("scheduler.yaml", `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
clientConnection: {kubeconfig: `+c.Kubeconfig+`, qps: 5000, burst: 10000}
`); err != nil {
		return err
	}
	_, err := c.run("kube-scheduler", "--config="+c.file("scheduler.yaml"), "--secure-port=0")
	return err
}

func (c *Cluster) startControllers(ctx context.Context) error {
	flags := []string{
		"--kubeconfig=" + c.Kubeconfig, "--use-service-account-credentials", "--leader-elect=false", "--secure-port=0",
		"--controllers=" + strings.Join(controllers, "-controller,") + "-controller",
		"--root-ca-file=" + c.file("ca.crt"), "--service-account-private-key-file=" + c.file("accounts.key"),
		"--node-monitor-grace-period=" + c.options.NodeGrace.String(),
		"--node-monitor-period=" + (c.options.NodeGrace / 10).String(),
	}
	if !c.options.StockControllers {
		flags = append(flags, "--kube-api-qps=5000", "--kube-api-burst=10000", "--concurrent-job-syncs=20")
	}
	p, err := c.run("kube-controller-manager", flags...)
	if err != nil {
		return err
	}
	return p.await(ctx, "it had made the default service account", func(ctx context.Context) error {
		_, err := c.Client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}
