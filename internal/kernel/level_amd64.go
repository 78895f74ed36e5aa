package kernel

import "golang.org/x/sys/cpu"

//go:generate go run ./asm -out simd_amd64.s -stubs simd_amd64.go -pkg kernel

func detectLevel() levelKind {
	x := &cpu.X86
	switch {
	case !(x.HasAVX2 && x.HasFMA && x.HasBMI2):
		return levelGo
	case !(x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL):
		return levelAVX2
	}
	return levelAVX512
}

func levelRoutines(l levelKind) *routines {
	switch l {
	case levelAVX512:
		return &routinesAVX512
	case levelAVX2:
		return &routinesAVX2
	}
	return nil
}

var routinesAVX2 = routines{
	mr: tilesAVX2.mr, nr: tilesAVX2.nr(), few: tilesAVX2.few, mulStrip: tilesAVX2.mulStrip, mulRows: tilesAVX2.mulRows, mulGathered: tilesAVX2.mulGathered, furthest: furthestAVX2, transpose: transpose8,
	exp: expAVX2, tanh: tanhAVX2, sigmoid: sigmoidAVX2,
	axpy: axpyAVX2, scale: scaleAVX2, add: addAVX2, mul: mulAVX2, mulAdd: mulAddAVX2, dot: dotAVX2,
	sumSquares: sumSquaresAVX2, allFinite: allFiniteAVX2,
	addRows: addRowsAVX2, tanhBackward: tanhBackwardAVX2,
	roundBF16: roundBF16AVX2,
	maxOf:     maxOfAVX2, addMax: addMaxAVX2, scaleAdd: scaleAddAVX2, expShifted: expShiftedAVX2, sumExp: sumExpAVX2,
	lstmForward: lstmForwardAVX2, lstmBackward: lstmBackwardAVX2,
	sgd: sgdAVX2, adam: adamAVX2, average: averageAVX2,
	traceUpdate:   [8]func(*byte){0: traceUpdate0AVX2, 2: traceUpdate2AVX2, 4: traceUpdate4AVX2, 6: traceUpdate6AVX2},
	traceForward:  [8]func(*byte) float32{traceForward0AVX2, traceForward1AVX2, traceForward2AVX2, traceForward3AVX2, traceForward4AVX2, traceForward5AVX2, traceForward6AVX2, traceForward7AVX2},
	traceBackward: [8]func(*byte){traceBackward0AVX2, traceBackward1AVX2, traceBackward2AVX2, traceBackward3AVX2, traceBackward4AVX2, traceBackward5AVX2, traceBackward6AVX2, traceBackward7AVX2},
	mulWeights:    mulWeightsAVX2, decomposedUpdate: decomposedUpdateAVX2, decomposedUpdateMul: decomposedUpdateMulAVX2,
	fullUpdate: fullUpdateAVX2, fullUpdateMul: fullUpdateMulAVX2, eligibilityUpdate: eligibilityUpdateAVX2, eligibilityUpdateMul: eligibilityUpdateMulAVX2,
	fma: fmaAVX2,
}

// nativeDots returns the routines for bfloat16, nil where the processor has no
// instructions for it.
func nativeDots() *dotRoutines {
	if !cpu.X86.HasAVX512BF16 {
		return nil
	}
	return &dotsAVX512
}

var routinesAVX512 = routines{
	dots: nativeDots(), inPlace: true,
	mr: tilesAVX512.mr, nr: tilesAVX512.nr(), few: tilesAVX512.few, mulStrip: tilesAVX512.mulStrip, mulRows: tilesAVX512.mulRows, mulGathered: tilesAVX512.mulGathered, furthest: furthestAVX512, transpose: transpose8, packStrips: packStripsAVX512,
	exp: expAVX512, tanh: tanhAVX512, sigmoid: sigmoidAVX512,
	axpy: axpyAVX512, scale: scaleAVX512, add: addAVX512, mul: mulAVX512, mulAdd: mulAddAVX512, dot: dotAVX512,
	sumSquares: sumSquaresAVX512, allFinite: allFiniteAVX512,
	addRows: addRowsAVX512, tanhBackward: tanhBackwardAVX512,
	roundBF16: roundBF16AVX2,
	maxOf:     maxOfAVX512, addMax: addMaxAVX512, scaleAdd: scaleAddAVX512, expShifted: expShiftedAVX512, sumExp: sumExpAVX512,
	lstmForward: lstmForwardAVX512, lstmBackward: lstmBackwardAVX512,
	sgd: sgdAVX512, adam: adamAVX512, average: averageAVX512,
	traceUpdate:       [8]func(*byte){0: traceUpdate0AVX512, 2: traceUpdate2AVX512, 4: traceUpdate4AVX512, 6: traceUpdate6AVX512},
	traceForward:      [8]func(*byte) float32{traceForward0AVX512, traceForward1AVX512, traceForward2AVX512, traceForward3AVX512, traceForward4AVX512, traceForward5AVX512, traceForward6AVX512, traceForward7AVX512},
	traceBackward:     [8]func(*byte){traceBackward0AVX512, traceBackward1AVX512, traceBackward2AVX512, traceBackward3AVX512, traceBackward4AVX512, traceBackward5AVX512, traceBackward6AVX512, traceBackward7AVX512},
	blockUpdate:       [8]func(*byte){0: blockUpdate0AVX512, 2: blockUpdate2AVX512, 4: blockUpdate4AVX512, 6: blockUpdate6AVX512},
	blockForward:      [8]func(*byte){blockForward0AVX512, blockForward1AVX512, blockForward2AVX512, blockForward3AVX512, blockForward4AVX512, blockForward5AVX512, blockForward6AVX512, blockForward7AVX512},
	blockBackward:     [8]func(*byte){blockBackward0AVX512, blockBackward1AVX512, blockBackward2AVX512, blockBackward3AVX512, blockBackward4AVX512, blockBackward5AVX512, blockBackward6AVX512, blockBackward7AVX512},
	blockUpdateFree:   [8]func(*byte){0: blockUpdateFree0AVX512, 4: blockUpdateFree4AVX512},
	blockBackwardFree: [8]func(*byte){0: blockBackwardFree0AVX512, 4: blockBackwardFree4AVX512},
	mulWeights:        mulWeightsAVX512, decomposedUpdate: decomposedUpdateAVX512, decomposedUpdateMul: decomposedUpdateMulAVX512,
	fullUpdate: fullUpdateAVX512, fullUpdateMul: fullUpdateMulAVX512, eligibilityUpdate: eligibilityUpdateAVX512, eligibilityUpdateMul: eligibilityUpdateMulAVX512,
	fma: fmaAVX512,
}
