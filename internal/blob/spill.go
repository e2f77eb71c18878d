package blob

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// A spill collects bytes: in memory while they fit into one buffer, then in a
// spool file.
type spill struct {
	store *Store
	buf   []byte   // what is not in the file yet; of the store's pools
	file  *os.File // nil while everything is in buf
	size  int64
}

// room returns free space for the next bytes, at least one. What the caller
// puts there it tells fill.
func (s *spill) room() ([]byte, error) {
	if len(s.buf) == cap(s.buf) {
		if cap(s.buf) < largeBuffer {
			s.grow()
		} else if err := s.flush(); err != nil {
			return nil, err
		}
	}
	return s.buf[len(s.buf):cap(s.buf)], nil
}

// fill says that n bytes of the room are used, and returns them.
func (s *spill) fill(n int) []byte {
	start := len(s.buf)
	s.buf = s.buf[:start+n]
	s.size += int64(n)
	return s.buf[start:]
}

// Write implements [io.Writer].
func (s *spill) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		room, err := s.room()
		if err != nil {
			return written, err
		}
		n := copy(room, p[written:])
		s.fill(n)
		written += n
	}
	return written, nil
}

// grow moves the bytes to the next larger buffer. Uploads begin with a small
// one, so that those that stall hold little.
func (s *spill) grow() {
	larger := append(s.store.pools.buffer(cap(s.buf)+1), s.buf...)
	s.store.pools.release(s.buf)
	s.buf = larger
}

// flush writes the buffer to the file.
func (s *spill) flush() error {
	if s.file == nil {
		file, err := SpoolFile(s.store.spoolDir)
		if err != nil {
			return fmt.Errorf("create a spool file: %w", AsDiskFull(err))
		}
		s.file = file
	}
	if _, err := s.file.Write(s.buf); err != nil {
		return fmt.Errorf("write to the spool: %w", AsDiskFull(err))
	}
	s.buf = s.buf[:0]
	return nil
}

// settle says that the bytes are complete: in memory when there are at most
// most of them, else in the file, and no buffer is held.
func (s *spill) settle(most int64) error {
	if s.file == nil && s.size <= most {
		if s.buf == nil {
			s.buf = []byte{} // empty, not absent
		}
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.store.pools.release(s.buf)
	s.buf = nil
	return nil
}

// reader returns a reader of all the bytes, from the first. It does not move
// the place where the next are written.
func (s *spill) reader() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.buf)
	}
	filed := s.size - int64(len(s.buf))
	return io.MultiReader(io.NewSectionReader(s.file, 0, filed), bytes.NewReader(s.buf))
}

// close gives everything back.
func (s *spill) close() error {
	s.store.pools.release(s.buf)
	s.buf = nil
	if s.file == nil {
		return nil
	}
	err := removeSpoolFile(s.file)
	s.file = nil
	return err
}
