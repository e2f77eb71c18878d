package catalog

import (
	"fmt"
	"testing"
	"time"
)

// Expired uploads are gone through to the last, also where some expired at the same
// time and none is ended: those of a backend that is away once kept all others
// waiting.
func TestExpiredUploadsInPages(t *testing.T) {
	c := open(t, Options{})
	now := time.UnixMilli(1_000_000)
	err := c.Mutate(t.Context(), 0, func(tx *Tx) error {
		for i := range 7 {
			u := Upload{ID: fmt.Sprint("up", i), Book: "book", Path: "assets/a.png", CreatedAt: now, ExpiresAt: now.Add(time.Duration(i/3) * time.Minute)}
			if err := tx.AddUpload(u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var seen string
	var last Upload
	for range 4 {
		var page []Upload
		err := c.Read(t.Context(), func(v *View) (err error) {
			page, err = v.ExpiredUploads(now.Add(time.Minute), last, 2)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page {
			seen += u.ID + " "
			last = u
		}
	}
	if want := "up0 up1 up2 up3 up4 up5 "; seen != want {
		t.Errorf("expired are %q, want %q", seen, want)
	}
}
