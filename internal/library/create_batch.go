package library

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// NewDocuments is what [Session.CreateDocuments] makes documents of: a batch.
type NewDocuments struct {
	Files  []NewFile
	Atomic bool // all of them or none

	// These are of all files, and take the place of what a file itself says.
	Collection     string
	Message        string
	IdempotencyKey string
}

// A NewFile is a document of a batch, or what is wrong with it.
type NewFile struct {
	NewDocument
	Refused error // why its content was not received, if it was not
}

// CreatedDocument is what became of a file of a batch: Err says why it is no
// document, if it is none.
type CreatedDocument struct {
	Document sheaf.Document
	Err      error
}

const (
	// batchTogether is how many documents of a batch are on their way at once.
	// So many share a commit, and so many large ones are made durable side by side.
	batchTogether = 32

	// maxBatchText is how many bytes the texts about the documents of a batch may
	// have together: the entry of the log and the answer repeat them.
	maxBatchText = 8 << 20
)

// CreateDocuments stores many new documents and says, in the order of the files,
// what became of each. When it returns, those that were made are on disk.
//
// If the batch is atomic, they are made in one transaction with one entry in the
// log, or there is an error and nothing is stored; its fields name files by their
// index, such as files[3].name. Otherwise each succeeds or fails on its own, and
// an error means that the batch as a whole was refused.
//
// With an idempotency key, a batch that is repeated makes only those documents
// that it has not made before, and answers the same of the others.
func (s *Session) CreateDocuments(ctx context.Context, in NewDocuments) ([]CreatedDocument, error) {
	op := s.begin("document.create_batch").in(in.Collection)
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return nil, err
	}
	collection, err := s.library.checkBatch(in)
	if err != nil {
		return nil, err
	}
	for i := range in.Files {
		file := &in.Files[i].NewDocument
		file.Collection, file.Message, file.IdempotencyKey = in.Collection, in.Message, ""
		if in.IdempotencyKey != "" && !in.Atomic {
			// Digits behind the last # are no part of the caller's key, so that
			// two batches never share one.
			file.IdempotencyKey = fmt.Sprintf("%s#%d", in.IdempotencyKey, i)
		}
	}
	if in.Atomic {
		return s.createTogether(ctx, op, in, collection)
	}
	return s.createEach(ctx, in), nil
}

// checkBatch applies the rules about a batch as a whole.
func (l *Library) checkBatch(in NewDocuments) (*catalog.Collection, error) {
	var countErr, textErr error
	switch n := len(in.Files); {
	case n == 0:
		countErr = sheaf.Invalid("files", "the batch has no files")
	case n > l.limits.BatchFiles:
		return nil, sheaf.Errorf(sheaf.ErrTooLarge, "the batch has %d files, the limit is %d (limits.batch_files)", n, l.limits.BatchFiles)
	}
	text := 0
	for _, file := range in.Files {
		text += len(file.Name) + len(file.Filename) + len(file.Description) + len(file.Metadata)
		for _, tag := range file.Tags {
			text += len(tag)
		}
	}
	if text > maxBatchText {
		textErr = sheaf.Errorf(sheaf.ErrTooLarge, "names, tags, descriptions and metadata of the batch have %d bytes together, the limit is %d", text, maxBatchText).
			WithHint("send the files in several batches")
	}
	var keyErr error
	const indexDigits = len("#") + 19
	if len(in.IdempotencyKey) > maxIdempotencyKey-indexDigits {
		keyErr = sheaf.Invalid("Idempotency-Key", fmt.Sprintf("the idempotency key of a batch has %d bytes, the limit is %d",
			len(in.IdempotencyKey), maxIdempotencyKey-indexDigits))
	}
	collection, collectionErr := l.writableCollection(in.Collection)
	return collection, sheaf.InvalidFields(countErr, textErr, keyErr, collectionErr, l.limits.CheckMessage(in.Message))
}

// createEach makes each document on its own. They arrive at the writer together,
// so that they share commits.
func (s *Session) createEach(ctx context.Context, in NewDocuments) []CreatedDocument {
	created := make([]CreatedDocument, len(in.Files))
	var working errgroup.Group
	working.SetLimit(batchTogether)
	for i, file := range in.Files {
		working.Go(func() error {
			made := &created[i]
			if made.Err = file.Refused; made.Err == nil {
				made.Document, made.Err = s.create(ctx, s.begin("document.create"), file.NewDocument, "document.create_batch.file")
			}
			return nil
		})
	}
	working.Wait()
	return created
}

// createTogether makes all documents in one transaction.
func (s *Session) createTogether(ctx context.Context, op operation, in NewDocuments, collection *catalog.Collection) ([]CreatedDocument, error) {
	heads, err := s.library.checkFiles(in.Files)
	if err != nil {
		return nil, err
	}
	contents := make([]*Upload, len(in.Files))
	documents := make([]sheaf.Document, len(in.Files))
	for i := range in.Files {
		contents[i], documents[i] = in.Files[i].Content, heads[i].Document
	}
	once, err := s.rememberBy(in.IdempotencyKey, op.name, documents, in.Message)
	if err != nil {
		return nil, err
	}
	if done, err := s.library.answered(ctx, once, &documents, contents...); done || err != nil {
		return allCreated(documents), err
	}
	refs := make([]blob.Ref, len(contents))
	inline := int64(0)
	goTo := func(backend string) (err error) {
		inline = 0
		for i, content := range contents {
			if content != nil { // or it is given a content later
				if refs[i], err = content.spooled.RefOn(backend); err != nil {
					return err
				}
				inline += int64(len(refs[i].Inline))
			}
		}
		return nil
	}
	if err := goTo(collection.Backend); err != nil {
		return nil, err
	}
	var known []int // the files whose contents were in the store
	commit := func(tx *catalog.Tx, placed []bool, sources knownSources) error {
		known = known[:0]
		if done, err := once.recall(tx, &documents); done || err != nil {
			return err
		}
		created := slices.Clone(heads)
		entry := []func(*sheaf.LogPayload){withMessage(in.Message)}
		for i := range created {
			isKnown, err := s.addHead(tx, &created[i], refs[i], in.Message)
			if moved, _ := hasMoved(err); moved {
				return err
			}
			if err != nil {
				return inFile(i, err)
			}
			if isKnown || contents[i] != nil && !placed[i] {
				known = append(known, i)
			}
			documents[i] = created[i].Document
			entry = append(entry, withDocument(created[i].ID, nil, created[i].LogState()))
		}
		if err := recordAllSources(tx, sources, created...); err != nil {
			return err
		}
		if _, err := tx.Append(string(collection.Name), op.entry(entry...)); err != nil {
			return err
		}
		return once.remember(tx, documents)
	}
	places := make([]sourcesPlace, len(heads))
	for i, h := range heads {
		places[i] = summaryPlaceOf(h)
	}
	for {
		err = s.library.pastRemovals(ctx, refs, func() error {
			placed, err := s.library.readyAll(ctx, contents, refs)
			if err != nil {
				return err
			}
			return s.library.withSources(ctx, places, func(sources knownSources) error {
				return s.library.catalog.Mutate(ctx, inline, func(tx *catalog.Tx) error { return commit(tx, placed, sources) })
			})
		})
		moved, to := hasMoved(err)
		if moved {
			err = goTo(to)
		}
		if err != nil {
			return nil, err
		}
		if !moved {
			break
		}
	}
	s.library.changed()
	for _, i := range known {
		if err := s.library.heal(ctx, contents[i], refs[i]); err != nil {
			return nil, inFile(i, err)
		}
	}
	return allCreated(documents), nil
}

func allCreated(documents []sheaf.Document) []CreatedDocument {
	created := make([]CreatedDocument, len(documents))
	for i, document := range documents {
		created[i].Document = document
	}
	return created
}

// checkFiles applies every rule about the files of a batch and reports all that
// is wrong.
func (l *Library) checkFiles(files []NewFile) ([]catalog.Head, error) {
	heads := make([]catalog.Head, len(files))
	var wrong []error
	for i, file := range files {
		err := file.Refused
		if err == nil {
			heads[i], _, err = l.checkNewDocument(file.NewDocument)
		}
		wrong = append(wrong, inFile(i, err))
	}
	return heads, sheaf.InvalidFields(wrong...)
}

// inFile returns the error of a file as one of its batch, whose fields name the
// file.
func inFile(index int, err error) error {
	var e *sheaf.Error
	if !errors.As(err, &e) || e == catalog.ErrDeleting { // which is nothing of the file's
		return err
	}
	file := fmt.Sprintf("files[%d]", index)
	named := *e
	named.Message = file + ": " + e.Message
	named.Fields = nil
	for _, field := range e.Fields {
		named.Fields = append(named.Fields, sheaf.FieldError{Field: file + "." + field.Field, Message: field.Message})
	}
	if len(named.Fields) == 0 {
		named.Fields = []sheaf.FieldError{{Field: file, Message: e.Message}}
	}
	return &named
}

// readyAll makes the contents of a batch ready to be named in one commit, as
// ready does with one.
func (l *Library) readyAll(ctx context.Context, contents []*Upload, refs []blob.Ref) (placed []bool, err error) {
	placed = make([]bool, len(contents))
	placing, ctx := errgroup.WithContext(ctx)
	placing.SetLimit(batchTogether)
	for i, content := range contents {
		if content == nil {
			continue
		}
		placing.Go(func() (err error) {
			placed[i], err = l.ready(ctx, content, refs[i])
			return inFile(i, err)
		})
	}
	return placed, placing.Wait()
}
