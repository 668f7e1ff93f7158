package kernel

// The functions of this file choose the assembly for an update and report false where there is none.

func (i ISA) sgdFast(s SGD, w, dw, v []float32) bool {
	switch i {
	case AVX512:
		if s.Nesterov {
			sgdNesterovAVX512(&w[0], &v[0], &dw[0], s.LR, s.Momentum, s.WeightDecay, s.Scale, len(w))
		} else {
			sgdAVX512(&w[0], &v[0], &dw[0], s.LR, s.Momentum, s.WeightDecay, s.Scale, len(w))
		}
	case AVX2:
		if s.Nesterov {
			sgdNesterovAVX2(&w[0], &v[0], &dw[0], s.LR, s.Momentum, s.WeightDecay, s.Scale, len(w))
		} else {
			sgdAVX2(&w[0], &v[0], &dw[0], s.LR, s.Momentum, s.WeightDecay, s.Scale, len(w))
		}
	default:
		return false
	}
	return true
}

func (i ISA) adamWFast(c adamCoefficients, w, dw, m, v []float32) bool {
	switch i {
	case AVX512:
		adamWAVX512(&w[0], &m[0], &v[0], &dw[0], c.beta1, c.rest1, c.beta2, c.rest2, c.rate, c.root, c.eps, c.keep, len(w))
	case AVX2:
		adamWAVX2(&w[0], &m[0], &v[0], &dw[0], c.beta1, c.rest1, c.beta2, c.rest2, c.rate, c.root, c.eps, c.keep, len(w))
	default:
		return false
	}
	return true
}

func (i ISA) emaFast(t, o []float32, keep, rest float32) bool {
	switch i {
	case AVX512:
		emaAVX512(&t[0], &o[0], keep, rest, len(t))
	case AVX2:
		emaAVX2(&t[0], &o[0], keep, rest, len(t))
	default:
		return false
	}
	return true
}
