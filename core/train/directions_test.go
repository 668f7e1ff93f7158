package train

import (
	"testing"

	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/method"
)

func TestReadsDirections(t *testing.T) {
	raw, unit := model.Regulariser{On: "z"}, model.Regulariser{On: "z", Unit: true}
	onY := model.Regulariser{On: "y"}
	for _, tc := range []struct {
		name string
		m    method.Method
		set  map[string]any
		regs []model.Regulariser
		want bool
	}{
		{"byol", byol.Method{}, nil, nil, true},
		{"byol without predictor", byol.Method{}, map[string]any{"predictor": false}, nil, true},
		{"simsiam", simsiam.Method{}, nil, nil, true},
		{"simsiam without predictor", simsiam.Method{}, map[string]any{"predictor": false}, nil, true},
		{"simsiam without stop-gradient", simsiam.Method{}, map[string]any{"stop_gradient": false}, nil, true},
		{"simsiam with a raw regulariser", simsiam.Method{}, nil, []model.Regulariser{unit, raw}, false},
		{"simsiam with unit regularisers", simsiam.Method{}, nil, []model.Regulariser{unit, onY}, true},
		{"vicreg", vicreg.Method{}, nil, nil, false},
		{"vicreg with predictor", vicreg.Method{}, map[string]any{"predictor": true}, nil, false},
		{"barlowtwins", barlowtwins.Method{}, nil, nil, false},
	} {
		traced, err := method.Trace(tc.m, tc.set, method.Shapes{Batch: 8, Views: 2})
		if err != nil {
			t.Fatal(err)
		}
		if got := readsDirections(model.Spec{Method: traced, Regularisers: tc.regs}); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
