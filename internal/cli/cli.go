// Package cli is what Engram's commands have in common: one clear line on stderr
// and an exit status for whatever goes wrong, and signals that ask a run to
// save and stop.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Exit statuses.
const (
	Failure     = 1   // a file, a folder or the machine
	Usage       = 2   // flags, values, options that do not go together
	Interrupted = 130 // SIGINT; SIGTERM is 143
)

// Version is the version of the program and of its packages.
const Version = "0.2.0"

// UsageError is a mistake in what was asked for: exit status 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError with the given message.
func Usagef(format string, a ...any) error { return &UsageError{fmt.Errorf(format, a...)} }

// ErrInterrupted is what a command returns once it has saved after a signal; the
// message says how to go on.
type ErrInterrupted struct{ Message string }

func (e *ErrInterrupted) Error() string { return e.Message }

// Signal is the cause of a context that a signal has cancelled.
type Signal struct{ syscall.Signal }

func (s Signal) Error() string { return s.Signal.String() }

// sameSignal is how long after the first signal others are taken for it: timeout(1)
// and some shells send one to the process and once more to its group.
const sameSignal = 100 * time.Millisecond

// Main runs a command and exits with its status. The first SIGINT or SIGTERM, a
// terminal that goes (SIGHUP) or a pipe that nobody reads any more (SIGPIPE)
// cancels the context, so that the command can save; a later one, SIGPIPE aside,
// stops the process at once.
func Main(name string, run func(ctx context.Context, args []string, stdout, stderr io.Writer) error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		sig := (<-signals).(syscall.Signal)
		cancel(Signal{sig})
		first := time.Now()
		for s := range signals {
			// A pipe that nobody reads breaks anew with every line.
			if s != syscall.SIGPIPE && time.Since(first) >= sameSignal {
				os.Exit(128 + int(sig))
			}
		}
	}()
	os.Exit(Status(ctx, name, run(ctx, os.Args[1:], os.Stdout, os.Stderr), os.Stderr))
}

// Status writes err as one line and returns the exit status that goes with it.
func Status(ctx context.Context, name string, err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	// Only what breaks the line goes: a command to go on with, which may be part of
	// the message, names its folder to the space.
	message := strings.Join(strings.FieldsFunc(apart(err, err.Error()), func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	_, interrupted := errors.AsType[*ErrInterrupted](err)
	if !interrupted {
		message = name + ": " + message
	}
	fmt.Fprintln(stderr, message)
	// Whatever else went wrong after a signal, such as the save, is a failure.
	if sig, ok := errors.AsType[Signal](context.Cause(ctx)); ok {
		if interrupted || errors.Is(err, context.Canceled) || errors.Is(err, sig) {
			return 128 + int(sig.Signal)
		}
	}
	if _, ok := errors.AsType[*UsageError](err); ok {
		return Usage
	}
	return Failure
}

// apart returns a message with a semicolon between the errors that are joined in err:
// errors.Join gives each a line of its own. What follows in the same words is said once.
func apart(err error, message string) string {
	var inner []error
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		inner = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		inner = e.Unwrap()
		text := err.Error()
		var texts []string
		for _, e := range inner {
			texts = append(texts, e.Error())
		}
		if text == strings.Join(texts, "\n") {
			message = strings.ReplaceAll(message, text, strings.Join(slices.Compact(texts), "; "))
		}
	}
	for _, e := range inner {
		if e != nil {
			message = apart(e, message)
		}
	}
	return message
}

// Quoted writes arguments as a shell takes them, each after a space.
func Quoted(args []string) string {
	var b strings.Builder
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\r\n'\"$\\*?&;|<>()[]{}#~`!") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		b.WriteString(" " + a)
	}
	return b.String()
}
