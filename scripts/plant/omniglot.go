package main

// Errors in the convolutions, and in the task that they are for.
const (
	windows    = "internal/conv/conv.go"
	convolved  = "internal/conv/backward.go"
	characters = "eval/omniglot/"
)

func init() {
	errors = append(errors,
		planted{"conv/stride", windows, "from := y*l.Stride*row + x*l.Stride*l.in", "from := y*row + x*l.Stride*l.in", "./internal/conv", "Test", ""},
		planted{"conv/tanh", convolved, "kernel.Axpy(-1, squares[:n], d)", "kernel.Axpy(1, squares[:n], d)", "./internal/conv", "Test", ""},
		planted{"conv/overlap", convolved, "\t\tclear(din)\n", "", "./internal/conv", "Test", ""},
		planted{"conv/bias", convolved, "\tclear(dbias)\n", "", "./internal/conv", "Test", ""},

		planted{"omniglot/test", characters + "episode.go", "drawings[s.Shots], label", "drawings[0], label", "./eval/omniglot", "TestEpisode", ""},
		planted{"omniglot/turns", characters + "episode.go", "for slices.Contains(taken, i) {", "for slices.Contains(taken, -1) {", "./eval/omniglot", "TestEpisode", ""},
		planted{"omniglot/label", characters + "learner.go", "if t < steps-1 {", "if t < steps {", "./eval/omniglot", "TestAnswer", ""},
		planted{"omniglot/split", characters + "learner.go", "l.count(ctx, \"test\", l.test,", "l.count(ctx, \"test\", l.train,", "./eval/omniglot", "TestSplit", ""},
		planted{"omniglot/decay", weights, "w.Steps = int(o.Counters[stepsCounter])", "w.Steps = 0", "./eval/omniglot", "TestRestore", ""},
		planted{"omniglot/features", characters + "network.go", "copy(n.dfeatures[r*features:(r+1)*features], n.dx[r*width:])", "copy(n.dfeatures[r*features:(r+1)*features], n.dx[r*width+1:])", "./eval/omniglot", "TestGradients", ""},
		planted{"omniglot/loss", characters + "network.go", "share, sign = 0, 1", "share, sign = 0, -1", "./eval/omniglot", "TestGradients", ""},
	)
}
