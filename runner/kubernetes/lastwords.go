package kubernetes

import (
	"context"
	"io"
	"os"
	"time"
)

// lastWords is the log of a pod that is about to be ended, copied until its
// program is gone: the pod goes with its Job's end, and the log with the pod.
type lastWords struct {
	stop  context.CancelFunc
	ended chan struct{} // closed when the copy is
	err   error         // of the copy, once it has ended
}

// answering is how long a node may take to begin with a log that is not waited
// for otherwise.
const answering = 5 * time.Second

// listen begins to copy the log of a program that runs. What cannot be had is
// missed by keep.
func (u *run) listen(s sight) {
	if s.phase().running.IsZero() || u.last != nil || os.MkdirAll(u.options.LogsDir, 0o755) != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	impatience := time.AfterFunc(answering, stop)
	stream, err := u.cluster.logs(ctx, s.pod().Name, true)
	impatience.Stop()
	if err != nil {
		stop()
		return
	}
	last := &lastWords{stop: stop, ended: make(chan struct{})}
	u.last = last
	path := u.LogPath(u.RunName, u.Number)
	go func() {
		defer close(last.ended)
		last.err = save(stream, path)
	}()
}

// save writes a stream to a file and closes both.
func save(stream io.ReadCloser, path string) error {
	defer stream.Close()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, stream); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// wait waits until the copy has ended, or ctx.
func (l *lastWords) wait(ctx context.Context) error {
	select {
	case <-l.ended:
		return l.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close ends the copying. It may be called on nil.
func (l *lastWords) close() {
	if l != nil {
		l.stop()
		<-l.ended
	}
}
