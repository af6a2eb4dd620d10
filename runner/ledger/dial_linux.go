package ledger

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// setUserTimeout ends a connection whose peer does not answer what was sent.
func setUserTimeout(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var err error
	controlled := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(goneAfter.Milliseconds()))
	})
	if controlled != nil {
		return controlled
	}
	return err
}
