package fsblob

import (
	"context"
	"fmt"
	"slices"

	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/durable"
)

const (
	// batchSize bounds the files that are open at once.
	batchSize = 512

	// fewSyncs is how many files or directories are synced one by one, before
	// syncing the whole file system at once is cheaper.
	fewSyncs = 4
)

// PutBatch implements [blob.BatchPutter]. It writes all the files, then makes
// them durable at once, then names them, then makes the names durable at once.
func (b *Backend) PutBatch(ctx context.Context, objects []blob.Small) error {
	for batch := range slices.Chunk(objects, batchSize) {
		if err := b.putBatch(ctx, batch); err != nil {
			return fmt.Errorf("put %d blobs: %w", len(batch), b.orAway(blob.AsDiskFull(err)))
		}
	}
	return nil
}

func (b *Backend) putBatch(ctx context.Context, objects []blob.Small) error {
	keys := make([]blob.Key, len(objects))
	for i, object := range objects {
		if keys[i] = object.Key; !object.Key.Valid() {
			return invalidKey(object.Key)
		}
	}
	if err := b.makePartitions(keys...); err != nil {
		return err
	}
	all, err := b.beginSync(len(objects))
	if err != nil {
		return err
	}
	defer all.close()
	files := make([]*staged, 0, len(objects))
	defer func() {
		for _, file := range files {
			file.discard()
		}
	}()
	for _, object := range objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		file, err := b.stage()
		if err != nil {
			return err
		}
		files = append(files, file)
		if _, err := file.Write(object.Bytes); err != nil {
			return err
		}
	}
	if err := all.sync(func() error { return syncEach(files) }); err != nil {
		return err
	}

	named := map[string]struct{}{}
	for i, object := range objects {
		if err := b.name(ctx, object.Key, int64(len(object.Bytes)), files[i].moveTo); err != nil {
			return err
		}
		named[b.partition(object.Key)] = struct{}{}
	}
	if len(named) <= fewSyncs {
		return syncDirs(named)
	}
	return all.sync(func() error { return syncDirs(named) })
}

func syncEach(files []*staged) error {
	for _, file := range files {
		if err := file.Sync(); err != nil {
			return err
		}
	}
	return nil
}

func syncDirs(dirs map[string]struct{}) error {
	for dir := range dirs {
		if err := durable.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// A wholeSync makes everything that was written to a file system since it
// began durable.
type wholeSync struct {
	fileSystem *fileSystem // nil where only single files can be synced
}

// beginSync begins before the first of n files is written, because it reports
// no error that came earlier.
func (b *Backend) beginSync(n int) (wholeSync, error) {
	if !b.syncsAll || n <= fewSyncs {
		return wholeSync{}, nil
	}
	fileSystem, err := openFileSystem(b.root)
	return wholeSync{fileSystem}, err
}

// sync syncs the file system, or does it one by one.
func (w wholeSync) sync(oneByOne func() error) error {
	if w.fileSystem == nil {
		return oneByOne()
	}
	return w.fileSystem.sync()
}

func (w wholeSync) close() {
	if w.fileSystem != nil {
		w.fileSystem.close()
	}
}
