package data

import "fmt"

// Windows reads tokens as BPTT windows: the tokens are cut into B contiguous
// streams of equal length (the remainder is dropped) and read T at a time in
// order. The targets are the next tokens of each stream, so every token but a
// stream's first is a target once; the last window may be shorter.
type Windows struct {
	tokens []int32
	batch  int // B
	steps  int // T
	length int // tokens of a stream
	next   int // position in the streams of the next window's first input
	x, y   []int32
}

// Window is one window of inputs and targets. Row t of X and of Y holds the B
// streams at one moment; Y is X one moment later.
type Window struct {
	Steps int     // T, or less in the last window
	X, Y  []int32 // [Steps, B], row after row; valid until the next call of Next
}

// NewWindows returns the windows of tokens for batch streams (B) of at most
// steps (T) tokens. It is an error if a stream would have fewer than 2 tokens,
// for then there is nothing to predict.
func NewWindows(tokens []int32, batch, steps int) (*Windows, error) {
	if batch < 1 || steps < 1 {
		return nil, fmt.Errorf("a batch of %d streams and windows of %d tokens; want at least 1 of each", batch, steps)
	}
	length := len(tokens) / batch
	if length < 2 {
		return nil, fmt.Errorf("%d tokens are too few for a batch of %d streams of at least 2 tokens; want a batch of at most %d", len(tokens), batch, max(len(tokens)/2, 1))
	}
	steps = min(steps, length-1)
	return &Windows{
		tokens: tokens, batch: batch, steps: steps, length: length,
		x: make([]int32, steps*batch), y: make([]int32, steps*batch),
	}, nil
}

// Next returns the next window, or false after the last. The window's buffers
// are used again by the next call.
func (w *Windows) Next() (Window, bool) {
	n := min(w.steps, w.length-1-w.next)
	if n == 0 {
		return Window{}, false
	}
	x, y := w.x[:n*w.batch], w.y[:n*w.batch]
	for b := range w.batch {
		stream := w.tokens[b*w.length+w.next:][:n+1]
		for t := range n {
			x[t*w.batch+b], y[t*w.batch+b] = stream[t], stream[t+1]
		}
	}
	w.next += n
	return Window{n, x, y}, true
}

// Batch returns the number of streams, B.
func (w *Windows) Batch() int { return w.batch }

// Len returns how many windows there are from the start to the end.
func (w *Windows) Len() int { return (w.length - 2 + w.steps) / w.steps }

// Targets returns how many tokens are scored from the start to the end.
func (w *Windows) Targets() int { return w.batch * (w.length - 1) }

// Reset goes back to the first window.
func (w *Windows) Reset() { w.next = 0 }

// Cursor returns the position of the next window, for Seek: how many tokens of
// each stream have been read.
func (w *Windows) Cursor() int { return w.next }

// Seek goes on from a position that Cursor returned. Windows of the same
// tokens, batch and steps then go on as those did.
func (w *Windows) Seek(cursor int) error {
	if cursor < 0 || cursor > w.length-1 {
		return fmt.Errorf("cursor %d is outside streams of %d tokens; want 0 to %d", cursor, w.length, w.length-1)
	}
	w.next = cursor
	return nil
}
