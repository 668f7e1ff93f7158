package train

import (
	"slices"
	"testing"
)

func TestRowsToMap(t *testing.T) {
	labels := make([]int, 4000)
	for i := range labels {
		labels[i] = i % 40
	}
	if shown := classesToMap(labels); len(shown) != mapClasses || shown[1] != 2 {
		t.Errorf("of 40 classes %v are shown", shown)
	}
	if shown := classesToMap([]int{-1, -1}); len(shown) != 0 {
		t.Errorf("without labels %v are shown", shown)
	}
	if shown := classesToMap([]int{7, 3, 7}); !slices.Equal(shown, []int{3, 7}) {
		t.Errorf("of classes 3 and 7, %v are shown", shown)
	}
	shown := []int{0, 2, 4}
	rows := rowsToMap(labels, shown)
	if len(rows) != 300 || !slices.IsSorted(rows) {
		t.Fatalf("%d rows", len(rows))
	}
	for _, i := range rows {
		if !slices.Contains(shown, labels[i]) {
			t.Fatalf("row %d is of class %d", i, labels[i])
		}
	}
	if rows := rowsToMap(make([]int, 5000), nil); len(rows) != mapPoints || rows[1] != 5 {
		t.Errorf("%d rows without classes, the second %d", len(rows), rows[1])
	}
}
