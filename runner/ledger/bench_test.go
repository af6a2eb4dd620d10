package ledger

import (
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

const many = 100_000

func filled(b *testing.B) *Ledger {
	b.Helper()
	l := openAt(b, newPath(b), ReadWrite)
	s := lock(b, l, "ex")
	refs := register(b, s, "src", "", items("ex", "", 0, many))
	for at := 0; at < many; at += 1000 {
		for _, id := range intend(b, s, refs[at:at+1000]...) {
			s.Settle(id, succeeded(0.5), nil)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return l
}

func BenchmarkRegister100k(b *testing.B) {
	for b.Loop() {
		s := lock(b, openAt(b, newPath(b), ReadWrite), "ex")
		register(b, s, "src", "", items("ex", "", 0, many))
		s.Close()
	}
}

func BenchmarkRegisterAgain100k(b *testing.B) {
	l := filled(b)
	for b.Loop() {
		s := lock(b, l, "ex")
		register(b, s, "src", "", items("ex", "", 0, many))
		s.Close()
	}
}

func BenchmarkMakeItems100k(b *testing.B) {
	for b.Loop() {
		for range items("ex", "", 0, many) {
		}
	}
}

func lookAll(b *testing.B, l *Ledger, from, n int) {
	keys := make([]sweep.Hash, 0, n)
	for i := range n {
		keys = append(keys, experiment("ex", "", from+i).Key)
	}
	for b.Loop() {
		l.keys = keyIndex{}
		for at := 0; at < n; at += 1024 {
			if _, err := l.Lookup(b.Context(), keys[at:min(n, at+1024)]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	l := filled(b)
	b.Run("known100k", func(b *testing.B) { lookAll(b, l, 0, many) })
	b.Run("unknown100k", func(b *testing.B) { lookAll(b, l, many, many) })
	b.Run("known45", func(b *testing.B) { lookAll(b, l, 500, 45) })
	empty := openAt(b, newPath(b), ReadWrite)
	b.Run("empty100k", func(b *testing.B) { lookAll(b, empty, 0, many) })
}

func BenchmarkRecords100k(b *testing.B) {
	l := filled(b)
	for b.Loop() {
		if n := len(collect(b, l.Records(b.Context(), Query{}))); n != many {
			b.Fatal(n)
		}
	}
}

func BenchmarkSettle10k(b *testing.B) {
	l := openAt(b, newPath(b), ReadWrite)
	s := lock(b, l, "ex")
	refs := register(b, s, "src", "", items("ex", "", 0, 10_000))
	for b.Loop() {
		b.StopTimer()
		ids := intend(b, s, refs...)
		b.StartTimer()
		for _, id := range ids {
			s.Settle(id, succeeded(0.5), nil)
		}
		if err := s.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIntendOne(b *testing.B) {
	s := lock(b, openAt(b, newPath(b), ReadWrite), "ex")
	refs := register(b, s, "src", "", items("ex", "", 0, 1))
	for b.Loop() {
		intend(b, s, refs...)
	}
}

func BenchmarkOpenRead(b *testing.B) {
	path := newPath(b)
	openAt(b, path, ReadWrite).Close()
	for b.Loop() {
		openAt(b, path, ReadOnly).Close()
	}
}
