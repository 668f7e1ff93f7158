package compare_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/compare"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/backbone"
)

func load(t *testing.T, name string) compare.Recipe {
	t.Helper()
	r, err := compare.LoadRecipe(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestShippedRecipes resolves every cell with the real plugins: each is a configuration of its own, traces, and has the
// paper's figure.
func TestShippedRecipes(t *testing.T) {
	b := newBench(t)
	recipes, err := compare.Recipes()
	if err != nil || len(recipes) != 2 {
		t.Fatalf("%d recipes (%v)", len(recipes), err)
	}
	for _, r := range recipes {
		s, err := r.Study(t.Context(), b.resolve, config.Layers{})
		if err != nil {
			t.Fatal(err)
		}
		hashes := map[string]string{}
		for _, cell := range s.Cells {
			if other := hashes[cell.Config.Hash()]; other != "" {
				t.Errorf("%s: %s and %s are the same", r.Name, cell.Name, other)
			}
			hashes[cell.Config.Hash()] = cell.Name
			c := cell.Config.Clone()
			c.Train.Batch = 4
			if _, err := b.session.Trace(t.Context(), c, backbone.Images{Size: 32, Channels: 3}); err != nil {
				t.Errorf("%s: %s: %v", r.Name, cell.Name, err)
			}
		}
		for _, row := range r.Rows {
			for _, c := range row.Cells {
				if c.Paper == nil {
					t.Errorf("%s: row %v lacks a figure of the paper", r.Name, row.Labels)
				}
			}
		}
	}
}

// TestTable4 holds the recipe to what the paper says of its cells.
func TestTable4(t *testing.T) {
	b := newBench(t)
	s, err := load(t, "vicreg-table4").Study(t.Context(), b.resolve, config.Layers{})
	if err != nil || len(s.Cells) != 24 {
		t.Fatalf("%d cells (%v)", len(s.Cells), err)
	}
	for _, cell := range s.Cells {
		c := cell.Config
		for name, want := range map[string]float64{"var": 1, "cov": 0.01} {
			regularised := c.Method != "vicreg" && (strings.HasSuffix(cell.Name, "Var+Cov") || name == "var" && strings.HasSuffix(cell.Name, "Var"))
			term, ok := c.Reg.Terms[name]
			if ok != regularised || ok && (term.Weight != want || c.Reg.On != "z") {
				t.Errorf("%s: %s has weight %v on %s", cell.Name, name, term.Weight, c.Reg.On)
			}
		}
		if c.Method == "vicreg" {
			want := map[string][2]float64{"No Reg": {0, 0}, "Var": {25, 0}, "Var+Cov": {25, 1}}[cell.Name[strings.LastIndex(cell.Name, ", ")+2:]]
			if c.Params["lambda"] != 25.0 || c.Params["mu"] != want[0] || c.Params["nu"] != want[1] {
				t.Errorf("%s: %v", cell.Name, c.Params)
			}
		}
		if c.Params["head_norm"] != strings.Contains(cell.Name, "BN") || c.Params["predictor"] != strings.Contains(cell.Name, "PR") {
			t.Errorf("%s: %v", cell.Name, c.Params)
		}
	}
}

// TestBudget: what the user says stands above the budget, and beneath the cells.
func TestBudget(t *testing.T) {
	b := newBench(t)
	r := load(t, "vicreg-coefficients")
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte("train: {batch: 32}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := r.Study(t.Context(), b.resolve, config.Layers{File: file, Env: []string{"SSLCTL_DATA__LIMIT=500"},
		Flags: map[string]any{"train.epochs": 2}, Set: []string{"probe.knn=true"}})
	if err != nil {
		t.Fatal(err)
	}
	c := s.Cells[3].Config
	if c.Train.Batch != 32 || c.Data.Limit != 500 || c.Train.Epochs != 2 || c.Train.Steps != 0 || !c.Probe.KNN || c.Probe.Few != 0 ||
		c.Data.Name != "fashion-mnist" || c.Params["lambda"] != 1.0 || c.Params["mu"] != 1.0 || c.Params["nu"] != 0.0 {
		t.Errorf("%+v", c)
	}
	for _, set := range []string{"mu=3", "params.mu=3", "method=byol"} {
		if _, err := r.Study(t.Context(), b.resolve, config.Layers{Set: []string{set}}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("--set %s: %v", set, err)
		}
	}
}

func TestRecipeErrors(t *testing.T) {
	const head = "title: x\naxes: [a]\ncolumns: [c]\n"
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":          {"", "must all be given"},
		"an unknown key":   {head + "rowz: []\n", "rowz"},
		"labels":           {head + "rows: [{labels: [x, y], cells: [{}]}]\n", "2 labels for 1 axes"},
		"cells":            {head + "rows: [{labels: [x], cells: []}]\n", "0 cells for 1 columns"},
		"the same labels":  {head + "rows: [{labels: [x], cells: [{}]}, {labels: [x], cells: [{}]}]\n", "two rows"},
		"a paper in words": {head + "rows: [{labels: [x], cells: [{paper: good}]}]\n", `"good"`},
		"a reference":      {head + "reference: z\nrows: [{labels: [x], cells: [{}]}]\n", `"z" is no row`},
	} {
		path := filepath.Join(t.TempDir(), "r.yaml")
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := compare.LoadRecipe(path); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
	if _, err := compare.LoadRecipe("no-such-recipe"); fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "--list") {
		t.Errorf("error %v", err)
	}
}
