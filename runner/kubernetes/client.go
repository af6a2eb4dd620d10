package kubernetes

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"
)

// Target says which cluster and namespace, as kubectl's flags of these names
// do. What is empty is taken from the kubeconfig, or in a pod from there.
type Target struct{ Kubeconfig, Context, Namespace string }

// Cluster is a namespace of a cluster that can be talked to.
type Cluster struct {
	// Context is the kubeconfig's, "in-cluster" inside a pod; Server is the
	// address.
	Context, Server, Namespace string

	id     string // of the cluster
	http   *http.Client
	config *rest.Config
	window *window
	claim  atomic.Pointer[Claim] // nil for none

	clients
}

// callTimeout is how long one request may take; those that stream have none.
const callTimeout = 30 * time.Second

// Silence keeps client-go from writing to standard error, where progress is
// drawn: it returns its errors as well. It is for a program's first line.
func Silence() { klog.SetLogger(logr.Discard()) }

// Connect reads the kubeconfig. It asks the cluster nothing. agent is how
// lxsweep names itself to the server.
func Connect(t Target, agent string) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = t.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{
		CurrentContext: t.Context, Context: clientcmdapi.Context{Namespace: t.Namespace},
	})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no cluster to talk to: %w; name a kubeconfig with --kubeconfig or KUBECONFIG, and one of its contexts with --context", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	c := &Cluster{
		Context: cmp.Or(t.Context, raw.CurrentContext, "in-cluster"), Server: config.Host, Namespace: namespace,
		window: newWindow(time.Now),
	}
	return c, c.connect(config, agent)
}

func (c *Cluster) connect(config *rest.Config, agent string) (err error) {
	if c.id, err = clusterID(config); err != nil {
		return err
	}
	// The server queues fairly by itself, and the window listens to it.
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = config.ContentType + ",application/json"
	config.UserAgent = agent
	config.WarningHandlerWithContext = rest.NoWarnings{}
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return &observed{rt, c.window} })
	c.config = config
	if c.http, err = rest.HTTPClientFor(config); err != nil {
		return fmt.Errorf("the kubeconfig's credentials: %w", err)
	}
	c.clients, err = newClients(config, c.http, c.Namespace)
	return err
}

// clusterID tells clusters apart, the same inside a pod and outside: by the
// authority that signs the server's certificate, or by its address where the
// kubeconfig names none. It needs no permission.
func clusterID(config *rest.Config) (string, error) {
	authority := config.CAData
	if len(authority) == 0 && config.CAFile != "" {
		var err error
		if authority, err = os.ReadFile(config.CAFile); err != nil {
			return "", fmt.Errorf("the cluster's certificate authority: %w", err)
		}
	}
	identity := []byte(config.Host)
	if block, _ := pem.Decode(authority); block != nil {
		identity = block.Bytes
	}
	sum := sha256.Sum256(identity)
	return hex.EncodeToString(sum[:6]), nil
}

// Place is what attempts are recorded with: the cluster and the namespace.
func (c *Cluster) Place() string { return c.id + "/" + c.Namespace }
