package library_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
)

// A remoteBackend is a backend that can be out of reach, as one over a network
// can. It has no optional ability.
type remoteBackend struct {
	blob.Backend
	down      atomic.Bool // nothing answers
	broken    atomic.Bool // objects cannot be read to their end
	puts      atomic.Int64
	beforePut func() // called before every Put
	afterPut  func() // called after every Put that has succeeded
}

func newRemoteBackend() *remoteBackend {
	return &remoteBackend{Backend: memblob.New(), beforePut: func() {}, afterPut: func() {}}
}

var errDown = sheaf.Errorf(sheaf.ErrBackendUnavailable, "the network is down")

func (b *remoteBackend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	if b.down.Load() {
		return errDown
	}
	b.puts.Add(1)
	b.beforePut()
	err := b.Backend.Put(ctx, key, body, size)
	if err == nil {
		b.afterPut()
	}
	return err
}

func (b *remoteBackend) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	if b.down.Load() {
		return nil, errDown
	}
	object, err := b.Backend.Open(ctx, key, offset, length)
	if err == nil && b.broken.Load() {
		object = brokenObject{object}
	}
	return object, err
}

func (b *remoteBackend) Stat(ctx context.Context, key blob.Key) (blob.Info, error) {
	if b.down.Load() {
		return blob.Info{}, errDown
	}
	return b.Backend.Stat(ctx, key)
}

func (b *remoteBackend) List(ctx context.Context, yield func(blob.Info) error) error {
	if b.down.Load() {
		return errDown
	}
	return b.Backend.List(ctx, yield)
}

// A brokenObject is one of a disk with a bad sector.
type brokenObject struct{ io.Closer }

func (brokenObject) Read([]byte) (int, error) { return 0, errors.New("input/output error") }
