//go:build !amd64

package kernel

func (i ISA) binary(Op, []float32, []float32, []float32) bool        { return false }
func (i ISA) scalar(Op, []float32, []float32, float32) bool          { return false }
func (i ISA) binaryRows(Op, []float32, []float32, []float32) bool    { return false }
func (i ISA) unary(Func, []float32, []float32) bool                  { return false }
func (i ISA) affine([]float32, []float32, float32, float32) bool     { return false }
func (i ISA) axpy([]float32, float32, []float32) bool                { return false }
func (i ISA) mulAdd([]float32, []float32, []float32, []float32) bool { return false }
func (i ISA) reluGrad([]float32, []float32, []float32) bool          { return false }
func (i ISA) reduce(reduction, []float32, []float32) (float64, bool) { return 0, false }
func (i ISA) colSumsFast([]float32, []float32, int, int) bool        { return false }
func (i ISA) maxPoolGradFast(_, _, _, _ []float32) bool              { return false }
