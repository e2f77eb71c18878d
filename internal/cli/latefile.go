package cli

import (
	"errors"
	"io"
	"sync"
)

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
