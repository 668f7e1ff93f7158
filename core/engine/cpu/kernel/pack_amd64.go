package kernel

// transpose transposes blocks of lanes x lanes floats that follow each other along the rows of src; strides in floats.
func (i ISA) transpose(blocks int, src *float32, srcLd int, dst *float32, dstLd int) {
	if i == AVX512 {
		transposeAVX512(blocks, src, srcLd*floatBytes, dst, dstLd*floatBytes)
	} else {
		transposeAVX2(blocks, src, srcLd*floatBytes, dst, dstLd*floatBytes)
	}
}

// copyRowsFast copies the first width floats of rows that are ld apart, width being one vector or two.
func (i ISA) copyRowsFast(dst []float32, src Array, rows, width, ld int) bool {
	switch {
	case src.half() && width == 32:
		copyRows2AVX512BF16(rows, src.first16(), ld*halfBytes, &dst[0])
	case src.half() && width == 16:
		copyRows1AVX512BF16(rows, src.first16(), ld*halfBytes, &dst[0])
	case i == AVX512 && width == 32:
		copyRows2AVX512(rows, &src.floats[0], ld*floatBytes, &dst[0])
	case i == AVX512 && width == 16:
		copyRows1AVX512(rows, &src.floats[0], ld*floatBytes, &dst[0])
	case i == AVX2 && width == 16:
		copyRows2AVX2(rows, &src.floats[0], ld*floatBytes, &dst[0])
	case i == AVX2 && width == 8:
		copyRows1AVX2(rows, &src.floats[0], ld*floatBytes, &dst[0])
	default:
		return false
	}
	return true
}
