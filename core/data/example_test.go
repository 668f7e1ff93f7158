package data_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/data"
)

// paint makes a folder of images with two classes.
func paint() (string, error) {
	dir, err := os.MkdirTemp("", "colors")
	if err != nil {
		return "", err
	}
	for class, c := range map[string]color.Color{"blue": color.RGBA{B: 255, A: 255}, "red": color.RGBA{R: 255, A: 255}} {
		if err := os.Mkdir(filepath.Join(dir, class), 0o755); err != nil {
			return "", err
		}
		img := image.NewRGBA(image.Rect(0, 0, 16, 16))
		for i := range 256 {
			img.Set(i%16, i/16, c)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return "", err
		}
		for i := range 10 {
			if err := os.WriteFile(filepath.Join(dir, class, fmt.Sprintf("%d.png", i)), b.Bytes(), 0o644); err != nil {
				return "", err
			}
		}
	}
	return dir, nil
}

// Train on a folder of images, evaluate on the images that were held out.
func Example() {
	ctx := context.Background()
	dir, err := paint()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	splits, err := data.Open(ctx, data.Options{Name: dir, Size: 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(splits.Train.Len(), "images to train,", splits.Test.Len(), "to test:", splits.Train.Classes())

	view, err := augment.New(augment.Recipe{Size: 8, CropMin: 0.5, CropMax: 1, RatioMin: 1, RatioMax: 1}, splits.Train.Channels())
	if err != nil {
		fmt.Println(err)
		return
	}
	loader := data.NewLoader(splits.Train, []*augment.Pipeline{view, view}, data.LoaderOptions{Batch: 6, Seed: 1})
	defer loader.Close()
	for range loader.StepsPerEpoch() {
		batch, err := loader.Next(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("step", batch.Step, "of epoch", batch.Epoch, "has", len(batch.Views), "views of", len(batch.Index), "images")
		batch.Release()
	}

	for batch, err := range data.Plain(ctx, splits.Test, view, data.PlainOptions{Batch: 4}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("to test:", batch.Labels[:batch.Valid], "red of the last:", batch.Pixels[(batch.Valid-1)*8*8*3])
	}
	// Output:
	// 18 images to train, 2 to test: [blue red]
	// step 0 of epoch 0 has 2 views of 6 images
	// step 1 of epoch 0 has 2 views of 6 images
	// step 2 of epoch 0 has 2 views of 6 images
	// to test: [0 1] red of the last: 1
}
