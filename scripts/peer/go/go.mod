// The peers of a Go user have a module of their own: nobody who builds Engram needs
// their dependencies.
module github.com/engram-lm/engram/scripts/peer/go

go 1.26

require (
	github.com/gomlx/gomlx v0.27.3
	github.com/nlpodyssey/spago v1.1.0
)

require (
	github.com/go-logr/logr v1.4.3 // indirect
	github.com/google/flatbuffers v23.5.26+incompatible // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/exp v0.0.0-20260312153236-7ab1446f8b90 // indirect
	k8s.io/klog/v2 v2.140.0 // indirect
)
