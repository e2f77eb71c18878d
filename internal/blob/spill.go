package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A spill collects bytes: in memory while they fit into one buffer, then in a
// spool file, which is sealed if the store seals anything.
type spill struct {
	store *Store
	buf   []byte   // what is not in the file yet; of the store's pools
	file  *os.File // nil while everything is in buf, and while it is parked
	size  int64    // before it is sealed

	key    *dataKey       // that the file is sealed by, or buf after seal; nil when nothing is sealed
	sealer io.WriteCloser // writes to the file until it is complete

	parked string // the name of a file that is complete and closed for now, "" if none
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
		if s.store.sealsSpool() && s.key == nil {
			s.key = newDataKey()
			if s.sealer, err = s.key.sealTo(file); err != nil {
				return fmt.Errorf("seal a spool file: %w", err)
			}
		}
	}
	file := io.Writer(s.file)
	if s.sealer != nil {
		file = s.sealer
	}
	if _, err := file.Write(s.buf); err != nil {
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
	return s.complete()
}

// complete moves what is in memory to the file, and ends that.
func (s *spill) complete() error {
	if err := s.flush(); err != nil {
		return err
	}
	s.store.pools.release(s.buf)
	s.buf = nil
	if s.sealer == nil {
		return nil
	}
	if err := s.sealer.Close(); err != nil {
		return fmt.Errorf("write to the spool: %w", AsDiskFull(err))
	}
	s.sealer = nil
	return nil
}

// seal seals complete bytes that are in memory.
func (s *spill) seal(key *dataKey) error {
	sealed, err := key.sealed(s.buf, s.store.pools.buffer(int(sealedSize(s.size))))
	if err != nil {
		return err
	}
	s.store.pools.release(s.buf)
	s.buf, s.key = sealed, key
	return nil
}

// unseal undoes seal.
func (s *spill) unseal() error {
	plain := s.store.pools.buffer(int(s.size))[:s.size]
	if _, err := io.ReadFull(s.reader(), plain); err != nil {
		return fmt.Errorf("unseal a content: %w", err)
	}
	s.store.pools.release(s.buf)
	s.buf, s.key = plain, nil
	return nil
}

// isFiled reports whether the bytes are in a file, open or not.
func (s *spill) isFiled() bool { return s.file != nil || s.isParked() }

// isParked reports whether the bytes are in a file that is closed for now.
func (s *spill) isParked() bool { return s.parked != "" }

// park closes the file, which is complete, until unpark.
func (s *spill) park() error {
	name := s.file.Name()
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("close a spool file for now: %w", AsDiskFull(err))
	}
	s.file, s.parked = nil, name
	return nil
}

// unpark opens the file again if it is parked.
func (s *spill) unpark() error {
	if s.parked == "" {
		return nil
	}
	file, err := os.OpenFile(s.parked, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open a spool file again: %w", err)
	}
	s.file, s.parked = file, ""
	return nil
}

// reader returns a reader of all the bytes, from the first, unsealed. It does
// not move the place where the next are written. If the file is sealed, it has
// to be complete. Of complete bytes it is an [io.Seeker], for backends that have
// to send them twice.
func (s *spill) reader() io.Reader {
	if s.key == nil {
		return s.raw()
	}
	return &reopened{size: s.size, open: func() (io.Reader, error) {
		return s.key.unseal(context.Background(), s.size, 0, func(int64) (io.ReadCloser, error) {
			return io.NopCloser(s.raw()), nil
		})
	}}
}

// raw returns a reader of all the bytes, from the first, as they are. Of complete
// bytes it is an [io.Seeker].
func (s *spill) raw() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.buf)
	}
	filed := s.size - int64(len(s.buf))
	if s.key != nil {
		filed = sealedSize(s.size)
	}
	inFile := io.NewSectionReader(s.file, 0, filed)
	if len(s.buf) == 0 {
		return inFile
	}
	return io.MultiReader(inFile, bytes.NewReader(s.buf))
}

// close gives everything back.
func (s *spill) close() error {
	s.store.pools.release(s.buf)
	s.buf = nil
	var err error
	switch {
	case s.file != nil:
		err = removeSpoolFile(s.file)
	case s.parked != "":
		if err = os.Remove(s.parked); errors.Is(err, fs.ErrNotExist) {
			err = nil // it was adopted
		}
	}
	s.file, s.parked, s.sealer = nil, "", nil
	return err
}
