package library

import (
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A Precondition says what a document has to be still for a deletion of it.
type Precondition struct {
	Digest *sheaf.Digest // of its content; nil: any, or none

	// Revision and Collection are as those of a [DocumentChange].
	Revision   int64
	Collection sheaf.Slug
}

// check fails with [sheaf.ErrPreconditionFailed] unless a document is so.
func (p Precondition) check(h catalog.Head) error {
	state := DocumentChange{Revision: p.Revision, Collection: p.Collection}
	if state.holds(h) && (p.Digest == nil || h.Version > 0 && *p.Digest == h.Digest) {
		return nil
	}
	return sheaf.Errorf(sheaf.ErrPreconditionFailed, "the document is not the one that the request asks for").
		WithHint(fmt.Sprintf("it is at version %d and revision %d of %s now; read it again", h.Version, h.Rev, h.Collection))
}

// checkAll checks all of several preconditions.
func checkAll(preconditions []Precondition, h catalog.Head) error {
	for _, p := range preconditions {
		if err := p.check(h); err != nil {
			return err
		}
	}
	return nil
}
