// Package kubetest runs a Kubernetes control plane on this machine for tests:
// etcd, kube-apiserver, kube-controller-manager and kube-scheduler of the real
// thing, built from their Go modules, and nodes that are either simulated
// ([Options].Nodes) or real ([Options].Real).
//
// # Start here
//
// In a test, [New] starts a cluster and stops it at the end. A package whose
// tests can share one has it in a [Shared], and each test takes a namespace of
// its own from [Cluster.Namespace]. [Start] is for everything that is no test;
// the command in the folder cluster below is `make cluster`.
//
// The programs are built at first use, which takes minutes and says so; they
// are kept in the user's cache folder by the versions that tools/go.mod asks
// for. etcd, kube-apiserver and kubectl are taken from KUBEBUILDER_ASSETS where
// that is set.
//
// # Simulated nodes
//
// On a simulated node no program runs: kwok plays the kubelet and does to a pod
// what its annotations say, which a Job's pod template can carry and a test can
// change while the pod lives ([Cluster.Annotate]). The constants [RunFor] and
// following are the whole language. A pod without any ends at once, with code 0.
//
// # Real nodes
//
// Options.Real starts a kubelet and a containerd, as root, with Debian's
// packages of [RealPackages]. There is no registry: images are made from folders
// ([Cluster.LoadImage]), and pods must not pull ("Never" or "IfNotPresent").
//
// # What it does not know
//
// There is no DNS, no kube-proxy, so no Services but the one by which pods of a
// real node reach the apiserver, and no cloud. Simulated pods have no addresses,
// no probes, no exec. Everything else listens on loopback only, under
// credentials of this cluster only. Processes die with the process that
// started them; what they leave on disk and in the kernel when that one is
// killed is cleared away by the next Start.
package kubetest
