package kubetest

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ownerLabel of a node names the kwok that plays its kubelet.
const ownerLabel = prefix + "owner"

// startSimulatedNodes starts the nodes that Options asks for, which live as
// long as the cluster.
func (c *Cluster) startSimulatedNodes(ctx context.Context) error {
	var err error
	if c.kubelet, err = startSimulatedKubelet(c); err != nil {
		return err
	}
	var names []string
	for i := range c.options.Nodes {
		names = append(names, "node-"+strconv.Itoa(i))
	}
	_, err = c.simulate(ctx, "kwok", names)
	return err
}

// StartNode adds a simulated node with a life of its own: kill, from then on
// nothing is heard of it, as if its power had failed.
func (c *Cluster) StartNode(ctx context.Context, name string) (kill func(), err error) {
	p, err := c.simulate(ctx, "kwok-"+name, []string{name})
	if err != nil {
		return nil, err
	}
	return p.kill, nil
}

// simulate starts a kwok, by its owner name, and nodes that are its.
func (c *Cluster) simulate(ctx context.Context, owner string, nodes []string) (*process, error) {
	lease := max(c.options.NodeGrace*4/5, 4*time.Second)
	configuration, err := kwokConfiguration(int(lease.Seconds()))
	if err != nil {
		return nil, err
	}
	if err := c.writeFile("kwok.yaml", configuration); err != nil {
		return nil, err
	}
	p, err := start(c.dir, owner, []string{"GOGC=400"}, c.binaries.path("kwok"),
		"--kubeconfig="+c.Kubeconfig, "--config="+c.file("kwok.yaml"),
		"--manage-nodes-with-label-selector="+ownerLabel+"="+owner)
	if err != nil {
		return nil, err
	}
	c.processes = append(c.processes, p)
	var group errgroup.Group
	for _, name := range nodes {
		group.Go(func() error { return c.createNode(ctx, p, name, owner) })
	}
	return p, group.Wait()
}

// createNode returns when the node is ready.
func (c *Cluster) createNode(ctx context.Context, kwok *process, name, owner string) error {
	nodes := c.Client.CoreV1().Nodes()
	room := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("100k"),
		corev1.ResourceMemory: resource.MustParse("100Ti"),
		corev1.ResourcePods:   *resource.NewQuantity(int64(c.options.PodsPerNode), resource.DecimalSI),
		"nvidia.com/gpu":      *resource.NewQuantity(int64(c.options.GPUs), resource.DecimalSI),
	}
	_, err := nodes.Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{ownerLabel: owner, corev1.LabelHostname: name}},
		Status: corev1.NodeStatus{
			Capacity: room, Allocatable: room,
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: "127.0.0.1"}},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{
				KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(c.kubelet.port)},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating node %s: %w", name, err)
	}
	return c.awaitNode(ctx, kwok, name)
}

// awaitNode returns when pods are scheduled to the node.
func (c *Cluster) awaitNode(ctx context.Context, kubelet *process, name string) error {
	return kubelet.await(ctx, "node "+name+" was ready", func(ctx context.Context) error {
		node, err := c.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
				return nil
			}
		}
		return fmt.Errorf("its conditions are %v, its taints %v", node.Status.Conditions, node.Spec.Taints)
	})
}

// Annotate gives an annotation, such as [RunFor], to every pod of the namespace
// that the label selector matches. An empty value takes it away.
func (c *Cluster) Annotate(ctx context.Context, namespace, selector, key, value string) error {
	pods := c.Client.CoreV1().Pods(namespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return err
	}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, key, value)
	if value == "" {
		patch = fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, key)
	}
	for _, pod := range list.Items {
		if _, err := pods.Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	return nil
}
