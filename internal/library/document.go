package library

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// NewDocument is what [Session.CreateDocument] makes a document of. Texts are as
// the caller gave them.
type NewDocument struct {
	Content        *Upload // still the caller's to close; nil: it is given a content later
	Filename       string  // as on the sender's machine; without content, the name if empty
	Name           string  // the filename if empty
	Tags           []string
	Description    string
	Metadata       json.RawMessage // a JSON object; nothing is the empty one
	Collection     string          // the default collection if empty
	Path           string          // only in books
	Message        string          // why, for the history
	IdempotencyKey string          // a second request with the same key gets the first one's answer; empty: none
}

// errNoDocument is the seed's message for whatever is not there.
var errNoDocument = sheaf.Errorf(sheaf.ErrNotFound, "Document not found").
	WithHint("list documents to find its id; deleted documents are in the trash")

var (
	errPurged    = sheaf.Errorf(sheaf.ErrGone, "the document was purged").WithHint("its contents are gone for good; its log says who purged it, and when")
	errNoContent = sheaf.Errorf(sheaf.ErrNotFound, "the document has no content yet").WithHint("give it one with PUT /documents/{id}/content")
)

// CreateDocument stores a new document. When it returns, the document is on
// disk. All invalid fields are reported at once.
func (s *Session) CreateDocument(ctx context.Context, in NewDocument) (sheaf.Document, error) {
	op := s.begin("document.create").in(in.Collection)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return sheaf.Document{}, err
	}
	return s.create(ctx, op, in, op.name)
}

// create stores a new document, once for each idempotency key of the route.
func (s *Session) create(ctx context.Context, op operation, in NewDocument, route string) (sheaf.Document, error) {
	head, collection, err := s.library.checkNewDocument(in)
	if err != nil {
		return sheaf.Document{}, err
	}
	once, err := s.rememberBy(in.IdempotencyKey, route, head.Document, in.Message)
	if err != nil {
		return sheaf.Document{}, err
	}
	if done, err := s.library.answered(ctx, once, &head.Document, in.Content); done || err != nil {
		return head.Document, err
	}
	if err := s.library.admitPlacing(ctx, collection, target{}, in.Content); err != nil {
		return sheaf.Document{}, err
	}
	var created catalog.Head
	commit := func(ref blob.Ref) (known bool, err error) {
		err = s.library.withSources(ctx, []sourcesPlace{summaryPlaceOf(head)}, func(sources knownSources) error {
			return s.library.catalog.Mutate(ctx, int64(len(ref.Inline)), func(tx *catalog.Tx) (err error) {
				created = head
				known, err = s.createHead(tx, op, once, &created, ref, sources, in.Message)
				return err
			})
		})
		return known, err
	}
	if in.Content == nil {
		_, err = commit(blob.Ref{})
	} else {
		err = s.library.keep(ctx, in.Content, collection.Backend, commit)
	}
	if err != nil {
		return sheaf.Document{}, err
	}
	s.library.changed()
	return created.Document, nil
}

// createHead makes a document in a transaction, with its entry in the log.
// Without content ref is zero. Known says that its content was in the store.
func (s *Session) createHead(tx *catalog.Tx, op operation, once *remembering, created *catalog.Head, ref blob.Ref, sources knownSources, message string) (known bool, err error) {
	if done, err := once.recall(tx, &created.Document); done || err != nil {
		return false, err
	}
	if known, err = s.addHead(tx, created, ref, message); err != nil {
		return false, err
	}
	if err := recordAllSources(tx, sources, *created); err != nil {
		return false, err
	}
	_, err = tx.Append(string(created.Collection),
		op.entry(withDocument(created.ID, nil, created.LogState()), withMessage(message)))
	if err != nil {
		return false, err
	}
	return known, once.remember(tx, created.Document)
}

// addHead makes a document in a transaction whose entry in the log the caller
// appends.
func (s *Session) addHead(tx *catalog.Tx, created *catalog.Head, ref blob.Ref, message string) (known bool, err error) {
	into, err := writableNow(tx, created.Collection)
	if err != nil {
		return false, err
	}
	if err := checkHome(into, created.Version > 0, ref); err != nil {
		return false, err
	}
	if created.Path != "" {
		if err := checkPathFree(&tx.View, into, *created, ""); err != nil {
			return false, err
		}
	}
	if err := admitChange(tx, into, catalog.Head{}, *created); err != nil {
		return false, err
	}
	if err := tx.CreateDocument(created); err != nil || created.Version == 0 {
		return false, err
	}
	if known, err = tx.KeepBlob(ref); err != nil {
		return false, err
	}
	return known, tx.AddVersion(created.PK, s.version(created, message))
}

// version returns the version row of a head's content.
func (s *Session) version(h *catalog.Head, message string) *sheaf.Version {
	return &sheaf.Version{
		Number: h.Version, Digest: h.Digest, Size: h.Size, MIME: h.MIME,
		Author: s.principal.ID, Label: s.principal.Label, Message: message,
	}
}

// changed wakes the background work that a committed change has made.
func (l *Library) changed() {
	l.used()
	for _, d := range l.drains {
		wake(d.wake)
	}
	wake(l.indexable)
}

// checkNewDocument applies every rule about a new document's fields.
func (l *Library) checkNewDocument(in NewDocument) (catalog.Head, *catalog.Collection, error) {
	field := "file"
	if in.Content == nil {
		field = "filename"
		if in.Filename == "" {
			field, in.Filename = "name", in.Name
		}
	}
	filename, filenameErr := l.limits.CleanFilename(in.Filename)
	if field == "name" && in.Name == "" {
		filenameErr = sheaf.Invalid("name", "name is empty, and a document that waits for its content has no filename to be called by")
	} else {
		filenameErr = aboutField(field, filenameErr)
	}
	name := in.Name
	if name == "" {
		name = filename
	}
	var nameErr error
	if filenameErr == nil || in.Name != "" {
		nameErr = l.limits.CheckName("name", name)
	}
	tags, tagsErr := l.limits.CleanTags(in.Tags)
	metadata, metadataErr := l.limits.CleanMetadata(in.Metadata)
	collection, collectionErr := l.writableCollection(in.Collection)
	var pathErr error
	if in.Path != "" && collectionErr == nil && collection.Kind != sheaf.KindBook {
		pathErr = sheaf.Invalid("path", fmt.Sprintf("documents of the collection %s have no path; only books have", collection.Name))
	} else if in.Path != "" || collectionErr == nil && collection.Kind == sheaf.KindBook {
		pathErr = l.limits.CheckPath(in.Path)
	}
	err := sheaf.InvalidFields(filenameErr, nameErr, tagsErr, metadataErr, collectionErr, pathErr,
		l.limits.CheckDescription(in.Description), l.limits.CheckMessage(in.Message))
	if err != nil {
		return catalog.Head{}, nil, err
	}
	head := catalog.Head{
		CollectionPK: collection.PK,
		Document: sheaf.Document{
			Collection:  collection.Name,
			Path:        in.Path,
			Name:        name,
			Filename:    filename,
			Tags:        tags,
			Description: in.Description,
			Metadata:    metadata,
			MIME:        mimeType(filename),
		},
	}
	if in.Content != nil {
		head.Version, head.Digest, head.Size = 1, in.Content.Digest(), in.Content.Size()
	}
	return head, collection, nil
}

// aboutField returns an error about a value as one about the field that the
// caller gave the value in.
func aboutField(field string, err error) error {
	if err == nil {
		return nil
	}
	return sheaf.Invalid(field, err.Error())
}

// collection returns the collection of a name as a request gives it.
func (l *Library) collection(name string) (*catalog.Collection, error) {
	slug, err := sheaf.ParseSlug("collection", name)
	if err != nil {
		return nil, err
	}
	collection, ok := l.catalog.Collection(slug)
	if !ok {
		return nil, errNoCollection(slug)
	}
	return collection, nil
}

func errNoCollection(name sheaf.Slug) error {
	return sheaf.Errorf(sheaf.ErrNotFound, "Collection not found: %s", name).WithHint("list the collections, or create it")
}

// collectionOrDefault returns the collection of a name, the default one if it is
// empty.
func (l *Library) collectionOrDefault(name string) (*catalog.Collection, error) {
	if name == "" {
		name = string(sheaf.DefaultCollection)
	}
	return l.collection(name)
}

// writableCollection returns the collection for a write, the default one if
// name is empty.
func (l *Library) writableCollection(name string) (*catalog.Collection, error) {
	collection, err := l.collectionOrDefault(name)
	if err != nil {
		return nil, err
	}
	return collection, checkWritable(collection)
}

// writableNow returns the collection for a write in a transaction, in which it
// may be another one than when the write arrived.
func writableNow(tx *catalog.Tx, name sheaf.Slug) (*catalog.Collection, error) {
	collection, found, err := tx.CurrentCollection(name)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, errNoCollection(name)
	}
	return collection, checkWritable(collection)
}

func checkWritable(collection *catalog.Collection) error {
	switch collection.Status {
	case sheaf.StatusArchived:
		return sheaf.Errorf(sheaf.ErrArchived, "the collection %s is archived and cannot be changed", collection.Name).
			WithHint(fmt.Sprintf("write elsewhere, or have whoever keeps it make it active again: with `sheaf collections unarchive %s`, or over REST with the status active", collection.Name))
	case sheaf.StatusDeleting:
		return errDeleting(collection.Name)
	}
	return nil
}

// Document returns a document that is not deleted.
func (s *Session) Document(ctx context.Context, id sheaf.DocumentID) (sheaf.Document, error) {
	s.begin("document.read").on(id)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return sheaf.Document{}, err
	}
	var head catalog.Head
	err := s.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		head, err = liveHead(v, id)
		return err
	})
	if err == nil {
		s.library.used()
	}
	return head.Document, err
}

// liveHead returns the head of a document that is not deleted.
func liveHead(v *catalog.View, id sheaf.DocumentID) (catalog.Head, error) {
	head, found, err := v.Head(id)
	switch {
	case err != nil:
		return catalog.Head{}, err
	case head.Purged:
		return catalog.Head{}, errPurged
	case !found || head.Deleted:
		return catalog.Head{}, errNoDocument
	}
	return head, nil
}
