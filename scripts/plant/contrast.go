package main

// Errors in the contrastive rule, in what it is held against, and in its tasks: a
// sign, a factor of 2, the phase at -beta that is none, a batch of which the last task
// alone counts.
const (
	contrasted = "internal/contrast/contrast.go"
	synapse    = "internal/contrast/synapse.go"
	solved     = "internal/contrast/implicit.go"
	unrolled   = "internal/contrast/unrolled.go"
	netted     = "internal/contrast/mlp.go"
	spiked     = "internal/eprop/eprop.go"
	batched    = "internal/meta/meta.go"
	picked     = "internal/meta/chosen.go"
	normed     = "internal/conv/normed.go"
	readers    = "eval/sinusoid/plastic.go"
)

func init() {
	errors = append(errors,
		planted{"contrast/sign", contrasted, "nudge(b, 1/b)", "nudge(b, -1/b)", "./internal/contrast", "TestScalar", ""},
		planted{"contrast/half", contrasted, "nudge(b, 1/(2*b))", "nudge(b, 1/b)", "./internal/contrast", "TestScalar", ""},
		planted{"contrast/minus", contrasted, "nudge(-b, -1/(2*b))", "nudge(0, -1/(2*b))", "./internal/contrast", "TestScalar", ""},
		planted{"contrast/second", contrasted, "nudge(2*b, -0.5/b)", "nudge(2*b, 0.5/b)", "./internal/contrast", "TestRidge/orders", ""},
		planted{"contrast/matched", contrasted, "r.Nudged.run(e, reference, theta, 0, dphi)\n", "", "./internal/contrast", "TestUnconverged", ""},
		planted{"contrast/from", contrasted, "copy(moved, phi)\n", "", "./internal/contrast", "TestUnconverged", ""},
		planted{"contrast/drowned", contrasted, "r.Displacement < 3*r.Drift", "r.Displacement < 0", "./internal/contrast", "TestUnconverged", ""},
		planted{"synapse/omega", synapse, "domega[i] = -2 * lambda * d", "domega[i] = -lambda * d", "./internal/contrast", "TestScalar", ""},
		planted{"synapse/inner", synapse, "dphi[i] += 2 * lambda * d", "dphi[i] += lambda * d", "./internal/contrast", "TestScalar", ""},
		planted{"synapse/log", synapse, "dpull[i] = lambda * d * d", "dpull[i] = d * d", "./internal/contrast", "TestScalar", ""},
		planted{"synapse/curvature", synapse, "hx[i] += 2 * lambda * v", "hx[i] += lambda * v", "./internal/contrast", "TestSynapseOfNets", ""},
		planted{"modulatory/direct", "internal/contrast/modulatory.go", "F(beta), dbody, dphi)", "F(beta), nil, dphi)", "./internal/contrast", "TestModulatory", ""},
		planted{"implicit/sign", solved, "kernel.Axpy(-1, cx, dtheta)", "kernel.Axpy(1, cx, dtheta)", "./internal/contrast", "TestRidge", ""},
		planted{"implicit/neumann", solved, "kernel.Axpy(F(-rate), h, term)", "kernel.Axpy(F(-2*rate), h, term)", "./internal/contrast", "TestRidge/Neumann", ""},
		planted{"implicit/damping", solved, "kernel.Axpy(F(damping), p, hp)", "kernel.Axpy(F(damping), v, hp)", "./internal/contrast", "TestRidge", ""},
		planted{"implicit/stride", solved, "return 5e-3", "return 6e-6", "./internal/contrast", "TestFloat32", ""},
		planted{"mlp/gauss", "internal/contrast/mlp_curvature.go", "if !m.GaussNewton {", "if true {", "./internal/contrast", "TestGradients", ""},
		planted{"unrolled/momentum", unrolled, "kernel.Scale(F(u.Momentum), dv)\n", "", "./internal/contrast", "TestRidge/back-propagation", ""},
		planted{"unrolled/start", unrolled, "e.StartBackward(back, dtheta)\n", "", "./internal/contrast", "TestRidge/back-propagation", ""},
		planted{"mlp/gain", netted, "kernel.MulAdd(g.g, row, z)", "kernel.Axpy(-1, z, g.g)", "./internal/contrast", "TestGradients", ""},
		planted{"eprop/filter", spiked, "kernel.Axpy(F(n.ReadoutLeak), errs[(t+1)*b*o:(t+2)*b*o], e)", "kernel.Axpy(1, errs[(t+1)*b*o:(t+2)*b*o], e)", "./internal/eprop", "Test", ""},
		planted{"eprop/delay", spiked, "n.filter(n.z, before, b*h, 1)", "n.filter(n.z, before, b*h, 0)", "./internal/eprop", "Test", ""},
		planted{"eprop/rest", spiked, "kernel.Axpy(1/F(n.Steps), r, y)", "kernel.Axpy(1/F(steps), r, y)", "./internal/eprop", "TestOutput", ""},
		planted{"eprop/kept", spiked, "clear(filtered[:delay*width])\n", "", "./internal/eprop", "TestKeptBuffers", ""},
		planted{"meta/last", batched, "kernel.Axpy(1/float32(l.Batch), g, l.dtheta)", "copy(l.dtheta, g)", "./internal/meta", "TestMeanOfAllTasks", ""},
		planted{"meta/sum", batched, "kernel.Axpy(1/float32(l.Batch), g, l.dtheta)", "kernel.Add(l.dtheta, g)", "./internal/meta", "TestMeanOfAllTasks", ""},
		planted{"meta/bound", batched, "max(l.Theta[i], 0)", "l.Theta[i]", "./internal/meta", "TestAtLeast0", ""},
		planted{"meta/best", picked, "copy(c.best, c.average)", "c.best = c.average", "./internal/meta", "TestValidation", ""},
		planted{"meta/resumed", picked, "*to = append([]float32{}, t.Data...)", "*to = make([]float32, len(t.Data))", "./internal/meta", "TestValidation", ""},
		planted{"normed/mean", normed, "kernel.Add(d, l.centre)\n", "", "./internal/conv", "TestNormed", ""},
		planted{"normed/variance", normed, "kernel.MulAdd(d, l.hat[r*l.Out:(r+1)*l.Out], l.slope)\n", "", "./internal/conv", "TestNormed", ""},
		planted{"normed/rectified", normed, "if v <= 0 {\n\t\t\t\td[o] = 0", "if v < 0 {\n\t\t\t\td[o] = 0", "./internal/conv", "TestNormed", ""},
		planted{"reading/omega", readers, "domega[i], drho[i] = -2*lambda*d, lambda*d*d", "domega[i], drho[i] = -lambda*d, lambda*d*d", "./eval/sinusoid", "TestReadingGradient", ""},
		planted{"reading/readout", readers, "dweights[at+r.hidden] += d\n", "", "./eval/sinusoid", "TestReadingGradient", ""},
		planted{"reading/nudge", readers, "F(beta), dweights, dphi)", "1, dweights, dphi)", "./eval/sinusoid", "TestReadingGradient", ""},
		planted{"bandit/descent", "eval/bandit/bandit.go", "return descent(rate, 0)", "return adam(rate)", "./eval/bandit", "TestEstimateIsMetaGradient", ""},
		planted{"wheel/quadrant", "eval/bandit/wheel.go", "if x <= 0 {", "if x > 0 {", "./eval/bandit", "TestWheel", ""},
		planted{"wheel/regret", "eval/bandit/wheel.go", "(1-inside)*(jackpot-.2*jackpot", "(1-inside)*(jackpot-.25*jackpot", "./eval/bandit", "TestWheel", ""},
	)
}
