package kernel

// The functions of this file choose the assembly for a pass of batch norm and report false where there is none.

func (i ISA) bnStatsFast(sum, squares, x, shift []float32, rows int) bool {
	switch i {
	case AVX512:
		bnStatsAVX512(&sum[0], &squares[0], &x[0], &shift[0], rows, len(shift), len(shift))
	case AVX2:
		bnStatsAVX2(&sum[0], &squares[0], &x[0], &shift[0], rows, len(shift), len(shift))
	default:
		return false
	}
	return true
}

func (i ISA) bnReduceFast(dot, sum, x, dy, y, mean []float32, rows int) bool {
	switch i {
	case AVX512:
		if y == nil {
			bnReduceAVX512(&dot[0], &sum[0], &x[0], &dy[0], &mean[0], rows, len(mean), len(mean))
		} else {
			bnReduceMaskedAVX512(&dot[0], &sum[0], &x[0], &dy[0], &y[0], &mean[0], rows, len(mean), len(mean))
		}
	case AVX2:
		if y == nil {
			bnReduceAVX2(&dot[0], &sum[0], &x[0], &dy[0], &mean[0], rows, len(mean), len(mean))
		} else {
			bnReduceMaskedAVX2(&dot[0], &sum[0], &x[0], &dy[0], &y[0], &mean[0], rows, len(mean), len(mean))
		}
	default:
		return false
	}
	return true
}

func (i ISA) bnApplyFast(y, x, res, mean, a, b []float32, relu bool) bool {
	switch i {
	case AVX512:
		n := len(mean)
		switch {
		case res == nil && !relu:
			bnApplyAVX512(&y[0], &x[0], &mean[0], &a[0], &b[0], len(y)/n, n)
		case res == nil:
			bnApplyReLUAVX512(&y[0], &x[0], &mean[0], &a[0], &b[0], len(y)/n, n)
		case !relu:
			bnApplyAddAVX512(&y[0], &x[0], &res[0], &mean[0], &a[0], &b[0], len(y)/n, n)
		default:
			bnApplyAddReLUAVX512(&y[0], &x[0], &res[0], &mean[0], &a[0], &b[0], len(y)/n, n)
		}
	case AVX2:
		n := len(mean)
		switch {
		case res == nil && !relu:
			bnApplyAVX2(&y[0], &x[0], &mean[0], &a[0], &b[0], len(y)/n, n)
		case res == nil:
			bnApplyReLUAVX2(&y[0], &x[0], &mean[0], &a[0], &b[0], len(y)/n, n)
		case !relu:
			bnApplyAddAVX2(&y[0], &x[0], &res[0], &mean[0], &a[0], &b[0], len(y)/n, n)
		default:
			bnApplyAddReLUAVX2(&y[0], &x[0], &res[0], &mean[0], &a[0], &b[0], len(y)/n, n)
		}
	default:
		return false
	}
	return true
}

func (i ISA) bnBackwardFast(b *bnGradient[float32]) bool {
	switch i {
	case AVX512:
		n := len(b.mean)
		rows := len(b.dx) / n
		switch {
		case b.y == nil:
			bnBackwardAVX512(&b.dx[0], &b.x[0], &b.dy[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
		case b.dres == nil:
			bnBackwardMaskedAVX512(&b.dx[0], &b.x[0], &b.dy[0], &b.y[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
		default:
			bnBackwardBranchAVX512(&b.dx[0], &b.dres[0], &b.x[0], &b.dy[0], &b.y[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
		}
	case AVX2:
		n := len(b.mean)
		rows := len(b.dx) / n
		switch {
		case b.y == nil:
			bnBackwardAVX2(&b.dx[0], &b.x[0], &b.dy[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
		case b.dres == nil:
			bnBackwardMaskedAVX2(&b.dx[0], &b.x[0], &b.dy[0], &b.y[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
		default:
			bnBackwardBranchAVX2(&b.dx[0], &b.dres[0], &b.x[0], &b.dy[0], &b.y[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
		}
	default:
		return false
	}
	return true
}
