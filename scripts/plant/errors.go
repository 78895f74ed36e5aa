package main

// planted is one error: old, which stands once in file, becomes new; the tests
// named by run in pkg are to notice.
type planted struct {
	name, file, old, new string
	pkg, run             string
	after                string // unless empty, old may stand more often, and the first one after this is meant
}

const (
	gates   = "internal/kernel/lstm.go"
	cell    = "lstm/scan/scan.go"
	rows    = "internal/kernel/trace.go"
	adjoint = "plasticlstm/adjoint.go"
	blocks  = "plasticlstm/blocks.go"
	simd    = "internal/kernel/simd_amd64.s"
	head    = "internal/lm/head.go"
	softmax = "internal/kernel/softmax.go"
	simple  = "lstm/scan/rnn.go"
	dense   = "lstm/scan/dense.go"
	lanes   = "plasticlstm/lanes.go"
	embed   = "internal/lm/embedding.go"
	memory  = "internal/readout/adjoint.go"
	window  = "internal/readout/window.go"
	graph   = "internal/lm/graph.go"
	product = "internal/kernel/gemm.go"
	agent   = "internal/a2c/agent.go"
	tape    = "plasticlstm/evolved/tape.go"
	lesson  = "eval/evolve/gradient.go"

	strategy = "internal/es/es.go"
)

var errors = []planted{
	{"cell/carry", cell, "copy(dh, dhPrev)\n", "clear(dh)\n", "./lstm", "TestStandardLSTM", ""},
	{"cell/weights", cell, "l.dz, 4*n, l.h, n, 0, dparams[1], n)", "l.dz, 4*n, l.h[size:], n, 0, dparams[1], n)", "./lstm", "TestStandardLSTM", ""},
	{"cell/state", cell, "copy(dstate0[size:], l.dc)", "copy(dstate0[size:], l.dh)", "./lstm", "TestStandardLSTM", ""},

	{"rnn/carry", simple, "copy(dy, dyPrev)\n", "clear(dy)\n", "./lstm", "TestStandardRNN", ""},
	{"rnn/blocked", simple, "dz[j] = d * (1 - m[j]) * (1 - free[j]*free[j])", "dz[j] = d * (1 - free[j]*free[j])", "./lstm", "TestStandardRNN", ""},
	{"rnn/post", simple, "kernel.Add(dy, dpost)\n", "", "./plasticlstm", "TestEveryCombinationOfTheRNN/none-clip-neuron-neuron", ""},
	{"rnn/settled", simple, "case settled && t > 0 && l.settled(t-1, b0, b1) &&", "case settled && t > 0 &&", "./plasticlstm", "TestRunsOfSettledSteps", ""},
	{"dense/softmax", dense, "dz[j] = y * (dy[j] - mean)", "dz[j] = y * (dy[j] + mean)", "./lstm", "TestStandardDense", ""},
	{"dense/clamp", dense, "copy(z[r*l.out:], row[l.in:])", "clear(z[r*l.out:][:l.out])", "./plasticlstm", "TestAClampIsALabel", ""},
	{"dense/pre", adjoint, "kernel.Add(dhPrev[(b-b0)*p.pre:(b-b0+1)*p.pre], p.senders(g.dh, 0, b-b0))\n", "", "./plasticlstm", "TestEveryCombinationOfTheDenseLayer/none-oja-neuron-neuron", ""},
	{"dense/first", adjoint, "if dhPrev != nil || g.dtraces0 != nil ||", "if t > 0 || g.dtraces0 != nil ||", "./plasticlstm", "TestEveryCombinationOfTheDenseLayer/none-clip-neuron", ""},
	{"lanes/sum", lanes, "kernel.Add(dh, l.dh)", "copy(dh, l.dh)", "./plasticlstm", "TestManyNeurons", ""},
	{"lanes/blocks", lanes, "kernel.Add(r.DHC, dhc)", "copy(r.DHC, dhc)", "./plasticlstm", "TestManyNeurons", ""},
	{"lanes/peak", lanes, "max(r.Peak, of.Peak)", "r.Peak", "./plasticlstm", "TestManyNeurons", ""},
	{"lanes/checkpoint", "plasticlstm/trace.go", "b += (count/every - 1) * p.batch", "b += count/every - 1", "./plasticlstm", "TestManyNeurons", ""},
	{"lanes/wait", lanes, "l.deta += deta\n", "_ = deta\n", "./plasticlstm", "TestRunsOfSettledSteps", ""},
	{"lanes/outstanding", "plasticlstm/rows.go", "p.update(r, applied, t-1, b, j)", "p.update(r, applied, t, b, j)", "./plasticlstm", "TestStepsThatAreGiven/none-decay", ""},

	{"episodes/output", "lstm/scan/fresh.go", "f.exchange()\n\t\t\tfor", "for", "./lstm", "TestEpisodes", ""},
	{"episodes/gradient", "lstm/scan/fresh.go", "clear(d[f.b*n : (f.b+1)*n])\n", "_ = d\n", "./lstm", "TestEpisodes", ""},
	{"episodes/forget", "plasticlstm/episodes.go", "clear(p.matrix(g.d, local))\n", "", "./plasticlstm", "TestEveryCombination$/none-clip-neuron-neuron", ""},
	{"episodes/replay", "plasticlstm/episodes.go", "if at <= first {", "if at > 0 {", "./plasticlstm", "TestEveryCombination$/none-clip-neuron-neuron", ""},
	{"episodes/checkpoint", "plasticlstm/blocks.go", "clear(toA)\n", "", "./plasticlstm", "TestEpisodes", ""},

	{"gates/forget", gates, "dc[j] = d * f\n", "dc[j] = d\n", "./lstm", "TestStandardLSTM", ""},
	{"gates/candidate", gates, "dg += dgExtra[j]", "dg -= dgExtra[j]", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"gates/assembly", simd, "VFMADD231PS", "VFNMADD231PS", "./internal/kernel", "LSTM", "TEXT ·lstmBackwardAVX512"},

	{"products/parts", product, "if k0 == 0 {\n", "if k0 == p.k0 {\n", "./internal/kernel", "TestGemmLarge", ""},
	{"products/columns", "internal/kernel/packed.go", "b := p.panels[p.steps(k0)*width+j0*p.steps(kc):]", "b := p.panels[p.steps(k0)*width:]", "./internal/kernel", "TestPackedMulParallel", ""},
	{"pages/shared", "internal/pages/pages.go", "rest.memory = rest.memory[used:]", "rest.memory = rest.memory[min(used, line):]", "./internal/pages", "Test", ""},
	{"products/assembly", simd, "VFMADD231PS", "VFNMADD231PS", "./internal/kernel", "TestGemm", "TEXT ·strip14x2AVX512"},
	{"products/half", simd, "VFMADD231PS.BCST", "VFNMADD231PS.BCST", "./internal/kernel", "TestGemm", "TEXT ·strip14xHalfAVX512"},
	{"products/place", product, "panels = panels[k0*ldb:]", "panels = panels[0*ldb:]", "./internal/kernel", "TestGemmLarge", ""},
	{"head/lots", "internal/lm/ahead.go", "nll = nll[rows:]", "nll = nll[0:]", "./internal/lm", "TestScoreAll", ""},

	{"rows/mask", rows, "if !(x <= r.Clip && x >= -r.Clip) {", "if !(x <= r.Clip) {", "./plasticlstm", "TestEveryCombination/none-clip", ""},
	{"rows/decay", rows, "r.D[i] = c0 * d\n", "r.D[i] = d\n", "./plasticlstm", "TestEveryCombination/none-oja-neuron-neuron", ""},
	{"rows/rate", rows, "r.D[i] = d - c1*rd", "r.D[i] = d", "./plasticlstm", "TestEveryCombination/none-decay-neuron-connection", ""},
	{"rows/alpha", rows, "r.DAlpha[i] += r.V * after * r.HC[i]", "r.DAlpha[i] += r.V * a * r.HC[i]", "./plasticlstm", "TestEveryCombination/simple-clip-connection-neuron", ""},
	{"rows/pre", rows, "r.DH[i] += c1 * d\n", "", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"rows/eligibility", rows, "r.DE[i] = r.Keep*de + c0*d", "r.DE[i] = de + c0*d", "./plasticlstm", "TestEveryCombination/retroactive-clip", ""},

	{"rows/assembly", simd, "VCMPPS       $0x12", "VCMPPS       $0x1e", "./internal/kernel", "TestTraceRows/variant_0", "TEXT ·traceBackward0AVX512"},

	{"blocks/assembly", simd, "VCMPPS           $0x00", "VCMPPS           $0x04", "./internal/kernel", "TestTraceBlocks", "TEXT ·blockBackward0AVX512"},

	{"trace/post", "plasticlstm/rule_oja.go", "1, 2 * g", "1, g", "./plasticlstm", "TestEveryCombination/none-oja", ""},
	{"trace/rate", adjoint, "= s*q[j]-d*r[j], eta", "= s*q[j]+d*r[j], eta", "./plasticlstm", "TestEveryCombination/simple-decay", ""},
	{"rule/bcm", "plasticlstm/rule_bcm.go", "3*g*g - theta, 0", "2*g*g - theta, 0", "./plasticlstm", "TestEveryCombination/none-bcm-neuron-neuron", ""},
	{"rule/threshold", "plasticlstm/threshold.go", "dtheta[j] = (1-k)*d +", "dtheta[j] = d +", "./plasticlstm", "TestEveryCombination/none-bcm-neuron-neuron", ""},
	{"rule/slope", "plasticlstm/threshold.go", "dg[j] += 2 * k * post * d\n", "", "./plasticlstm", "TestEveryCombination/simple-bcm-neuron-neuron-hidden", ""},
	{"rule/rate", "plasticlstm/threshold.go", "d * (post*post - was[j])", "d * (post*post - 2*was[j])", "./plasticlstm", "TestAgainstPyTorch", ""},
	{"trace/decomposed", adjoint, "kernel.Axpy(post[j], p.row(v, j), dpre)", "kernel.Add(dpre, p.row(v, j))", "./plasticlstm", "TestAgainstPyTorch", ""},
	{"trace/modulator", adjoint, "dz := dm * (1 - m*m)", "dz := dm * (1 - m)", "./plasticlstm", "TestEveryCombination/simple-clip", ""},
	{"trace/previous", adjoint, "to = dhPrev", "to = dh", "./plasticlstm", "TestEveryCombination/simple-clip-neuron-neuron-previous_hidden", ""},
	{"trace/cell", adjoint, "to = dc", "to = dh", "./plasticlstm", "TestEveryCombination/simple-clip-neuron-neuron-cell", ""},
	{"trace/bias", adjoint, "kernel.Add(g.fanBias, deta)", "kernel.Axpy(m, deta, g.fanBias)", "./plasticlstm", "TestEveryCombination/simple-clip-neuron-neuron", ""},
	{"trace/final", adjoint, "p.pad(p.matrix(g.d, local), dtraces[b*nn:(b+1)*nn])", "clear(p.matrix(g.d, local))", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"trace/initial", adjoint, "p.unpad(g.dtraces0[b*nn:(b+1)*nn], p.matrix(g.d, b-b0))", "clear(g.dtraces0[b*nn:(b+1)*nn])", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"trace/checkpoint", "plasticlstm/rows.go", "first, i*every-1, b, j, a, e)", "first, i*every-2, b, j, a, e)", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"blocks/checkpoint", blocks, "first, i*every-1, b, a, e)", "first, i*every-2, b, a, e)", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"blocks/free", blocks, "p.peak[b] = max(p.peak[b], p.blocks[b].Peak)", "p.peak[b] = 0", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"blocks/looked", blocks, "p.peak[b] = max(p.peak[b], r.Peak)\n", "", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"trace/nosteps", adjoint, "if taken == 0 {", "if taken < 0 {", "./plasticlstm", "TestEveryCombination/none-clip-neuron-neuron", ""},
	{"blocks/rateofk", blocks, "kernel.Dot(p.receivers(p.g, t, b), r.DotA[:p.post]) - r.DEE", "kernel.Dot(p.receivers(p.g, t, b), r.DotA[:p.post])", "./plasticlstm", "TestEveryCombination/retroactive-clip", ""},
	{"blocks/nan", "plasticlstm/trace.go", "p.fast[b] = false\n\t\t}", "}", "./plasticlstm", "TestNaNStays", ""},
	{"trace/rateofk", "plasticlstm/rows.go", "l.traceRate += p.receivers(p.g, t, b)[j]*r.DotA - r.DEE", "l.traceRate += p.receivers(p.g, t, b)[j] * r.DotA", "./plasticlstm", "TestEveryCombination/retroactive-clip", ""},

	{"head/weights", head, "kernel.GemmIn(h.in, true, false, v, n, rows, 1, dlogits", "kernel.GemmIn(h.in, true, false, v, n, rows, 0.5, dlogits", "./internal/lm", "TestGradients", ""},
	{"head/bias", softmax, "dbias[target] = before + logits[target]", "dbias[target] = before - logits[target]", "./internal/lm", "TestGradients", ""},
	{"head/passes", softmax, "Scale(alpha, x)\n\tAdd(sum, x)", "Add(sum, x)\n\tScale(alpha, x)", "./internal/lm", "TestGradients", ""},
	{"embedding/add", embed, "kernel.Add(sums[i:i+size], g[r*size:])", "copy(sums[i:i+size], g[r*size:])", "./internal/lm", "TestGradients", ""},
	{"embedding/tied", graph, "kernel.Add(m.Params[0].Grad[row*size:(row+1)*size], sums[i*size:])", "kernel.Add(m.Params[0].Grad[row*size:(row+1)*size], sums[i/2*size:])", "./internal/lm", "TestGradients", ""},
	{"readout/hidden", "eval/patterns/learner.go", "last[j] += d * row[j]", "last[j] = d * row[j]", "./eval/patterns", "TestGradients", ""},
	{"readout/weights", "eval/patterns/learner.go", "grad[j] = d * h", "grad[j] = h", "./eval/patterns", "TestGradients", ""},
	{"readout/erased", "eval/images/learner.go", "to[i] = 2 * (v - want[i])", "to[i] = 2 * (want[i] - v)", "./eval/images", "TestLearns", ""},
	{"memory/loss", memory, "dz := scale * (math.Exp(logSigmoid(z)) - rho)", "dz := scale * (math.Exp(logSigmoid(z)) + rho)", "./internal/readout", "TestGradients", ""},
	{"memory/match", memory, "all := scale*rho + float64(w.params[gateMatch][0])*dz/w.m.scale()", "all := scale * rho", "./internal/readout", "TestGradients", ""},
	{"memory/target", memory, "*ds -= by * found[i]", "*ds -= by * *ds", "./internal/readout", "TestGradients", ""},
	{"memory/stored", memory, "beta, ds[slots:], width, queries, ld, 1, w.dkeys[b*d:], ld)", "beta, ds[slots:], width, queries, ld, 0, w.dkeys[b*d:], ld)", "./internal/readout", "TestGradients", ""},
	{"memory/length", memory, "kernel.Axpy(-kernel.Dot(k, dk), k, dk)", "kernel.Axpy(kernel.Dot(k, dk), k, dk)", "./internal/readout", "TestGradients", ""},
	{"memory/age", memory, "aged += old * float64(written)", "aged += float64(written)", "./internal/readout", "TestGradients", ""},
	{"memory/modulator", memory, "dx := dopen[s] * (1 - w.was[b*slots+s])", "dx := dopen[s]", "./internal/readout", "TestGradients", ""},
	{"memory/after", memory, "after = w.ring[(b*slots+s)*d : (b*slots+s+1)*d]\n", "", "./internal/readout", "TestGradients", ""},
	{"memory/forget", window, "row[(at.next+i)%slots] = F(math.Inf(-1))", "row[(at.next+i)%slots] += 0", "./internal/readout", "TestWindowIsTheDefinition", ""},
	{"memory/future", window, "return j <= t && t-j < w.m.Slots", "return j <= t+1 && t-j < w.m.Slots", "./internal/readout", "TestTheFutureIsUnknown", ""},
	{"memory/share", head, "return scale * F(share+h.alone)", "return scale * F(1-share+h.alone)", "./internal/lm", "TestReadout|TestGradients", ""},
	{"memory/alone", head, "return scale * F(share+h.alone)", "return scale * F(share)", "./internal/lm", "TestTrainAlone", ""},
	{"memory/dropout", graph, "hidden = out.Hidden\n", "hidden = x\n", "./internal/lm", "TestReadout", ""},
	{"optimiser/rows", "lstm/optim/sparse.go", "at := p.Rows[i] * size", "at := i * size", "./lstm/optim", "TestSparse", ""},
	{"dropout/mask", embed, "masked(gin[0], gout, op.Data[F](in[1]))", "copy(gin[0], gout)", "./internal/lm", "TestGradients", ""},
	{"view/memory", "internal/op/view.go", "if o.copied {", "if o.copied && false {", "./plasticlstm", "TestComposedSingleStep/lstm", ""},
	{"view/beside", "internal/op/view.go", "clear(g)\n", "g[0] = 1\n", "./plasticlstm", "TestComposedSingleStep/lstm", ""},
	{"view/reshape", "internal/op/op.go", "d.SliceInto(d)", "d.Slice()", "./internal/op", "TestReshape", ""},
	{"view/shape", "internal/op/op.go", "d.IsView() && d.Shape().Eq(shape) &&", "", "./internal/op", "TestReshape", ""},
	{"clamp/bound", "internal/op/pointwise.go", "x >= -f.c && x <= f.c", "x > -f.c && x < f.c", "./plasticlstm", "TestComposedOnTheBound/dense", ""},
	{"softmax/maximum", "internal/op/pointwise.go", "most, sum := row[0]", "most, sum := Data[F](in[0])[0]", "./plasticlstm", "TestComposedLabels/none", ""},
	{"softmax/gradient", "internal/op/pointwise.go", "dx[i] = y[i] * (dy[i] - mean)", "dx[i] = y[i] * dy[i]", "./plasticlstm", "TestComposedLabels/none", ""},
	{"view/place", "internal/op/view.go", "copy(data[o.offset:], g)", "copy(data, g)", "./internal/op", "TestParts", ""},
	{"view/order", "internal/op/op.go", "if ready {", "if true {", "./internal/op", "TestDataInTheOrderOfTheShape", ""},
	{"view/twice", "internal/op/op.go", "ok && o.f == f {", "ok && o.f == nil {", "./plasticlstm", "TestNodesThatAreRefused", ""},
	{"state/stream", "lstm/state.go", "case b < 0 || b >= s.Batch:", "case b < 0:", "./lstm", "TestStatesThatDoNotFit", ""},

	{"agent/baseline", agent, "a.out[r*width+a.actions]\n", "a.out[(r-b)*width+a.actions]\n", "./internal/a2c", "TestStreamAlone", ""},
	{"agent/policy", agent, "dz[chosen] -= F(scale) * advantage", "dz[chosen] += F(scale) * advantage", "./internal/a2c", "TestGradients", ""},
	{"agent/concentration", agent, "(p-same))", "(p))", "./internal/a2c", "TestGradients", ""},
	{"agent/value", agent, "F(-2*scale*c.ValueCoef) * advantage", "F(-scale*c.ValueCoef) * advantage", "./internal/a2c", "TestGradients", ""},
	{"agent/returns", agent, "F(c.Gamma)*a.returns[b]", "F(c.Gamma)*a.returns[0]", "./internal/a2c", "TestAgreesWithPyTorch", ""},
	{"agent/hidden", agent, "a.scan.Backward(a.dhidden[:rows*a.n], nil", "a.scan.Backward(a.hidden[:rows*a.n], nil", "./internal/a2c", "TestGradients", ""},

	{"agent/eta", "internal/a2c/models.go", `"trace_rate": {eta, eta}`, `"trace_rate": {0.1, eta}`, "./internal/a2c", "TestEta", ""},
	{"agent/bound", "lstm/optim/update.go", "\tBound(params)\n", "", "./internal/a2c", "TestEta", ""},
	{"maze/first", "eval/maze/witness.go", "w.first.add(t)\n\t\t\t}\n\t\t\tcontinue", "}\n\t\t\tcontinue", "./eval/maze", "TestWitness", ""},
	{"maze/yardstick", "eval/maze/yardstick.go", "case to == goal:", "case to == cell:", "./eval/maze", "TestOptimalAndRandomPolicies", ""},
	{"cue/yardstick", "eval/cue/yardstick.go", "length <= left+1", "length <= left", "./eval/cue", "TestOptimalAndRandomPolicies", ""},
	{"goal/hold", "internal/study/goal.go", "t.Since > 0 && episode-t.Since >= g.Hold", "t.Since > 0", "./internal/study", "TestGoal", ""},
	{"goal/first", "internal/study/goal.go", "*t = tracker{Solved: t.Since}", "t.Since = episode", "./internal/study", "TestGoal", ""},

	{"beside/order", "internal/run/trainings.go", "return r.metrics.arrange(order)", "return nil", "./internal/study", "TestInterruptedSideBySide", ""},
	{"beside/drop", "internal/run/metrics.go", "return l.of == who && n > lines", "return l.of.Model == who.Model && n > lines", "./internal/study", "TestInterruptedSideBySide", ""},
	{"beside/stop", "internal/run/trainings.go", "g, ctx := errgroup.WithContext(ctx)", "g, _ := errgroup.WithContext(ctx)", "./internal/study", "TestFailureSideBySide", ""},
	{"beside/limit", "internal/run/trainings.go", "return max(1, min(n, len(r.left())))", "return max(1, len(r.left()))", "./internal/study", "TestInterruptedSideBySide", ""},
	{"beside/share", "internal/kernel/parallel.go", "n = min(n, own)", "n = max(n, own)", "./internal/kernel", "TestShare", ""},
	{"beside/bars", "internal/progress/log.go", "l.drawn = len(text)", "_ = text", "./internal/progress", "TestLog", ""},
	{"stats/ties", "internal/stats/ranksum.go", "first + 1 + end", "2 * (first + 1)", "./internal/stats", "TestRankSum", ""},
	{"stats/tail", "internal/stats/ranksum.go", "if s >= sum {", "if s > sum {", "./internal/stats", "TestRankSum", ""},
	{"bpc/eos", "tokenizer/tokenizer.go", "if n++; !ends || id != eos {", "if n++; !ends || id == eos {", "./tokenizer", "TestEncodeText", ""},

	{"calls/steps", "lstm/scan/checked.go", "case taken+steps > c.steps:", "case taken > c.steps:", "./plasticlstm", "TestWrongCallsOfAScan", ""},
	{"compare/nan", "lstm/layertest/layertest.go", "if !(d <= math.MaxFloat64) {", "if d > math.MaxFloat64 {", "./lstm/layertest", "TestCompare", ""},
	{"tape/gain", tape, "dm += gain * kernel.Dot(byPre, columns)", "dm += kernel.Dot(byPre, columns)", "./plasticlstm/evolved", "TestTapeGradients", ""},
	{"tape/post", tape, "dpost[j] += s * y[j] * v", "dpost[j] += y[j] * v", "./plasticlstm/evolved", "TestTapeGradients", ""},
	{"tape/pre", tape, "case dpre != nil:", "case dpre != nil && k == 0:", "./plasticlstm/evolved", "TestTapeGradients", ""},
	{"tape/carry", tape, "kernel.Axpy(v, t.dz, t.gh", "kernel.Axpy(-v, t.dz, t.gh", "./plasticlstm/evolved", "TestTapeGradients", ""},
	{"tape/inputs", tape, "kernel.Axpy(v, t.dz, t.gx", "kernel.Axpy(-v, t.dz, t.gx", "./plasticlstm/evolved", "TestTapeGradients", ""},
	{"tape/before", tape, "part[1]*(1-part[1])", "part[0]*(1-part[0])", "./plasticlstm/evolved", "TestTapeGradients", "byInput[k], byHidden[k]"},
	{"tape/weights", tape, "kernel.Dot(s.wh[i*t.n:][:t.n], t.dz)", "kernel.Dot(t.life.wh[i*t.n:][:t.n], t.dz)", "./plasticlstm/evolved", "TestTapeGradients", ""},
	{"tape/truncate", tape, "(at+1)%t.every == 0", "at%t.every == 0", "./plasticlstm/evolved", "TestTapeTruncate", ""},
	{"tape/forget", tape, "clear(t.gx)\n\t\t\tclear(t.dbefore)", "clear(t.dbefore)", "./plasticlstm/evolved", "TestTapeTruncate", ""},
	{"lesson/largest", lesson, "2 * p.sure * (1 - p.sure) * (dpi[p.largest] - mean)", "2 * p.sure * (1 - p.sure) * dpi[p.largest]", "./eval/evolve", "TestLessonGradients", ""},
	{"lesson/softmax", lesson, "(1 - p.sure) * s * (dpi[k] - mean)", "s * (dpi[k] - mean)", "./eval/evolve", "TestLessonGradients", ""},
	{"lesson/returns", lesson, "l.rewards[t] + c.Gamma*earned", "c.Gamma * (l.rewards[t] + earned)", "./eval/evolve", "TestLessonGradients", ""},
	{"lesson/value", lesson, "F(-2 * c.ValueCoef * advantage)", "F(2 * c.ValueCoef * advantage)", "./eval/evolve", "TestLessonGradients", ""},
	{"lesson/certain", lesson, "dpi[k] = 2 * c.ConcentrationCoef * v", "dpi[k] = c.ConcentrationCoef * v", "./eval/evolve", "TestLessonGradients", ""},
	{"pupil/clip", "eval/evolve/pupil.go", "kernel.Axpy(l.scale, l.grads[k], g)", "kernel.Add(g, l.grads[k])", "./eval/evolve", "TestPupil", ""},
	{"es/lag", strategy, "s.PathCov[i] = (1-s.cc)*p +", "p = (1-s.cc)*p +", "./internal/es", "TestUpdate", ""},
	{"es/spread", strategy, "rate*(1-1/s.mu)*square[i]", "rate*square[i]", "./internal/es", "TestUpdate", ""},
	{"es/step", strategy, "s.Sigma*math.Exp(s.cs/s.ds*(norm/s.chi-1))", "s.Sigma*math.Exp(s.cs/s.ds*(1-norm/s.chi))", "./internal/es", "TestSphere", ""},
	{"es/parents", strategy, "cmp.Compare(worth[b], worth[a])", "cmp.Compare(worth[a], worth[b])", "./internal/es", "TestSphere", ""},
	{"es/groups", strategy, "kernel.Add(sums[:2*d], sums[g*2*d:][:2*d])", "kernel.Add(sums[:2*d], sums[2*d:][:2*d])", "./internal/es", "TestRecombine", ""},
	{"es/dropped", strategy, "if len(order) < len(w) {\n\t\tw = weights", "if len(order) < len(w) {\n\t\ts.weights = weights(len(order))\n\t\tw = weights", "./internal/es", "TestDropped", ""},
	{"merge/mean", "plasticlstm/evolved/merge.go", "means[c][t] = sums[c][t] / n[c]", "means[c][t] = sums[c][t] / (n[c] + 1)", "./plasticlstm/evolved", "TestKMeans", ""},
	{"merge/nearest", "plasticlstm/evolved/merge.go", "range means {\n\t\t\t\tif d :=", "range means[1:] {\n\t\t\t\tif d :=", "./plasticlstm/evolved", "TestKMeans", ""},
	{"merge/spread", "plasticlstm/evolved/merge.go", "if d := distance(p, points[next]); c == 0 || d < gap[i] {", "if d := distance(p, points[next]); c == 0 {", "./plasticlstm/evolved", "TestMergeFinds", ""},
}
