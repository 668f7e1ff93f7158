package backbone

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
)

// proof is the number of images for which a backbone is written once more, to see that it is one network for any number.
const proof = 7

// Trace checks hyper-parameters and writes a backbone down for images of a kind. A panic of the backbone is returned as an
// error, and so is a network that is another one for another number of images.
func Trace(b Backbone, given map[string]any, im Images) (n *Network, err error) {
	defer recovered(&err)
	h, err := method.Complete(b.Describe().Params, given)
	if err != nil {
		return nil, err
	}
	if err := im.Check(); err != nil {
		return nil, err
	}
	n = &Network{Images: im}
	if n.Two, n.Params, err = write(b, h, im, 2); err != nil {
		return nil, err
	}
	if n.Three, err = n.again(b, h, 3); err != nil {
		return nil, err
	}
	if err := n.Check(); err != nil {
		return nil, err
	}
	seven, err := n.again(b, h, proof)
	if err != nil {
		return nil, err
	}
	return n, n.same(seven, proof)
}

// write writes a backbone down for a number of images.
func write(b Backbone, h method.Values, im Images, images int) (*expr.Program, []Param, error) {
	build := expr.New()
	pixels := build.Input(imagesInput, images, im.Size, im.Size, im.Channels)
	store := nn.NewStore(build)
	y := b.Forward(store.Train(1), pixels, h)
	if build.Err() != nil {
		return nil, nil, build.Err()
	}
	outputs := []expr.Named{{Name: output, Value: y}}
	for _, u := range store.Buffers() {
		if norm, mean := strings.CutSuffix("."+u.Name, meanSuffix); mean {
			outputs = append(outputs, expr.Named{Name: statsPrefix + strings.TrimPrefix(norm, "."), Value: u.Stats})
		}
	}
	p, err := build.Program(outputs...)
	if err != nil {
		return nil, nil, err
	}
	var params []Param
	for _, q := range store.Params() {
		params = append(params, Param{Name: q.Name, Layout: q.Layout, Positions: q.Positions, Init: q.Init})
	}
	return p, params, nil
}

// again writes the backbone down for another number of images.
func (n *Network) again(b Backbone, h method.Values, images int) (*expr.Program, error) {
	p, params, err := write(b, h, n.Images, images)
	if err == nil && !slices.Equal(params, n.Params) {
		err = fmt.Errorf("it has other parameters for %d images than for 2", images)
	}
	return p, err
}

// same holds a program that was written for some images to what the network makes of as many.
func (n *Network) same(written *expr.Program, images int) error {
	made, err := n.Of(images)
	if err != nil {
		return err
	}
	if made.String() != written.String() {
		return fmt.Errorf("it is another network for %d images than for 2 and 3: write the same layers for any number", images)
	}
	return nil
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the backbone panicked: %v\n%s", r, debug.Stack())
	}
}
