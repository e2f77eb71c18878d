package main

import (
	"context"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sheaf-dev/sheaf/client"
)

const (
	bucketBook  = "workspace"
	bucketFiles = 500
)

// bucketArchive measures the ZIP file of a book of 500 files of 1 KB to 1 MB whose
// contents are in a bucket, against a download of the same objects by the SDK, one
// after the other. Small files are as common as large ones by the order of their
// sizes, so that most bytes are in the large ones.
func (b *bench) bucketArchive(ctx context.Context) error {
	const name = "bucket archive of 500 files"
	if !b.wants(name) {
		return nil
	}
	x, err := b.startBucketed(ctx, name, "")
	if err != nil {
		return err
	}
	defer x.stop()
	random := mathrand.New(mathrand.NewPCG(500, 1))
	var total int
	for i := range bucketFiles {
		size := int(1000 * math.Pow(1000, random.Float64()))
		total += size
		if err := writeMoved(ctx, x.client, bucketBook, i, randomBytes(size)); err != nil {
			return err
		}
	}
	if err := x.sheaf.drained(ctx); err != nil {
		return err
	}
	objects, err := x.direct.list(ctx, sheafBucket)
	if err != nil {
		return err
	}
	if len(objects) != bucketFiles {
		return fmt.Errorf("the bucket has %d objects, not %d", len(objects), bucketFiles)
	}
	var sequential, streamed, made, linked, ratios, remade, relinked, sequentialCPU, streamedCPU []float64
	for round := range b.rounds + 1 {
		d, err := x.measure(ctx, once(func(ctx context.Context) error { return x.direct.getAll(ctx, sheafBucket, objects) }), 0)
		if err != nil {
			return err
		}
		s, err := x.measure(ctx, once(func(ctx context.Context) error {
			_, err := downloadArchive(ctx, x.sheaf, "/books/"+bucketBook+"/archive.zip")
			return err
		}), 0)
		if err != nil {
			return err
		}
		// Another book than before: what is made already is not made again.
		if err := writeMoved(ctx, x.client, bucketBook, bucketFiles, randomBytes(1000)); err != nil {
			return err
		}
		m, err := x.measure(ctx, once(x.downloadLinked), 0)
		if err != nil {
			return err
		}
		l, err := x.measure(ctx, once(x.downloadLinked), 0)
		if err != nil {
			return err
		}
		if round == 0 {
			continue // warms up both
		}
		sequential, streamed = append(sequential, d.elapsed.Seconds()), append(streamed, s.elapsed.Seconds())
		made, linked = append(made, m.elapsed.Seconds()), append(linked, l.elapsed.Seconds())
		ratios = append(ratios, s.elapsed.Seconds()/d.elapsed.Seconds())
		remade = append(remade, m.elapsed.Seconds()/d.elapsed.Seconds())
		relinked = append(relinked, l.elapsed.Seconds()/d.elapsed.Seconds())
		sequentialCPU, streamedCPU = append(sequentialCPU, d.all.Seconds()), append(streamedCPU, s.all.Seconds())
	}
	fmt.Printf("\n| %d files, %.0f MB, from S3, load %s | s | times the plain download | wanted at most | CPU s |\n|---|---|---|---|---|\n", bucketFiles, float64(total)/1e6, loadAverage())
	fmt.Printf("| plain download by the SDK, one after the other | %.2f | | | %.2f |\n", median(sequential), median(sequentialCPU))
	fmt.Printf("| ZIP | %.2f | %.2f | 1.50 | %.2f |\n", median(streamed), median(ratios), median(streamedCPU))
	fmt.Printf("| ZIP by a link, made in the bucket first | %.2f | %.2f | report | |\n", median(made), median(remade))
	fmt.Printf("| ZIP by a link, made before | %.2f | %.2f | report | |\n", median(linked), median(relinked))
	return nil
}

// once is the side that does something a single time.
func once(do func(context.Context) error) side {
	return func(ctx context.Context, _ time.Duration) (result, error) {
		started := time.Now()
		err := do(ctx)
		return result{requests: 1, elapsed: time.Since(started)}, err
	}
}

// downloadLinked asks for a link to the archive of the book, and downloads it.
func (x *bucketed) downloadLinked(ctx context.Context) error {
	link, err := x.client.LinkBookArchive(ctx, bucketBook, client.BookArchiveInput{})
	if err != nil {
		return err
	}
	transfers := newTransferClient()
	defer transfers.CloseIdleConnections()
	return getURL(ctx, transfers, link.DownloadURL, link.Size)
}

// list returns the names of all objects of a bucket.
func (u *sdkUser) list(ctx context.Context, bucket string) (names []string, err error) {
	pages := s3.NewListObjectsV2Paginator(u.client, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			names = append(names, aws.ToString(object.Key))
		}
	}
	return names, nil
}

// getAll downloads objects of a bucket, one after the other.
func (u *sdkUser) getAll(ctx context.Context, bucket string, names []string) error {
	of := &sdkUser{client: u.client, bucket: bucket}
	for _, name := range names {
		if err := of.get(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
