package data

import (
	"embed"
	"io/fs"
)

// The sample corpus: Newton's Opticks in the Penn Treebank's manner. Where it
// comes from and how it was made is told in sample/README.md.
//
//go:embed sample/train.txt sample/valid.txt sample/test.txt
var sampleFiles embed.FS

func sampleFS() fs.FS {
	sub, err := fs.Sub(sampleFiles, "sample")
	if err != nil {
		panic(err) // the constant "sample" is a valid path
	}
	return sub
}
