package library

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// usageOf returns what a collection holds, by its pk.
type usageOf func(collection int64) (catalog.Usage, error)

// admit fails unless a collection may grow by so much. Content is the size of
// the largest content that enters it, 0 for none. Only growth is refused: a
// collection that holds more than its limits, because they were lowered, can
// shrink and stay.
//
// What counts is the question in the transaction of the change, before what it
// is asked about is written. Whatever brings documents or bytes into a collection
// asks it.
func admit(usage usageOf, c *catalog.Collection, growth catalog.Usage, content int64) error {
	if c.Limits == (sheaf.CollectionLimits{}) {
		return nil
	}
	if err := checkContentLimit(c, content); err != nil {
		return err
	}
	grows := growth.Documents > 0 && c.Limits.Documents > 0 || growth.Bytes > 0 && c.Limits.Bytes > 0
	if !grows {
		return nil
	}
	used, err := usage(c.PK)
	if err != nil {
		return err
	}
	if most := c.Limits.Documents; most > 0 && growth.Documents > 0 && used.Documents+growth.Documents > most {
		return sheaf.Errorf(sheaf.ErrQuota, "the collection %s holds %d documents, its limit is %d (max_documents), and this would add %d", c.Name, used.Documents, most, growth.Documents).
			WithHint("delete documents that are not needed, or raise the limit of the collection")
	}
	if most := c.Limits.Bytes; most > 0 && growth.Bytes > 0 && used.Bytes+growth.Bytes > most {
		return sheaf.Errorf(sheaf.ErrQuota, "the collection %s holds %d bytes, its limit is %d (max_bytes), and this would add %d", c.Name, used.Bytes, most, growth.Bytes).
			WithHint("delete documents that are not needed, or raise the limit of the collection")
	}
	return nil
}

// admitChange is admit for a document that becomes another one in the collection
// that it is in afterwards. Before is the zero Head for a new document. Nothing
// grows by what is in a layer; only each content of it may be too large.
func admitChange(tx *catalog.Tx, c *catalog.Collection, before, after catalog.Head) error {
	if after.Layer != "" {
		if after.Size > before.Size {
			return checkContentLimit(c, after.Size)
		}
		return nil
	}
	growth, content := growthOf(before, after)
	return admit(tx.Usage, c, growth, content)
}

// growthOf returns by how much a change of a document makes the collection grow
// that it is in afterwards, and the size of the content that enters it, 0 for none: a content that was there
// already may stay, whatever the limit is now.
func growthOf(before, after catalog.Head) (growth catalog.Usage, content int64) {
	if before.CollectionPK != after.CollectionPK {
		before = catalog.Head{} // it is new to this one
	}
	growth = catalog.Growth(before, after)
	if growth.Bytes > 0 {
		content = after.Size
	}
	return growth, content
}

// growths are by how much collections grow when many documents change together.
type growths []growth

type growth struct {
	of *catalog.Collection
	by catalog.Usage
}

func (g *growths) add(c *catalog.Collection, by catalog.Usage) {
	for i := range *g {
		if known := &(*g)[i]; known.of.PK == c.PK {
			known.by.Documents += by.Documents
			known.by.Bytes += by.Bytes
			return
		}
	}
	*g = append(*g, growth{c, by})
}

// admit fails unless all of the collections may grow so.
func (g growths) admit(usage usageOf) error {
	for _, growth := range g {
		if err := admit(usage, growth.of, growth.by, 0); err != nil {
			return err
		}
	}
	return nil
}

func checkContentLimit(c *catalog.Collection, content int64) error {
	if most := c.Limits.Content; most > 0 && content > most {
		return sheaf.Errorf(sheaf.ErrTooLarge, "the content has %d bytes, the limit of the collection %s is %d (max_content_bytes)", content, c.Name, most).
			WithHint("make it smaller, put it into another collection, or raise the limit of this one")
	}
	return nil
}

// admitPlacing asks admitChange before a content is placed that goes into its
// backend ahead of the commit, so that what is refused leaves nothing behind. It
// is that of a document, or of a new one if of is zero. What counts is the same
// question in the transaction of the change.
func (l *Library) admitPlacing(ctx context.Context, c *catalog.Collection, of target, content *Upload) error {
	if c.Limits == (sheaf.CollectionLimits{}) || content == nil || content.spooled.Ref().IsInline() {
		return nil
	}
	return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
		var before catalog.Head
		if of.find != nil {
			if before, err = of.find(&tx.View); err != nil {
				return err
			}
		}
		after := before
		after.Layer, after.Size = of.layer, content.Size()
		return admitChange(tx, c, before, after)
	})
}

// withContent returns the head as it will be with a new content, if there is one.
func withContent(h catalog.Head, content *Upload, ref blob.Ref) catalog.Head {
	if content != nil {
		h.Size = ref.Size
	}
	return h
}

// checkCollectionLimits refuses limits that no collection can have.
func checkCollectionLimits(limits sheaf.CollectionLimits) error {
	var errs []error
	for _, limit := range []struct {
		field string
		value int64
	}{
		{"limits.max_documents", limits.Documents},
		{"limits.max_bytes", limits.Bytes},
		{"limits.max_content_bytes", limits.Content},
	} {
		if limit.value < 0 {
			errs = append(errs, sheaf.Invalid(limit.field, fmt.Sprintf("%s is a number from 0, which is no limit, not %d", limit.field, limit.value)))
		}
	}
	return sheaf.InvalidFields(errs...)
}
