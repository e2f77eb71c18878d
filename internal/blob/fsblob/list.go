package fsblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// List implements [blob.Backend]. It takes no notice of anything in the
// directory that is not an object.
func (b *Backend) List(ctx context.Context, yield func(blob.Info) error) error {
	partitions, err := os.ReadDir(b.root)
	if err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	for _, partition := range partitions {
		if !partition.IsDir() || len(partition.Name()) != 2 {
			continue
		}
		if err := b.listPartition(ctx, partition.Name(), yield); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// listPartition reads the directory in parts: it may have very many files.
func (b *Backend) listPartition(ctx context.Context, partition string, yield func(blob.Info) error) error {
	dir, err := os.Open(filepath.Join(b.root, partition))
	if err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	defer dir.Close()
	for {
		const part = 1024
		entries, err := dir.ReadDir(part)
		if err != nil && err != io.EOF {
			return fmt.Errorf("list blobs: %w", err)
		}
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			key := blob.Key(entry.Name())
			if !key.Valid() || string(key[:2]) != partition || !entry.Type().IsRegular() {
				continue
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if err != nil {
				return fmt.Errorf("list blobs: %w", err)
			}
			if err := yield(blob.Info{Key: key, Size: info.Size(), Modified: info.ModTime()}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}
