package catalog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// The revision at a time is that of the latest entry until then, however many
// entries a millisecond has.
func TestRevisionAtATime(t *testing.T) {
	start := time.UnixMilli(1_700_000_000_000)
	clock := start
	c, collection := withCollection(t, Options{Clock: func() time.Time { return clock }})
	random := rand.New(rand.NewPCG(1, 2))
	at := []time.Time{clock} // of each revision, from 1
	for range 60 {
		clock = clock.Add(time.Duration(random.IntN(3)) * time.Millisecond)
		if _, err := create(t.Context(), c, collection, "n", nil, []byte("n")); err != nil {
			t.Fatal(err)
		}
		at = append(at, clock)
	}
	err := c.Snapshot(t.Context(), func(v *View) error {
		for ms := -2; ms < int(clock.Sub(start)/time.Millisecond)+3; ms++ {
			when := start.Add(time.Duration(ms) * time.Millisecond)
			want := int64(0)
			for i, t := range at {
				if !t.After(when) {
					want = int64(i + 1)
				}
			}
			for _, within := range []time.Duration{0, 999 * time.Microsecond} {
				if rev, err := v.RevAt("default", when.Add(within)); err != nil || rev != want {
					t.Errorf("the revision after %d ms and %v is %d, %v, want %d", ms, within, rev, err, want)
				}
			}
		}
		if rev, err := v.RevAt("nothing", clock); err != nil || rev != 0 {
			t.Errorf("the revision of a stream without entries is %d, %v, want 0", rev, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A listing of the past looks at many documents; it ends with its caller.
func TestListingOfThePastEndsWithItsContext(t *testing.T) {
	c, collection := withCollection(t, Options{})
	const documents = 1100 // more than are looked at before the context is
	err := c.Mutate(t.Context(), 0, func(tx *Tx) error {
		for i := range documents {
			h := Head{CollectionPK: collection.PK, Document: sheaf.Document{Collection: collection.Name, Name: fmt.Sprint(i), Metadata: []byte("{}")}}
			if err := tx.CreateDocument(&h); err != nil {
				return err
			}
			if _, err := tx.Append(string(h.Collection), &sheaf.LogPayload{Operation: "document.create", Status: "success"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = c.Snapshot(t.Context(), func(v *View) error {
		_, _, err := v.ListDocumentsAt(ctx, DocumentFilter{Collections: []*Collection{collection}, Name: "no such name"},
			map[int64]int64{collection.PK: documents}, nil, 10)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a listing for nobody: %v, want that it ends", err)
	}
}

// A mutation sees what the mutations before it have done to collections, also
// when they are committed together.
func TestCurrentCollection(t *testing.T) {
	c, collection := withCollection(t, Options{})
	err := c.Mutate(t.Context(), 0, func(tx *Tx) error {
		if got, found, err := tx.CurrentCollection("default"); err != nil || !found || got.Status != sheaf.StatusActive {
			t.Errorf("the collection: %+v, found %t, %v", got, found, err)
		}
		changed := *collection
		changed.Status = sheaf.StatusArchived
		if err := tx.UpdateCollection(&changed); err != nil {
			return err
		}
		if got, found, err := tx.CurrentCollection("default"); err != nil || !found || got.Status != sheaf.StatusArchived {
			t.Errorf("the collection once changed: %+v, found %t, %v", got, found, err)
		}
		if _, found, err := tx.CurrentCollection("unknown"); err != nil || found {
			t.Errorf("an unknown collection: found %t, %v", found, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Collection("default"); got.Status != sheaf.StatusArchived || got.PK != collection.PK {
		t.Errorf("the collection after the commit: %+v", got)
	}
}
