package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/core/fault"
)

// vicreg is what a caller that knows the method gives: hyper-parameters, a preset, nothing from the user.
func vicreg() Layers {
	return Layers{
		Params: map[string]any{"lambda": 25.0, "mu": 25.0, "nu": 1.0, "gamma": 1.0, "eps": 1e-4, "var_reduction": "official", "depth": 3, "unit": false},
		Preset: map[string]any{"lambda": 10.0, "optimizer.name": "lars", "optimizer.lr": 0.3, "train.epochs": 100},
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// lookup is the canonical text of a key and the layer that gave it.
func lookup(t *testing.T, r *Resolved, key string) (string, Origin) {
	t.Helper()
	for _, e := range r.Explain() {
		if e.Key == key {
			return e.Value, e.Origin
		}
	}
	t.Fatalf("key %s is not in the configuration", key)
	return "", Origin{}
}

func TestPrecedence(t *testing.T) {
	method := func(l *Layers) { l.Params = map[string]any{"lambda": 25.0} }
	preset := func(l *Layers) { l.Preset = map[string]any{"lr": 0.2, "lambda": 10} }
	file := func(l *Layers) { l.File = "optimizer:\n  lr: 0.3\nlambda: 9\n" }
	env := func(l *Layers) { l.Env = []string{"SSLCTL_OPTIMIZER__LR=0.4", "SSLCTL_LAMBDA=8", "HOME=/x"} }
	flags := func(l *Layers) { l.Flags = map[string]any{"optimizer.lr": 0.5, "params.lambda": 7.0} }
	set := func(l *Layers) { l.Set = []string{"lr=0.6", "lambda=6"} }
	for _, tc := range []struct {
		name                string
		layers              []func(*Layers)
		lr, lambda          string
		lrLayer, lambdaFrom Layer
	}{
		{"default", []func(*Layers){method}, "0.002", "25", LayerDefault, LayerMethod},
		{"preset over method", []func(*Layers){method, preset}, "0.2", "10", LayerPreset, LayerPreset},
		{"file over preset", []func(*Layers){method, preset, file}, "0.3", "9", LayerFile, LayerFile},
		{"environment over file", []func(*Layers){method, preset, file, env}, "0.4", "8", LayerEnv, LayerEnv},
		{"flags over environment", []func(*Layers){method, preset, file, env, flags}, "0.5", "7", LayerFlag, LayerFlag},
		{"set over flags", []func(*Layers){method, preset, file, env, flags, set}, "0.6", "6", LayerSet, LayerSet},
		{"a gap changes nothing", []func(*Layers){method, file, set}, "0.6", "6", LayerSet, LayerSet},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var l Layers
			for _, f := range tc.layers {
				f(&l)
			}
			if l.File != "" {
				l.File = writeFile(t, l.File)
			}
			r, err := Resolve(l)
			if err != nil {
				t.Fatal(err)
			}
			lr, lrFrom := lookup(t, r, "optimizer.lr")
			lambda, lambdaFrom := lookup(t, r, "params.lambda")
			got := []string{lr, lambda, string(lrFrom.Layer), string(lambdaFrom.Layer)}
			want := []string{tc.lr, tc.lambda, string(tc.lrLayer), string(tc.lambdaFrom)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if v, ok := r.Config().Params["lambda"].(float64); !ok {
				t.Errorf("params.lambda is a %T, want the type of its default", v)
			}
		})
	}
}

func TestOriginsNameThePlace(t *testing.T) {
	l := vicreg()
	l.File = writeFile(t, "train:\n  batch: 64\n  seed: 7\naugment:\n  views:\n  - flip: 0.5\n  - flip: 0\n    blur: 1\n")
	l.Env = []string{"SSLCTL_SCHEDULE__WARMUP_EPOCHS=10"}
	l.Set = []string{"nu=2"}
	r, err := Resolve(l)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"train.seed":             l.File + ":3",
		"augment.views.1.blur":   l.File + ":8",
		"schedule.warmup_epochs": "SSLCTL_SCHEDULE__WARMUP_EPOCHS",
		"params.nu":              "--set nu=2",
		"params.mu":              "method",
		"optimizer.lr":           "preset",
		"probe.k":                "default",
	} {
		if _, from := lookup(t, r, key); from.String() != want {
			t.Errorf("%s comes from %s, want %s", key, from, want)
		}
	}
	for _, e := range r.Explain() {
		if e.Origin.Layer == "" {
			t.Errorf("%s has no origin", e.Key)
		}
	}
}

// TestNames holds every way to name a key, through --set, against the key and text that must result.
func TestNames(t *testing.T) {
	for _, tc := range []struct{ set, key, text string }{
		{"optimizer.lr=0.1", "optimizer.lr", "0.1"},
		{"lr=1e-3", "optimizer.lr", "0.001"},
		{"lambda=1", "params.lambda", "1"},
		{"params.lambda=1.5", "params.lambda", "1.5"},
		{"var_reduction=paper", "params.var_reduction", "paper"},
		{"unit=on", "params.unit", "true"},
		{"depth=4", "params.depth", "4"},
		{"eps=1e-3", "params.eps", "0.001"},
		{"optimizer.eps=1e-3", "optimizer.eps", "0.001"},
		{"optimizer=sgd", "optimizer.name", "sgd"},
		{"data=cifar10", "data.name", "cifar10"},
		{"backbone=resnet18", "backbone.name", "resnet18"},
		{"schedule=constant", "schedule.name", "constant"},
		{"batch=1_024", "train.batch", "1024"},
		{"epochs=1e3", "train.epochs", "1000"},
		{"seed=18446744073709551615", "train.seed", "18446744073709551615"},
		{"widths=32,64,128", "backbone.widths", "[32, 64, 128]"},
		{"widths=32-64-128", "backbone.widths", "[32, 64, 128]"},
		{"widths=[16, 32]", "backbone.widths", "[16, 32]"},
		{"fixed_lr=predictor,head", "optimizer.fixed_lr", "[predictor, head]"},
		{"fixed_lr=", "optimizer.fixed_lr", "[]"},
		{"nesterov=yes", "optimizer.nesterov", "true"},
		{"collapse.stop=1", "collapse.stop", "true"},
		{"data.dir=007", "data.dir", `"007"`},
		{"out=a b: c", "out", `'a b: c'`},
		{"blur=0.1", "augment.views.0.blur", "0.1"},
		{"blur=0.1", "augment.views.1.blur", "0.1"},
		{"augment.blur=0.1", "augment.views.1.blur", "0.1"},
		{"augment.views.1.blur=0.2", "augment.views.1.blur", "0.2"},
		{"augment.views.1.blur=0.2", "augment.views.0.blur", "0"},
		{"reg.var=0.5", "reg.var.weight", "0.5"},
		{"reg.var.weight=2", "reg.var.weight", "2"},
		{"reg.var=", "reg.var.weight", "1"},
		{"reg.var.gamma=2", "reg.var.gamma", "2"},
		{"reg.var.gamma=2", "reg.var.weight", "1"},
		{"reg.on=p", "reg.on", "p"},
		{"device=cuda:1", "device", "cuda:1"},
		{"threads=2", "threads", "2"},
		{"lr_scale=batch/256", "optimizer.lr_scale", "batch/256"},
	} {
		t.Run(tc.set, func(t *testing.T) {
			l := vicreg()
			l.Set = []string{tc.set}
			r, err := Resolve(l)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := lookup(t, r, tc.key); got != tc.text {
				t.Errorf("--set %s gives %s = %s, want %s", tc.set, tc.key, got, tc.text)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		file  string
		env   string
		set   string
		flags map[string]any
		want  string // in the message, %F is the file
		hint  string
	}{
		{name: "unknown key, nearest", set: "optimizer.lrr=1", want: "unknown key optimizer.lrr: the nearest is optimizer.lr (from --set optimizer.lrr=1)", hint: "did you mean optimizer.lr?"},
		{name: "unknown bare, nearest by last part", set: "epochz=1", want: "unknown key epochz: the nearest is train.epochs"},
		{name: "unknown hyper-parameter", set: "lamda=1", want: "unknown key lamda: the nearest is params.lambda"},
		{name: "full hyper-parameter", set: "params.lamda=1", want: "unknown key params.lamda: the nearest is params.lambda"},
		{name: "nothing near", set: "quux.frobnicate=1", want: "unknown key quux.frobnicate (from", hint: "`sslctl config keys` lists all keys"},
		{name: "bare name of evaluation", set: "temperature=1", want: "unknown key temperature: the nearest is probe.temperature"},
		{name: "file line", file: "train:\n  batch: 64\n  epochz: 3\n", want: "unknown key train.epochz: the nearest is train.epochs (from %F:3)"},
		{name: "environment", env: "SSLCTL_TRAIN__EPOCHZ=3", want: "unknown key train.epochz: the nearest is train.epochs (from SSLCTL_TRAIN__EPOCHZ)"},
		{name: "type from set", set: "lr=fast", want: `optimizer.lr wants a number, got "fast" (from --set lr=fast)`, hint: "optimizer.lr: learning rate"},
		{name: "type from file", file: "optimizer:\n  lr: 0.1\n  nesterov: 3\n", want: "optimizer.nesterov wants a true or false, got 3 (from %F:3)"},
		{name: "quoted number in a file", file: "lr: \"0.1\"\n", want: `optimizer.lr wants a number, got "0.1" (from %F:1)`},
		{name: "fraction for a whole number", set: "batch=1.5", want: "train.batch wants a whole number, got 1.5"},
		{name: "nothing given", file: "optimizer:\n  lr:\n", want: "optimizer.lr wants a number, got nothing (from %F:2)"},
		{name: "mapping for a number", file: "optimizer:\n  lr: {a: 1}\n", want: "unknown key optimizer.lr.a: the nearest is optimizer.lr (from %F:2)"},
		{name: "list for a number", file: "lr: [1, 2]\n", want: "optimizer.lr wants a number, got [1, 2] (from %F:1)"},
		{name: "list of the wrong type", set: "widths=a,b", want: "backbone.widths wants a list of whole numbers, got [a, b]"},
		{name: "not a number", file: "lr: .nan\n", want: "optimizer.lr wants a finite number, got NaN (from %F:1)"},
		{name: "negative seed", set: "seed=-1", want: "train.seed wants a whole number from 0, got -1"},
		{name: "hyper-parameter's type", set: "lambda=big", want: `params.lambda wants a number, got "big"`, hint: "describe"},
		{name: "at least", set: "batch=1", want: "train.batch must be at least 2, got 1 (from --set batch=1)"},
		{name: "above", set: "lr=0", want: "optimizer.lr must be above 0, got 0"},
		{name: "at most", set: "momentum=1.1", want: "optimizer.momentum must be at most 1, got 1.1"},
		{name: "element of a list", set: "widths=32,0", want: "backbone.widths must be at least 1, got 0"},
		{name: "choice", set: "optimizer=adam", want: `optimizer.name must be one of sgd, lars, adamw, got "adam"`, hint: "one of sgd, lars, adamw"},
		{name: "device", set: "device=cuda:x", want: `device must be one of cpu, cuda, auto, tapemachine, got "cuda:x"`},
		{name: "view's range", set: "augment.views.1.flip=2", want: "augment.views.1.flip must be at most 1, got 2"},
		{name: "weight's range", set: "reg.var=-1", want: "reg.var.weight must be at least 0, got -1"},
		{name: "crossed crop", set: "crop_min=0.9", file: "crop_max: 0.5\n", want: "augment.views.0.crop_min is 0.9, more than crop_max with 0.5 (from --set crop_min=0.9)"},
		{name: "no view", set: "augment.views.2.flip=1", want: "augment.views.2.flip: there are 2 views (from"},
		{name: "views in one assignment", set: "augment.views=[]", want: "augment.views wants a list of mappings"},
		{name: "views of numbers", file: "augment:\n  views: [1, 2]\n", want: "augment.views wants a list of mappings, got [1, 2] (from %F:2)"},
		{name: "twice in a file", file: "lr: 1\noptimizer:\n  lr: 2\n", want: "optimizer.lr is set twice, by %F:1 and by %F:3"},
		{name: "twice for all views", file: "blur: 1\naugment:\n  blur: 1\n", want: "augment.views.0.blur is set twice, by %F:3 and by %F:1"},
		{name: "epochs and steps", file: "train:\n  epochs: 3\n  steps: 100\n", want: "train.epochs and train.steps exclude each other (from %F:2)"},
		{name: "arithmetic of GPUs", set: "precision=tf32", want: "no train.precision=tf32 on the cpu (from --set precision=tf32)"},
		{name: "precision without a device", set: "precision=bf16", file: "device: tapemachine\n", want: "no train.precision=bf16 there (from --set precision=bf16)"},
		{name: "nothing to train", set: "epochs=0", want: "train.epochs and train.steps are both 0"},
		{name: "no equals sign", set: "lr", want: "--set lr has no key and value"},
		{name: "no key", set: "=3", want: "--set =3 has no key and value"},
		{name: "broken YAML", file: "a: [\n", want: "read configuration %F: yaml:"},
		{name: "not a mapping", file: "- 1\n", want: "read configuration %F: yaml:"},
		{name: "key twice", file: "lr: 1\nlr: 2\n", want: "already defined at line 1"},
		{name: "flag", flags: map[string]any{"optimizer.lr": "x"}, want: `optimizer.lr wants a number, got "x" (from flag)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := vicreg()
			if tc.file != "" {
				l.File = writeFile(t, tc.file)
			}
			if tc.env != "" {
				l.Env = []string{tc.env}
			}
			if tc.set != "" {
				l.Set = []string{tc.set}
			}
			l.Flags = tc.flags
			_, err := Resolve(l)
			if err == nil {
				t.Fatal("no error")
			}
			if fault.CodeOf(err) != fault.Usage {
				t.Errorf("exit code %d, want that of usage", fault.CodeOf(err))
			}
			if want := strings.ReplaceAll(tc.want, "%F", l.File); !strings.Contains(err.Error(), want) {
				t.Errorf("error %q, want %q in it", err, want)
			}
			if hint := fault.HintOf(err); hint == "" || !strings.Contains(hint, tc.hint) {
				t.Errorf("hint %q, want %q in it", hint, tc.hint)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Resolve(Layers{File: filepath.Join(t.TempDir(), "none.yaml")})
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "config show") {
		t.Errorf("error %v with hint %q", err, fault.HintOf(err))
	}
}

func TestEmptyFileSaysNothing(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "params: {}\nreg: {}\noptimizer: {}\n"} {
		r, err := Resolve(Layers{File: writeFile(t, text)})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if d := Diff(Default(), r.Config()); d != nil {
			t.Errorf("%q changes %v", text, d)
		}
	}
}

func TestEnvironment(t *testing.T) {
	l := vicreg()
	l.Env = []string{
		"PATH=/bin", "SSLCTL_PLUGIN_COOKIE=x", "SSLCTL_OPTIMIZER__WEIGHT_DECAY=1e-6", "SSLCTL_LOG_LEVEL=debug",
		"SSLCTL_PARAMS__VAR_REDUCTION=paper", "SSLCTL_AUGMENT__VIEWS__0__BLUR=1", "SSLCTL_REG__VAR=0.25", "SSLCTL_QUIET=1", "SSLCTL_DATA__NAME=a=b",
	}
	l.ReservedEnv = []string{"SSLCTL_PLUGIN"}
	r, err := Resolve(l)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Config()
	got := []any{c.Optimizer.WeightDecay, c.LogLevel, c.Params["var_reduction"], c.Augment.Views[0].Blur, c.Augment.Views[1].Blur, c.Reg.Terms["var"].Weight, c.Quiet, c.Data.Name}
	want := []any{1e-6, "debug", "paper", 1.0, 0.0, 0.25, true, "a=b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestViews(t *testing.T) {
	small := View{CropMin: 0.05, CropMax: 0.14, RatioMin: 0.75, RatioMax: 4.0 / 3, BlurSigmaMin: 0.1, BlurSigmaMax: 2}
	preset := map[string]any{"augment.views": []View{{CropMin: 0.2, CropMax: 1, Blur: 1}, {CropMin: 0.2, CropMax: 1, Solarize: 0.2}, small}}
	for _, tc := range []struct {
		name  string
		file  string
		set   []string
		check func(v []View) bool
	}{
		{"preset replaces the defaults and fills what it leaves open", "", nil, func(v []View) bool {
			return len(v) == 3 && v[0].Jitter == 0 && v[0].RatioMin == 0.75 && v[0].BlurSigmaMax == 2 && v[2] == small
		}},
		{"a setting for all reaches each", "", []string{"blur=0.5"}, func(v []View) bool {
			return v[0].Blur == 0.5 && v[1].Blur == 0.5 && v[2].Blur == 0.5 && v[1].Solarize == 0.2
		}},
		{"one view beats all within a file", "augment:\n  views:\n  - {blur: 0.7}\n  - {crop_min: 0.3}\n  blur: 0.1\n", nil, func(v []View) bool {
			return len(v) == 2 && v[0].Blur == 0.7 && v[1].Blur == 0.1 && v[1].CropMin == 0.3 && v[0].CropMin == 1
		}},
		{"a later setting for all beats an earlier for one", "augment:\n  views:\n  - {blur: 0.7}\n", []string{"augment.blur=0.2"}, func(v []View) bool {
			return len(v) == 1 && v[0].Blur == 0.2
		}},
		{"an empty mapping is a view without steps", "augment:\n  views: [{}, {}]\n", nil, func(v []View) bool {
			return len(v) == 2 && v[0] == plainView() && v[1] == plainView()
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := Layers{Preset: preset, Set: tc.set}
			if tc.file != "" {
				l.File = writeFile(t, tc.file)
			}
			r, err := Resolve(l)
			if err != nil {
				t.Fatal(err)
			}
			if v := r.Config().Augment.Views; !tc.check(v) {
				t.Errorf("views are %+v", v)
			}
		})
	}
}

func TestAlternatives(t *testing.T) {
	for _, tc := range []struct {
		file          string
		set           []string
		epochs, steps int
	}{
		{"", nil, 100, 0},
		{"", []string{"steps=50"}, 0, 50},
		{"steps: 50\n", []string{"epochs=2"}, 2, 0},
		{"train: {epochs: 0, steps: 50}\n", nil, 0, 50},
		{"steps: 0\n", nil, 100, 0},
	} {
		l := vicreg()
		l.Set = tc.set
		if tc.file != "" {
			l.File = writeFile(t, tc.file)
		}
		r, err := Resolve(l)
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Config().Train; c.Epochs != tc.epochs || c.Steps != tc.steps {
			t.Errorf("file %q, set %v: %d epochs, %d steps, want %d and %d", tc.file, tc.set, c.Epochs, c.Steps, tc.epochs, tc.steps)
		}
	}
}

func TestRegularizers(t *testing.T) {
	l := Layers{
		Params: map[string]any{},
		Regs:   map[string]map[string]any{"var": {"weight": 1.0, "gamma": 1.0}, "cov": {"weight": 0.01}},
	}
	flags, err := ParseRegs("var, cov=0.5")
	if err != nil {
		t.Fatal(err)
	}
	l.Flags = flags
	l.Set = []string{"reg.var.gamma=2"}
	r, err := Resolve(l)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Term{
		"var": {Weight: 1, Params: map[string]any{"gamma": 2.0}},
		"cov": {Weight: 0.5, Params: map[string]any{}},
	}
	if diff := cmp.Diff(want, r.Config().Reg.Terms); diff != "" {
		t.Error(diff)
	}
	l.Set = []string{"reg.var.gama=2"}
	if _, err := Resolve(l); err == nil || !strings.Contains(err.Error(), "nearest is reg.var.gamma") {
		t.Errorf("a misspelt hyper-parameter of a regulariser gives %v", err)
	}
}

func TestParseRegsRefuses(t *testing.T) {
	for _, s := range []string{"", ",", "var,,cov", "var=", "on", "a.b", "var,var"} {
		if got, err := ParseRegs(s); fault.CodeOf(err) != fault.Usage {
			t.Errorf("--add-reg %q gives %v, %v", s, got, err)
		}
	}
}

func TestPeekBeforeTheMethodIsKnown(t *testing.T) {
	flags, err := ParseRegs("var,cov=0.01")
	if err != nil {
		t.Fatal(err)
	}
	flags["method"] = "byol"
	c, err := Peek(Layers{
		File:  writeFile(t, "preset: cifar10\nprojector: 512\n"),
		Env:   []string{"SSLCTL_DATA=cifar10"},
		Flags: flags,
		Set:   []string{"tau=0.99", "augment.views.7.blur=0.5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Method, c.Preset, c.Data.Name, c.Reg.Names(), c.Params["tau"]}
	if diff := cmp.Diff([]any{"byol", "cifar10", "cifar10", []string{"cov", "var"}, 0.99}, got); diff != "" {
		t.Error(diff)
	}
}

func TestResolvedDoesNotChange(t *testing.T) {
	l := vicreg()
	l.Set = []string{"widths=1,2", "reg.var.gamma=1"}
	r, err := Resolve(l)
	if err != nil {
		t.Fatal(err)
	}
	before := r.Config().Hash()
	c := r.Config()
	c.Params["lambda"] = 0.0
	c.Reg.Terms["var"].Params["gamma"] = 3
	c.Reg.Terms["cov"] = Term{Weight: 1}
	c.Backbone.Widths[0] = 9
	c.Augment.Views[0].Flip = 1
	if after := r.Config().Hash(); after != before {
		t.Error("a change of a copy changed the resolved configuration")
	}
}

func TestPeakLR(t *testing.T) {
	c := Default()
	c.Optimizer.LR, c.Train.Batch = 0.3, 512
	if got := c.PeakLR(); got != 0.3 {
		t.Errorf("unscaled rate is %v", got)
	}
	c.Optimizer.LRScale = "batch/256"
	if got := c.PeakLR(); got != 0.6 {
		t.Errorf("rate at batch 512 is %v, want 0.6", got)
	}
}
