package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// contentSum is the SHA-256 of the uncompressed content of a file.
type contentSum struct {
	name string
	sum  string // hexadecimal
}

// digest joins the sums of a dataset's files to one, in the order given.
func digest(sums []contentSum) string {
	h := sha256.New()
	for _, s := range sums {
		fmt.Fprintf(h, "%s  %s\n", s.sum, s.name)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// publishedDigest is the digest of a dataset's official content.
func publishedDigest(e entry) string {
	var sums []contentSum
	for _, m := range e.members() {
		sums = append(sums, contentSum{m.name, m.sha256})
	}
	return digest(sums)
}
