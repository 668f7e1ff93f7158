package data

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

func TestPlain(t *testing.T) {
	ds := toy(10, 8, 3, 4)
	p := strong(t, 6, 3)
	const values = 6 * 6 * 3
	want := make([]float32, values)
	var s augment.Scratch
	for _, workers := range []int{1, 3} {
		var valid []int
		seen := 0
		for b, err := range Plain(context.Background(), ds, p, PlainOptions{Batch: 4, Workers: workers}) {
			if err != nil {
				t.Fatal(err)
			}
			valid = append(valid, b.Valid)
			if len(b.Pixels) != 4*values || len(b.Labels) != 4 {
				t.Fatalf("a batch of another shape: %d values", len(b.Pixels))
			}
			for j := range 4 {
				got := b.Pixels[j*values : (j+1)*values]
				if j >= b.Valid {
					if b.Index[j] != -1 || b.Labels[j] != -1 || slices.Max(got) != 0 || slices.Min(got) != 0 {
						t.Errorf("padding %d holds image %d", j, b.Index[j])
					}
					continue
				}
				img, err := ds.Image(seen)
				if err != nil {
					t.Fatal(err)
				}
				p.Eval(want, img, &s)
				if b.Index[j] != seen || b.Labels[j] != ds.Label(seen) || !slices.Equal(got, want) {
					t.Errorf("image %d differs from its pipeline's", seen)
				}
				seen++
			}
		}
		if !slices.Equal(valid, []int{4, 4, 2}) {
			t.Errorf("valid images of the batches: %v, want 4, 4, 2", valid)
		}
	}
}

// TestPlainEnds: at a break, an error, a cancelled context and an empty dataset; goleak sees what stays behind.
func TestPlainEnds(t *testing.T) {
	p := strong(t, 5, 1)
	for range Plain(context.Background(), toy(50, 5, 1, 2), p, PlainOptions{Batch: 4}) {
		break
	}
	for range Plain(context.Background(), toy(0, 5, 1, 2), p, PlainOptions{Batch: 4}) {
		t.Error("an empty dataset gives a batch")
	}
	errorsOf := func(ctx context.Context, ds Dataset, batch int) (batches int, last error) {
		for _, err := range Plain(ctx, ds, p, PlainOptions{Batch: batch}) {
			if err != nil {
				last = err
				continue // to see whether more comes after an error
			}
			batches++
		}
		return batches, last
	}
	if n, err := errorsOf(context.Background(), faulty{Dataset: toy(50, 5, 1, 2), bad: 9}, 4); n != 2 || fault.CodeOf(err) != fault.Data {
		t.Errorf("%d batches before error %v, want 2", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if n, err := errorsOf(ctx, toy(50, 5, 1, 2), 4); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d batches before error %v, want none", n, err)
	}
	if _, err := errorsOf(context.Background(), toy(5, 5, 3, 2), 4); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "pipeline of 1 channels") {
		t.Errorf("error %v for a pipeline of other channels", err)
	}
	if _, err := errorsOf(context.Background(), toy(5, 5, 1, 2), 0); fault.CodeOf(err) != fault.Usage {
		t.Errorf("error %v for a batch of none", err)
	}
}
