// Package tensorboard writes the lines of a training's metrics as an event file that
// TensorBoard reads: each line an event at its step, with a scalar for each number.
//
// An event file is a sequence of TFRecords (a length and a payload, each with a masked
// CRC-32C), whose payloads are Event messages of protocol buffers, the first with the
// version of the format (tensorflow/core/lib/io/record_writer.h,
// tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
package tensorboard

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/regular"
)

// File is the name of a training's event file. TensorBoard takes any with tfevents in
// its name.
const File = "events.out.tfevents.engram"

// maxFile is how large an event file may be.
const maxFile = 1 << 30

// Writer is an event file, open for appending. The nil Writer writes nothing.
type Writer struct {
	file *os.File
	last point
}

// point is what a curve has at a step.
type point struct {
	step    int64
	scalars map[string]float64
}

// Open makes the file at path hold the events of these lines of metrics, JSON objects
// with a step or an episode, and no others, and opens it for more. Events that are there
// already keep their time; others happen now.
func Open(path string, lines [][]byte) (*Writer, error) {
	was, err := regular.Read(path, maxFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	now := time.Now()
	had := payloads(was)
	is := record(version(timeOf(had, 0, now)))
	var last point
	for i, line := range lines {
		e, err := last.event(line, timeOf(had, i+1, now))
		if err != nil {
			return nil, err
		}
		is = append(is, record(e)...)
	}
	if !bytes.Equal(was, is) {
		if err := atomicfile.WriteBytes(path, is); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return &Writer{file, last}, err
}

// Add appends the event of a line.
func (w *Writer) Add(line []byte) error {
	if w == nil {
		return nil
	}
	e, err := w.last.event(line, seconds(time.Now()))
	if err == nil {
		_, err = w.file.Write(record(e))
	}
	return err
}

// Sync forces the events to the disk.
func (w *Writer) Sync() error {
	if w == nil {
		return nil
	}
	return w.file.Sync()
}

// Close closes the file.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	return w.file.Close()
}

// Numbers of the fields of Event, Summary and Summary.Value.
const (
	wallTime, step, fileVersion, summary = 1, 2, 3, 5
	value                                = 1
	tag, simpleValue                     = 1, 2
)

// version is the first event of a file.
func version(at float64) []byte {
	e := protowire.AppendTag(nil, wallTime, protowire.Fixed64Type)
	e = protowire.AppendFixed64(e, math.Float64bits(at))
	e = protowire.AppendTag(e, fileVersion, protowire.BytesType)
	return protowire.AppendString(e, "brain.Event:2")
}

// event is the event of a line of metrics, and moves on to it. Two lines of one step,
// the second at the end of an epoch, are one point of each curve: what the first has
// said, the second does not repeat.
func (last *point) event(line []byte, at float64) ([]byte, error) {
	n, scalars, err := scalarsOf(line)
	if err != nil {
		return nil, err
	}
	said := maps.Clone(scalars)
	if n == last.step {
		maps.DeleteFunc(scalars, func(name string, v float64) bool {
			had, ok := last.scalars[name]
			return ok && had == v
		})
		maps.Copy(said, last.scalars)
	}
	*last = point{n, said}
	e := protowire.AppendTag(nil, wallTime, protowire.Fixed64Type)
	e = protowire.AppendFixed64(e, math.Float64bits(at))
	e = protowire.AppendTag(e, step, protowire.VarintType)
	e = protowire.AppendVarint(e, uint64(n))
	var all []byte
	for _, name := range slices.Sorted(maps.Keys(scalars)) {
		v := protowire.AppendTag(nil, tag, protowire.BytesType)
		v = protowire.AppendString(v, name)
		v = protowire.AppendTag(v, simpleValue, protowire.Fixed32Type)
		v = protowire.AppendFixed32(v, math.Float32bits(float32(scalars[name])))
		all = protowire.AppendTag(all, value, protowire.BytesType)
		all = protowire.AppendBytes(all, v)
	}
	e = protowire.AppendTag(e, summary, protowire.BytesType)
	return protowire.AppendBytes(e, all), nil
}

// notScalars are numbers of a line that are no curves.
var notScalars = []string{"seed", "step", "episode", "epoch", "tokens", "seconds"}

// scalarsOf returns the step of a line and its numbers by their tags: as the line has
// them, but train_nll as nll/train with a perplexity beside it, and a task's value
// under the name of its metric.
func scalarsOf(line []byte) (n int64, scalars map[string]float64, err error) {
	var values map[string]any
	if err := json.Unmarshal(line, &values); err != nil {
		return 0, nil, fmt.Errorf("%q is no line of metrics: %w", line, err)
	}
	scalars = map[string]float64{}
	for key, any := range values {
		v, number := any.(float64)
		if !number {
			continue
		}
		if key == "step" || key == "episode" {
			n = int64(v)
		}
		of, rest, loss := strings.Cut(key, "_nll")
		metric, named := values["metric"].(string)
		switch {
		case slices.Contains(notScalars, key):
		case loss:
			scalars["nll/"+of+rest] = v
			if ppl := math.Exp(v); ppl <= math.MaxFloat32 {
				scalars["perplexity/"+of+rest] = ppl
			}
		case key == "value" && named:
			scalars[metric] = v
		default:
			scalars[key] = v
		}
	}
	return n, scalars, nil
}

// record frames a payload as a TFRecord.
func record(payload []byte) []byte {
	r := binary.LittleEndian.AppendUint64(nil, uint64(len(payload)))
	r = binary.LittleEndian.AppendUint32(r, masked(r))
	r = append(r, payload...)
	return binary.LittleEndian.AppendUint32(r, masked(payload))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is a CRC as it is kept: rotated and moved, so that the CRC of a text with CRCs
// in it is as good as any.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// payloads are those of a file's records, up to the first that is torn or damaged.
func payloads(file []byte) (all [][]byte) {
	const head, tail = 12, 4
	for len(file) >= head+tail {
		n := binary.LittleEndian.Uint64(file)
		if binary.LittleEndian.Uint32(file[8:]) != masked(file[:8]) || n > uint64(len(file)-head-tail) {
			break
		}
		payload := file[head : head+n]
		if binary.LittleEndian.Uint32(file[head+n:]) != masked(payload) {
			break
		}
		all = append(all, payload)
		file = file[head+n+tail:]
	}
	return all
}

// timeOf is the time of an event that is there already, or now.
func timeOf(had [][]byte, i int, now time.Time) float64 {
	if i < len(had) {
		if num, typ, n := protowire.ConsumeTag(had[i]); num == wallTime && typ == protowire.Fixed64Type {
			if v, m := protowire.ConsumeFixed64(had[i][n:]); m > 0 {
				return math.Float64frombits(v)
			}
		}
	}
	return seconds(now)
}

// seconds is a time as TensorBoard counts it, since 1970.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
