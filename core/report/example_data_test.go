package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/run"
)

// started is the start of the example runs.
func started() time.Time { return time.Date(2026, 11, 24, 8, 15, 0, 0, time.UTC) }

// exampleConfig is a configuration as core/config writes it, shortened.
const exampleConfig = `method: vicreg
params:
  lambda: 25
  mu: 25
  nu: 1
data:
  name: fashion-mnist
train:
  batch: 128
  epochs: 9
  seed: 1
optimizer:
  name: adamw
  lr: 0.002
  weight_decay: 0.0001
augment:
  views:
    - crop_min: 0.3
      flip: 0.5
    - crop_min: 0.3
      flip: 0.5
backbone:
  name: resnet-tiny
  widths: [32, 64, 128]
`

// healthy is a run that went well, with figures of the kind that the demo has.
func healthy(t testing.TB) Run {
	return load(t, "vicreg", exampleConfig, healthyResult(), healthyRecords(1))
}

func healthyResult() *run.Result {
	accuracy := func(probe, features string, top1 float64, labels int) run.ProbeResult {
		p := run.ProbeResult{Probe: probe, Features: features, Accuracy: run.Number(top1), Test: 10000, Labels: labels, Dim: 512}
		half := 1.96 * math.Sqrt(top1*(1-top1)/10000)
		p.Low, p.High = run.Number(top1-half), run.Number(top1+half)
		if probe == run.FewLabels {
			p.Draws, p.Spread = 3, 0.004
		}
		return p
	}
	r := &run.Result{
		Method: "vicreg", Dataset: "fashion-mnist", Seed: 1, Steps: 4212, Epochs: 9, Parameters: 1_284_352,
		Probes: []run.ProbeResult{
			accuracy(run.Linear, run.Trained, 0.889, 60000), accuracy(run.KNN, run.Trained, 0.880, 60000), accuracy(run.FewLabels, run.Trained, 0.820, 600),
			accuracy(run.Linear, run.Untrained, 0.836, 60000), accuracy(run.KNN, run.Untrained, 0.844, 60000), accuracy(run.FewLabels, run.Untrained, 0.757, 600),
			accuracy(run.Linear, run.Pixels, 0.838, 60000), accuracy(run.KNN, run.Pixels, 0.862, 60000), accuracy(run.FewLabels, run.Pixels, 0.784, 600),
		},
		Collapse: run.Collapse{Verdict: "none", Healthy: true, Evidence: []run.Evidence{{OK: true,
			Says: "the spread on the unit sphere is 0.96 of 1, the effective rank 212.4 of 512, the mean |correlation| 0.05"}}},
		Loss: 14.62, Terms: []run.TermResult{{Name: "invariance", Weight: 25, Value: 0.212}, {Name: "variance", Weight: 25, Value: 0.3328}, {Name: "covariance", Weight: 1, Value: 1}},
		Time: run.Timing{Total: 211, Train: 151, Probe: 60, Wait: 0.4, ImagesPerSecond: 3571},
	}
	s := &run.Spectrum{N: 4096, D: 512, UnitStd: 0.0424, Spread: 0.96, Correlation: 0.05, EffectiveRank: 212.4, Participation: 101, RankMe: 240.2}
	for i := range 512 {
		s.Eigenvalues = append(s.Eigenvalues, run.Number(2.1*math.Pow(float64(i+1), -0.55)*math.Exp(-math.Pow(float64(i)/480, 8))))
	}
	r.Spectrum = s
	return r
}

// healthyRecords are 421 records of a falling loss with noise.
func healthyRecords(seed uint64) []run.Record {
	rng := rand.New(rand.NewPCG(seed, 0))
	var out []run.Record
	for step := 10; step <= 4210; step += 10 {
		at := float64(step) / 4212
		noise := func(s float64) float64 { return 1 + s*rng.NormFloat64() }
		inv := 0.2*noise(0.06) + 0.8*math.Exp(-12*at)
		variance := 0.33*noise(0.02) + 0.5*math.Exp(-30*at)
		cov := noise(0.05) * (1 + 3*math.Exp(-20*at))
		rec := run.Record{Step: step, Epoch: at * 9, Values: map[string]float64{
			run.Loss: 25*inv + 25*variance + cov, run.Term + "invariance": inv, run.Term + "variance": variance, run.Term + "covariance": cov,
			run.LearningRate: 0.002 * math.Min(at/0.03, (1+math.Cos(math.Pi*at))/2),
			run.Std:          (1 - 0.6*math.Exp(-25*at)) / math.Sqrt(512) * 0.97 * noise(0.004),
			run.Corr:         0.05 + 0.5*math.Exp(-18*at)*noise(0.03),
		}, Time: map[string]float64{run.Seconds: 151 * at}}
		if step%470 == 0 || step == 10 {
			rec.Values[run.RankMe] = 240 - 200*math.Exp(-10*at)
		}
		if step == 10 {
			e := make([]float64, 512)
			for i := range e {
				e[i] = 3 * math.Exp(-float64(i)/14)
			}
			rec.Vectors = map[string][]float64{run.Eigenvalues: e}
		}
		out = append(out, rec)
	}
	return out
}

// collapsed is a run whose predictor found the trivial solution.
func collapsed(t testing.TB) Run {
	r := healthyResult()
	r.Method, r.Spectrum = "simsiam", nil
	for i := range r.Probes {
		if r.Probes[i].Features == run.Trained {
			r.Probes[i].Accuracy -= 0.3
			r.Probes[i].Low -= 0.3
			r.Probes[i].High -= 0.3
		}
	}
	r.Collapse = run.Collapse{Verdict: "bypass", Evidence: []run.Evidence{
		{Says: "the spread on the unit sphere is 0.0009 of 1: two images' embeddings have a mean cosine of 1.0000"},
		{Says: "the predictor meets its targets with a mean cosine of 1.0000: the objective stands at its trivial minimum"}},
		Advice: []string{"add `--add-reg var,cov`: with variance kept up, the predictor cannot win by a constant", "keep the predictor's learning rate fixed, as SimSiam does, or raise it"}}
	r.Loss, r.Terms = -1, []run.TermResult{{Name: "similarity", Weight: 1, Value: -1}}
	var records []run.Record
	for step := 10; step <= 4210; step += 10 {
		at := float64(step) / 4212
		records = append(records, run.Record{Step: step, Epoch: at * 9, Values: map[string]float64{
			run.Loss: -1 + math.Exp(-40*at), run.Term + "similarity": -1 + math.Exp(-40*at), run.LearningRate: 0.05,
			run.Std: 0.03 * math.Exp(-40*at), run.Corr: 1 - math.Exp(-40*at)}})
	}
	config := "method: simsiam\nparams:\n  stop_gradient: false\n" + exampleConfig[len("method: vicreg\nparams:\n  lambda: 25\n  mu: 25\n  nu: 1\n"):]
	return load(t, "simsiam", config, r, records)
}

// load writes a run folder and reads it back, with its path replaced by one that is the same everywhere.
func load(t testing.TB, method, config string, result *run.Result, records []run.Record) Run {
	t.Helper()
	root := t.TempDir()
	w, err := run.Create(run.Options{Root: root, Config: []byte(config), ProgramText: []byte("z0, z1 = inputs [128, 512]\nloss = add(mul(25, mse(z0, z1)), …)\n"), Now: started,
		Provenance: run.Provenance{Started: started(), Command: []string{"sslctl", "run", "--method", method, "--name", "it's a test"}, Seed: 1,
			Software: run.Software{Version: "0.1.0", Revision: "0123456789abcdef", Go: "go1.26.8"},
			Machine:  run.Machine{Host: "lab", OS: "linux 6.18", Arch: "amd64", CPU: "Intel(R) Xeon(R) Processor", ISA: []string{"avx2", "avx512f"}, Cores: 2, Threads: 2, Device: "cpu"},
			Method:   run.Plugin{Name: method, Title: map[string]string{"vicreg": "VICReg: variance, invariance, covariance", "simsiam": "SimSiam: a simple Siamese network"}[method], Version: "1.0.0", Protocol: 1, SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
			Dataset:  run.Dataset{Name: "fashion-mnist", Digest: "8a1b0f2e7c6d"}, ConfigHash: "1f3a9cdd00112233", ProgramHash: "55aa55aa55aa55aa"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	status := run.Interrupted
	if result != nil {
		status = run.Done
		if err := w.WriteResult(*result); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteFile(run.SamplesFile, sheet(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(status, ""); err != nil {
		t.Fatal(err)
	}
	r, err := Load(filepath.Join(root, w.ID()))
	if err != nil {
		t.Fatal(err)
	}
	r.Dir = "runs/" + r.ID
	return r
}

// sheet is a picture of the size that the trainer draws.
func sheet(t testing.TB) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 12*30-2, 3*30-2))
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			img.SetGray(x, y, color.Gray{Y: uint8(x*y/40 + 40*(x/30))})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
