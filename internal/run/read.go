package run

import (
	"fmt"
	"path/filepath"

	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/strictjson"
)

// ReadRecord returns what the run in a folder was started as, whatever its program.
func ReadRecord(dir string) (r Record, err error) {
	path := filepath.Join(dir, runfolder.Record)
	b, err := settings.ReadFile(path)
	if err != nil {
		return r, err
	}
	err = strictjson.DecodeFormat(path, b, Format, "only runs of this format compare; its models load with this version", &r)
	return r, err
}

// ReadResult returns what the training of a model under a seed has come to in the run
// in a folder; nil if it has not ended.
func ReadResult(dir, model string, seed uint64) (*Result, error) {
	return readResult(filepath.Join(dir, fmt.Sprintf("%s-seed%d", model, seed)))
}
