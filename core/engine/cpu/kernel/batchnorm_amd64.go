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

// The passes that write matrices, by instruction set: with results stored as usual, and streamed.
type (
	applyKernel  func(y, x, mean, a, b *float32, rows, cols int)
	addKernel    func(y, x, res, mean, a, b *float32, rows, cols int)
	backKernel   func(dx, x, dy, mean, a, b, c *float32, rows, cols int)
	maskedKernel func(dx, x, dy, y, mean, a, b, c *float32, rows, cols int)
	branchKernel func(dx, dres, x, dy, y, mean, a, b, c *float32, rows, cols int)
)

type bnKernels struct {
	apply, applyReLU applyKernel
	add, addReLU     addKernel
	back             backKernel
	masked           maskedKernel
	branch           branchKernel
}

// bnKernelsOf returns the kernels; false where there is no assembly.
func (i ISA) bnKernelsOf(streamed bool) (k bnKernels, ok bool) {
	switch {
	case i == AVX512 && streamed:
		return bnKernels{bnApplyStreamAVX512, bnApplyReLUStreamAVX512, bnApplyAddStreamAVX512, bnApplyAddReLUStreamAVX512,
			bnBackwardStreamAVX512, bnBackwardMaskedStreamAVX512, bnBackwardBranchStreamAVX512}, true
	case i == AVX512:
		return bnKernels{bnApplyAVX512, bnApplyReLUAVX512, bnApplyAddAVX512, bnApplyAddReLUAVX512,
			bnBackwardAVX512, bnBackwardMaskedAVX512, bnBackwardBranchAVX512}, true
	case i == AVX2 && streamed:
		return bnKernels{bnApplyStreamAVX2, bnApplyReLUStreamAVX2, bnApplyAddStreamAVX2, bnApplyAddReLUStreamAVX2,
			bnBackwardStreamAVX2, bnBackwardMaskedStreamAVX2, bnBackwardBranchStreamAVX2}, true
	case i == AVX2:
		return bnKernels{bnApplyAVX2, bnApplyReLUAVX2, bnApplyAddAVX2, bnApplyAddReLUAVX2,
			bnBackwardAVX2, bnBackwardMaskedAVX2, bnBackwardBranchAVX2}, true
	}
	return bnKernels{}, false
}

func (i ISA) bnApplyFast(y, x, res, mean, a, b []float32, relu, streamed bool) bool {
	k, ok := i.bnKernelsOf(streamed)
	n := len(mean)
	switch {
	case !ok:
		return false
	case res == nil && !relu:
		k.apply(&y[0], &x[0], &mean[0], &a[0], &b[0], len(y)/n, n)
	case res == nil:
		k.applyReLU(&y[0], &x[0], &mean[0], &a[0], &b[0], len(y)/n, n)
	case !relu:
		k.add(&y[0], &x[0], &res[0], &mean[0], &a[0], &b[0], len(y)/n, n)
	default:
		k.addReLU(&y[0], &x[0], &res[0], &mean[0], &a[0], &b[0], len(y)/n, n)
	}
	return true
}

func (i ISA) bnBackwardFast(b *bnGradient[float32], streamed bool) bool {
	k, ok := i.bnKernelsOf(streamed)
	n := len(b.mean)
	rows := len(b.dx) / n
	switch {
	case !ok:
		return false
	case b.y == nil:
		k.back(&b.dx[0], &b.x[0], &b.dy[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
	case b.dres == nil:
		k.masked(&b.dx[0], &b.x[0], &b.dy[0], &b.y[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
	default:
		k.branch(&b.dx[0], &b.dres[0], &b.x[0], &b.dy[0], &b.y[0], &b.mean[0], &b.a[0], &b.b[0], &b.c[0], rows, n)
	}
	return true
}
