package runner

import "fmt"

// teller calls the listener from one goroutine. in is never closed: whoever
// tells something too late is not heard.
type teller struct {
	deaf  bool // nobody listens
	in    chan Event
	quit  chan struct{} // closed by close: tell what is in the channel, then end
	ended chan struct{} // closed by the goroutine
	err   error         // of the goroutine, until it ended
}

func newTeller(listen func(Event)) *teller {
	t := &teller{deaf: listen == nil, in: make(chan Event, 256), quit: make(chan struct{}), ended: make(chan struct{})}
	go t.run(listen)
	return t
}

// tell waits until there is room.
func (t *teller) tell(e Event) {
	if t.deaf {
		return
	}
	select {
	case t.in <- e:
	case <-t.ended:
	}
}

// close returns when everything is told, or how the listener failed.
func (t *teller) close() error {
	close(t.quit)
	<-t.ended
	return t.err
}

func (t *teller) run(listen func(Event)) {
	defer close(t.ended)
	hear := func(e Event) {
		if t.deaf || t.err != nil {
			return
		}
		if err := guard(func() error { listen(e); return nil }); err != nil {
			t.err = fmt.Errorf("the listener to events: %w", err)
		}
	}
	for {
		select {
		case e := <-t.in:
			hear(e)
			continue
		default:
		}
		select {
		case e := <-t.in:
			hear(e)
		case <-t.quit:
			for len(t.in) > 0 {
				hear(<-t.in)
			}
			return
		}
	}
}
