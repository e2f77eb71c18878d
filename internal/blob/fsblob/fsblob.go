// Package fsblob keeps blobs as files of a directory, durable before they are
// acknowledged.
//
//	ab/<key>                    an object; ab is how its key begins
//	quarantine/<key>.<unix ns>  an object that was damaged
//	tmp/                        files being written; emptied by New
//
// A file gets its name only when its bytes are durable, and Put returns only
// when the name is: file, fsync, rename that replaces nothing, fsync of the
// directory. One process at a time may use a directory.
package fsblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/durable"
)

const (
	tmpDir        = "tmp"
	quarantineDir = "quarantine"
)

// A Backend keeps objects in a directory. It implements [blob.Backend] and all
// its optional abilities.
type Backend struct {
	root     string
	syncsAll bool // the file system can be synced as a whole, and says when that failed

	mu         sync.Mutex
	partitions map[string]struct{} // which exist durably
}

var (
	_ blob.Backend     = (*Backend)(nil)
	_ blob.FileAdopter = (*Backend)(nil)
	_ blob.FileOpener  = (*Backend)(nil)
	_ blob.BatchPutter = (*Backend)(nil)
	_ blob.Quarantiner = (*Backend)(nil)
)

// New returns a backend in the directory root, which it creates when it is
// missing. It removes what a killed process left half written.
func New(root string) (*Backend, error) {
	if err := durable.MakeDirs(root); err != nil {
		return nil, fmt.Errorf("create the blob directory: %w", err)
	}
	b := &Backend{root: root, partitions: map[string]struct{}{}}
	tmp := filepath.Join(root, tmpDir)
	if err := os.RemoveAll(tmp); err != nil {
		return nil, fmt.Errorf("remove half written blobs: %w", err)
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return nil, fmt.Errorf("create the blob directory: %w", err)
	}
	b.syncsAll = canSyncFileSystem(root)
	return b, nil
}

// Put implements [blob.Backend].
func (b *Backend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	file, err := b.stage()
	if err != nil {
		return b.putError(key, err)
	}
	defer file.discard()
	if err := file.fill(ctx, body, size); err != nil {
		return b.putError(key, err)
	}
	if err := file.Sync(); err != nil {
		return b.putError(key, err)
	}
	return b.putError(key, b.publish(ctx, key, size, file.moveTo))
}

// Adopt implements [blob.FileAdopter].
func (b *Backend) Adopt(ctx context.Context, key blob.Key, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return b.putError(key, err)
	}
	err = b.publish(ctx, key, info.Size(), func(path string) error { return move(f.Name(), path) })
	if cannotMove(err) {
		return errNotAdoptable
	}
	return b.putError(key, err)
}

var errNotAdoptable = &sheaf.Error{Kind: sheaf.ErrUnsupported, Message: "the spool file is on another file system than the blob directory"}

// publish gives a file of size durable bytes the name of key, and makes the
// name durable.
func (b *Backend) publish(ctx context.Context, key blob.Key, size int64, moveTo func(path string) error) error {
	if err := b.name(ctx, key, size, moveTo); err != nil {
		return err
	}
	// Also when the object was there: who put it may not have got this far.
	return durable.SyncDir(b.partition(key))
}

// name gives a file of size durable bytes the name of key, unless an object of
// that size has it. One of another size is put into quarantine.
func (b *Backend) name(ctx context.Context, key blob.Key, size int64, moveTo func(path string) error) error {
	path, err := b.path(key)
	if err != nil {
		return err
	}
	if err := b.makePartitions(key); err != nil {
		return err
	}
	const attempts = 3 // others may put and delete the same key meanwhile
	for range attempts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err = moveTo(path); !errors.Is(err, fs.ErrExist) {
			return err
		}
		there, statErr := os.Lstat(path)
		switch {
		case errors.Is(statErr, fs.ErrNotExist):
			continue
		case statErr != nil:
			return statErr
		case there.Size() == size:
			return nil
		}
		if err := b.Quarantine(ctx, key); err != nil {
			return err
		}
	}
	return err
}

// Open implements [blob.Backend].
func (b *Backend) Open(ctx context.Context, key blob.Key, offset, length int64) (io.ReadCloser, error) {
	f, err := b.OpenFile(ctx, key)
	if err != nil {
		return nil, err
	}
	if offset > 0 {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			f.Close()
			return nil, fmt.Errorf("open blob %s: %w", key, err)
		}
	}
	if length < 0 {
		return f, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, length), f}, nil
}

// OpenFile implements [blob.FileOpener].
func (b *Backend) OpenFile(ctx context.Context, key blob.Key) (*os.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := b.path(key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, b.notFound(key, err)
	}
	return f, nil
}

// Stat implements [blob.Backend].
func (b *Backend) Stat(ctx context.Context, key blob.Key) (blob.Info, error) {
	if err := ctx.Err(); err != nil {
		return blob.Info{}, err
	}
	path, err := b.path(key)
	if err != nil {
		return blob.Info{}, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return blob.Info{}, b.notFound(key, err)
	}
	return blob.Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete implements [blob.Backend]. A crash soon after may bring the object
// back, as waste for the next collection: no fsync is spent on it.
func (b *Backend) Delete(ctx context.Context, key blob.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := b.path(key)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob %s: %w", key, err)
	}
	return nil
}

// Quarantine implements [blob.Quarantiner].
func (b *Backend) Quarantine(ctx context.Context, key blob.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := b.path(key)
	if err != nil {
		return err
	}
	dir := filepath.Join(b.root, quarantineDir)
	if err := durable.MakeDirs(dir); err != nil {
		return fmt.Errorf("create the quarantine: %w", err)
	}
	aside := filepath.Join(dir, string(key)+"."+strconv.FormatInt(time.Now().UnixNano(), 10))
	switch err := os.Rename(path, aside); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("quarantine blob %s: %w", key, err)
	}
	if err := errors.Join(durable.SyncDir(dir), durable.SyncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("quarantine blob %s: %w", key, err)
	}
	return nil
}

// path returns the file of an object.
func (b *Backend) path(key blob.Key) (string, error) {
	if !key.Valid() {
		return "", invalidKey(key)
	}
	return filepath.Join(b.partition(key), string(key)), nil
}

// partition returns the directory of an object.
func (b *Backend) partition(key blob.Key) string { return filepath.Join(b.root, string(key[:2])) }

// makePartitions creates the directories of objects, durably. The first use by
// a process syncs one even if it is there: who created it may have been killed.
func (b *Backend) makePartitions(keys ...blob.Key) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var made []string
	for _, key := range keys {
		name := string(key[:2])
		if _, ok := b.partitions[name]; ok || slices.Contains(made, name) {
			continue
		}
		if err := os.Mkdir(b.partition(key), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		made = append(made, name)
	}
	if len(made) == 0 {
		return nil
	}
	if err := durable.SyncDir(b.root); err != nil {
		return err
	}
	for _, name := range made {
		b.partitions[name] = struct{}{}
	}
	return nil
}

// putError adds to an error of writing what it was about.
func (b *Backend) putError(key blob.Key, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("put blob %s: %w", key, b.orAway(blob.AsDiskFull(err)))
}

// notFound turns the absence of a file into that of an object.
func (b *Backend) notFound(key blob.Key, err error) error {
	if err = b.orAway(err); errors.Is(err, fs.ErrNotExist) {
		return sheaf.Errorf(sheaf.ErrNotFound, "there is no blob %s", string(key))
	}
	return fmt.Errorf("open blob %s: %w", key, err)
}

// orAway returns the error for the absence of a file: err, or that the whole
// directory is away because its disk is not mounted, which says nothing about
// the objects.
func (b *Backend) orAway(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Lstat(filepath.Join(b.root, tmpDir)); errors.Is(err, fs.ErrNotExist) {
		return sheaf.Errorf(sheaf.ErrBackendUnavailable, "the directory of the blobs is not there").
			WithHint("mount its disk again; nothing needs to be restarted")
	}
	return err
}

func invalidKey(key blob.Key) error { return fmt.Errorf("%q is not the key of a blob", string(key)) }
