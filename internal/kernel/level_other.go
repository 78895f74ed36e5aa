//go:build !amd64

package kernel

func detectLevel() levelKind { return levelGo }

func levelRoutines(levelKind) *routines { return nil }
