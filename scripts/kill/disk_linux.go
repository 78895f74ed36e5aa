package main

import (
	"context"
	"io"
)

func mountable(_ context.Context, stdout io.Writer) (bool, error) { return true, nil }
func (l *lab) full(context.Context, *trial) error                 { return nil }
