package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   map[string][]string
		want []Assignments
	}{
		{"nothing", nil, []Assignments{nil}},
		{"one", map[string][]string{"lr": {"0.1", "0.2"}}, []Assignments{{"lr=0.1"}, {"lr=0.2"}}},
		{"two", map[string][]string{"seed": {"1", "2"}, "lr": {"0.2", "0.1"}}, []Assignments{
			{"lr=0.2", "seed=1"}, {"lr=0.2", "seed=2"}, {"lr=0.1", "seed=1"}, {"lr=0.1", "seed=2"},
		}},
		{"a key without values", map[string][]string{"seed": {"1"}, "lr": nil}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Expand(tc.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExpandSharesNothing(t *testing.T) {
	out := Expand(map[string][]string{"a": {"1", "2"}, "b": {"1", "2"}, "c": {"1", "2"}})
	out[0][0] = "changed"
	if out[1][0] != "a=1" {
		t.Errorf("a change of one combination changed another: %v", out[1])
	}
}

func TestSplitValues(t *testing.T) {
	for in, want := range map[string][]string{
		"1":               {"1"},
		"0.1, 0.2,0.3":    {"0.1", "0.2", "0.3"},
		"[32,64],[64,96]": {"[32,64]", "[64,96]"},
		"":                {""},
	} {
		if diff := cmp.Diff(want, SplitValues(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}
