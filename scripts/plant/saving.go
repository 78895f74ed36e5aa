package main

// Errors in what makes a run resumable and its files trustworthy.
const (
	saving  = "internal/trainer/training.go"
	weights = "internal/trained/weights.go"
	rolling = "internal/run/training.go"
	writing = "internal/checkpoint/writer.go"
	reading = "internal/checkpoint/read.go"
)

func init() {
	errors = append(errors,
		planted{"resume/metrics", "internal/run/metrics.go", "torn || lines < len(own)", "torn", "./internal/trainer", "TestKilledAndResumed", ""},
		planted{"resume/masks", weights, "err := stream.UnmarshalBinary(s.Blobs[streamPrefix+name]); err != nil", "err := error(nil); err != nil || stream == nil", "./internal/trainer", "TestStoppedAndResumed/lstm", ""},
		planted{"resume/cursor", saving, "t.windows.Seek(t.Cursor)", "t.windows.Seek(0)", "./internal/trainer", "TestStoppedAndResumed/lstm", ""},
		planted{"resume/state", saving, "copy(layer.Data, from)", "copy(append([]float32{}, layer.Data...), from)", "./internal/trainer", "TestStoppedAndResumed/plastic", ""},
		planted{"resume/schedule", saving, "t.schedule.Load(m.Schedule)", "error(nil)", "./internal/trainer", "TestStoppedAndResumed/lstm/plateau", ""},
		planted{"resume/slots", weights, "o.Slots[slot] = t.Data", "o.Slots[slot] = make([]float32, len(t.Data))", "./internal/trainer", "TestStoppedAndResumed/lstm/adam", ""},
		planted{"resume/identity", "internal/run/folder.go", "case forced && force:", "case forced:", "./internal/trainer", "TestResumeRefuses", ""},
		planted{"checkpoint/copy", writing, "append(w.copies[name][:0], t.Data...)", "t.Data", "./internal/checkpoint", "TestWriterTakesACopy", ""},
		planted{"checkpoint/error", writing, "if err := w.Wait(); err != nil {", "if err := w.Failed(); err != nil {", "./internal/checkpoint", "TestWriter", ""},
		planted{"checkpoint/sum", reading, "got != want.SHA256", "len(got) != len(want.SHA256)", "./internal/checkpoint", "TestEveryChangedByte", ""},
		planted{"checkpoint/newest", reading, "range slices.Backward(steps)", "range slices.All(steps)", "./internal/checkpoint", "TestNewestValidWins", ""},
		planted{"nan/state", "internal/lm/model.go", "if kernel.IndexNonFinite(layer.Data) < 0 {", "if true {", "./internal/trainer", "TestDiverge", ""},
		planted{"nan/rate", weights, "-w.halvings", "-min(1, w.halvings)", "./internal/trainer", "TestRollback", ""},
		planted{"nan/kept", rolling, "if err := t.Write(t.learner.Event(did)); err != nil {\n\t\treturn err\n\t}\n\treturn errors.Join(t.save(), t.writer.Wait())", "return t.Write(t.learner.Event(did))", "./internal/trainer", "TestRollback", ""},
		planted{"step/between", "lstm/optim/update.go", "range s.Between", "range s.Between[:0]", "./lstm/optim", "TestReplicas|TestBetween", ""},
		planted{"step/averages", weights, "w.Stepper.Optimizer.(optim.Averager); ok {\n\t\tif", "w.Stepper.Optimizer.(optim.Averager); ok && false {\n\t\tif", "./internal/study", "TestOptimizers", ""},
		planted{"lock/refuse", "internal/runlock/runlock.go", "if !ok {", "if !ok && dir == path {", "./internal/runlock", "Test", ""},
		planted{"lock/removed", "internal/runlock/runlock.go", "os.SameFile(mine, there)", "mine != there", "./internal/runlock", "TestRemovedFile", ""},
		planted{"events/once", "internal/tensorboard/tensorboard.go", "if n == last.step {", "if false {", "./internal/tensorboard", "TestEvents", ""},
		planted{"events/kept", "internal/tensorboard/tensorboard.go", "timeOf(had, i+1, now)", "timeOf(had, i, now)", "./internal/tensorboard", "TestReopened", ""},
		planted{"events/lines", "internal/run/metrics.go", "m.chart(who, own[:lines])", "m.chart(who, nil)", "./internal/run", "TestEventsFollow", ""},
		planted{"compare/bits", "internal/compare/pool.go", "math.Float64bits(was) != math.Float64bits(is)", "false", "./internal/compare", "TestToldApart", ""},
		planted{"compare/settings", "internal/compare/pool.go", "had && has && was != is", "had && has && false", "./internal/compare", "TestToldApart", ""},
		planted{"compare/once", "internal/compare/join.go", "return seedA == seedB", "return seedA < seedB", "./internal/compare", "TestJoinedIsTheWhole", ""},
		planted{"compare/pictures", "internal/compare/join.go", "Load(dir, out)", "Load(dir, dir)", "./internal/compare", "TestPictures", ""},
		planted{"compare/facts", "internal/compare/join.go", "ok && is != r.facts[key]", "ok && is == \"\"", "./internal/compare", "TestRefused", ""},
	)
}
