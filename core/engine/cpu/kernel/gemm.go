package kernel

import "fmt"

// GemmArgs is a matrix product of row-major matrices:
//
//	C = Alpha * op(A) * op(B) + Beta * C   (+ Bias in every row)   (then ReLU)
//
// op(A) is M x K: A itself with rows of length Lda, or the transpose of the K x M matrix A if TransA. op(B) is K x N
// likewise. Bias has N entries or is nil. With Beta zero, C is not read.
type GemmArgs struct {
	TransA, TransB bool
	M, N, K        int
	Alpha          float32
	A              []float32
	Lda            int
	B              []float32
	Ldb            int
	Beta           float32
	C              []float32
	Ldc            int
	Bias           []float32
	ReLU           bool

	// Convolutions whose images are stored in bfloat16 give these instead of A, B and C: a16 and b16 (not with TransB) are
	// widened as blocks of them are packed, and c16 (with Beta zero, and neither Bias nor ReLU) gets the rounded sums.
	a16, b16, c16 []BF16
	apart         *lattice // where the rows of A lie, if these are pixels that are not beside each other; they are copied
	then          Epilogue // of the rows of C; none where rowParts is 0
}

const (
	// gemmRows and gemmDepth bound the block of A that a task works on: 112 x 384 floats are 172 kB, and a panel of B
	// of that depth 49 kB.
	gemmRows  = 112
	gemmDepth = 384
	// gemmFar is the size from which on panels of B come from the third-level cache: 1 MB.
	gemmFar = 1 << 18
	// gemmShallow is the depth up to which a task finishes a row of tiles before the next: what it writes is more than
	// what it reads then, and goes to memory in long rows.
	gemmShallow = 32
	// gemmCrowded is the number of rows that a tile reads where these compete for the same sets of the first-level cache.
	gemmCrowded = 10
	// gemmTasks is the number of tasks that a product is cut into at least, if it is large enough.
	gemmTasks = 12
	// splitDepth is the least depth of a part when the sum over K is cut to make tasks; maxSplits their number.
	splitDepth = 512
	maxSplits  = 16
	// A product with few rows and many columns is computed as its transpose: packing op(B) would take longer than the
	// product, while op(A) is small. It takes at least one panel's worth of rows and this many times more columns. A B
	// that needs no transposing is packed piece by piece as it is used, where A has no more rows than a block.
	swapLeast = 16
	swapMost  = 128
	swapRatio = 2
	// swapBlock is the number of columns of C that a task fills from the transpose.
	swapBlock = 64
)

// Gemm computes the product. The order of each sum over K depends on the sizes only.
func Gemm(p *Pool, g GemmArgs) {
	g.check()
	if g.M == 0 || g.N == 0 {
		return
	}
	g.scaleC(p)
	if g.K == 0 || g.Alpha == 0 {
		g.finishRows(p, nil, 0)
		return
	}
	scratch := p.borrow()
	defer p.giveBack(scratch)
	if g.swaps() {
		g.swapped(p, scratch)
		return
	}
	if g.streamsB(p.isa) {
		g.streamB(p, scratch)
		return
	}
	b := panels{isa: p.isa, k: g.K, n: g.N}
	if g.M > gemmRows { // else each panel has one user, which packs it piece by piece
		b = newPanels(scratch, p.isa, g.K, g.N)
		g.packB(p, b)
	}
	if g.streamsA(p.isa) {
		g.streamA(p, b)
		return
	}
	g.multiply(p, b, scratch)
}

func (g *GemmArgs) swaps() bool {
	return g.a16 == nil && g.c16 == nil && g.apart == nil && (g.TransB || g.M > gemmRows) && g.M >= swapLeast && g.M <= swapMost && swapRatio*g.M <= g.N
}

// swapped computes Cᵀ = op(B)ᵀ op(A)ᵀ, and C from it.
func (g *GemmArgs) swapped(p *Pool, scratch *arena) {
	turned := scratch.floats(g.N * g.M)
	Gemm(p, GemmArgs{TransA: !g.TransB, TransB: !g.TransA, M: g.N, N: g.M, K: g.K, Alpha: g.Alpha,
		A: g.B, Lda: g.Ldb, B: g.A, Ldb: g.Lda, C: turned, Ldc: g.M})
	p.Run(parts(g.N, swapBlock), func(worker, task int) {
		j0, j1 := spanSize(g.N, swapBlock, task)
		if g.Beta == 0 {
			transposeBlock(p.isa, g.C[j0:], g.Ldc, turned[j0*g.M:], g.M, j1-j0, g.M)
		} else {
			block := p.Scratch(worker, g.M*swapBlock)
			transposeBlock(p.isa, block, swapBlock, turned[j0*g.M:], g.M, j1-j0, g.M)
			for i := range g.M {
				row := g.C[i*g.Ldc+j0 : i*g.Ldc+j1]
				p.isa.Binary(Add, row, row, block[i*swapBlock:])
			}
		}
		for i := range g.M {
			g.finishRow(p.isa, i, j0, j1)
		}
	})
}

// finishRow adds the bias to columns [j0, j1) of row i and applies ReLU.
func (g *GemmArgs) finishRow(isa ISA, i, j0, j1 int) {
	row := g.C[i*g.Ldc+j0 : i*g.Ldc+j1]
	if g.Bias != nil {
		isa.Binary(Add, row, row, g.Bias[j0:])
	}
	if g.ReLU {
		isa.Unary(ReLU, row, row)
	}
}

func (g *GemmArgs) check() {
	rowsA, colsA, rowsB, colsB := g.M, g.K, g.K, g.N
	if g.TransA {
		rowsA, colsA = colsA, rowsA
	}
	if g.TransB {
		rowsB, colsB = colsB, rowsB
	}
	checkMatrix("A", len(g.A)+len(g.a16), rowsA, colsA, g.Lda)
	checkMatrix("B", len(g.B)+len(g.b16), rowsB, colsB, g.Ldb)
	checkMatrix("C", len(g.C)+len(g.c16), g.M, g.N, g.Ldc)
	if g.Bias != nil && len(g.Bias) < g.N {
		panic(fmt.Sprintf("kernel: gemm: bias has %d entries, want %d", len(g.Bias), g.N))
	}
}

func checkMatrix(name string, entries, rows, cols, ld int) {
	if rows < 0 || cols < 0 || ld < cols {
		panic(fmt.Sprintf("kernel: gemm: %s is %d x %d with rows %d apart", name, rows, cols, ld))
	}
	if rows > 0 && entries < (rows-1)*ld+cols {
		panic(fmt.Sprintf("kernel: gemm: %s has %d entries, too few for %d x %d with rows %d apart", name, entries, rows, cols, ld))
	}
}

// scaleC multiplies C by Beta, or clears it where the product will not overwrite it.
func (g *GemmArgs) scaleC(p *Pool) {
	noProduct := g.K == 0 || g.Alpha == 0
	if g.Beta == 1 || g.Beta == 0 && !noProduct {
		return
	}
	p.eachRows(g.M, g.N, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := g.C[i*g.Ldc : i*g.Ldc+g.N]
			if g.Beta == 0 {
				clear(row)
				continue
			}
			p.isa.Scalar(Mul, row, row, g.Beta)
		}
	})
}

// packB fills the panels of op(B).
func (g *GemmArgs) packB(p *Pool, b panels) {
	depth := parts(g.K, gemmDepth)
	p.Run(b.count()*depth, func(_, task int) {
		j := task / depth
		lo, hi := span(g.K, depth, task%depth)
		g.packPanel(b, j, lo, hi, b.rows(j, lo, hi))
	})
}

// packPanel copies rows [lo, hi) of panel j of op(B) to dst.
func (g *GemmArgs) packPanel(b panels, j, lo, hi int, dst []float32) {
	if g.TransB {
		b.packT(dst, j, g.B[lo:], g.Ldb)
	} else {
		b.packOf(dst, j, Array{g.B, g.b16}.from(lo*g.Ldb), g.Ldb)
	}
}

// multiply cuts C into blocks of rows and groups of panels, and the sum over K too where C alone makes too few tasks.
func (g *GemmArgs) multiply(p *Pool, b panels, scratch *arena) {
	blocks, groups, splits := g.cut(b.count())
	var sums []float32
	if splits > 1 {
		sums = scratch.floats(splits * g.M * g.N)
	}
	p.Run(blocks*groups*splits, func(worker, task int) {
		m0, m1 := span(g.M, blocks, task%blocks)
		j0, j1 := span(b.count(), groups, task/blocks%groups)
		split := task / blocks / groups
		k0, k1 := span(g.K, splits, split)
		block := gemmBlock{GemmArgs: g, isa: p.isa, b: b, m0: m0, m1: m1, j0: j0, j1: j1, k0: k0, k1: k1, out: g.destination()}
		if sums != nil {
			block.out = gemmOut{c: Floats(sums[split*g.M*g.N:]), ld: g.N, alpha: 1}
		}
		block.next.addRows(g.then.Reads, m0, m1, g.N)
		block.next.add(g.rowsOfA(task+p.threads, blocks))
		block.compute(&p.slots[worker])
		if g.then.Done != nil {
			g.then.Done(worker, task, m0, m1)
		}
	})
	if sums != nil {
		g.finishRows(p, sums, splits)
	}
}

// cut returns into how many blocks of rows, groups of panels and parts of the sum over K the product is cut.
func (g *GemmArgs) cut(panels int) (blocks, groups, splits int) {
	blocks, groups, splits = parts(g.M, gemmRows), 1, 1
	if blocks < gemmTasks {
		groups = min(panels, parts(gemmTasks, blocks))
	}
	if n := blocks * groups; n < gemmTasks {
		splits = max(1, min(maxSplits, parts(gemmTasks, n), g.K/splitDepth))
	}
	return blocks, groups, splits
}

// rowParts is the number of parts that an epilogue is told; 0 where rows are not completed one block after the other.
func (g *GemmArgs) rowParts(isa ISA) int {
	blocks, groups, splits := g.cut(panels{isa: isa, n: g.N}.count())
	if g.swaps() || g.streamsA(isa) || g.streamsB(isa) || groups > 1 || splits > 1 || g.K == 0 {
		return 0
	}
	return blocks
}

// finishRows adds the partial sums into C in order, then the bias, then ReLU.
func (g *GemmArgs) finishRows(p *Pool, sums []float32, splits int) {
	p.eachRows(g.M, g.N*(splits+1), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			if g.c16 != nil {
				row := sums[i*g.N : (i+1)*g.N] // of the first split, which gets the total
				g.addSums(p.isa, row, sums, i, splits)
				p.isa.Narrow(g.c16[i*g.Ldc:i*g.Ldc+g.N], row)
				continue
			}
			g.addSums(p.isa, g.C[i*g.Ldc:i*g.Ldc+g.N], sums, i, splits)
			g.finishRow(p.isa, i, 0, g.N)
		}
	})
}

// addSums adds the partial sums of row i in order, and Alpha times their total to the row of C.
func (g *GemmArgs) addSums(isa ISA, row, sums []float32, i, splits int) {
	if splits == 0 {
		return
	}
	total := sums[i*g.N : (i+1)*g.N]
	for s := 1; s < splits; s++ {
		isa.Binary(Add, total, total, sums[(s*g.M+i)*g.N:(s*g.M+i+1)*g.N])
	}
	if g.Beta == 0 {
		isa.Scalar(Mul, row, total, g.Alpha)
	} else {
		isa.Axpy(row, g.Alpha, total)
	}
}
