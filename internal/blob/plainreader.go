package blob

import (
	"fmt"
	"io"
)

// A plainReader reads the plain bytes of a blob that is no plain file. Seeking
// costs nothing until the next Read: http.ServeContent seeks to the end and
// back only to learn the size.
type plainReader struct {
	content *Content
	pos     int64 // of the next Read
	err     error // why there is nothing more to read

	// The stream under way; nil when there is none.
	plain    io.Reader
	at       int64 // where plain stands
	stored   io.Closer
	inflater *inflater // plain, of a deflated blob
	sum      *checksum // of everything read, when it began at the first byte and is not checked yet
	probe    [1]byte
}

// Seek implements [io.Seeker].
func (r *plainReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.content.ref.Size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d: before the start of the content", offset)
	}
	r.pos = offset
	return offset, nil
}

// Read implements [io.Reader].
func (r *plainReader) Read(p []byte) (int, error) {
	rest := r.content.ref.Size - r.pos
	switch {
	case r.err != nil:
		return 0, r.err
	case len(p) == 0:
		return 0, nil
	case rest <= 0:
		return 0, io.EOF
	}
	n, err := r.read(p[:min(int64(len(p)), rest)])
	if err != nil {
		r.err = err
		r.stop()
		return 0, err
	}
	r.pos += int64(n)
	return n, nil
}

// read reads at pos. The bytes that complete the content are only returned
// when all of it is as it was written.
func (r *plainReader) read(p []byte) (int, error) {
	if r.plain == nil || r.at != r.pos {
		if err := r.start(); err != nil {
			return 0, err
		}
	}
	n, err := r.plain.Read(p)
	r.at += int64(n)
	if r.sum != nil {
		r.sum.Write(p[:n])
	}
	if r.at == r.content.ref.Size {
		err = r.finish(err)
	} else if err == io.EOF {
		err = errTooShort
	}
	return n, r.content.store.judge(r.content.ref, err)
}

// finish checks that the stream ends where it should, and as it should. It
// takes and returns what the last Read said.
func (r *plainReader) finish(err error) error {
	if err == nil {
		_, err = io.ReadFull(r.plain, r.probe[:])
	}
	switch {
	case err == nil:
		return errTooLong
	case err != io.EOF:
		return err
	case r.sum != nil:
		return r.matches()
	}
	return nil
}

// matches compares what was read from start to end with what was written, and
// remembers how to recognise it. Of a sealed blob that is stored as it is, whatever
// is read later has to prove to be what was read now.
func (r *plainReader) matches() error {
	s, ref := r.content.store, r.content.ref
	err := r.sum.matches(ref)
	switch {
	case err != nil:
	case ref.Seal != nil && ref.Encoding == Identity:
		s.verified.note(fileName{ref.Backend, ref.Digest}, verification{state: sealedState(ref)})
	default:
		s.recognise(ref, r.sum)
	}
	return err
}

// start begins a stream at pos.
func (r *plainReader) start() error {
	r.stop()
	c := r.content
	s, offset := c.store, r.pos
	if c.ref.Encoding == Deflate {
		offset = 0
		if r.pos > 0 {
			if err := c.checkWhole(); err != nil {
				return err
			}
		}
	}
	stored, err := c.openAt(offset)
	if err != nil {
		return err
	}
	r.stored = stored
	r.plain, r.at = &storedReader{c.ctx, stored}, r.pos
	if r.pos == 0 && !c.whole && !c.isVerifiedSeal() {
		r.sum = s.checksumOf(c.ref)
	}
	if c.ref.Encoding == Identity {
		return nil
	}
	r.inflater = s.pools.inflater(r.plain)
	r.plain = r.inflater
	if _, err := io.Copy(io.Discard, io.LimitReader(r.plain, r.pos)); err != nil {
		return s.judge(c.ref, err)
	}
	return nil
}

// stop ends the stream.
func (r *plainReader) stop() {
	pools := &r.content.store.pools
	if r.inflater != nil {
		pools.releaseInflater(r.inflater)
	}
	if r.sum != nil {
		pools.releaseChecksum(r.sum)
	}
	if r.stored != nil {
		r.stored.Close()
	}
	r.plain, r.inflater, r.sum, r.stored = nil, nil, nil, nil
}
