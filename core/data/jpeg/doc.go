// Package jpeg decodes JPEG files faster than the standard library, and to the same bits.
//
// [Decode] reads what nearly all photos are, whole: baseline files (ITU-T T.81, SOF0) of 8 bits in gray or YCbCr, with all
// components in one scan. Everything else, progressive files, CMYK, RGB and files with the slightest damage or
// oddity, goes to image/jpeg, which so decides on every file whether it is one and what it shows: what can be read here
// equals what image/jpeg makes of it, to the bit, on every processor.
//
// The time goes where a JPEG is: bits that are looked up ten at a time, runs and values together, from a copy of the scan without
// its stuffing (scan.go, huffman.go), and the inverse DCT, of a whole block in vectors where the processor has AVX2 (idct.go).
package jpeg

import (
	"bytes"
	"image"
	"image/jpeg"
)

// Decode reads a whole file. It allocates what the header claims: ask image/jpeg's DecodeConfig first whether that is acceptable.
// The result is of the type that image/jpeg gives; its errors are image/jpeg's.
func Decode(content []byte) (image.Image, error) {
	if img, ok := decodeBaseline(content, detect()); ok {
		return img, nil
	}
	return jpeg.Decode(bytes.NewReader(content))
}

// decodeBaseline decodes a plain baseline file; any other is not ok.
func decodeBaseline(content []byte, k *kernels) (image.Image, bool) {
	h, ok := readHeader(content)
	if !ok {
		return nil, false
	}
	p := newPicture(h)
	if !p.decodeScan(h, content[h.scan:], k) {
		return nil, false
	}
	return p.img, true
}
