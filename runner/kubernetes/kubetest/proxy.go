package kubetest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Fault is what becomes of a request instead of being passed on to next, the
// apiserver.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Proxy stands before a cluster's apiserver and does to requests what a network
// and a server in trouble do. Without a rule it passes all on.
type Proxy struct {
	Config *rest.Config // the cluster's, by way of the proxy

	rule     atomic.Pointer[func(*http.Request) Fault]
	next     http.Handler
	upstream *http.Transport
	tls      *tls.Config
	address  string

	mu     sync.Mutex
	frozen *atomic.Bool  // of the connections that are made from now on
	server *http.Server  // nil while it is down
	served chan struct{} // closed when the server has ended
}

// Proxy starts a proxy before the apiserver. It passes on who asks, by token.
func (c *Cluster) Proxy() (*Proxy, error) {
	config, err := c.ca.server()
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	target, err := url.Parse(c.Config.Host)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca.PEM)
	p := &Proxy{
		Config:   rest.CopyConfig(c.Config),
		upstream: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true},
		tls:      config,
		address:  "127.0.0.1:0",
		frozen:   new(atomic.Bool),
	}
	p.next = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     p.upstream,
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	if err := p.Up(); err != nil {
		return nil, err
	}
	p.Config.Host = "https://" + p.address
	return p, nil
}

// Rule says which fault a request meets, nil for none. It replaces the rule
// before it and is called for several requests at a time.
func (p *Proxy) Rule(rule func(*http.Request) Fault) { p.rule.Store(&rule) }

// Up has the proxy listen, again and at the same address after [Proxy.Down].
func (p *Proxy) Up() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.address = listener.Addr().String()
	server, served := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute, TLSConfig: p.tls}, make(chan struct{})
	p.server, p.served = server, served
	go func() {
		defer close(served)
		_ = server.ServeTLS(&freezer{listener, p}, "", "") // always an error, after Close the usual one
	}()
	return nil
}

// Down cuts every connection and refuses new ones, as if the apiserver were not
// there. It is also how a proxy is ended.
func (p *Proxy) Down() {
	p.mu.Lock()
	server, served := p.server, p.served
	p.server = nil
	p.mu.Unlock()
	if server == nil {
		return
	}
	server.Close()
	<-served
	p.upstream.CloseIdleConnections()
}

// Freeze leaves every connection half open: nothing arrives on it any more, and
// nobody is told. New ones are well.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen.Store(true)
	p.frozen = new(atomic.Bool)
}

// freezer is a listener whose connections can be frozen.
type freezer struct {
	net.Listener
	proxy *Proxy
}

func (f *freezer) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	f.proxy.mu.Lock()
	defer f.proxy.mu.Unlock()
	return &freezable{c, f.proxy.frozen}, nil
}

type freezable struct {
	net.Conn
	frozen *atomic.Bool
}

func (f *freezable) Read(p []byte) (int, error) {
	for {
		n, err := f.Conn.Read(p)
		if err != nil || !f.frozen.Load() {
			return n, err
		}
	}
}

func (f *freezable) Write(p []byte) (int, error) {
	if f.frozen.Load() {
		return len(p), nil
	}
	return f.Conn.Write(p)
}

// ServeHTTP is the proxy's handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rule := p.rule.Load(); rule != nil {
		if fault := (*rule)(r); fault != nil {
			fault(w, r, p.next)
			return
		}
	}
	p.next.ServeHTTP(w, r)
}

// Reset breaks the request off without an answer: the apiserver never saw it.
func Reset(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// LoseReply has the apiserver carry the request out and loses the answer.
func LoseReply(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(&lost{http.Header{}}, r)
	panic(http.ErrAbortHandler)
}

// lost is an answer that goes nowhere.
type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) Write(p []byte) (int, error) { return len(p), nil }
func (l *lost) WriteHeader(int)             {}

// Hang never answers, until the client gives up.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }

// Reply answers in the apiserver's place, such as with 500 and "etcdserver:
// leader changed". retryAfter is a Retry-After in seconds, if not 0.
func Reply(code int, reason metav1.StatusReason, message string, retryAfter int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		status := failure(code, reason, message)
		if retryAfter > 0 {
			status.Details = &metav1.StatusDetails{RetryAfterSeconds: int32(retryAfter)}
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(status)
	}
}

// Expire answers a watch with the event that its version is too old, upon which
// a client has to list again.
func Expire(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type":   "ERROR",
		"object": failure(http.StatusGone, metav1.StatusReasonExpired, "too old resource version"),
	})
}

func failure(code int, reason metav1.StatusReason, message string) metav1.Status {
	return metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	}
}

// Nth is a rule: the nth request that matches, from 1, meets the fault.
func Nth(n int64, match func(*http.Request) bool, fault Fault) func(*http.Request) Fault {
	var seen atomic.Int64
	return func(r *http.Request) Fault {
		if match(r) && seen.Add(1) == n {
			return fault
		}
		return nil
	}
}
