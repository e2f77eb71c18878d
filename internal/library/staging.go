package library

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/durable"
)

// A stagingDir is the directory where the bytes of uploads wait, each in a file
// with the name of its upload, until an asset is made of them. It is what a
// backend without a staging area of its own has. Nothing else looks into it.
type stagingDir string

// partSuffix is that of a file that is being received. A crash leaves it behind.
const partSuffix = ".part"

func (d stagingDir) path(name string) string { return filepath.Join(string(d), name) }

// put receives exactly size bytes, which have to have the digest if there is one
// and begin as the MIME type wants it. When it returns, the upload is durable;
// when it fails, nothing is left of it.
func (d stagingDir) put(ctx context.Context, name string, body io.Reader, size int64, digest *sheaf.Digest, mimeType string) (received sheaf.Digest, err error) {
	if d == "" {
		return received, sheaf.Errorf(sheaf.ErrUnsupported, "this store has no place for uploads in two steps").WithHint("send the content at once")
	}
	if err := durable.MakeDirs(string(d)); err != nil {
		return received, err
	}
	file, err := os.OpenFile(d.path(name+partSuffix), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return received, err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
			err = blob.AsDiskFull(err)
		}
	}()
	sum, head := sha256.New(), &beginning{}
	n, err := io.Copy(io.MultiWriter(file, sum, head), io.LimitReader(&untilDone{ctx, body}, size+1))
	if err != nil {
		return received, err
	}
	sum.Sum(received[:0])
	switch {
	case n != size:
		return received, errUploadLength(n, size)
	case digest != nil && received != *digest:
		return received, errUploadDigest(received, *digest)
	}
	if err := checkBeginning(head.Bytes(), mimeType); err != nil {
		return received, err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return received, err
	}
	if err := os.Rename(file.Name(), d.path(name)); err != nil {
		return received, err
	}
	return received, durable.SyncDir(string(d))
}

func errUploadLength(got, want int64) error {
	had := fmt.Sprint(got)
	if got > want {
		had = "more than " + fmt.Sprint(want)
	}
	return sheaf.Invalid("content", fmt.Sprintf("the upload has %s bytes, %d were announced as file_size: send all of the file, or begin a new upload with its size", had, want))
}

func errUploadDigest(got, want sheaf.Digest) error {
	return sheaf.Invalid("content", fmt.Sprintf("the upload has the SHA-256 %s, %s was announced: send it again, or begin a new upload", got, want))
}

// A beginning keeps the first bytes that are written to it.
type beginning struct{ bytes.Buffer }

// Write implements [io.Writer].
func (b *beginning) Write(p []byte) (int, error) {
	if room := sniffed - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// untilDone ends reading with its context.
type untilDone struct {
	ctx  context.Context
	body io.Reader
}

// Read implements [io.Reader].
func (r *untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}

// OpenStaged is that of [blob.Presigner].
func (d stagingDir) OpenStaged(_ context.Context, name string) (io.ReadCloser, blob.Staged, error) {
	file, err := os.Open(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.Staged{}, sheaf.Errorf(sheaf.ErrNotFound, "nothing was uploaded yet")
	}
	if err != nil {
		return nil, blob.Staged{}, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, blob.Staged{}, err
	}
	return file, blob.Staged{Name: name, Size: info.Size(), Modified: info.ModTime()}, nil
}

// ListStaged is that of [blob.Presigner]. It lists files that were not received to
// their end too.
func (d stagingDir) ListStaged(ctx context.Context, yield func(blob.Staged) error) error {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return err
		}
		staged := blob.Staged{Name: strings.TrimSuffix(entry.Name(), partSuffix), Size: info.Size(), Modified: info.ModTime()}
		if err := errors.Join(ctx.Err(), yield(staged)); err != nil {
			return err
		}
	}
	return nil
}

// DeleteStaged is that of [blob.Presigner].
func (d stagingDir) DeleteStaged(_ context.Context, name string) error {
	var errs []error
	for _, path := range []string{d.path(name), d.path(name + partSuffix)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
