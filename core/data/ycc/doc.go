// Package ycc brings decoded pictures to RGB as libjpeg and libwebp do: colour planes of a lower resolution are interpolated, not
// repeated, and the conversion is rounded as theirs. [RGB] is what most callers need. Every processor gives the same bits.
package ycc
