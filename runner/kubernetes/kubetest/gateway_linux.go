package kubetest

import (
	"context"
	"io"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// gateway is how pods of the real node reach the apiserver: nothing here makes
// services work, so the address of the service kubernetes is that of the host's
// end of every pod's network, and connections to it are passed on.
type gateway struct {
	listener net.Listener
	to       string // host:port
	serving  sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool // nil once it is stopped
}

// startGateway listens at the address, which no interface has before the first
// pod is there.
func startGateway(ctx context.Context, address, to string) (*gateway, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		if err := c.Control(func(fd uintptr) {
			set = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
		}); err != nil {
			return err
		}
		return set
	}}
	listener, err := config.Listen(ctx, "tcp4", address)
	if err != nil {
		return nil, err
	}
	g := &gateway{listener: listener, to: to, open: map[net.Conn]bool{}}
	g.serving.Go(g.serve)
	return g, nil
}

func (g *gateway) serve() {
	for {
		pod, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.serving.Go(func() { g.pass(pod) })
	}
}

func (g *gateway) pass(pod net.Conn) {
	server, err := net.Dial("tcp", g.to)
	if err != nil {
		pod.Close()
		return
	}
	if !g.keep(pod, server) {
		return
	}
	var copying sync.WaitGroup
	copying.Go(func() { relay(server, pod) })
	relay(pod, server)
	copying.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, pod)
	delete(g.open, server)
}

// relay copies until one end closes, which closes both.
func relay(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	to.Close()
	from.Close()
}

// keep notes connections that stop must close.
func (g *gateway) keep(conns ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range conns {
		if g.open == nil {
			c.Close()
			continue
		}
		g.open[c] = true
	}
	return g.open != nil
}

func (g *gateway) stop() {
	g.listener.Close()
	g.mu.Lock()
	for c := range g.open {
		c.Close()
	}
	g.open = nil
	g.mu.Unlock()
	g.serving.Wait()
}
