package kernel

// gemmBlock is what a task of a product computes: rows [m0, m1) of op(A) times panels [j0, j1) of op(B), over k in [k0, k1).
type gemmBlock struct {
	*GemmArgs
	isa                    ISA
	b                      panels
	m0, m1, j0, j1, k0, k1 int
	out                    gemmOut
	next                   reads // which the worker will probably need then, and fetches meanwhile

	tiles         int       // into which the rows are cut
	copied, piece []float32 // memory for A and for a panel of B; nil where these are read in place
}

// gemmOut is where a block's product goes and what happens to it there.
type gemmOut struct {
	c     Array
	ld    int
	first int // c's first element has this place in all of C
	alpha float32
	add   bool
	bias  []float32
	relu  bool
}

func (g *GemmArgs) destination() gemmOut {
	return gemmOut{c: Array{g.C, g.c16}, ld: g.Ldc, alpha: g.Alpha, add: g.Beta != 0, bias: g.Bias, relu: g.ReLU}
}

// compute sets the block of C, or the sums that are cut from it.
func (k *gemmBlock) compute(slot *slot) {
	k.takeMemory(&slot.arena)
	depth := parts(k.k1-k.k0, gemmDepth)
	apart := k.out.c.half() && (depth > 1 || !k.isa.rounds())
	if apart { // summed in float32, rounded afterwards
		k.sumApart(&slot.arena)
	}
	height := k.isa.maxRows()
	if k.copied == nil && k.crowded() {
		height = min(height, gemmCrowded)
	}
	k.tiles = parts(k.m1-k.m0, height)
	for d := range depth {
		k.addTerms(&slot.tile, d, depth)
	}
	slot.tile.fetchNothing()
	if apart {
		k.round()
	}
}

// takeMemory takes memory for what is not read in place.
func (k *gemmBlock) takeMemory(arena *arena) {
	if k.b.data == nil {
		k.piece = arena.floats(gemmDepth * k.isa.panel())
	}
	if k.crowded() && k.TransA && k.j1-k.j0 > 1 || k.a16 != nil || k.apart != nil {
		k.copied = arena.floats((gemmDepth + 2*cacheLine) * (2*gemmRows + 2*cacheLine))
	}
}

// sumApart directs the sums to memory of the block's own.
func (k *gemmBlock) sumApart(arena *arena) {
	c0, _, _ := k.b.columns(k.j0)
	_, c1, _ := k.b.columns(k.j1 - 1)
	k.out.ld = c1 - c0
	k.out.first = k.m0*k.out.ld + c0
	k.out.c = Floats(arena.floats((k.m1 - k.m0) * k.out.ld))
}

// round writes the sums of sumApart to their places.
func (k *gemmBlock) round() {
	ld := k.out.ld
	c0 := k.out.first - k.m0*ld
	for r := range k.m1 - k.m0 {
		at := (k.m0+r)*k.Ldc + c0
		k.isa.Narrow(k.c16[at:at+ld], k.out.c.floats[r*ld:])
	}
}

// addTerms adds the d-th of depth parts of the sums, tile by tile.
func (k *gemmBlock) addTerms(t *tile, d, depth int) {
	lo, hi := span(k.k1-k.k0, depth, d)
	lo, hi = lo+k.k0, hi+k.k0
	a := k.blockOfA(k.isa, k.copied, k.m0, k.m1, lo, hi, k.tiles)
	t.ntaps, t.kc, t.taps, t.ks, t.alpha = 1, hi-lo, &noTaps[0], a.k*floatBytes, k.out.alpha
	t.contiguous(a.row*floatBytes, k.out.ld*k.out.c.size())
	panels := k.j1 - k.j0
	shallow := hi-lo <= gemmShallow && k.piece == nil
	for n := range panels * k.tiles {
		i, j := n%k.tiles, k.j0+n/k.tiles
		if shallow {
			i, j = n/panels, k.j0+n%panels
		}
		if i == 0 || shallow {
			k.setPanel(t, j, lo, hi, d > 0, d == depth-1)
		}
		r0, r1 := span(k.m1-k.m0, k.tiles, i)
		if t.a = &a.data[r0*a.row]; a.tile > 0 {
			t.a = &a.data[i*a.tile]
		}
		c0, _, narrow := k.b.columns(j)
		t.c = k.out.c.at((k.m0+r0)*k.out.ld + c0 - k.out.first)
		if len(k.b.data) >= gemmFar && j+1 < k.j1 && i < k.tiles/2 {
			t.fetch(k.b.rows(j+1, lo, hi), i, k.tiles/2)
		} else {
			t.fetchPart(&k.next, d*panels*k.tiles+n, depth*panels*k.tiles)
		}
		t.run(k.isa, r1-r0, narrow)
	}
}

// setPanel sets up the tile for rows [lo, hi) of panel j: whether it adds to earlier terms, and whether these are the last.
func (k *gemmBlock) setPanel(t *tile, j, lo, hi int, add, last bool) {
	c0, c1, _ := k.b.columns(j)
	t.columns(k.isa, c1-c0)
	t.b = k.panelOfB(j, lo, hi)
	t.setFlags(k.out.add || add, last && k.out.relu, last && k.out.bias != nil, k.out.bias, c0)
	t.flags |= tileFetch
	if k.out.c.half() {
		t.flags |= tileRound
	}
}

// panelOfB returns rows [lo, hi) of a panel, which it packs where the panels are not packed.
func (k *gemmBlock) panelOfB(j, lo, hi int) *float32 {
	if k.piece == nil {
		return k.b.from(j, lo)
	}
	k.packPanel(k.b, j, lo, hi, k.piece[:(hi-lo)*k.b.width(j)])
	return &k.piece[0]
}

// rowsOfA is the memory of a block of rows of A, if there is such a block and its rows are A's.
func (g *GemmArgs) rowsOfA(block, blocks int) []float32 {
	if block >= blocks || g.TransA || g.apart != nil {
		return nil
	}
	m0, m1 := span(g.M, blocks, block)
	return Array{g.A, g.a16}.slice(m0*g.Lda, (m1-1)*g.Lda+g.K).memory()
}

// crowded reports whether the rows of A that a tile reads at a time would compete for few cache sets: columns of any A,
// since these are rows apart all the time, and rows a multiple of a page apart.
func (g *GemmArgs) crowded() bool {
	if g.TransA {
		return g.Lda%256 == 0
	}
	return g.Lda%1024 == 0
}

// blockA is a block of op(A) and its strides along rows and k; packed in tiles, the distance of these.
type blockA struct {
	data         []float32
	row, k, tile int
}

// blockOfA returns a block of op(A), in place or copied into the given memory.
func (g *GemmArgs) blockOfA(isa ISA, copied []float32, m0, m1, k0, k1, tiles int) blockA {
	if g.TransA {
		if copied == nil {
			return blockA{data: g.A[k0*g.Lda+m0:], row: 1, k: g.Lda}
		}
		isa.packTiles(copied, Array{g.A, g.a16}.slice(k0*g.Lda, (k1-1)*g.Lda+g.M), k1-k0, m0, m1, tiles, g.Lda)
		return blockA{data: copied, row: 1, k: isa.lanes(), tile: (k1 - k0) * isa.lanes()}
	}
	if copied == nil {
		return blockA{data: g.A[m0*g.Lda+k0:], row: g.Lda, k: 1}
	}
	if g.apart != nil {
		ld := apartFrom(k1 - k0)
		g.apart.copyTo(isa, copied, ld, Array{g.A, g.a16}, m0, m1, k0, k1-k0, g.Lda)
		return blockA{data: copied, row: ld, k: 1}
	}
	src := Array{g.A, g.a16}.from(m0*g.Lda + k0)
	if k1-k0 == g.Lda && !g.crowded() { // rows that follow each other
		isa.read(copied[:(m1-m0)*g.Lda], src)
		return blockA{data: copied, row: g.Lda, k: 1}
	}
	ld := apartFrom(k1 - k0)
	for r := range m1 - m0 {
		isa.read(copied[r*ld:r*ld+k1-k0], src.from(r*g.Lda))
	}
	return blockA{data: copied, row: ld, k: 1}
}

// apartFrom is the distance of copied rows of n numbers, which keeps them clear of multiples of a page.
func apartFrom(n int) int { return (n+cacheLine-1)&^(cacheLine-1) + cacheLine }
