package blob

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// masterKeySize is the size in bytes of a master key, and of a data key.
const masterKeySize = 32

// A KeyID names a master key without telling anything else about it: 16
// hexadecimal digits, derived from the key.
type KeyID string

// A masterKey wraps data keys. It is for several goroutines.
type masterKey struct {
	id   KeyID
	wrap cipher.AEAD
}

// A Keyring holds the master keys of a store: the current one, which wraps new
// data keys, and older ones, which only unwrap what was wrapped by them. It
// shows nothing of them but their ids. A nil Keyring holds none.
type Keyring struct {
	keys []masterKey // the current one first
}

// ParseKeyring reads master keys, the current one first: each of 32 bytes, as 64
// hexadecimal digits or as base64, separated by commas or white space. What
// follows a # up to the end of its line is a comment. The error does not repeat
// what it could not read. A key of nothing but zeros, such as a
// template has, is refused.
func ParseKeyring(text string) (*Keyring, error) {
	ring := new(Keyring)
	if strings.HasPrefix(text, "\ufeff") {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "the master keys begin with a byte order mark").
			WithHint("save them as UTF-8 without one: they are plain ASCII")
	}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r <= ' ' }) {
			secret, ok := decodeMasterKey(word)
			if !ok {
				return nil, sheaf.Errorf(sheaf.ErrInvalid, "master key number %d is not of 32 bytes, as 64 hexadecimal digits or as base64", len(ring.keys)+1).
					WithHint(makeKeyHint)
			}
			if !slices.ContainsFunc(secret, func(b byte) bool { return b != 0 }) {
				return nil, sheaf.Errorf(sheaf.ErrInvalid, "master key number %d is nothing but zeros, which is no secret", len(ring.keys)+1).
					WithHint(makeKeyHint)
			}
			key, err := newMasterKey(secret)
			if err != nil {
				return nil, err
			}
			if ring.Has(key.id) {
				return nil, sheaf.Errorf(sheaf.ErrInvalid, "master key number %d is given twice", len(ring.keys)+1).
					WithHint("name each key once, the current one first")
			}
			ring.keys = append(ring.keys, key)
		}
	}
	if len(ring.keys) == 0 {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "there is no master key in what was given").WithHint(makeKeyHint)
	}
	return ring, nil
}

const makeKeyHint = "`sheaf admin keys new` makes one"

// NewMasterKey returns a new master key as [ParseKeyring] reads it.
func NewMasterKey() string {
	var secret [masterKeySize]byte
	_, _ = rand.Read(secret[:]) // never fails
	return hex.EncodeToString(secret[:])
}

func decodeMasterKey(word string) (secret []byte, ok bool) {
	if secret, err := hex.DecodeString(word); err == nil {
		return secret, len(secret) == masterKeySize
	}
	word = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(word, "="))
	secret, err := base64.RawStdEncoding.DecodeString(word)
	return secret, err == nil && len(secret) == masterKeySize
}

func newMasterKey(secret []byte) (key masterKey, err error) {
	id, err := hkdf.Key(sha256.New, secret, nil, "sheaf master key: id", 8)
	if err != nil {
		return key, fmt.Errorf("derive the id of a master key: %w", err)
	}
	wrapping, err := hkdf.Key(sha256.New, secret, nil, "sheaf master key: wrapping of data keys", masterKeySize)
	if err != nil {
		return key, fmt.Errorf("derive a wrapping key: %w", err)
	}
	block, err := aes.NewCipher(wrapping)
	if err != nil {
		return key, fmt.Errorf("derive a wrapping key: %w", err)
	}
	key.id = KeyID(hex.EncodeToString(id))
	key.wrap, err = cipher.NewGCMWithRandomNonce(block)
	return key, err
}

// Current returns the id of the key that wraps new data keys, "" if there is none.
func (r *Keyring) Current() KeyID {
	if r == nil {
		return ""
	}
	return r.keys[0].id
}

// Has reports whether a key is there.
func (r *Keyring) Has(id KeyID) bool {
	return r != nil && slices.ContainsFunc(r.keys, func(k masterKey) bool { return k.id == id })
}

// IDs returns the ids of all keys, the current one first.
func (r *Keyring) IDs() []KeyID {
	ids := []KeyID{}
	if r != nil {
		for _, key := range r.keys {
			ids = append(ids, key.id)
		}
	}
	return ids
}

// String keeps keys out of logs.
func (r *Keyring) String() string { return fmt.Sprintf("keyring%v", r.IDs()) }

// GoString is String.
func (r *Keyring) GoString() string { return r.String() }

// A dataKey seals the bytes of one blob.
type dataKey [masterKeySize]byte

func newDataKey() *dataKey {
	key := new(dataKey)
	_, _ = rand.Read(key[:]) // never fails
	return key
}

// wrap wraps the data key of a blob by the current master key. Only as that of
// the same content on the same backend can it be unwrapped again.
func (r *Keyring) wrap(key *dataKey, backend string, digest sheaf.Digest) (KeyID, []byte, error) {
	if r == nil {
		return "", nil, errNoMasterKey
	}
	current := r.keys[0]
	return current.id, current.wrap.Seal(nil, nil, key[:], blobName(backend, digest)), nil
}

// unwrap undoes wrap. An error of kind ErrBackendUnavailable says that the
// master key is not there; any other, that the wrapped key is not what wrap made.
func (r *Keyring) unwrap(id KeyID, wrapped []byte, backend string, digest sheaf.Digest) (*dataKey, error) {
	if !r.Has(id) {
		return nil, missingKeys(backend, id)
	}
	master := r.keys[slices.IndexFunc(r.keys, func(k masterKey) bool { return k.id == id })]
	key := new(dataKey)
	plain, err := master.wrap.Open(key[:0], nil, wrapped, blobName(backend, digest))
	if err != nil || len(plain) != len(key) {
		return nil, errWrappedKey
	}
	return key, nil
}

var (
	errNoMasterKey = sheaf.Errorf(sheaf.ErrBackendUnavailable, "there is no master key to seal contents with").WithHint(giveKeyHint)
	errWrappedKey  = errors.New("its data key in the catalog is not the one it was sealed with")
)

const giveKeyHint = "give the master keys in SHEAF_MASTER_KEY or in the file that storage.master_key_file names, the current one first, and start the server again"

// missingKeys says that blobs of a backend cannot be unsealed for now.
func missingKeys(backend string, ids ...KeyID) *sheaf.Error {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	key := "the master key " + names[0]
	verb := "is"
	if len(names) > 1 {
		key, verb = "the master keys "+strings.Join(names, ", "), "are"
	}
	return sheaf.Errorf(sheaf.ErrBackendUnavailable, "%s, by which contents on the backend %q are sealed, %s not given", key, backend, verb).
		WithHint(giveKeyHint)
}

// blobName returns bytes that name a content on a backend, and nothing else.
func blobName(backend string, digest sheaf.Digest) []byte {
	name := binary.BigEndian.AppendUint32([]byte("sheaf blob\x00"), uint32(len(backend)))
	name = append(name, backend...)
	return append(name, digest[:]...)
}
