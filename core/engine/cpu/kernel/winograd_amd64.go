package kernel

// The transforms of Winograd's method. Distances are in numbers. Images in bfloat16 are for ISAs that load these.

func (i ISA) winoInput(vecs int, src Array, row, pixel int, dst *float32, next int) {
	switch {
	case src.half():
		winoInputAVX512BF16(vecs, src.first16(), row*halfBytes, pixel*halfBytes, dst, next*floatBytes)
	case i == AVX512:
		winoInputAVX512(vecs, &src.floats[0], row*floatBytes, pixel*floatBytes, dst, next*floatBytes)
	default:
		winoInputAVX2(vecs, &src.floats[0], row*floatBytes, pixel*floatBytes, dst, next*floatBytes)
	}
}

func (i ISA) winoOutput(vecs int, src *float32, next int, dst Array, row, pixel int) {
	switch {
	case dst.half():
		winoOutputAVX512BF16(vecs, src, next*floatBytes, dst.first16(), row*halfBytes, pixel*halfBytes)
	case i == AVX512:
		winoOutputAVX512(vecs, src, next*floatBytes, &dst.floats[0], row*floatBytes, pixel*floatBytes)
	default:
		winoOutputAVX2(vecs, src, next*floatBytes, &dst.floats[0], row*floatBytes, pixel*floatBytes)
	}
}

func (i ISA) winoGradient(vecs int, src Array, row, pixel int, dst *float32, next int) {
	switch {
	case src.half():
		winoGradientAVX512BF16(vecs, src.first16(), row*halfBytes, pixel*halfBytes, dst, next*floatBytes)
	case i == AVX512:
		winoGradientAVX512(vecs, &src.floats[0], row*floatBytes, pixel*floatBytes, dst, next*floatBytes)
	default:
		winoGradientAVX2(vecs, &src.floats[0], row*floatBytes, pixel*floatBytes, dst, next*floatBytes)
	}
}

func (i ISA) winoWeights(vecs int, src *float32, tap, ahead int, dst *float32, next int) {
	if i == AVX512 {
		winoWeightsAVX512(vecs, src, tap*floatBytes, ahead*floatBytes, dst, next*floatBytes)
	} else {
		winoWeightsAVX2(vecs, src, tap*floatBytes, ahead*floatBytes, dst, next*floatBytes)
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

func (i ISA) winoInputEdge(vecs int, src Array, offset, row, pixel int, dst *float32, next, rows, cols int) {
	if src.half() {
		winoInputEdgeAVX512BF16(vecs, src.first16(), offset*halfBytes, row*halfBytes, pixel*halfBytes, dst, next*floatBytes, rows, cols)
	} else {
		winoInputEdgeAVX512(vecs, &src.floats[0], offset*floatBytes, row*floatBytes, pixel*floatBytes, dst, next*floatBytes, rows, cols)
	}
}

func (i ISA) winoOutputEdge(vecs int, src *float32, next int, dst Array, row, pixel, rows, cols int) {
	if dst.half() {
		winoOutputEdgeAVX512BF16(vecs, src, next*floatBytes, dst.first16(), row*halfBytes, pixel*halfBytes, rows, cols)
	} else {
		winoOutputEdgeAVX512(vecs, src, next*floatBytes, &dst.floats[0], row*floatBytes, pixel*floatBytes, rows, cols)
	}
}

func (i ISA) winoGradientEdge(vecs int, src Array, row, pixel int, dst *float32, next, rows, cols int) {
	if src.half() {
		winoGradientEdgeAVX512BF16(vecs, src.first16(), 0, row*halfBytes, pixel*halfBytes, dst, next*floatBytes, rows, cols)
	} else {
		winoGradientEdgeAVX512(vecs, &src.floats[0], 0, row*floatBytes, pixel*floatBytes, dst, next*floatBytes, rows, cols)
	}
}
