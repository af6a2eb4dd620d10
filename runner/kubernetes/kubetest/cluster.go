package kubetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Options are what a cluster is to be. The zero value is five simulated nodes
// that carry 10,000 pods.
type Options struct {
	Real        bool          // one real node instead of simulated ones; needs root
	Nodes       int           // simulated ones; 0 is 5
	PodsPerNode int           // 0 is 2,000
	GPUs        int           // nvidia.com/gpu that each simulated node advertises; 0 is 8
	NodeGrace   time.Duration // silence that makes a node count as lost; 0 is Kubernetes' own 50 s

	// StockControllers leaves the controller-manager the limits that it has by
	// default, 20 requests a second, with which it ends three or four Jobs a
	// second. Otherwise it has none to speak of.
	StockControllers bool

	Progress io.Writer // told what takes long; nil is os.Stderr
}

func (o Options) withDefaults() Options {
	o.Nodes = cmp.Or(o.Nodes, 5)
	o.PodsPerNode = cmp.Or(o.PodsPerNode, 2000)
	o.GPUs = cmp.Or(o.GPUs, 8)
	o.NodeGrace = cmp.Or(o.NodeGrace, 50*time.Second)
	if o.Progress == nil {
		o.Progress = os.Stderr
	}
	return o
}

// Cluster is a control plane that runs, with its nodes.
type Cluster struct {
	Config     *rest.Config // as administrator, without a client-side limit
	Client     kubernetes.Interface
	Kubeconfig string // path of a file that says the same as Config

	options   Options
	dir       string
	lock      *os.File // of dir
	node      *os.File // locked while this process has the machine's real node
	binaries  binaries
	ca        *authority
	http      *http.Client // behind Client
	processes []*process   // in the order of their start
	kubelet   *simulatedKubelet
	real      bool       // a real node was started, and leaves something behind
	network   byte       // pods of the real node have addresses in 10.88.network.0/24
	gateway   *gateway   // nil without a real node
	layers    sync.Mutex // held while a folder for an image is made
}

// Start builds the programs if need be, starts a cluster and returns when it
// schedules pods. ctx bounds the start only; the caller stops the cluster.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	// The addresses of another cluster on this machine are others, most likely.
	c := &Cluster{options: o.withDefaults(), network: byte(rand.N(256))}
	var err error
	if c.binaries, err = build(ctx, c.options.Progress); err != nil {
		return nil, err
	}
	if c.options.Real {
		if c.node, err = lockNode(ctx, c.options.Progress); err != nil {
			return nil, err
		}
	}
	if err := clearDead(); err != nil {
		return nil, fmt.Errorf("clearing away the cluster of a process that was killed: %w", err)
	}
	if c.dir, c.lock, err = newFolder(); err != nil {
		return nil, err
	}
	const limit = 3 * time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it takes more than %s", limit))
	defer cancel()
	if err := c.start(ctx); err != nil {
		err = fmt.Errorf("starting a test cluster, whose logs stay in %s: %w", c.dir, err)
		return nil, errors.Join(err, c.writeFile(keptName, ""), c.halt())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.startControlPlane(ctx); err != nil {
		return err
	}
	if c.options.Real {
		return c.startRealNode(ctx)
	}
	return c.startSimulatedNodes(ctx)
}

// Stop ends every process of the cluster and removes its files.
func (c *Cluster) Stop() error {
	err := errors.Join(c.halt(), os.RemoveAll(c.dir), ignore(c.lock.Close(), os.ErrClosed))
	if c.node != nil {
		err = errors.Join(err, ignore(c.node.Close(), os.ErrClosed))
	}
	return err
}

// halt ends every process, the last one started first.
func (c *Cluster) halt() error {
	if c.kubelet != nil {
		c.kubelet.stop()
	}
	if c.gateway != nil {
		c.gateway.stop()
	}
	for _, p := range slices.Backward(c.processes) {
		p.stop(5 * time.Second)
	}
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
	if c.real {
		return clearNode(c.dir)
	}
	return nil
}

// Pids are the processes of the cluster that run.
func (c *Cluster) Pids() []int {
	var pids []int
	for _, p := range c.processes {
		if p.runs() {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// Signal sends a signal to a program of the cluster by its name, such as
// kube-controller-manager: stopped (SIGSTOP), it is one that is far behind.
func (c *Cluster) Signal(program string, s syscall.Signal) error {
	i := slices.IndexFunc(c.processes, func(p *process) bool { return p.name == program })
	if i < 0 {
		return fmt.Errorf("the cluster runs no %s", program)
	}
	c.processes[i].signal(s)
	return nil
}

// Log is the file that a program of the cluster logs to.
func (c *Cluster) Log(program string) string { return filepath.Join(c.dir, program+".log") }

// Kubectl is a kubectl command on the cluster, as administrator.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, c.binaries.path("kubectl"), append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
}

// Bin is the folder of the cluster's programs, kubectl among them.
func (c *Cluster) Bin() string { return c.binaries.dir }

// run starts a program of the cluster by its name in the binaries.
func (c *Cluster) run(name string, flags ...string) (*process, error) {
	p, err := start(c.dir, name, []string{"GOGC=400"}, append([]string{c.binaries.path(name)}, flags...)...)
	if err == nil {
		c.processes = append(c.processes, p)
	}
	return p, err
}

// file is the path of a file of the cluster.
func (c *Cluster) file(name string) string { return filepath.Join(c.dir, name) }

func (c *Cluster) writeFile(name, content string) error {
	return os.WriteFile(c.file(name), []byte(content), 0o600)
}

// freePorts are ports of loopback that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after the last, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
