package s3blob

import (
	"bytes"
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf/internal/blob"
)

// batchRequests is how many objects of a batch are on their way at once.
const batchRequests = 16

// PutBatch implements [blob.BatchPutter]. The protocol has no batches; what
// costs is waiting for answers, and that is done for many at once.
func (b *Backend) PutBatch(ctx context.Context, objects []blob.Small) error {
	putting, ctx := errgroup.WithContext(ctx)
	putting.SetLimit(batchRequests)
	for _, o := range objects {
		putting.Go(func() error { return b.Put(ctx, o.Key, bytes.NewReader(o.Bytes), int64(len(o.Bytes))) })
	}
	return putting.Wait()
}
