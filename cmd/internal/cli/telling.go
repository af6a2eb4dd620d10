package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/runner/build"
	"github.com/lxsweep/lxsweep/sweep"
)

// teller tells webhooks and commands, and bounds them.
type teller struct {
	agent string // User-Agent
	dir   string // of commands

	tries   int           // of a webhook
	answer  time.Duration // for one try
	pause   time.Duration // after the first; it doubles
	webhook time.Duration // for all tries

	command time.Duration
	grace   time.Duration // between TERM and KILL
}

func newTeller(f *Factory, dir string) *teller {
	return &teller{
		agent: "lxsweep/" + f.version(), dir: dir,
		tries: 3, answer: 10 * time.Second, pause: time.Second, webhook: 30 * time.Second,
		command: time.Minute, grace: 5 * time.Second,
	}
}

// told is what came of telling one of them.
type told struct {
	whom   string // "the webhook at hooks.example.com": nothing of a secret
	output string
	err    error // a clause: "answered 500 Internal Server Error"
}

// tell tells all of a sweep's on_finish.
func (t *teller) tell(ctx context.Context, s *sweep.Sweep, f *finished) (results []told) {
	body := f.body()
	if hook := s.OnFinish.Webhook; hook != "" {
		host := "a host that cannot be read"
		if u, err := url.Parse(hook); err == nil {
			host = u.Host
		}
		results = append(results, told{whom: "the webhook at " + host, err: t.post(ctx, hook, body)})
	}
	if args := s.OnFinish.Command; args != nil {
		output, err := t.run(ctx, args, f, body)
		results = append(results, told{"the command " + args[0], output, err})
	}
	return results
}

// post sends the body until it is taken, or there is no hope.
func (t *teller) post(ctx context.Context, hook string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, t.webhook)
	defer cancel()
	pause := t.pause
	for try := 1; ; try++ {
		wait, again, err := t.postOnce(ctx, hook, body)
		switch {
		case err == nil:
			return nil
		case errors.Is(context.Cause(ctx), errInterrupted):
			return errInterrupted
		}
		wait = max(wait, pause)
		if deadline, _ := ctx.Deadline(); !again || try == t.tries || time.Until(deadline) < wait {
			if try > 1 {
				err = fmt.Errorf("%w, at the last of %d tries", err, try)
			}
			return err
		}
		pause *= 2
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// postOnce reports whether another try may help, and after how long the server
// wants it.
func (t *teller) postOnce(ctx context.Context, hook string, body []byte) (wait time.Duration, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		return 0, false, errors.New("has a URL that cannot be used") // the error shows it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", t.agent)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	client := &http.Client{
		Transport: transport, Timeout: t.answer,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, true, t.unreached(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	switch code := resp.StatusCode; {
	case code < 300:
		return 0, false, nil
	case code < 400:
		return 0, false, fmt.Errorf("answered %s: redirects are not followed, write where it leads", status(code))
	default:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(seconds) * time.Second, code >= 500 || code == http.StatusTooManyRequests, fmt.Errorf("answered %s", status(code))
	}
}

// status is an answer in our words: the server's could hold anything.
func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// unreached says why there was no answer, without the URL that net/http puts
// before it.
func (t *teller) unreached(err error) error {
	outer := new(url.Error)
	if !errors.As(err, &outer) {
		return errors.New("was not reached")
	}
	if outer.Timeout() {
		return fmt.Errorf("did not answer within %s", t.answer)
	}
	return fmt.Errorf("was not reached: %w", outer.Err)
}

// mostOutput is how much of a command's output is kept.
const mostOutput = 8 << 10

// run gives a command the body on its standard input and waits for its end.
func (t *teller) run(ctx context.Context, args []string, f *finished, body []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.command)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(),
		"LXSWEEP_SWEEP="+f.Sweep, "LXSWEEP_ROUND="+f.Round, "LXSWEEP_EXIT_CODE="+strconv.Itoa(int(f.ExitCode)), "LXSWEEP_TEXT="+f.Text)
	output := &beginning{most: mostOutput}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(body), output, output
	cmd.WaitDelay = time.Second // for what it leaves behind with its output open
	err := build.RunGroup(cmd, t.grace)
	exit := new(exec.ExitError)
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success():
		err = nil
	case errors.Is(context.Cause(ctx), errInterrupted):
		err = errInterrupted
	case ctx.Err() != nil:
		err = fmt.Errorf("did not end within %s and was ended", t.command)
	case errors.As(err, &exit):
		err = fmt.Errorf("ended with %s", strings.Replace(exit.Error(), "exit status", "exit code", 1))
	default:
		err = fmt.Errorf("was not started: %w", err)
	}
	return output.text(), err
}

// beginning keeps the first of what is written to it.
type beginning struct {
	most int
	kept []byte
	more int
}

func (b *beginning) Write(p []byte) (int, error) {
	n := min(len(p), b.most-len(b.kept))
	b.kept = append(b.kept, p[:n]...)
	b.more += len(p) - n
	return len(p), nil
}

func (b *beginning) text() string {
	text := string(b.kept)
	if b.more > 0 {
		text += fmt.Sprintf("\n... %d more bytes", b.more)
	}
	return text
}
