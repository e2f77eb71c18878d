package cli

import (
	"context"
	"iter"

	"github.com/sheaf-dev/sheaf/client"
)

// Small files are sent several at a time: a request costs more than they do. A
// bundle is small as well, so that what is interrupted is, and the next can be
// read meanwhile.
const (
	bundleFiles = 64
	bundleBytes = 1 << 20
	bundledFile = 128 << 10 // a larger file is sent alone
)

// bundles groups files that are sent by one request, in their order, at most so
// many of them. The server stores those of one request side by side: only files
// that are sent alone, by one job, are stored in their order.
func bundles(files iter.Seq[source], most int) iter.Seq[[]source] {
	return func(yield func([]source) bool) {
		var bundle []source
		bytes := int64(0)
		// flush hands over the files so far.
		flush := func() bool {
			full := bundle
			bundle, bytes = nil, 0
			return len(full) == 0 || yield(full)
		}
		for file := range files {
			if file.err != nil || file.size < 0 || file.size > bundledFile {
				if !flush() || !yield([]source{file}) {
					return
				}
				continue
			}
			if len(bundle) == most || bytes+file.size > bundleBytes {
				if !flush() {
					return
				}
			}
			bundle = append(bundle, file)
			bytes += file.size
		}
		flush()
	}
}

// pushBundle pushes files, each of which succeeds or fails on its own.
func (o *pushOptions) pushBundle(ctx context.Context, store *connection, bundle []source, bar *progress) []pushed {
	results := make([]pushed, len(bundle))
	if len(bundle) > 1 {
		done, err := o.pushAtOnce(ctx, store, bundle, bar)
		if err == nil {
			return done
		}
		if isOfStore(err) || ctx.Err() != nil {
			for i := range results {
				results[i].err = err
			}
			return results
		}
		// One of the files cannot be read, or there is something wrong with all
		// of them: what it is, each says for itself. Nothing was stored.
	}
	for i, file := range bundle {
		results[i] = o.push(ctx, store, file, bar)
	}
	return results
}

// pushAtOnce pushes files by one request.
func (o *pushOptions) pushAtOnce(ctx context.Context, store *connection, bundle []source, bar *progress) ([]pushed, error) {
	in := client.BatchInput{Collection: o.collection, Message: o.message}
	for _, file := range bundle {
		late := &lateFile{source: file, bar: bar}
		defer late.Close()
		in.Files = append(in.Files, o.input(file, late))
	}
	stored, err := store.PushBatch(ctx, in)
	if err != nil {
		return nil, err
	}
	results := make([]pushed, len(stored))
	for i, result := range stored {
		results[i] = pushed{result.Document, result.Err}
		bar.did()
	}
	return results, nil
}
