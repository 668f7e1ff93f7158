package library

import (
	"errors"
	"fmt"

	"github.com/sslctl/sslctl/core/internal/cuda/cudnn"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// errNoAlgorithm says that cuDNN has no algorithm for a problem that adds in a fixed order.
var errNoAlgorithm = errors.New("cuDNN has no algorithm for this convolution that gives the same bits each time")

// key names a problem in the file of choices.
func key(c cudnn.Convolution, d cudnn.Direction) string {
	kind := map[cudnn.Type]string{cudnn.Float32: "fp32", cudnn.BFloat16: "bf16"}[c.Type]
	if c.Type == cudnn.Float32 && c.Math == cudnn.TF32 {
		kind = "tf32"
	}
	return fmt.Sprintf("%s %s x %dx%dx%dx%d w %dx%dx%d stride %d pad %d", d, kind, c.N, c.H, c.W, c.C, c.K, c.R, c.S, c.Stride, c.Pad)
}

// choose gives a convolution the algorithm that was chosen before. Where there is none it gets the library's suggestion, and is
// put on the list of searches.
func (v *Plan) choose(c *convolution) error {
	suggested, err := c.operation.Suggest()
	if err != nil {
		return err
	}
	if a, ok := v.libraries.chosen.find(c.key, suggested); ok && c.operation.Choose(a) == nil && c.operation.Workspace() <= searchSpace {
		return nil
	}
	if c.suggested, err = take(c, suggested); err != nil {
		return err
	}
	for _, a := range suggested {
		if a.Workspace <= searchSpace {
			c.space = max(c.space, a.Workspace)
		}
	}
	v.searches = append(v.searches, c)
	return nil
}

// take gives a convolution the first of the algorithms that adds in a fixed order, fits the workspace and that the library
// agrees to.
func take(c *convolution, algorithms []cudnn.Algorithm) (cudnn.Algorithm, error) {
	for _, a := range algorithms {
		if !a.Deterministic || a.Workspace > searchSpace {
			continue
		}
		err := c.operation.Choose(a)
		var status *cudnn.Error
		switch {
		case err == nil:
			return a, nil
		case !errors.As(err, &status) || !status.Unsupported():
			return a, err
		}
	}
	return cudnn.Algorithm{}, errNoAlgorithm
}

// margin is how much quicker than the library's first suggestion an algorithm must be to be taken instead. Nearly equal ones
// would be chosen by noise, and give other machines other bits.
const margin = 1.05

// search measures the algorithms of convolutions that have no choice yet, and adds the choices to the file. Where there is no
// memory to measure in, the suggestions stay.
func (v *Plan) search(d Device) error {
	for _, c := range v.searches {
		v.buffers.share(workspace, c.space)
	}
	err := v.buffers.resize(v.libraries.context, workspace)
	if errors.Is(err, drv.ErrOutOfMemory) {
		v.libraries.note(fmt.Errorf("algorithms of convolutions are cuDNN's suggestions: no memory to measure them in: %w", err))
		return nil
	}
	if err != nil {
		return err
	}
	measured := map[string]cudnn.Algorithm{} // equal problems have one choice
	for _, c := range v.searches {
		a, ok := measured[c.key]
		if !ok {
			if a, err = v.measure(c, d); err != nil {
				return fmt.Errorf("choose an algorithm for %s: %w", c.key, err)
			}
			measured[c.key] = a
		}
		if err := c.operation.Choose(a); err != nil {
			return err
		}
	}
	if err := v.libraries.chosen.add(measured); err != nil {
		v.libraries.note(fmt.Errorf("algorithms of convolutions will be measured again next time: %w", err))
	}
	v.searches = nil
	return nil
}

// measure tries all algorithms of a convolution on its own operands.
func (v *Plan) measure(c *convolution, d Device) (cudnn.Algorithm, error) {
	measured, err := c.operation.Measure(v.place(c.a, d), v.place(c.b, d), v.place(c.to, d), v.buffers.at[workspace], c.space)
	if err != nil {
		return cudnn.Algorithm{}, err
	}
	best, err := take(c, measured)
	if errors.Is(err, errNoAlgorithm) { // none that was listed ran
		return c.suggested, nil
	}
	if err != nil {
		return best, err
	}
	return prefer(c.suggested, measured, best), nil
}

// prefer is the library's suggestion where it is about as quick as the best.
func prefer(suggested cudnn.Algorithm, measured []cudnn.Algorithm, best cudnn.Algorithm) cudnn.Algorithm {
	for _, a := range measured {
		if a.ID == suggested.ID && a.Math == suggested.Math && a.Milliseconds <= margin*best.Milliseconds {
			return a
		}
	}
	return best
}
