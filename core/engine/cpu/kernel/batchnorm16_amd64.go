package kernel

// The passes of batch norm over images in bfloat16, for CPUs that round to it by an instruction.

func colSums16(sum []float32, x []BF16, rows int) {
	colSumsAVX512BF16(&sum[0], (*uint16)(&x[0]), rows, len(sum), len(sum))
}

func bnStats16(sum, squares []float32, x []BF16, shift []float32, rows int) {
	bnStatsAVX512BF16(&sum[0], &squares[0], (*uint16)(&x[0]), &shift[0], rows, len(shift), len(shift))
}

func bnReduce16(dot, sum []float32, x, dy, y []BF16, mean []float32, rows int) {
	if y == nil {
		bnReduceAVX512BF16(&dot[0], &sum[0], (*uint16)(&x[0]), (*uint16)(&dy[0]), &mean[0], rows, len(mean), len(mean))
	} else {
		bnReduceMaskedAVX512BF16(&dot[0], &sum[0], (*uint16)(&x[0]), (*uint16)(&dy[0]), (*uint16)(&y[0]), &mean[0], rows, len(mean), len(mean))
	}
}

func bnApply16(y, x, res []BF16, mean, a, b []float32, relu bool) {
	n := len(mean)
	to, from, rows := (*uint16)(&y[0]), (*uint16)(&x[0]), len(y)/n
	switch {
	case res == nil && !relu:
		bnApplyAVX512BF16(to, from, &mean[0], &a[0], &b[0], rows, n)
	case res == nil:
		bnApplyReLUAVX512BF16(to, from, &mean[0], &a[0], &b[0], rows, n)
	case !relu:
		bnApplyAddAVX512BF16(to, from, (*uint16)(&res[0]), &mean[0], &a[0], &b[0], rows, n)
	default:
		bnApplyAddReLUAVX512BF16(to, from, (*uint16)(&res[0]), &mean[0], &a[0], &b[0], rows, n)
	}
}

func bnBackward16(g *bnGradient[BF16]) {
	g.keepsAll()
	n := len(g.mean)
	dx, dy, x, rows := (*uint16)(&g.dx[0]), (*uint16)(&g.dy[0]), (*uint16)(&g.x[0]), len(g.dx)/n
	switch {
	case g.y == nil:
		bnBackwardAVX512BF16(dx, x, dy, &g.mean[0], &g.a[0], &g.b[0], &g.c[0], rows, n)
	case g.dres == nil:
		bnBackwardMaskedAVX512BF16(dx, x, dy, (*uint16)(&g.y[0]), &g.mean[0], &g.a[0], &g.b[0], &g.c[0], rows, n)
	default:
		bnBackwardBranchAVX512BF16(dx, (*uint16)(&g.dres[0]), x, dy, (*uint16)(&g.y[0]), &g.mean[0], &g.a[0], &g.b[0], &g.c[0], rows, n)
	}
}
