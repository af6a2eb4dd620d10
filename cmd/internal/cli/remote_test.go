package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFramesKeepEveryByte writes anything to two streams, in any pieces, as a
// command in a pod does, and reads it from the lines of the pod's log: each
// stream is what it was, and the exit code came last.
func TestFramesKeepEveryByte(t *testing.T) {
	f, out, err := world(t)
	told := framedTo(f.Out, f.Err)
	rapid.Check(t, func(t *rapid.T) {
		out.Reset()
		err.Reset()
		var log, wantOut, wantErr bytes.Buffer
		far, farOut, farErr := framed(told, &log)
		for _, text := range rapid.SliceOf(rapid.SliceOf(rapid.SampledFrom([]byte("ab\n\r\x00\x01\x02\x04\x11\xff")))).Draw(t, "writes") {
			stream, want := farOut, &wantOut
			if rapid.Bool().Draw(t, "to stderr") {
				stream, want = farErr, &wantErr
			}
			if n, err := stream.Write(text); n != len(text) || err != nil {
				t.Fatalf("it has written %d bytes of %d, %v", n, len(text), err)
			}
			want.Write(text)
		}
		code := ExitCode(rapid.IntRange(0, 255).Draw(t, "code"))
		far.end(code)
		whole := bytes.Clone(log.Bytes())
		for n, lines := 0, bufio.NewReader(&log); ; n++ {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				t.Fatal("the last line never came")
			}
			got, last, err := f.unframed(line, n)
			if err != nil {
				t.Fatal(err)
			}
			if last && got != code {
				t.Fatalf("the exit code is %d, want %d", got, code)
			}
			if last {
				break
			}
		}
		if !bytes.Equal(out.Bytes(), wantOut.Bytes()) || !bytes.Equal(err.Bytes(), wantErr.Bytes()) {
			t.Fatalf("stdout is %q and stderr %q, want %q and %q", out, err, &wantOut, &wantErr)
		}
		lines := bytes.SplitAfter(whole, []byte("\n"))
		if n := len(lines) - 2; n > 0 { // the node has not kept the first one
			if _, _, err := f.unframed(lines[n], n-1); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("1 of %d lines were lost", n)) {
				t.Fatalf("a line is missing: %v", err)
			}
		}
	})
}

// TestUnframed is about lines that nobody has framed: a Go that panics.
func TestUnframed(t *testing.T) {
	f, out, err := world(t)
	if _, last, bad := f.unframed([]byte("panic: oh\n"), 0); last || bad != nil || out.Len() > 0 || err.String() != "panic: oh\n" {
		t.Errorf("last %t, %v, stdout %q, stderr %q", last, bad, out, err)
	}
}

// TestFramedTerminal hands on how wide the streams are, and which of them
// somebody looks at.
func TestFramedTerminal(t *testing.T) {
	width := func(n int) func() int { return func() int { return n } }
	_, out, err := framed(framedTo(Stream{Width: width(0)}, Stream{Width: width(40), Terminal: true}), nil)
	if out.Width() != 0 || out.Terminal || err.Width() != 40 || !err.Terminal {
		t.Errorf("stdout has %d columns, terminal %t; stderr %d, %t", out.Width(), out.Terminal, err.Width(), err.Terminal)
	}
}

// TestWithoutPlace is about the command line as it is run elsewhere.
func TestWithoutPlace(t *testing.T) {
	for _, c := range []struct{ line, want, context string }{
		{"status --state k8s://ml/n", "status", ""},
		{"--no-color logs ex-1 -f --state=k8s://ml/n --context prod", "logs --no-color=true --follow=true -- ex-1", "prod"},
		{"cancel --reason --state --state k8s://ml/n ex-1 --kubeconfig k ex-2", "cancel --reason=--state -- ex-1 ex-2", ""},
		{"results --filter hp.x==1,2 --minimize a --minimize b -o json --state k8s://ml/n", "results --filter=hp.x==1,2 --minimize=a --minimize=b --output=json", ""},
	} {
		f, _, _ := world(t)
		f.args = strings.Fields(c.line)
		root := newRootCmd(f)
		cmd, rest, err := root.Find(f.args)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Fatal(err)
		}
		var where ClusterOptions
		got, err := f.withoutPlace(cmd, 1, &where)
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) || where.Context != c.context {
			t.Errorf("%s: %q, %v, context %q; want %s, %q", c.line, got, err, where.Context, c.want, c.context)
		}
	}
}

// TestBesideRefuses is about ledgers in a cluster that cannot be used from here.
func TestBesideRefuses(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"plan grid.hcl --state k8s://ml/n", "lxsweep plan cannot use the ledger k8s://ml/n, which is in a cluster"},
		{"status --state k8s://n", `"k8s://n" names no ledger in a cluster`},
		{"status --state k8s://ml/n/m", `"k8s://ml/n/m" names no ledger in a cluster`},
		{"status --kubeconfig none --state k8s://ml/n", "no cluster to talk to"},
	} {
		f, _, said := world(t)
		if code := Run(t.Context(), f, strings.Fields(c.line)); code != ExitError || !strings.Contains(said.String(), c.want) {
			t.Errorf("%s: exit code %d and\n%swant %s", c.line, code, said, c.want)
		}
	}
}
