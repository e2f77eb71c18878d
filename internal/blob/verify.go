package blob

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/sheaf-dev/sheaf"
)

// Verify reads the stored bytes of ref anew, whatever was verified before, and
// compares their size, and the size, digest and CRC-32 of their content. When
// they differ, or are not there, the error is ErrDamaged.
func (s *Store) Verify(ctx context.Context, ref Ref) error {
	stored, err := s.openStored(ctx, ref)
	if err != nil {
		return err
	}
	defer stored.Close()
	return s.judge(ref, s.check(ctx, ref, stored, nil))
}

// openStored opens the stored bytes of ref, wherever they are.
func (s *Store) openStored(ctx context.Context, ref Ref) (io.ReadCloser, error) {
	if ref.IsInline() {
		return s.openObject(ctx, ref, 0, ref.inlineAt)
	}
	return s.openBackend(ctx, ref, 0)
}

// openBackend opens the stored bytes of ref, which are not inline, from offset on.
func (s *Store) openBackend(ctx context.Context, ref Ref, offset int64) (io.ReadCloser, error) {
	b, err := s.backend(ref.Backend)
	if err != nil {
		return nil, err
	}
	return s.openObject(ctx, ref, offset, func(offset int64) (io.ReadCloser, error) {
		return b.Open(ctx, ref.Key(), offset, -1)
	})
}

// openObject opens the stored bytes of ref from offset on, unsealing them if they
// are sealed. Object opens the bytes of their object from an offset of its own on.
func (s *Store) openObject(ctx context.Context, ref Ref, offset int64, object func(offset int64) (io.ReadCloser, error)) (stored io.ReadCloser, err error) {
	if ref.Seal != nil {
		stored, err = s.unseal(ctx, ref, offset, object)
	} else {
		stored, err = object(offset)
	}
	if err != nil {
		return nil, s.unlessMissing(ref, err)
	}
	return stored, nil
}

// verifyFile makes sure that an open file of a backend, in the given state,
// holds the stored bytes of ref, reading it in full unless that is known.
func (s *Store) verifyFile(ctx context.Context, ref Ref, file *os.File, state fileState) (verification, error) {
	return s.verifyOnce(ctx, ref, state, func() (verification, error) { return s.readFile(ctx, ref, file, state) })
}

// verifySealed makes sure that a deflated blob which is sealed was sealed as what
// ref says, reading it in full unless that is known. Where that is stored does
// not matter: whatever is read later has to prove to be what was sealed.
func (s *Store) verifySealed(ctx context.Context, ref Ref, open func(offset int64) (io.ReadCloser, error)) (verification, error) {
	state := sealedState(ref)
	return s.verifyOnce(ctx, ref, state, func() (verification, error) {
		stored, err := open(0)
		if err != nil {
			return verification{}, err
		}
		defer stored.Close()
		result := verification{state: state}
		result.gzip, err = s.checkGzip(ctx, ref, stored)
		return result, err
	})
}

// sealedState returns what stands for the state of a file where a blob is sealed:
// its data key, by the name of the object, which depends on it.
func sealedState(ref Ref) (state fileState) {
	state.size = ref.ObjectSize()
	if object, err := hex.DecodeString(string(ref.Seal.Object)); err == nil && len(object) >= 16 {
		state.device, state.inode = binary.BigEndian.Uint64(object), binary.BigEndian.Uint64(object[8:])
	}
	return state
}

// verifyOnce returns what verify has found of an object in the given state, now or
// at another time.
func (s *Store) verifyOnce(ctx context.Context, ref Ref, state fileState, verify func() (verification, error)) (verification, error) {
	name := fileName{ref.Backend, ref.Digest}
	for {
		known, running, mine := s.verified.begin(name, state)
		if running == nil {
			return known, nil
		}
		if mine {
			result, err := verify()
			s.verified.end(name, running, result, err)
			return result, err
		}
		select {
		case <-running.done:
		case <-ctx.Done():
			return verification{}, fmt.Errorf("verify blob %s: %w", ref.Digest, ctx.Err())
		}
		if err := running.err; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return verification{}, err
		}
		// It is verified now, or whoever did it went away: look again.
	}
}

// readFile reads a file in full. A file that changes meanwhile keeps the state
// it had before, so that it will be read again.
func (s *Store) readFile(ctx context.Context, ref Ref, file *os.File, state fileState) (verification, error) {
	result := verification{state: state}
	stored := io.NewSectionReader(file, 0, state.size)
	if ref.Encoding == Identity {
		return result, s.judge(ref, s.check(ctx, ref, stored, nil))
	}
	var err error
	result.gzip, err = s.checkGzip(ctx, ref, stored)
	return result, err
}

// checkGzip checks the stored bytes of a deflated blob and returns the digest
// of its gzip form.
func (s *Store) checkGzip(ctx context.Context, ref Ref, stored io.Reader) (digest sheaf.Digest, err error) {
	sum := sha256.New()
	sum.Write(gzipHeader[:])
	if err := s.judge(ref, s.check(ctx, ref, stored, sum)); err != nil {
		return digest, err
	}
	trailer := gzipTrailer(ref)
	sum.Write(trailer[:])
	sum.Sum(digest[:0])
	return digest, nil
}

// check reads stored bytes to their end, passes them to tee unless it is nil,
// and compares their content with what ref says. Its error is for judge.
func (s *Store) check(ctx context.Context, ref Ref, stored io.Reader, tee io.Writer) error {
	sum := s.pools.checksum(ref.Size)
	defer s.pools.releaseChecksum(sum)
	var size byteCount
	counted := io.TeeReader(&storedReader{ctx, stored}, &size)
	if tee != nil {
		counted = io.TeeReader(counted, tee)
	}
	if err := s.copyPlain(sum, ref.Encoding, counted); err != nil {
		return err
	}
	if int64(size) != ref.StoredSize {
		return fmt.Errorf("%d bytes are stored, not %d", size, ref.StoredSize)
	}
	return sum.matches(ref)
}

// copyPlain writes the plain form of stored bytes to w.
func (s *Store) copyPlain(w io.Writer, encoding Encoding, stored io.Reader) error {
	if encoding == Identity {
		_, err := s.pools.copy(w, stored)
		return err
	}
	plain := s.pools.inflater(stored)
	defer s.pools.releaseInflater(plain)
	_, err := plain.WriteTo(w)
	return err
}

// judge turns an error of reading and checking stored bytes into the error of
// the blob: a readFailure says nothing about them, anything else is damage.
func (s *Store) judge(ref Ref, err error) error {
	var failure readFailure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failure):
		return fmt.Errorf("read blob %s: %w", ref.Digest, failure.error)
	}
	return s.damaged(ref, err)
}

// A storedReader reads until its context is done, and marks errors of reading,
// so that they are not mistaken for those of a decoder.
type storedReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *storedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, readFailure{err}
	}
	n, err := r.r.Read(p)
	// A disk that cannot read what it has written holds nothing any more.
	var broken brokenSeal
	if err != nil && err != io.EOF && !errors.Is(err, syscall.EIO) && !errors.As(err, &broken) {
		err = readFailure{err}
	}
	return n, err
}

// A readFailure is an error of whatever stored bytes are read from.
type readFailure struct{ error }

func (f readFailure) Unwrap() error { return f.error }
