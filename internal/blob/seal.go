package blob

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/minio/sio"

	"github.com/sheaf-dev/sheaf"
)

// A Seal says how the stored bytes of a blob are sealed: encrypted in packages of
// 64 KiB, each of which proves to be what it was and where it was (DARE 2.0), by
// a data key of the blob's own.
type Seal struct {
	Object    Key    // the name in the backend: an HMAC of the digest by the data key
	MasterKey KeyID  // that wraps the data key
	DataKey   []byte // wrapped
}

// Sizes in bytes of a package of DARE 2.0, but for the last one of a blob.
const (
	packagePlain  = 64 << 10
	packageSealed = packagePlain + packageExtra
	packageExtra  = 32 // a header and a tag
)

// sealedSize returns how many bytes size bytes have when they are sealed.
func sealedSize(size int64) int64 {
	packages := (size + packagePlain - 1) / packagePlain
	return size + packages*packageExtra
}

// objectName returns the name of a sealed blob. It depends on the data key, so
// that two sealed forms of a content never have the same name: where keys name
// contents, what is there already would be taken for what is put.
func (k *dataKey) objectName(backend string, digest sheaf.Digest) Key {
	mac := hmac.New(sha256.New, k[:])
	mac.Write(blobName(backend, digest))
	return Key(hex.EncodeToString(mac.Sum(nil)))
}

// config returns how sio seals and unseals by the key, from a package on.
func (k *dataKey) config(first uint32) sio.Config {
	return sio.Config{MinVersion: sio.Version20, MaxVersion: sio.Version20, Key: k[:], SequenceNumber: first}
}

// sealTo returns a writer that writes to w what it is given, sealed. Closing it
// ends the sealed bytes, and not w.
func (k *dataKey) sealTo(w io.Writer) (io.WriteCloser, error) {
	return sio.EncryptWriter(struct{ io.Writer }{w}, k.config(0))
}

// sealed appends plain bytes, sealed, to a buffer.
func (k *dataKey) sealed(plain, buffer []byte) ([]byte, error) {
	out := bytes.NewBuffer(buffer)
	w, err := k.sealTo(out)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("seal a content: %w", err)
	}
	return out.Bytes(), nil
}

// sealing returns a reader of size plain bytes, sealed. Plain returns a reader of
// them from the first, each time. The reader seeks, and gives the same bytes again
// then: the same nonce, of the same bytes.
func (k *dataKey) sealing(size int64, plain func() io.Reader) io.Reader {
	var nonce [12]byte // as many as DARE 2.0 takes
	rand.Read(nonce[:])
	return &reopened{size: sealedSize(size), open: func() (io.Reader, error) {
		config := k.config(0)
		config.Rand = bytes.NewReader(nonce[:])
		return sio.EncryptReader(plain(), config)
	}}
}

// Seals reports whether new blobs of a backend are sealed.
func (s *Store) Seals(backend string) bool { return s.sealed[backend] }

// sealsSpool reports whether files of the spool are sealed: nobody knows yet which
// backend a content that arrives is for.
func (s *Store) sealsSpool() bool { return len(s.sealed) > 0 }

// Keys returns the master keys, nil if there are none.
func (s *Store) Keys() *Keyring { return s.keys }

// Lock says that blobs of a backend are sealed by master keys that are not
// given, or, without any, that nothing new can be sealed. Until the store is opened
// anew it seals nothing on the backend: what is stored there would have a key
// that is likely to be a mistake. It is called before the store is used.
func (s *Store) Lock(backend string, missing ...KeyID) {
	if len(missing) == 0 {
		s.locked[backend] = errNoMasterKey
		return
	}
	slices.Sort(missing)
	s.locked[backend] = missingKeys(backend, missing...)
}

// Locked returns why a backend is locked, nil if it is not.
func (s *Store) Locked(backend string) error {
	if err, ok := s.locked[backend]; ok {
		return err
	}
	return nil
}

// Rewrap wraps the data key of a sealed blob by the current master key, and
// returns the new seal. It fails with ErrDamaged when the seal is not what it was.
func (s *Store) Rewrap(ref Ref) (seal Seal, err error) {
	key, err := s.dataKey(ref)
	if err != nil {
		return Seal{}, s.judgeSeal(ref, err)
	}
	return s.seal(key, ref.Backend, ref.Digest)
}

// seal returns the seal of a blob with a data key.
func (s *Store) seal(key *dataKey, backend string, digest sheaf.Digest) (seal Seal, err error) {
	seal.Object = key.objectName(backend, digest)
	seal.MasterKey, seal.DataKey, err = s.keys.wrap(key, backend, digest)
	return seal, err
}

// dataKey returns the data key of a sealed blob. What the catalog says of its
// seal has been changed if the error is a brokenSeal.
func (s *Store) dataKey(ref Ref) (*dataKey, error) {
	key, err := s.keys.unwrap(ref.Seal.MasterKey, ref.Seal.DataKey, ref.Backend, ref.Digest)
	switch {
	case errors.Is(err, errWrappedKey):
		return nil, brokenSeal{err}
	case err != nil:
		return nil, err
	case key.objectName(ref.Backend, ref.Digest) != ref.Seal.Object:
		return nil, brokenSeal{errObjectName}
	}
	return key, nil
}

var errObjectName = errors.New("the name of its object in the catalog is not the one it was sealed for")

// unseal returns a reader of the stored bytes of a sealed blob from offset on.
// Object opens the sealed bytes from an offset of theirs on.
func (s *Store) unseal(ctx context.Context, ref Ref, offset int64, object func(offset int64) (io.ReadCloser, error)) (io.ReadCloser, error) {
	key, err := s.dataKey(ref)
	if err != nil {
		return nil, s.judgeSeal(ref, err)
	}
	return key.unseal(ctx, ref.StoredSize, offset, object)
}

// judgeSeal turns a broken seal into the damage of the blob; other errors stay
// what they are.
func (s *Store) judgeSeal(ref Ref, err error) error {
	var broken brokenSeal
	if errors.As(err, &broken) {
		return s.damaged(ref, broken.error)
	}
	return err
}

// unseal returns a reader of size bytes that were sealed, from offset on.
func (k *dataKey) unseal(ctx context.Context, size, offset int64, object func(offset int64) (io.ReadCloser, error)) (io.ReadCloser, error) {
	first := offset / packagePlain
	if offset == size { // there may be no package
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	source, err := object(first * packageSealed)
	if err != nil {
		return nil, err
	}
	u := &unsealer{source: source, rest: size - first*packagePlain}
	if u.plain, err = sio.DecryptReader(&storedReader{ctx, source}, k.config(uint32(first))); err != nil {
		source.Close()
		return nil, fmt.Errorf("unseal: %w", err)
	}
	_, _ = io.CopyN(io.Discard, u, offset-first*packagePlain) // u remembers what went wrong
	return u, nil
}

// An unsealer reads what was sealed. A package is given out when it has proved to
// be what was sealed in its place. The end proves to be the end: a source that is
// cut off between two packages is found out, too.
type unsealer struct {
	source io.Closer
	plain  io.Reader
	rest   int64 // bytes that have to come yet
	err    error // of all further reads
}

// Read fails with a brokenSeal, or with the readFailure of its source.
func (u *unsealer) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.plain.Read(p)
	u.rest -= int64(n)
	var failure readFailure
	switch {
	case u.rest < 0:
		n, err = 0, brokenSeal{errTooLong}
	case err == io.EOF && u.rest > 0:
		err = brokenSeal{errTooShort}
	case err != nil && err != io.EOF && !errors.As(err, &failure):
		err = brokenSeal{err}
	}
	u.err = err
	return n, err
}

func (u *unsealer) Close() error { return u.source.Close() }

// A brokenSeal is an error that says that sealed bytes are not what was sealed,
// or what the catalog says of their seal is not what it was.
type brokenSeal struct{ error }

func (b brokenSeal) Unwrap() error { return b.error }
