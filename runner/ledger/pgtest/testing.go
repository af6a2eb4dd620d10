package pgtest

import (
	"os"
	"sync"
	"testing"
)

// New starts a server that is stopped when the test ends. Where PostgreSQL is
// not installed it skips the test, unless the environment has CI: then that is
// a failure.
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
	if _, err := programs(); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.URL(name)
}

// Shared is one server for all tests of a package that do not kill it. It starts
// for the first that asks for it. A package has it in a variable, and calls Stop
// when its tests have run.
type Shared struct {
	mu     sync.Mutex
	server *Server
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
