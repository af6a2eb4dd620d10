package ledger

import (
	"bytes"
	"path/filepath"
	"testing"
)

func TestTheEndOfALogIsKept(t *testing.T) {
	if both(t, TestTheEndOfALogIsKept) {
		return
	}
	l := openAt(t, newPath(t), ReadWrite)
	s := lock(t, l, "ex")
	ids := intend(t, s, register(t, s, "src", "", items("ex", "", 0, 3))...)
	path := filepath.Join(t.TempDir(), "log")
	long := append(bytes.Repeat([]byte("a\x00\xff\n"), keptLog/4), "the end"...)
	for i, text := range [][]byte{long, {}} {
		put(t, path, text)
		for range 2 { // again is as good as once
			if err := l.KeepLog(t.Context(), ids[i], path); err != nil {
				t.Fatal(err)
			}
		}
	}
	end, before, err := l.Log(t.Context(), ids[0])
	if err != nil || before != 7 || !bytes.Equal(end, long[7:]) {
		t.Errorf("%d bytes before %d (%v)", before, len(end), err)
	}
	if end, _, err := l.Log(t.Context(), ids[1]); err != nil || end == nil || len(end) > 0 {
		t.Errorf("an empty log came back as %q (%v)", end, err)
	}
	if err := l.KeepLog(t.Context(), ids[2], path+"s"); err != nil {
		t.Errorf("no file: %v", err)
	}
	if end, _, err := l.Log(t.Context(), ids[2]); err != nil || end != nil {
		t.Errorf("nothing came back as %q (%v)", end, err)
	}
	if name, number, err := l.RunOf(t.Context(), ids[2]); name != "ex-2" || number != 1 || err != nil {
		t.Errorf("it is %s, attempt %d (%v)", name, number, err)
	}
}
