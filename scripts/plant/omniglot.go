package main

// Errors in the convolutions, and in the task that they are for.
const (
	windows    = "internal/conv/conv.go"
	convolved  = "internal/conv/backward.go"
	gathered   = "internal/kernel/gather.go"
	characters = "eval/omniglot/"
)

func init() {
	errors = append(errors,
		planted{"conv/stride", windows, "int32(i*l.inSize()+(y*l.side+x)*l.Stride*l.in)", "int32(i*l.inSize()+(y*l.side*l.Stride+x)*l.in)", "./internal/conv", "Test", ""},
		planted{"conv/window", windows, "int32(y*l.side*l.in+x)", "int32(y*l.outSide*l.in+x)", "./internal/conv", "Test", ""},
		planted{"conv/tanh", convolved, "\t\tkernel.TanhBackward(dz, l.y[i0*l.outSize():])\n", "", "./internal/conv", "Test", ""},
		planted{"conv/overlap", convolved, "\tclear(din)\n", "", "./internal/conv", "Test", ""},
		planted{"conv/transpose", convolved, "pixel, i := r/l.in, r%l.in", "pixel, i := r/l.in, 0", "./internal/conv", "Test", ""},
		planted{"conv/columns", convolved, "column, columns := line*first, min(line*end, l.Out)-line*first", "column, columns := 0, min(line*end, l.Out)-line*first", "./internal/conv", "Test", ""},
		planted{"sums/rows", "internal/kernel/vector.go", "rows := (len(x)-len(sum))/ldx + 1", "rows := (len(x) - len(sum)) / ldx", "./internal/kernel", "TestAddRows", ""},
		planted{"conv/bias", convolved, "\t\t\tclear(sum)\n", "", "./internal/conv", "Test", ""},
		planted{"gather/blocks", gathered, "d, from = c, to", "d, from = nil, nil", "./internal/kernel", "TestGathered", ""},
		planted{"gather/rows", "internal/kernel/tiles_amd64.go", "at = &from[i]", "at = &from[0]", "./internal/kernel", "TestGathered", ""},
		planted{"gather/offset", gathered, "first += int(from[i])", "first += int(to[i])", "./internal/kernel", "TestGathered", ""},
		planted{"optim/pieces", "lstm/optim/chunks.go", "f(i*size, min(n, (i+1)*size))", "f(i*size, min(n-1, (i+1)*size))", "./lstm/optim", "Test", ""},

		planted{"omniglot/test", characters + "episode.go", "drawings[s.Shots], label", "drawings[0], label", "./eval/omniglot", "TestEpisode", ""},
		planted{"omniglot/turns", characters + "episode.go", "for slices.Contains(taken, i) {", "for slices.Contains(taken, -1) {", "./eval/omniglot", "TestEpisode", ""},
		planted{"omniglot/label", characters + "learner.go", "if t < steps-1 {", "if t < steps {", "./eval/omniglot", "TestAnswer", ""},
		planted{"omniglot/split", characters + "learner.go", "l.count(ctx, \"test\", l.test,", "l.count(ctx, \"test\", l.train,", "./eval/omniglot", "TestSplit", ""},
		planted{"omniglot/decay", weights, "w.Steps = int(o.Counters[stepsCounter])", "w.Steps = 0", "./eval/omniglot", "TestRestore", ""},
		planted{"omniglot/features", characters + "network.go", "copy(n.dfeatures[r*features:(r+1)*features], n.dx[r*width:])", "copy(n.dfeatures[r*features:(r+1)*features], n.dx[r*width+1:])", "./eval/omniglot", "TestGradients", ""},
		planted{"omniglot/loss", characters + "network.go", "share, sign = 0, 1", "share, sign = 0, -1", "./eval/omniglot", "TestGradients", ""},
	)
}
