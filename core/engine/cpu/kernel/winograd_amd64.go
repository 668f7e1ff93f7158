package kernel

// The transforms of Winograd's method. Distances are in floats.

func (i ISA) winoInput(vecs int, src *float32, row, pixel int, dst *float32, next int) {
	if i == AVX512 {
		winoInputAVX512(vecs, src, row*floatBytes, pixel*floatBytes, dst, next*floatBytes)
	} else {
		winoInputAVX2(vecs, src, row*floatBytes, pixel*floatBytes, dst, next*floatBytes)
	}
}

func (i ISA) winoOutput(vecs int, src *float32, next int, dst *float32, row, pixel int) {
	if i == AVX512 {
		winoOutputAVX512(vecs, src, next*floatBytes, dst, row*floatBytes, pixel*floatBytes)
	} else {
		winoOutputAVX2(vecs, src, next*floatBytes, dst, row*floatBytes, pixel*floatBytes)
	}
}

func (i ISA) winoGradient(vecs int, src *float32, row, pixel int, dst *float32, next int) {
	if i == AVX512 {
		winoGradientAVX512(vecs, src, row*floatBytes, pixel*floatBytes, dst, next*floatBytes)
	} else {
		winoGradientAVX2(vecs, src, row*floatBytes, pixel*floatBytes, dst, next*floatBytes)
	}
}

func (i ISA) winoWeights(vecs int, src *float32, tap int, dst *float32, next int) {
	if i == AVX512 {
		winoWeightsAVX512(vecs, src, tap*floatBytes, dst, next*floatBytes)
	} else {
		winoWeightsAVX2(vecs, src, tap*floatBytes, dst, next*floatBytes)
	}
}

func (i ISA) winoWeightsGrad(vecs int, src *float32, next int, dst *float32, tap int) {
	if i == AVX512 {
		winoWeightsGradAVX512(vecs, src, next*floatBytes, dst, tap*floatBytes)
	} else {
		winoWeightsGradAVX2(vecs, src, next*floatBytes, dst, tap*floatBytes)
	}
}

// masks reports whether tiles at the edge can be handled by masks: these three transforms exist for AVX-512 only.
func (i ISA) masks() bool { return i == AVX512 }

func (i ISA) winoInputEdge(vecs int, src *float32, offset, row, pixel int, dst *float32, next, rows, cols int) {
	winoInputEdgeAVX512(vecs, src, offset*floatBytes, row*floatBytes, pixel*floatBytes, dst, next*floatBytes, rows, cols)
}

func (i ISA) winoOutputEdge(vecs int, src *float32, next int, dst *float32, row, pixel, rows, cols int) {
	winoOutputEdgeAVX512(vecs, src, next*floatBytes, dst, row*floatBytes, pixel*floatBytes, rows, cols)
}

func (i ISA) winoGradientEdge(vecs int, src *float32, row, pixel int, dst *float32, next, rows, cols int) {
	winoGradientEdgeAVX512(vecs, src, 0, row*floatBytes, pixel*floatBytes, dst, next*floatBytes, rows, cols)
}
