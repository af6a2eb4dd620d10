package cli

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// pseudoTerminal is what a program writes to that is to see a terminal, while
// its output is read here.
type pseudoTerminal struct{ ours, theirs *os.File }

// openPseudoTerminal makes one as wide as s that passes bytes on as they are.
func openPseudoTerminal(s Stream) (*pseudoTerminal, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	ours := os.NewFile(uintptr(fd), "/dev/ptmx")
	theirs, err := openOther(fd, s.Width())
	if err != nil {
		ours.Close()
		return nil, err
	}
	return &pseudoTerminal{ours, theirs}, nil
}

func openOther(fd, columns int) (*os.File, error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	state.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, state); err != nil {
		return nil, err
	}
	size := &unix.Winsize{Row: 24, Col: uint16(columns)}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size); err != nil {
		return nil, err
	}
	return os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
}

// finish waits until everything is copied, but not for what the program left
// behind.
func (p *pseudoTerminal) finish(copied <-chan struct{}) {
	p.theirs.Close()
	select {
	case <-copied:
	case <-time.After(time.Second):
	}
	p.ours.Close()
	<-copied
}
