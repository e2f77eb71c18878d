package supablob

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// pageSize is how many items are asked for at once; the server gives no more.
const pageSize = 1000

// An item is an object or a folder in a folder.
type item struct {
	Name     string    `json:"name"`
	ID       *string   `json:"id"` // nil of a folder
	Updated  time.Time `json:"updated_at"`
	Metadata struct {
		Size int64 `json:"size"`
	} `json:"metadata"`
}

// List implements [blob.Backend].
func (b *Backend) List(ctx context.Context, yield func(blob.Info) error) error {
	partitions, err := b.items(ctx, blobsFolder)
	if err != nil {
		return err
	}
	for _, partition := range partitions {
		if partition.ID != nil {
			continue
		}
		// All of a partition first: yield may delete what it is given, and
		// with that move what has not been listed yet.
		objects, err := b.items(ctx, blobsFolder+"/"+partition.Name)
		if err != nil {
			return err
		}
		for _, object := range objects {
			key := blob.Key(object.Name)
			if object.ID == nil || !key.Valid() || !strings.HasPrefix(object.Name, partition.Name) {
				continue // it is nothing that Sheaf has put there
			}
			if err := yield(blob.Info{Key: key, Size: object.Metadata.Size, Modified: object.Updated}); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// items returns what is in a folder, by name.
//
// Pages are asked for by offset. So that nothing is passed over when others
// delete what was listed before, each page begins with the last item of the one
// before; where it does not, the folder has changed and is listed from the start.
func (b *Backend) items(ctx context.Context, folder string) ([]item, error) {
	var all []item
	for {
		offset := max(0, len(all)-1)
		var page []item
		err := b.call(ctx, http.MethodPost, "/object/list/"+b.bucket, map[string]any{
			"prefix": folder + "/", "limit": pageSize, "offset": offset,
			"sortBy": map[string]string{"column": "name", "order": "asc"},
		}, &page)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 {
			if len(page) == 0 || page[0].Name != all[len(all)-1].Name {
				all = nil
				continue
			}
			all = all[:len(all)-1]
		}
		all = append(all, page...)
		if len(page) < pageSize {
			return all, nil
		}
	}
}
