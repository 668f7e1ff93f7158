package data

import (
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
)

// numbers are the images that a subset holds, by their numbers in the whole.
func numbers(t *testing.T, ds Dataset, o LimitOptions) []int {
	t.Helper()
	s, err := Limit(ds, o)
	if err != nil {
		t.Fatal(err)
	}
	sub := s.(*subset)
	if s.Len() != len(sub.chosen) || !slices.IsSorted(sub.chosen) || s.Name() != ds.Name() {
		t.Fatalf("%+v: %d images of %s: %v", o, s.Len(), s.Name(), sub.chosen)
	}
	for i, of := range sub.chosen {
		a, errA := s.Image(i)
		b, errB := ds.Image(of)
		if errA != nil || errB != nil || s.Label(i) != ds.Label(of) || &a.Pix[0] != &b.Pix[0] {
			t.Fatalf("%+v: image %d is not image %d of the whole", o, i, of)
		}
	}
	return sub.chosen
}

func TestLimit(t *testing.T) {
	ds := toy(100, 4, 1, 3) // 34, 33 and 33 images
	ds.labels[99] = 2       // 33, 33, 34
	for _, c := range []struct {
		o    LimitOptions
		want [3]int // images of each class; all 0 for unknown
	}{
		{LimitOptions{PerClass: 5}, [3]int{5, 5, 5}},
		{LimitOptions{PerClass: 34}, [3]int{33, 33, 34}},
		{LimitOptions{Fraction: 0.01}, [3]int{1, 1, 1}}, // at least one
		{LimitOptions{Fraction: 0.1}, [3]int{3, 3, 3}},
		{LimitOptions{Fraction: 1}, [3]int{33, 33, 34}},
		{LimitOptions{Total: 200}, [3]int{33, 33, 34}},
	} {
		var got [3]int
		for _, i := range numbers(t, ds, c.o) {
			got[ds.Label(i)]++
		}
		if got != c.want {
			t.Errorf("%+v: %v images of the classes, want %v", c.o, got, c.want)
		}
	}
	if n := len(numbers(t, ds, LimitOptions{Total: 17})); n != 17 {
		t.Errorf("a total of 17 gives %d", n)
	}
}

func TestLimitIsDeterministicAndGrows(t *testing.T) {
	ds := toy(100, 4, 1, 4)
	small, large := numbers(t, ds, LimitOptions{PerClass: 3, Seed: 7}), numbers(t, ds, LimitOptions{PerClass: 9, Seed: 7})
	if !slices.Equal(small, numbers(t, ds, LimitOptions{PerClass: 3, Seed: 7})) {
		t.Error("two calls choose differently")
	}
	if slices.Equal(small, numbers(t, ds, LimitOptions{PerClass: 3, Seed: 8})) {
		t.Error("the seed has no part in it")
	}
	for _, i := range small {
		if !slices.Contains(large, i) {
			t.Errorf("image %d is in the smaller part only", i)
		}
	}
}

func TestLimitRefuses(t *testing.T) {
	for _, o := range []LimitOptions{{}, {Total: 1, PerClass: 1}, {Total: -1}, {PerClass: -1}, {Fraction: 1.5}, {Fraction: -0.1}} {
		if _, err := Limit(toy(10, 4, 1, 2), o); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: error %v", o, err)
		}
	}
}
