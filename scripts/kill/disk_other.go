//go:build !linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// unshare says that disks are filled on Linux only.
func unshare(_ context.Context, _ []string, stdout, _ io.Writer) error {
	fmt.Fprintln(stdout, "NOT RUN: --full-disk mounts file systems of memory, which it can do on Linux only")
	return nil
}

func mountable(io.Writer) (bool, error) { return false, nil }

func (l *lab) full(context.Context, *trial) error { return errors.ErrUnsupported }
