package cli

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/app"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/booktree"
)

// An exportTarget is where exported files go, by names that begin with those of
// their books. Several are put at the same time.
type exportTarget interface {
	// has reports whether a file is there and has a digest.
	has(ctx context.Context, name string, size int64, digest sheaf.Digest) (bool, error)
	put(ctx context.Context, name string, content io.Reader, size int64) error
	// end is called once, when nothing is put any more: whole says that all was.
	end(whole bool) error
}

// target opens the target that the flags name.
func (o *bookExportOptions) target(ctx context.Context) (exportTarget, error) {
	switch {
	case o.toBackend != "":
		cfg, err := o.config()
		if err != nil {
			return nil, err
		}
		names, err := app.OpenNames(cfg.Storage, o.toBackend, o.prefix)
		return bucketTarget{names}, err
	case strings.EqualFold(filepath.Ext(o.to), ".zip") && !isDirectory(o.to):
		o.jobs = 1 // or downloads would wait for each other
		return newZipTarget(ctx, o.to)
	}
	if err := os.MkdirAll(o.to, 0o777); err != nil {
		return nil, err
	}
	to, err := openLanding(o.to, true)
	if err != nil {
		return nil, err
	}
	return directoryTarget{to}, nil
}

// A directoryTarget is a directory, with the books in the directory books.
type directoryTarget struct{ *landing }

func (d directoryTarget) has(_ context.Context, name string, size int64, digest sheaf.Digest) (bool, error) {
	file, err := d.root.Open(path.Join(booktree.BooksDir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return false, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return sheaf.Digest(sum.Sum(nil)) == digest, err
}

func (d directoryTarget) end(bool) error { return d.Close() }

func (d directoryTarget) put(ctx context.Context, name string, content io.Reader, _ int64) error {
	name = path.Join(booktree.BooksDir, name)
	if err := d.check(name); err != nil {
		return err
	}
	_, err := d.landing.put(ctx, name, content)
	return err
}

// A bucketTarget is a place in a bucket, with the books in directories.
type bucketTarget struct{ names blob.Names }

func (bucketTarget) has(context.Context, string, int64, sheaf.Digest) (bool, error) {
	return false, nil // to find out costs as much as to write it again
}

func (b bucketTarget) put(ctx context.Context, name string, content io.Reader, size int64) error {
	return b.names.PutName(ctx, name, content, size)
}

func (bucketTarget) end(bool) error { return nil }

// A zipTarget is a ZIP file, with the books in the directory books. It appears
// when it is whole.
type zipTarget struct {
	mu      sync.Mutex // held while a file is written
	archive *zip.Writer

	pipe   *io.PipeWriter // archive writes to it
	placed chan error     // what has become of the file
}

func newZipTarget(ctx context.Context, name string) (*zipTarget, error) {
	dir, base := filepath.Split(name)
	to, err := openLanding(filepath.Clean(dir), true)
	if err != nil {
		return nil, err
	}
	if err := to.check(base); err != nil {
		return nil, errors.Join(err, to.Close())
	}
	reader, writer := io.Pipe()
	z := &zipTarget{archive: zip.NewWriter(writer), pipe: writer, placed: make(chan error, 1)}
	go func() {
		_, err := to.put(ctx, base, reader)
		reader.CloseWithError(err) // whoever writes to it learns why that is no use
		z.placed <- errors.Join(err, to.Close())
	}()
	return z, nil
}

func (*zipTarget) has(context.Context, string, int64, sheaf.Digest) (bool, error) { return false, nil }

func (z *zipTarget) put(_ context.Context, name string, content io.Reader, size int64) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	entry, err := z.archive.CreateHeader(&zip.FileHeader{Name: path.Join(booktree.BooksDir, name), Method: zip.Deflate})
	if err != nil {
		return err
	}
	n, err := io.Copy(entry, content)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes have arrived, not %d", n, size)
	}
	return err
}

// errNotWhole is what a ZIP file ends with of which something is missing.
var errNotWhole = errors.New("not all that belongs into the ZIP file has arrived")

func (z *zipTarget) end(whole bool) error {
	if !whole {
		z.pipe.CloseWithError(errNotWhole)
		<-z.placed // it is removed, and why is known
		return nil
	}
	err := z.archive.Close()
	z.pipe.CloseWithError(err)
	return errors.Join(err, <-z.placed)
}
