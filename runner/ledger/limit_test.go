package ledger

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// fileSizeLimit writes until a limit on file sizes stops it.
func fileSizeLimit(path string) int {
	ctx := context.Background()
	l, err := Open(ctx, path, ReadWrite)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s, err := l.Lock(ctx, []string{"ex"}, 0, Info{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	limit := unix.Rlimit{Cur: 1 << 19, Max: 1 << 19}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println(err)
		return 1
	}
	err = s.Register(ctx, Registration{Source: "src"}, items("ex", "", 0, 3_000), nil)
	fmt.Println("full:", errors.Is(err, ErrFull))
	err = s.Register(ctx, Registration{Source: "src"}, items("ex", "", 0, 10), nil)
	fmt.Println("again:", err)
	fmt.Println("close:", s.Close())
	return 0
}

func TestALimitOnFileSizes(t *testing.T) {
	path := newPath(t)
	c := child(t, "limit", path)
	for _, want := range []string{"full: true", "again: <nil>", "close: <nil>"} {
		if c.out.Scan(); c.out.Text() != want {
			t.Errorf("child says %q, want %q", c.out.Text(), want)
		}
	}
	_ = c.Wait()
	if n, err := openAt(t, path, ReadOnly).NextNumber(t.Context(), "ex"); n != 10 || err != nil {
		t.Errorf("next number %d (%v)", n, err)
	}
}
