package kernel

// The functions of this file choose the assembly for a vector operation. They report false where there is none, and the
// caller does the operation in Go. Slices have equal lengths above zero.

func (i ISA) binary(op Op, dst, a, b []float32) bool {
	d, x, y, n := &dst[0], &a[0], &b[0], len(dst)
	switch i {
	case AVX512:
		switch op {
		case Add:
			addAVX512(d, x, y, n)
		case Sub:
			subAVX512(d, x, y, n)
		case Mul:
			mulAVX512(d, x, y, n)
		case Div:
			divAVX512(d, x, y, n)
		case Max:
			maxAVX512(d, x, y, n)
		case Min:
			minAVX512(d, x, y, n)
		case SubFrom:
			subFromAVX512(d, x, y, n)
		case DivInto:
			divIntoAVX512(d, x, y, n)
		}
		return true
	case AVX2:
		switch op {
		case Add:
			addAVX2(d, x, y, n)
		case Sub:
			subAVX2(d, x, y, n)
		case Mul:
			mulAVX2(d, x, y, n)
		case Div:
			divAVX2(d, x, y, n)
		case Max:
			maxAVX2(d, x, y, n)
		case Min:
			minAVX2(d, x, y, n)
		case SubFrom:
			subFromAVX2(d, x, y, n)
		case DivInto:
			divIntoAVX2(d, x, y, n)
		}
		return true
	}
	return false
}

func (i ISA) scalar(op Op, dst, a []float32, c float32) bool {
	d, x, n := &dst[0], &a[0], len(dst)
	switch i {
	case AVX512:
		switch op {
		case Add:
			addScalarAVX512(d, x, c, n)
		case Sub:
			subScalarAVX512(d, x, c, n)
		case Mul:
			mulScalarAVX512(d, x, c, n)
		case Div:
			divScalarAVX512(d, x, c, n)
		case Max:
			maxScalarAVX512(d, x, c, n)
		case Min:
			minScalarAVX512(d, x, c, n)
		case SubFrom:
			subFromScalarAVX512(d, x, c, n)
		case DivInto:
			divIntoScalarAVX512(d, x, c, n)
		}
		return true
	case AVX2:
		switch op {
		case Add:
			addScalarAVX2(d, x, c, n)
		case Sub:
			subScalarAVX2(d, x, c, n)
		case Mul:
			mulScalarAVX2(d, x, c, n)
		case Div:
			divScalarAVX2(d, x, c, n)
		case Max:
			maxScalarAVX2(d, x, c, n)
		case Min:
			minScalarAVX2(d, x, c, n)
		case SubFrom:
			subFromScalarAVX2(d, x, c, n)
		case DivInto:
			divIntoScalarAVX2(d, x, c, n)
		}
		return true
	}
	return false
}

func (i ISA) binaryRows(op Op, dst, a, row []float32) bool {
	d, x, y, rows, n := &dst[0], &a[0], &row[0], len(dst)/len(row), len(row)
	switch i {
	case AVX512:
		switch op {
		case Add:
			addRowsAVX512(d, x, y, rows, n)
		case Sub:
			subRowsAVX512(d, x, y, rows, n)
		case Mul:
			mulRowsAVX512(d, x, y, rows, n)
		case Div:
			divRowsAVX512(d, x, y, rows, n)
		case Max:
			maxRowsAVX512(d, x, y, rows, n)
		case Min:
			minRowsAVX512(d, x, y, rows, n)
		case SubFrom:
			subFromRowsAVX512(d, x, y, rows, n)
		case DivInto:
			divIntoRowsAVX512(d, x, y, rows, n)
		}
		return true
	case AVX2:
		switch op {
		case Add:
			addRowsAVX2(d, x, y, rows, n)
		case Sub:
			subRowsAVX2(d, x, y, rows, n)
		case Mul:
			mulRowsAVX2(d, x, y, rows, n)
		case Div:
			divRowsAVX2(d, x, y, rows, n)
		case Max:
			maxRowsAVX2(d, x, y, rows, n)
		case Min:
			minRowsAVX2(d, x, y, rows, n)
		case SubFrom:
			subFromRowsAVX2(d, x, y, rows, n)
		case DivInto:
			divIntoRowsAVX2(d, x, y, rows, n)
		}
		return true
	}
	return false
}

func (i ISA) unary(f Func, dst, a []float32) bool {
	d, x, n := &dst[0], &a[0], len(dst)
	switch i {
	case AVX512:
		switch f {
		case Square:
			squareAVX512(d, x, n)
		case Sqrt:
			sqrtAVX512(d, x, n)
		case Abs:
			absAVX512(d, x, n)
		}
		return true
	case AVX2:
		switch f {
		case Square:
			squareAVX2(d, x, n)
		case Sqrt:
			sqrtAVX2(d, x, n)
		case Abs:
			absAVX2(d, x, n)
		}
		return true
	}
	return false
}

func (i ISA) affine(dst, x []float32, a, b float32) bool {
	switch i {
	case AVX512:
		affineAVX512(&dst[0], &x[0], a, b, len(dst))
	case AVX2:
		affineAVX2(&dst[0], &x[0], a, b, len(dst))
	default:
		return false
	}
	return true
}

func (i ISA) axpy(dst []float32, a float32, x []float32) bool {
	switch i {
	case AVX512:
		axpyAVX512(&dst[0], &x[0], a, len(dst))
	case AVX2:
		axpyAVX2(&dst[0], &x[0], a, len(dst))
	default:
		return false
	}
	return true
}

func (i ISA) mulAdd(dst, a, b, c []float32) bool {
	switch i {
	case AVX512:
		mulAddAVX512(&dst[0], &a[0], &b[0], &c[0], len(dst))
	case AVX2:
		mulAddAVX2(&dst[0], &a[0], &b[0], &c[0], len(dst))
	default:
		return false
	}
	return true
}

func (i ISA) reluGrad(dst, g, y []float32) bool {
	switch i {
	case AVX512:
		reluGradAVX512(&dst[0], &g[0], &y[0], len(dst))
	case AVX2:
		reluGradAVX2(&dst[0], &g[0], &y[0], len(dst))
	default:
		return false
	}
	return true
}

func (i ISA) reduce(r reduction, a, b []float32) (float64, bool) {
	x, y, n := &a[0], &b[0], len(a)
	switch i {
	case AVX512:
		switch r {
		case sum:
			return sumAVX512(x, n), true
		case sumSquares:
			return sumSquaresAVX512(x, n), true
		case dot:
			return dotAVX512(x, y, n), true
		case sumSquaredDiff:
			return sumSquaredDiffAVX512(x, y, n), true
		}
	case AVX2:
		switch r {
		case sum:
			return sumAVX2(x, n), true
		case sumSquares:
			return sumSquaresAVX2(x, n), true
		case dot:
			return dotAVX2(x, y, n), true
		case sumSquaredDiff:
			return sumSquaredDiffAVX2(x, y, n), true
		}
	}
	return 0, false
}

func (i ISA) colSumsFast(dst, x []float32, rows, ld int) bool {
	switch i {
	case AVX512:
		colSumsAVX512(&dst[0], &x[0], rows, len(dst), ld)
	case AVX2:
		colSumsAVX2(&dst[0], &x[0], rows, len(dst), ld)
	default:
		return false
	}
	return true
}

func (i ISA) maxPoolGradFast(left, dx, x, y []float32) bool {
	switch i {
	case AVX512:
		maxPoolGradAVX512(&left[0], &dx[0], &x[0], &y[0], len(dx))
	case AVX2:
		maxPoolGradAVX2(&left[0], &dx[0], &x[0], &y[0], len(dx))
	default:
		return false
	}
	return true
}
