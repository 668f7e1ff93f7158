package bench

import (
	"context"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
)

// TestTimeAugment: every stage is there, they sum up to the whole, and blur is part of the recipe above 32 pixels only.
func TestTimeAugment(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "1.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(f, image.NewRGBA(image.Rect(0, 0, 48, 40)), nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o      AugmentOptions
		images int
		blurs  bool
	}{
		{AugmentOptions{Size: 32, Images: 40, Repeats: 3}, 40, false},
		{AugmentOptions{Size: 48, Data: dir, Images: 40, Repeats: 3}, 1, true},
	} {
		r, err := TimeAugment(context.Background(), c.o)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, s := range r.Stages {
			sum += s.Us
		}
		if len(r.Stages) != 6 || r.PerSec <= 0 || sum < 0.999*r.TotalUs || sum > 1.001*r.TotalUs {
			t.Errorf("%d stages of %v us, %v in all, %v images/s", len(r.Stages), sum, r.TotalUs, r.PerSec)
		}
		if r.Images != c.images || strings.Contains(r.Recipe, "blur") != c.blurs {
			t.Errorf("%d images by %q, want %d, blurred: %v", r.Images, r.Recipe, c.images, c.blurs)
		}
	}
	for _, o := range []AugmentOptions{{Size: 0, Images: 1, Repeats: 1}, {Size: 5000, Images: 1, Repeats: 1}} {
		if _, err := TimeAugment(context.Background(), o); fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%+v: error %v, want one of usage", o, err)
		}
	}
}
