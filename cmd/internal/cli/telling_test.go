package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// quick is a teller whose bounds a test can wait for.
func quick(t *testing.T) *teller {
	return &teller{
		agent: "lxsweep/test", dir: t.TempDir(),
		tries: 3, answer: 500 * time.Millisecond, pause: time.Millisecond, webhook: 10 * time.Second,
		command: 500 * time.Millisecond, grace: 100 * time.Millisecond,
	}
}

// secret is the path of every webhook here.
const secret = "/services/T00/s3cret?token=t0ken"

func TestWebhooks(t *testing.T) {
	body := []byte(strings.Repeat("0123456789", 10_000))
	reset := func(w http.ResponseWriter) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request, try int)
		tries  int
		want   string // of the error; empty for none
	}{
		{"takes it", func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusNoContent) }, 1, ""},
		{"fails at first", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try < 3 {
				w.WriteHeader(http.StatusBadGateway)
			}
		}, 3, ""},
		{"always fails", func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(500) }, 3, "answered 500 Internal Server Error, at the last of 3 tries"},
		{"knows nobody", func(w http.ResponseWriter, r *http.Request, _ int) { http.Error(w, "no "+r.URL.Path, 404) }, 1, "answered 404 Not Found"},
		{"is busy", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(429)
			}
		}, 2, ""},
		{"is busy for long", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, 1, "answered 429 Too Many Requests"},
		{"resets", func(w http.ResponseWriter, _ *http.Request, _ int) { reset(w) }, 3, "was not reached: "},
		{"resets once", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				reset(w)
			}
		}, 2, ""},
		{"hangs", func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }, 3, "did not answer within 500ms, at the last of 3 tries"},
		{"redirects", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, elsewhere.URL+secret, http.StatusTemporaryRedirect)
		}, 1, "answered 307 Temporary Redirect: redirects are not followed"},
		{"never ends", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tries atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				if err != nil || !bytes.Equal(got, body) || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.URL.RequestURI() != secret {
					t.Errorf("%s %s %v: %d bytes, %v", r.Method, r.URL, r.Header, len(got), err)
				}
				c.answer(w, r, int(tries.Add(1)))
			}))
			defer server.Close()
			err := quick(t).post(t.Context(), strings.Replace(server.URL, "://", "://user:passw0rd@", 1)+secret, body)
			if text := fmt.Sprint(err); (c.want == "") != (err == nil) || !strings.Contains(text, c.want) {
				t.Errorf("%v, want %q", err, c.want)
			} else if strings.Contains(text, "s3cret") || strings.Contains(text, "t0ken") || strings.Contains(text, "passw0rd") {
				t.Errorf("a secret is shown: %s", text)
			}
			if n := int(tries.Load()); n != c.tries {
				t.Errorf("%d tries, want %d", n, c.tries)
			}
		})
	}
}

func TestWebhookThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, hook := range []string{"http://" + l.Addr().String() + secret, "http://nobody.invalid" + secret, "https://[::1" + secret} {
		err := quick(t).post(t.Context(), hook, []byte("{}"))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", hook, err)
		}
	}
}

func TestInterruptGivesAWebhookUp(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server hears of its end
		cancel(errInterrupted)
		<-r.Context().Done()
	}))
	defer server.Close()
	slow := quick(t)
	slow.answer = time.Hour
	if err := slow.post(ctx, server.URL+secret, []byte("{}")); !errors.Is(err, errInterrupted) {
		t.Error(err)
	}
}

func TestCommands(t *testing.T) {
	f := &finished{Sweep: "night", Round: "r1", ExitCode: 3, Text: "all is well"}
	body := []byte(strings.Repeat("0123456789", 50_000))
	for _, c := range []struct {
		name, script, output, want string
	}{
		{"reads all", "wc -c", "500000", ""},
		{"reads nothing", "exit 0", "", ""},
		{"is told the gist", `echo "$LXSWEEP_SWEEP $LXSWEEP_ROUND $LXSWEEP_EXIT_CODE $LXSWEEP_TEXT"`, "night r1 3 all is well\n", ""},
		{"fails", "echo no >&2; exit 7", "no\n", "ended with exit code 7"},
		{"hangs", "echo before; sleep 3600", "before\n", "did not end within 500ms"},
		{"ignores TERM", "trap '' TERM; echo stubborn; while :; do sleep 0.01; done", "stubborn\n", "did not end within 500ms"},
		{"kills itself", "kill -9 $$", "", "ended with signal: killed"},
		{"prints much", "yes | head -c 1000000", "\n... 991808 more bytes", ""},
		{"leaves something behind", "sleep 30 & echo $! >left; echo done", "done\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := quick(t)
			output, err := q.run(t.Context(), []string{"/bin/sh", "-c", c.script}, f, body)
			if (c.want == "") != (err == nil) || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if !strings.Contains(output, c.output) || len(output) > mostOutput+100 {
				t.Errorf("it printed %d bytes: %.100q", len(output), output)
			}
			if text, err := os.ReadFile(filepath.Join(q.dir, "left")); err == nil {
				kill(t, string(text))
			}
		})
	}
	if _, err := quick(t).run(t.Context(), []string{"no-such-program"}, f, body); err == nil || !strings.Contains(err.Error(), "was not started") {
		t.Error(err)
	}
}

// kill ends a process that a test has left behind.
func kill(t *testing.T, pid string) {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(pid, &n); err != nil {
		t.Fatal(err)
	}
	if p, err := os.FindProcess(n); err == nil {
		_ = p.Kill()
	}
}
