package library

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, test := range []struct {
		each time.Duration // what one thing takes
		want int
	}{
		{0, maxPace},
		{time.Nanosecond, maxPace},
		{40 * time.Microsecond, 100},
		{time.Second, minPace},
	} {
		p := newPace()
		for range 20 {
			p.took(test.each)
		}
		if p.size < test.want-1 || p.size > test.want {
			t.Errorf("things of %v each: %d at a time, want %d", test.each, p.size, test.want)
		}
	}
	p := newPace()
	p.took(time.Second)
	if p.size != firstPace/2 {
		t.Errorf("after one hiccup: %d at a time, want %d", p.size, firstPace/2)
	}
}
