package hcl

import (
	"sync"

	"github.com/lxsweep/lxsweep/sweep"
)

// maxMemo bounds how many results an expression keeps. An expression that sees
// more combinations of hyperparameters is evaluated again for the others.
const maxMemo = 1 << 14

// memo keeps the results of one expression by the hyperparameters that it
// needs: a rule over two axes is evaluated once for each pair of their values
// and not at every point. It is safe for concurrent use.
type memo[T any] struct {
	mu    sync.RWMutex
	known map[string]T
}

// get returns what put has kept under a key.
func (m *memo[T]) get(key []byte) (T, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.known[string(key)]
	return v, ok
}

func (m *memo[T]) put(key []byte, v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= maxMemo {
		return
	}
	if m.known == nil {
		m.known = map[string]T{}
	}
	m.known[string(key)] = v
}

// appendKey appends the values of the needs; ok is false where they are more
// than hyperparameters, or all of them.
func appendKey(key []byte, b *bound, hp *sweep.Object) (_ []byte, ok bool) {
	for _, n := range b.needs {
		if n.root != "hp" || n.path == "" {
			return key, false
		}
		v, _ := hp.Get(n.path) // resolve has found it
		key = append(v.AppendJSON(key), '\n')
	}
	return key, true
}
