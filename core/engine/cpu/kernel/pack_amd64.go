package kernel

// transpose transposes blocks of lanes x lanes floats that follow each other along the rows of src; strides in floats.
func (i ISA) transpose(blocks int, src *float32, srcLd int, dst *float32, dstLd int) {
	if i == AVX512 {
		transposeAVX512(blocks, src, srcLd*floatBytes, dst, dstLd*floatBytes)
	} else {
		transposeAVX2(blocks, src, srcLd*floatBytes, dst, dstLd*floatBytes)
	}
}
