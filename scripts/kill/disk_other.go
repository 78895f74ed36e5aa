//go:build !linux

package main

import (
	"context"
	"fmt"
	"io"
)

// mountable says that disks are filled on Linux only.
func mountable(_ context.Context, stdout io.Writer) (bool, error) {
	fmt.Fprintln(stdout, "NOT RUN: --full-disk mounts file systems of memory, which it can do on Linux only")
	return false, nil
}

func (l *lab) full(context.Context, *trial) error { return nil }
