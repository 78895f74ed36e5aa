package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/engram-lm/engram/data/registry"
)

const (
	tries        = 4  // of one request
	maxRedirects = 10 // of one try
	// slice is what Options.Patience waits for: at least 64 KiB a minute, so
	// that a server that sends a byte now and then comes to an end too. A file
	// takes no longer than (size/slice + 1) times the patience.
	slice = 64 << 10
)

// newClient returns a client that gives up on a server that does not answer. A
// body may take as long as it keeps coming; requestOnce sees to that.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 15 * time.Second
	t.ResponseHeaderTimeout = 30 * time.Second
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

// redirectError is a chain of redirections that is not followed further.
type redirectError struct{ from, problem string }

func (e *redirectError) Error() string { return fmt.Sprintf("%s %s", e.from, e.problem) }

// checkRedirect bounds the redirections, and lets them lead to web addresses
// only. What comes at their end is verified like everything else.
func checkRedirect(next *http.Request, via []*http.Request) error {
	from := via[0].URL.Redacted()
	if s := next.URL.Scheme; s != "http" && s != "https" {
		return &redirectError{from, fmt.Sprintf("redirects to %.200q; want an http(s) address", next.URL.Redacted())}
	}
	if len(via) > maxRedirects {
		return &redirectError{from, fmt.Sprintf("redirects more than %d times; want the file", maxRedirects)}
	}
	return nil
}

// statusError is an answer other than 200. A missing file is fs.ErrNotExist,
// for which the next place is asked.
type statusError struct {
	url    string
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("%s answers %s", e.url, e.text) }
func (e *statusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.status == http.StatusNotFound || e.status == http.StatusGone)
}

// again reports whether another try of a request may fare better: not where the
// server said no or sent a whole file that is another one, nor where the disk failed.
func again(err error) bool {
	var status *statusError
	var redirect *redirectError
	var sum *registry.ChecksumError
	var disk *fs.PathError
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &redirect):
		return false
	case errors.As(err, &status):
		return status.status >= 500 || status.status == http.StatusTooManyRequests || status.status == http.StatusRequestTimeout
	case errors.As(err, &sum), errors.As(err, &disk):
		return false
	}
	return true
}

// pause returns how long to wait after the given try, the first being 1.
func (o Options) pause(try int) time.Duration { return o.Wait << (try - 1) }

// request fetches a candidate over HTTP, with a few tries.
func (o *origin) request(ctx context.Context, c candidate, path string) error {
	for try := 1; ; try++ {
		err := o.requestOnce(ctx, c, path)
		if err == nil || ctx.Err() != nil || try == tries || !again(err) {
			if err != nil && ctx.Err() == nil && try > 1 {
				err = fmt.Errorf("%w (after %d tries)", err, try)
			}
			return err
		}
		if try == 1 {
			o.opts.Log(fmt.Sprintf("%v; trying again, up to %d times", err, tries-1))
		}
		select {
		case <-time.After(o.opts.pause(try)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// requestOnce is one try. The patience runs from the start, so that it bounds
// the redirections and the headers as well as the body.
func (o *origin) requestOnce(ctx context.Context, c candidate, path string) error {
	slow := fmt.Errorf("%s: less than %d KiB in %v; want a faster server", c.at, slice>>10, o.opts.Patience)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := watch(o.opts.Patience, func() { cancel(slow) })
	defer w.timer.Stop()
	err := o.get(ctx, c, path, w)
	if err != nil && context.Cause(ctx) == slow {
		return slow
	}
	return err
}

func (o *origin) get(ctx context.Context, c candidate, path string, w *watched) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at, nil)
	if err != nil {
		return err
	}
	// The file as it is: a transparently unpacked .gz would not be the one known.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := o.opts.Client.Do(req)
	var redirect *redirectError
	if errors.As(err, &redirect) {
		return redirect // without the wrapping, which names the address again
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return &statusError{c.at, res.StatusCode, res.Status}
	}
	w.in = res.Body
	return o.write(c, path, w, res.ContentLength)
}

// watched puts off a timer whenever another slice has come.
type watched struct {
	in       io.Reader
	patience time.Duration
	timer    *time.Timer
	n        int // bytes since the timer was put off
}

func watch(patience time.Duration, slow func()) *watched {
	return &watched{patience: patience, timer: time.AfterFunc(patience, slow)}
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.in.Read(b)
	if w.n += n; w.n >= slice {
		w.n = 0
		w.timer.Reset(w.patience)
	}
	return n, err
}
