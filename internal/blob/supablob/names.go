package supablob

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

// names are the objects of a folder of the bucket. It implements [blob.Names].
type names struct {
	backend *Backend
	dir     string // with a slash at its end
}

// Names implements [blob.Named].
func (b *Backend) Names(prefix string) (blob.Names, error) {
	dir, err := blob.NamesDir(prefix, blobsFolder+"/", stagingFolder+"/", tempFolder+"/", quarantineFolder+"/")
	if err != nil {
		return nil, err
	}
	return &names{backend: b, dir: dir}, nil
}

// ListNames implements [blob.Names].
func (n *names) ListNames(ctx context.Context, each func(blob.NamedObject) error) error {
	return n.list(ctx, "", each)
}

// list lists what is in a folder below the directory, which ends with a slash
// unless it is that itself.
func (n *names) list(ctx context.Context, folder string, each func(blob.NamedObject) error) error {
	items, err := n.backend.items(ctx, strings.TrimSuffix(n.dir+folder, "/"))
	if err != nil {
		return err
	}
	for _, item := range items {
		name := folder + item.Name
		if item.ID == nil {
			err = n.list(ctx, name+"/", each)
		} else {
			err = each(blob.NamedObject{Name: name, Size: item.Metadata.Size})
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// OpenName implements [blob.Names].
func (n *names) OpenName(ctx context.Context, name string) (io.ReadCloser, error) {
	return n.backend.openName(ctx, n.dir+name, 0, -1)
}

// keyForm is what the keys of a bucket may consist of.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9_/!.*'() &$@=;:+,?-]+$`)

// PutName implements [blob.Names]. The keys of a bucket are of plain ASCII, and of
// not all of that.
func (n *names) PutName(ctx context.Context, name string, body io.Reader, size int64) error {
	if !keyForm.MatchString(name) {
		return sheaf.Invalid("name", fmt.Sprintf("Supabase has no objects of names with characters such as in %s", sheaf.Clip(name))).
			WithHint("export to a directory, a ZIP file or an s3 bucket, or rename the file with plain letters, digits and hyphens")
	}
	return n.backend.create(ctx, n.dir+name, octets, body, size, true)
}
