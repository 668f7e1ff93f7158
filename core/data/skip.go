package data

import (
	"cmp"
	"slices"
	"sync"
)

// skipList gathers the corrupt files of an open dataset.
type skipList struct {
	tell func(Skip) // may be nil

	mu    sync.Mutex
	skips []Skip
}

// add notes a file once.
func (l *skipList) add(s Skip) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.skips, func(old Skip) bool { return old.Path == s.Path }) {
		return
	}
	l.skips = append(l.skips, s)
	if l.tell != nil {
		l.tell(s)
	}
}

func (l *skipList) list() []Skip {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.skips)
	slices.SortFunc(all, func(a, b Skip) int { return cmp.Compare(a.Path, b.Path) })
	return all
}
