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
	tries        = 4                // of one request
	stallTimeout = 60 * time.Second // without a byte
)

// newClient returns a client that gives up on a server that does not answer. A
// body may take as long as it keeps coming; request sees to that.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 15 * time.Second
	t.ResponseHeaderTimeout = 30 * time.Second
	return &http.Client{Transport: t}
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
	var sum *registry.ChecksumError
	var disk *fs.PathError
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &status):
		return status.status >= 500 || status.status == http.StatusTooManyRequests || status.status == http.StatusRequestTimeout
	case errors.As(err, &sum), errors.As(err, &disk):
		return false
	}
	return true
}

// request fetches a candidate over HTTP, with a few tries.
func (o *origin) request(ctx context.Context, c candidate, path string) error {
	wait := o.opts.Wait
	for try := 1; ; try++ {
		err := o.requestOnce(ctx, c, path)
		if err == nil || ctx.Err() != nil || try == tries || !again(err) {
			if err != nil && ctx.Err() == nil && try > 1 {
				err = fmt.Errorf("%w (after %d tries)", err, try)
			}
			return err
		}
		o.opts.Log(fmt.Sprintf("%v; trying again", err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait *= 2
	}
}

func (o *origin) requestOnce(ctx context.Context, c candidate, path string) error {
	stalled := fmt.Errorf("%s: no byte for %v", c.at, stallTimeout)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at, nil)
	if err != nil {
		return err
	}
	// The file as it is: a transparently unpacked .gz would not be the one known.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := o.opts.Client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return &statusError{c.at, res.StatusCode, res.Status}
	}
	timer := time.AfterFunc(stallTimeout, func() { cancel(stalled) })
	defer timer.Stop()
	err = o.write(c, path, &watched{res.Body, timer}, res.ContentLength)
	if err != nil && context.Cause(ctx) == stalled {
		return stalled
	}
	return err
}

// watched puts off a timer whenever bytes come.
type watched struct {
	in    io.Reader
	timer *time.Timer
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.in.Read(b)
	if n > 0 {
		w.timer.Reset(stallTimeout)
	}
	return n, err
}
