package data

import (
	"sync/atomic"

	"github.com/sslctl/sslctl/augment"
)

// budget is the memory that caches may still take, in bytes.
type budget struct{ left atomic.Int64 }

// newBudget reads Options.CacheBytes.
func newBudget(bytes int64) *budget {
	if bytes == 0 {
		bytes = DefaultCacheBytes
	}
	b := &budget{}
	b.left.Store(max(bytes, 0))
	return b
}

// take reserves n bytes where they are left.
func (b *budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

// cache keeps decoded images until its budget is spent, and drops none: training visits every image once an epoch,
// in random order, for which evicting the oldest would only lower the share of hits. It decides speed, never pixels.
type cache struct {
	images []atomic.Pointer[augment.Image]
	budget *budget
}

func newCache(n int, b *budget) *cache {
	return &cache{images: make([]atomic.Pointer[augment.Image], n), budget: b}
}

func (c *cache) get(i int) (augment.Image, bool) {
	if p := c.images[i].Load(); p != nil {
		return *p, true
	}
	return augment.Image{}, false
}

func (c *cache) put(i int, img augment.Image) {
	n := int64(cap(img.Pix))
	if c.images[i].Load() != nil || !c.budget.take(n) {
		return
	}
	if !c.images[i].CompareAndSwap(nil, &img) { // another worker decoded it at the same time
		c.budget.left.Add(n)
	}
}
