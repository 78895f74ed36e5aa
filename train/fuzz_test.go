package main

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/membound"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/internal/trainer"
)

// strict holds a parser of JSON to its promises: what it takes is the same when
// it is written and read again, all else is an error of one line.
func strict[T any](f *testing.F, seeds ...T) {
	for _, v := range seeds {
		b, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, again T
		var err error
		membound.Check(t, len(b), membound.Tree, func() { err = strictjson.Decode("f", b, &v) })
		if err != nil {
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("error %v, want a *badfile.Error of one line", err)
			}
			return
		}
		written, err := json.Marshal(v)
		if err == nil {
			err = strictjson.Decode("f", written, &again)
		}
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("%s\nbecame\n%+v, %v", written, again, err)
		}
	})
}

// FuzzRecord reads run.json.
func FuzzRecord(f *testing.F) {
	strict(f, run.Record{Format: runFormat, Command: "go run ./train", Config: "lr: 1\n", System: machine.System{Threads: 2}, Facts: map[string]string{"train text": "1f"}, Kept: []string{"lstm-seed1"}})
}

// FuzzResult reads result.json.
func FuzzResult(f *testing.F) {
	strict(f, run.Result{Done: run.Done{Steps: 7, Epochs: 1}, Status: "diverged", Rollbacks: []string{"rollback"}, Outcome: []byte("{}")})
}

// FuzzOutcome reads what result.json has of a training.
func FuzzOutcome(f *testing.F) {
	nll := 4.5
	strict(f, trainer.Outcome{ValidNLL: &nll, TestNLL: &nll, Epochs: []trainer.Epoch{{Epoch: 1}}, BestEpoch: 1})
}
