package cli

import (
	"errors"
	"io"
	"iter"
	"regexp"
	"strconv"
	"sync"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

// pushTogether pushes all files or none.
func (o *pushOptions) pushTogether(cmd *cobra.Command, store *connection, files iter.Seq[source], bar *progress, single bool) error {
	var all []source
	in := client.BatchInput{Atomic: true, Collection: o.collection, Message: o.message}
	defer func() {
		for _, file := range in.Files {
			file.Body.(*lateFile).Close()
		}
	}()
	for file := range files {
		if file.err != nil {
			return about(file.path, file.err)
		}
		all = append(all, file)
		in.Files = append(in.Files, o.input(file, &lateFile{source: file, bar: bar}))
	}
	if len(all) == 0 {
		return sheaf.Errorf(sheaf.ErrInvalid, "there are no files to push%s", o.chosen.note())
	}
	results, err := store.PushBatch(cmd.Context(), in)
	bar.stop()
	if err != nil {
		return nameFiles(err, all)
	}
	outcome := tally{giveUp: func() {}}
	for i, result := range results {
		if result.Err != nil { // it was stored, and is not what was sent
			outcome.fail(cmd, all[i].path, result.Err)
			continue
		}
		outcome.succeed(result.Document.Size)
		if err := o.report(cmd.OutOrStdout(), all[i], result.Document, single); err != nil {
			outcome.fail(cmd, "standard output", err)
		}
	}
	if !single {
		o.note(cmd, "pushed %s", &outcome)
	}
	return outcome.err(cmd.Context())
}

var batchFile = regexp.MustCompile(`files\[(\d+)\]`)

// nameFiles returns the error of a batch with the paths of files in the place of
// their indexes.
func nameFiles(err error, files []source) error {
	var e *sheaf.Error
	if !errors.As(err, &e) {
		return err
	}
	name := func(text string) string {
		return batchFile.ReplaceAllStringFunc(text, func(indexed string) string {
			if i, err := strconv.Atoi(batchFile.FindStringSubmatch(indexed)[1]); err == nil && i < len(files) {
				return files[i].path
			}
			return indexed
		})
	}
	named := *e
	named.Message, named.Fields = name(e.Message), nil
	for _, field := range e.Fields {
		// "notes.md.name: name is empty" would be one name too many.
		named.Fields = append(named.Fields, sheaf.FieldError{Field: name(batchFile.FindString(field.Field)), Message: field.Message})
	}
	if len(named.Fields) == 1 {
		named.Fields = nil // the message names it
	}
	return &named
}

// A lateFile is a source that is opened when it is read and closed at its end: a
// batch may have more files than a process may have open. What is no regular file
// can be read once only, from its beginning.
type lateFile struct {
	source
	bar *progress

	mu     sync.Mutex    // the transport may still read when the push has ended
	opened io.ReadCloser // nil when it is not open; guarded by mu
}

// Read implements [io.Reader].
func (f *lateFile) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ensureOpen(); err != nil {
		return 0, err
	}
	return f.bar.count(f.opened).Read(p)
}

// ReadAt implements [io.ReaderAt].
func (f *lateFile) ReadAt(p []byte, offset int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ensureOpen(); err != nil {
		return 0, err
	}
	file, ok := f.bar.count(f.opened).(io.ReaderAt)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	n, err := file.ReadAt(p, offset)
	if err != nil || offset+int64(n) >= f.size {
		f.close()
	}
	return n, err
}

// ensureOpen opens the file unless it is open. The caller holds mu.
func (f *lateFile) ensureOpen() error {
	if f.opened != nil {
		return nil
	}
	content, err := f.open()
	if err == nil {
		f.opened = content
	}
	return err
}

// Seek implements [io.Seeker], to say how large the file is.
func (f *lateFile) Seek(offset int64, whence int) (int64, error) {
	switch {
	case f.size < 0:
		return 0, errors.ErrUnsupported
	case whence == io.SeekEnd:
		return f.size + offset, nil
	}
	return offset, nil
}

// Close closes the file if it is open. It can be read again.
func (f *lateFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.close()
}

func (f *lateFile) close() error {
	if f.opened == nil {
		return nil
	}
	err := f.opened.Close()
	f.opened = nil
	return err
}
