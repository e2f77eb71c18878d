package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// A partial is an archive that arrives in a landing, perhaps by several commands:
// what one has brought is found by the next that wants the archive with the same
// ETag. Two at once do no harm, as they write the same bytes.
type partial struct {
	to   *landing
	name string
	file *os.File
}

// openPartial opens what has arrived of the archive with an ETag. The caller
// closes it.
func openPartial(to *landing, etag string) (*partial, error) {
	tag := strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
	if tag == "" || strings.Trim(tag, "0123456789abcdef") != "" {
		return nil, sheaf.Errorf(sheaf.ErrInternal, "the answer has no ETag to check the archive against").
			WithHint("check that the URL is that of a Sheaf server, and that no proxy removes ETag")
	}
	name := ".sheaf-" + tag[:min(len(tag), 32)] + ".part"
	if info, err := to.root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, sheaf.Errorf(sheaf.ErrExists, "%s is there and is not a file", to.shown(name)).WithHint("remove it")
	}
	file, err := to.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return &partial{to, name, file}, nil
}

// begin returns how many bytes have arrived of so many.
func (p *partial) begin(size int64) (have int64, err error) {
	info, err := p.file.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > size {
		return 0, p.file.Truncate(0)
	}
	return info.Size(), nil
}

// write writes what arrives from an offset on.
func (p *partial) write(from int64, body io.Reader) error {
	if _, err := p.file.Seek(from, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(p.file, body)
	return err
}

// keep returns how many bytes are kept for the next command. What is nothing is
// removed.
func (p *partial) keep() int64 {
	info, err := p.file.Stat()
	if err == nil && info.Size() == 0 {
		p.remove()
	}
	if err != nil {
		return 0
	}
	return info.Size()
}

// place gives the archive its name, if it is the one with the ETag; what is not
// is removed. The name is durable then.
func (p *partial) place(ctx context.Context, name, etag string) error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	got, err := bundle.ETagOf(p.file, info.Size())
	if err == nil && got != strings.TrimPrefix(etag, "W/") {
		err = sheaf.Errorf(sheaf.ErrDamaged, "the archive arrived damaged").WithHint("download it again")
	}
	if err == nil {
		err = p.file.Sync()
	}
	if err = errors.Join(err, p.file.Close(), ctx.Err()); err != nil {
		if sheaf.KindOf(err) == sheaf.ErrDamaged {
			p.remove()
		}
		return err
	}
	if err := p.to.place(p.name, name); err != nil {
		return err
	}
	return p.to.syncDirectory(".")
}

func (p *partial) remove() { _ = p.to.root.Remove(p.name) }

// Close closes the file, if it is not closed yet.
func (p *partial) Close() error {
	if err := p.file.Close(); !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}
