package kubetest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// simulatedKubelet is what the apiserver asks for the logs of simulated pods. A
// pod's annotations are its log: kwok has one for all pods only.
type simulatedKubelet struct {
	cluster *Cluster
	server  *http.Server
	port    int
	served  chan struct{} // closed when the server has ended
}

func startSimulatedKubelet(c *Cluster) (*simulatedKubelet, error) {
	config, err := c.ca.server()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &simulatedKubelet{cluster: c, port: listener.Addr().(*net.TCPAddr).Port, served: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.logs)
	k.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(k.served)
		_ = k.server.Serve(tls.NewListener(listener, config)) // always an error, after Close the usual one
	}()
	return k, nil
}

func (k *simulatedKubelet) stop() {
	k.server.Close()
	<-k.served
}

// logs answers as a kubelet does, with what there is, and the end when the
// container has ended if it is to follow.
func (k *simulatedKubelet) logs(w http.ResponseWriter, r *http.Request) {
	pod, err := k.pod(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if text := pod.Annotations[LogsError]; text != "" {
		http.Error(w, text, http.StatusInternalServerError)
		return
	}
	if pod.Status.Phase == corev1.PodPending {
		http.Error(w, fmt.Sprintf("container %q in pod %q is waiting to start", r.PathValue("container"), pod.Name), http.StatusBadRequest)
		return
	}
	content := []byte(pod.Annotations[Logs])
	if r.FormValue("timestamps") == "true" && pod.Status.StartTime != nil {
		content = stamped(content, pod.Status.StartTime.Time)
	}
	_, _ = w.Write(cut(content, r))
	if r.FormValue("follow") != "true" {
		return
	}
	_ = http.NewResponseController(w).Flush()
	_ = poll(r.Context(), func() (bool, error) {
		pod, err := k.pod(r)
		return err == nil && pod.Status.Phase != corev1.PodRunning, err
	})
}

func (k *simulatedKubelet) pod(r *http.Request) (*corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	return k.cluster.Client.CoreV1().Pods(r.PathValue("namespace")).Get(ctx, r.PathValue("pod"), metav1.GetOptions{})
}

// stamped puts the time before each line.
func stamped(content []byte, at time.Time) []byte {
	var out []byte
	for line := range bytes.Lines(content) {
		out = append(fmt.Append(out, at.UTC().Format(time.RFC3339Nano), " "), line...)
	}
	return out
}

// cut leaves of a log what the request asks for.
func cut(content []byte, r *http.Request) []byte {
	if n, err := strconv.Atoi(r.FormValue("tailLines")); err == nil {
		lines := slices.Collect(bytes.Lines(content))
		content = bytes.Join(lines[max(0, len(lines)-n):], nil)
	}
	if n, err := strconv.Atoi(r.FormValue("limitBytes")); err == nil {
		content = content[:min(n, len(content))]
	}
	return content
}
