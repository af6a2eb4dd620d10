package pgtest

import (
	"context"
	"os"
	"sync"
	"testing"
)

// New starts a server that is stopped when the test ends; see Possible.
func New(t testing.TB) *Server {
	t.Helper()
	s := start(t)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func start(t testing.TB) *Server {
	t.Helper()
	if err := Possible(); err != nil {
		t.Skip(err)
	}
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Possible says why a test that needs a server is skipped; nil where it is not:
// where PostgreSQL is installed, or the environment has CI.
func Possible() error {
	if os.Getenv("CI") != "" {
		return nil
	}
	_, err := programs()
	return err
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	where, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// Shared is one server for all tests of a package that do not kill it. It starts
// for the first that asks for it. A package has it in a variable, and calls Stop
// when its tests have run.
type Shared struct {
	mu     sync.Mutex
	server *Server
}

// Database makes an empty database and returns its URL.
func (s *Shared) Database(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		var err error
		if s.server, err = Start(ctx); err != nil {
			return "", err
		}
	}
	return s.server.CreateDatabase(ctx)
}

// Server is the server. It is never nil.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		s.server = start(t)
	}
	return s.server
}

// Stop stops the server, if there is one.
func (s *Shared) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	return s.server.Stop()
}
