// Package memblob keeps blobs in memory, for tests and for stores that need not
// outlive their process. It has none of the optional abilities of a backend, so
// that it also shows what is done without them.
package memblob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// A Backend keeps objects in a map. It implements [blob.Backend].
type Backend struct {
	mu      sync.RWMutex
	objects map[blob.Key]object
}

type object struct {
	bytes    []byte // never written to
	modified time.Time
}

var _ blob.Backend = (*Backend)(nil)

// New returns a backend without objects.
func New() *Backend { return &Backend{objects: map[blob.Key]object{}} }

// Put implements [blob.Backend].
func (b *Backend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	var read bytes.Buffer
	n, err := io.Copy(&read, io.LimitReader(body, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("the body does not have the %d bytes that were announced", size)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("put blob %s: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if there, ok := b.objects[key]; !ok || int64(len(there.bytes)) != size {
		b.objects[key] = object{bytes: read.Bytes(), modified: time.Now()}
	}
	return nil
}

// Open implements [blob.Backend].
func (b *Backend) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	o, err := b.get(ctx, key)
	if err != nil {
		return nil, err
	}
	part := o.bytes[min(offset, int64(len(o.bytes))):]
	if length >= 0 {
		part = part[:min(length, int64(len(part)))]
	}
	return io.NopCloser(bytes.NewReader(part)), nil
}

// Stat implements [blob.Backend].
func (b *Backend) Stat(ctx context.Context, key blob.Key) (blob.Info, error) {
	o, err := b.get(ctx, key)
	if err != nil {
		return blob.Info{}, err
	}
	return blob.Info{Key: key, Size: int64(len(o.bytes)), Modified: o.modified}, nil
}

// List implements [blob.Backend].
func (b *Backend) List(ctx context.Context, yield func(blob.Info) error) error {
	b.mu.RLock()
	objects := maps.Clone(b.objects)
	b.mu.RUnlock()
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		o := objects[key]
		if err := yield(blob.Info{Key: key, Size: int64(len(o.bytes)), Modified: o.modified}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Delete implements [blob.Backend].
func (b *Backend) Delete(ctx context.Context, key blob.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, key)
	return nil
}

func (b *Backend) get(ctx context.Context, key blob.Key) (object, error) {
	if err := ctx.Err(); err != nil {
		return object{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, ok := b.objects[key]
	if !ok {
		return object{}, sheaf.Errorf(sheaf.ErrNotFound, "there is no blob %s", string(key))
	}
	return o, nil
}
