// Package augment turns an 8-bit image into a view for self-supervised learning: random resized crop, horizontal
// flip, colour jitter, grayscale, Gaussian blur, solarisation, then normalised float32 pixels in rows of
// interleaved channels (HWC). It stands alone: nothing else of this module is needed to use it.
//
// Most people need three calls. [New] checks a [Recipe] and prepares a [Pipeline]; [Pipeline.Apply] makes a view of an image;
// [Pipeline.Eval] makes the plain picture for a probe (resize, centre crop, normalise):
//
//	p, err := augment.New(recipe, 3)
//	var s augment.Scratch
//	p.Apply(view, image, augment.Key{Seed: 1, Epoch: 0, Index: 17, View: 0}, &s)
//
// # What it promises
//
// A view is a pure function of the recipe, the image and the [Key]: workers, order and resumption cannot change it.
// [Pipeline.Draw] gives the drawn numbers alone, so that another device may apply the same ones, and
// [Pipeline.ApplyParams] applies given ones.
//
// The crop is Pillow's resize, bit for bit: antialiased bicubic (a = -1/2), the horizontal pass first, rounded to 8 bits between.
// (Pillow 13 swaps the passes where the height shrinks much more than the width.) Every other step is that of torchvision 0.29's v2
// transforms on uint8 tensors, bit for bit, except that a blurred value within about 3e-4 of a half may round to the other side.
// Golden files from both are part of the tests.
//
// A pipeline is immutable and may be shared by goroutines; a [Scratch] belongs to one at a time. Once a scratch
// has grown to the size of the images, no call allocates. The kernels for amd64 (AVX2, AVX-512) give the same bits as
// the plain Go ones.
package augment
