package train

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// authored is a shipped backbone as a plugin's author writes it.
type authored struct{ net backbones.Backbone }

func (authored) Describe() method.Description { return method.Description{Name: "authored"} }

func (a authored) Forward(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
	return a.net.Forward(s, x)
}

// TestNetworkTrainsAsItsBackbone: a backbone that travelled as data trains, is evaluated and lands in checkpoints with the
// bits of the one that is linked in; byol's target copies it, vicreg's views share it.
func TestNetworkTrainsAsItsBackbone(t *testing.T) {
	for _, name := range []string{"byol", "vicreg"} {
		t.Run(name, func(t *testing.T) {
			dataDir, want := straight(t, name)
			pool := kernel.NewPool(2)
			defer pool.Close()
			job, err := smallJob(small(name, dataDir), pool)
			if err != nil {
				t.Fatal(err)
			}
			net, err := backbone.Trace(authored{job.Backbone}, nil, backbone.Images{Size: job.Data.Train.Size(), Channels: job.Data.Train.Channels()})
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := wire.MarshalNetwork(net)
			if err != nil {
				t.Fatal(err)
			}
			if job.Backbone, err = wire.UnmarshalNetwork(encoded); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "run")
			if _, err := conductJob(context.Background(), dir, job); err != nil {
				t.Fatal(err)
			}
			demandSame(t, want, traceOf(t, dir))
		})
	}
}
