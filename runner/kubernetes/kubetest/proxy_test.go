package kubetest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/lxsweep/lxsweep/runner/kubernetes/kubetest"
)

// through is a client of the cluster by way of a proxy.
func through(t *testing.T) (fixture, *kubetest.Proxy, *kubernetes.Clientset) {
	f := on(t, simulated.Cluster(t))
	p, err := f.Proxy()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Down)
	client, err := kubernetes.NewForConfig(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	return f, p, client
}

func isCreate(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/jobs")
}

func isWatch(r *http.Request) bool { return r.FormValue("watch") != "" }

func TestProxyFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault kubetest.Fault
		is    func(error) bool // nil: success
		made  bool
	}{
		{"none", nil, nil, true},
		{"reset", kubetest.Reset, errOnTheWay, false},
		{"lost", kubetest.LoseReply, errOnTheWay, true},
		{"500", kubetest.Reply(500, metav1.StatusReasonInternalError, "etcdserver: leader changed", 0), apierrors.IsInternalError, false},
		{"401", kubetest.Reply(401, metav1.StatusReasonUnauthorized, "Unauthorized", 0), apierrors.IsUnauthorized, false},
		{"hang", kubetest.Hang, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }, false},
	}
	f, p, client := through(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p.Rule(kubetest.Nth(1, isCreate, test.fault))
			ctx := t.Context()
			if test.name == "hang" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			_, err := client.BatchV1().Jobs(f.namespace).Create(ctx, job("job-"+test.name, nil), metav1.CreateOptions{})
			if test.is == nil && err != nil || test.is != nil && !test.is(err) {
				t.Errorf("the client was told %v", err)
			}
			_, err = f.Client.BatchV1().Jobs(f.namespace).Get(t.Context(), "job-"+test.name, metav1.GetOptions{})
			if made := err == nil; made != test.made || !made && !apierrors.IsNotFound(err) {
				t.Errorf("the job was made: %t (%v), want %t", made, err, test.made)
			}
		})
	}
}

// errOnTheWay is an error that the apiserver did not send.
func errOnTheWay(err error) bool {
	var status apierrors.APIStatus
	return err != nil && !errors.As(err, &status)
}

// client-go itself obeys a Retry-After: the second request goes through.
func TestProxyRetryAfter(t *testing.T) {
	f, p, client := through(t)
	p.Rule(kubetest.Nth(1, isCreate, kubetest.Reply(429, metav1.StatusReasonTooManyRequests, "slow down", 1)))
	if _, err := client.BatchV1().Jobs(f.namespace).Create(t.Context(), job("later", nil), metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
}

func TestProxyExpiresAWatch(t *testing.T) {
	f, p, client := through(t)
	p.Rule(kubetest.Nth(1, isWatch, kubetest.Expire))
	watch, err := client.BatchV1().Jobs(f.namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	event := <-watch.ResultChan()
	if err := apierrors.FromObject(event.Object); !apierrors.IsResourceExpired(err) {
		t.Errorf("the watch was told %v", event)
	}
}

func TestProxyIsDownAndUp(t *testing.T) {
	f, p, client := through(t)
	list := func() error {
		_, err := client.CoreV1().Pods(f.namespace).List(t.Context(), metav1.ListOptions{})
		return err
	}
	if err := list(); err != nil {
		t.Error(err)
	}
	p.Down()
	if err := list(); !errOnTheWay(err) {
		t.Errorf("the client was told %v", err)
	}
	if err := p.Up(); err != nil {
		t.Fatal(err)
	}
	if err := list(); err != nil {
		t.Error(err)
	}
}

// A frozen watch hears of nothing, while one made afterwards does.
func TestProxyFreezes(t *testing.T) {
	f, p, client := through(t)
	config := metav1.ListOptions{LabelSelector: "frozen"}
	old, err := client.CoreV1().ConfigMaps(f.namespace).Watch(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Stop()
	p.Freeze()
	other := rest.CopyConfig(p.Config)
	other.DisableCompression = true // for a connection of its own
	fresh, err := kubernetes.NewForConfig(other)
	if err != nil {
		t.Fatal(err)
	}
	now, err := fresh.CoreV1().ConfigMaps(f.namespace).Watch(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer now.Stop()
	_, err = f.Client.CoreV1().ConfigMaps(f.namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "frozen", Labels: map[string]string{"frozen": ""}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	<-now.ResultChan()
	select {
	case event := <-old.ResultChan():
		t.Errorf("the frozen watch was told %v", event)
	default:
	}
}
