package library

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sheaf-dev/sheaf"
)

// An UploadBatch receives the contents of a batch, one after the other. It is for
// one goroutine, which closes it.
//
// Small contents wait in memory, to ride inside a commit, but all batches together
// hold no more of it than [Options].BatchMemory: what goes beyond waits in files
// of the spool, as large contents do. All batches together keep no more of those
// open than [mostBatchOpen].
type UploadBatch struct {
	session *Session
	uploads []*Upload
	files   int
	size    int64 // of the contents received, those refused included
}

// BeginBatch begins to receive a batch.
func (s *Session) BeginBatch() (*UploadBatch, error) {
	s.begin("document.create_batch")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return nil, err
	}
	return &UploadBatch{session: s}, nil
}

// Receive reads a content of the batch to its end, as [Session.Receive] does. The
// upload belongs to the batch.
//
// A content that is too large by itself is skipped to its end: refused says so,
// and the next can be received. Any error, such as that the batch as a whole is
// too large, ends the batch.
func (b *UploadBatch) Receive(ctx context.Context, body io.Reader) (upload *Upload, refused, err error) {
	limits := b.session.library.limits
	if b.files++; b.files > limits.BatchFiles {
		return nil, nil, sheaf.Errorf(sheaf.ErrTooLarge, "the batch has more than %d files, which is the limit (limits.batch_files)", limits.BatchFiles).
			WithHint("send the files in several batches")
	}
	left := limits.BatchBytes - b.size
	counted := &io.LimitedReader{R: body, N: left + 1}
	upload, err = b.session.Receive(ctx, counted)
	if sheaf.KindOf(err) == sheaf.ErrTooLarge {
		refused, err = err, nil
		_, err = io.Copy(io.Discard, counted)
	}
	b.size += left + 1 - counted.N
	if upload != nil {
		upload.batch = b
		b.uploads = append(b.uploads, upload)
	}
	switch {
	case err != nil:
		return nil, nil, err
	case b.size > limits.BatchBytes:
		return nil, nil, sheaf.Errorf(sheaf.ErrTooLarge, "the contents of the batch are larger than the limit of %d bytes together (limits.batch_bytes)", limits.BatchBytes).
			WithHint("send the files in several batches")
	case refused != nil:
		return nil, refused, nil
	}
	return upload, nil, upload.hold()
}

// hold accounts for the memory that an upload takes up, or has it wait in a file.
func (u *Upload) hold() error {
	memory := int64(u.spooled.Held())
	if u.spooled.IsOpen() {
		return u.leaveOpen()
	}
	if u.batch.session.library.batchMemory.TryAcquire(memory) {
		u.held = memory
		return nil
	}
	if err := u.spooled.Unload(); err != nil {
		return fmt.Errorf("make room for a batch: %w", err)
	}
	return u.leaveOpen()
}

// mostBatchOpen is how many files of the spool wait open for the end of their
// batches. A batch may have more files than a process may open, and there may be
// many batches: the files beyond that are closed until they are placed.
const mostBatchOpen = 256

// leaveOpen accounts for the file that an upload waits in, or closes it for now.
func (u *Upload) leaveOpen() error {
	if !u.spooled.IsOpen() {
		return nil
	}
	if u.batch.session.library.batchOpen.TryAcquire(1) {
		u.opened = true
		return nil
	}
	return u.spooled.Park()
}

// Close closes all uploads of the batch.
func (b *UploadBatch) Close() error {
	var errs []error
	for _, upload := range b.uploads {
		errs = append(errs, upload.Close())
	}
	return errors.Join(errs...)
}
